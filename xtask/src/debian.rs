//! Programs that no language's package registry has: Debian's, installed where we may, else unpacked.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
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
    let install = || {
        let mut command =
            workspace.command("apt-get", &["install", "--yes", "--no-install-recommends"])?;
        command
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive");
        Ok(command)
    };
    if !with_lists(workspace, install, step)? {
        return Ok(None);
    }
    Ok(all(programs))
}

/// Unpacks the files of packages into a folder; nothing is installed, and one need not be root.
///
/// # Errors
/// Why they cannot be had here.
pub(crate) fn unpack(
    workspace: &Workspace,
    packages: &[&str],
    folder: &Path,
    step: &mut Step,
) -> Result<()> {
    if find("apt-get").is_none() {
        return Err("there is no apt-get here".into());
    }
    let download = || {
        let mut command = workspace.command("apt-get", &["download"])?;
        command.args(packages).current_dir(folder);
        Ok(command)
    };
    if !with_lists(workspace, download, step)? {
        return Err(format!("apt-get cannot download {}", packages.join(" and ")).into());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "deb") {
            step.run(Command::new("dpkg").arg("-x").arg(&path).arg(folder))?;
        }
    }
    Ok(())
}

/// Runs a command of apt-get, and once more behind `apt-get update` when it failed: a fresh
/// container has no lists of packages yet, and old ones name versions that are gone. Only root may
/// fetch lists.
fn with_lists(
    workspace: &Workspace,
    command: impl Fn() -> Result<Command>,
    step: &mut Step,
) -> Result<bool> {
    let mut succeeds = |mut command: Command| -> Result<bool> {
        Ok(step.status(&mut command, &mut |_| {})?.success())
    };
    if succeeds(command()?)? {
        return Ok(true);
    }
    Ok(is_root() && succeeds(workspace.command("apt-get", &["update"])?)? && succeeds(command()?)?)
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

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
