//! `cargo xtask bench partitions`: a year of daily partitions loaded at once, beside the peers.

use crate::bench::{Options, side_by_side};
use crate::python::Venv;
use crate::steps::Steps;
use crate::workspace::{Result, Workspace};

/// Installs every implementation in an environment of its own and measures them in turn.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-partitions", false)?;
    let ready = steps.run("server and environments", |step| {
        Ok((
            side_by_side::ours(workspace, step)?,
            Venv::ensure_locked(workspace, "bench-pure", None, step)?,
            Venv::ensure_locked(workspace, "bench-peers", None, step)?,
        ))
    });
    let Some((ours, pure, peers)) = ready else {
        return Ok(steps.finish());
    };
    let implementations = [
        ("ours", &ours),
        ("pure", &pure),
        ("s3pickle", &peers),
        ("upath", &peers),
    ];
    let mut driver = side_by_side::driver(workspace, "partitions", &ours, &implementations)?;
    driver
        .arg("--json")
        .arg(workspace.target.join("bench-partitions.json"));
    Ok(driver.args(&options.arguments).status()?.success())
}
