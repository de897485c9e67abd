//! Programs that no language's package registry has: Debian's, where we may install them.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use crate::process::output;
use crate::steps::Step;
use crate::workspace::{Result, Workspace};

/// The programs, installed from these packages when one is missing and this process is root on a
/// Debian (as in a container); `None` when they cannot be had here.
///
/// # Errors
/// When a command cannot be started or its output not be kept.
pub(crate) fn provide<const N: usize>(
    workspace: &Workspace,
    programs: [&str; N],
    packages: &[&str],
    step: &mut Step,
) -> Result<Option<[PathBuf; N]>> {
    if let Some(found) = all(programs) {
        return Ok(Some(found));
    }
    if !is_root() || find("apt-get").is_none() {
        return Ok(None);
    }
    let install = |step: &mut Step| -> Result<bool> {
        let mut command =
            workspace.command("apt-get", &["install", "--yes", "--no-install-recommends"])?;
        command
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        Ok(step.status(&mut command, &mut |_| {})?.success())
    };
    if !install(step)? {
        // A fresh container has no list of packages yet.
        let mut update = workspace.command("apt-get", &["update"])?;
        if !step.status(&mut update, &mut |_| {})?.success() || !install(step)? {
            return Ok(None);
        }
    }
    Ok(all(programs))
}

fn all<const N: usize>(programs: [&str; N]) -> Option<[PathBuf; N]> {
    let found: Vec<PathBuf> = programs.iter().filter_map(|name| find(name)).collect();
    found.try_into().ok()
}

/// Where a program is, by the path of this process.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
