//! `cargo xtask mutants`: changes the pure crates line by line and lists what no test notices.
//!
//! Not a step of `test`: a build and a test run for each of some 1,600 changes take hours. Work on
//! one crate asks about that crate; `-- --shard 0/16` takes a sample.

use clap::Args;

use crate::workspace::{Result, Workspace};

/// The tool, at the version that the project was last asked with.
const TOOL: &str = "cargo-mutants@27.1.0";
/// The crates that are functions of their arguments alone.
const PURE: [&str; 3] = [
    "remote-store-dagster-paths",
    "remote-store-credential-masking",
    "remote-store-serializers",
];

/// Options of `cargo xtask mutants`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this package; all pure crates otherwise
    #[arg(long, value_parser = PURE)]
    package: Option<String>,
    /// Handed to cargo-mutants, after `--`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Installs cargo-mutants under `target/xtask` and runs it; false when a mutant survives.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let tools = workspace.own_dir("cargo-tools")?;
    let installed = workspace
        .cargo(&["install", "--quiet", "--locked", TOOL, "--root"])?
        .arg(&tools)
        .status()?;
    if !installed.success() {
        return Err(
            format!("cannot install {TOOL} from crates.io; is the registry reachable?").into(),
        );
    }
    let mut command = workspace.command(tools.join("bin/cargo-mutants"), &["mutants"])?;
    command.arg("--output").arg(workspace.own_dir("mutants")?);
    let chosen = options.package.as_deref();
    for package in PURE
        .into_iter()
        .filter(|package| chosen.is_none_or(|name| name == *package))
    {
        command.args(["--package", package]);
    }
    Ok(command.args(&options.arguments).status()?.success())
}
