//! `cargo xtask bench logs`: compute log managers beside Dagster's own for S3 and over obstore.

use crate::bench::{Options, side_by_side};
use crate::python::Venv;
use crate::steps::Steps;
use crate::workspace::{Result, Workspace};

/// Installs every implementation in an environment of its own and measures them in turn.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-logs", false)?;
    let ready = steps.run("server and environments", |step| {
        Ok((
            side_by_side::ours(workspace, step)?,
            Venv::ensure_locked(workspace, "bench-pure", None, step)?,
            Venv::ensure_locked(workspace, "bench-log-peers", None, step)?,
        ))
    });
    let Some((ours, pure, peers)) = ready else {
        return Ok(steps.finish());
    };
    let implementations = [
        ("ours", &ours),
        ("streaming", &ours),
        ("pure", &pure),
        ("aws", &peers),
        ("obstore", &peers),
    ];
    let mut driver = side_by_side::driver(workspace, "logs", &ours, &implementations)?;
    Ok(driver.args(&options.arguments).status()?.success())
}
