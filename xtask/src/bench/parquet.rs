//! `cargo xtask bench parquet`: tables written and read beside pyarrow, polars and the pure package.

use crate::bench::{Options, side_by_side};
use crate::python::Venv;
use crate::steps::Steps;
use crate::workspace::{Result, Workspace};

const MEMORY: &str = "xtask/python/bench_parquet/memory.py";

/// Installs every implementation in an environment of its own and measures them in turn; with
/// `memory` as the first argument only ours, and what it holds.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-parquet", false)?;
    let ready = steps.run("server and environments", |step| {
        Ok((
            side_by_side::ours(workspace, step)?,
            Venv::ensure_locked(workspace, "bench-pure", None, step)?,
            Venv::ensure(workspace, "bench-pyarrow", None, step)?,
            Venv::ensure(workspace, "bench-polars", None, step)?,
        ))
    });
    let Some((ours, pure, pyarrow, polars)) = ready else {
        return Ok(steps.finish());
    };
    if let Some((first, rest)) = options.arguments.split_first()
        && first == "memory"
    {
        let mut memory = ours.python(workspace, &[MEMORY])?;
        return Ok(memory.args(rest).status()?.success());
    }
    let implementations = [
        ("ours", &ours),
        ("pyarrow", &pyarrow),
        ("polars", &polars),
        ("pure", &pure),
    ];
    let mut driver = side_by_side::driver(workspace, "parquet", &ours, &implementations)?;
    driver
        .arg("--json")
        .arg(workspace.target.join("bench-parquet.json"));
    Ok(driver.args(&options.arguments).status()?.success())
}
