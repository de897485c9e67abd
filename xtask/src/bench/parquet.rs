//! `cargo xtask bench parquet`: tables written and read beside pyarrow, polars, `DuckDB` and the pure package.

use crate::bench::{Options, side_by_side};
use crate::python::Venv;
use crate::steps::Steps;
use crate::workspace::{Result, Workspace};

/// What measures ours alone, by the first argument.
const ALONE: [(&str, &str); 2] = [
    ("memory", "xtask/python/bench_parquet/memory.py"),
    ("options", "xtask/python/bench_parquet/options.py"),
];
/// The first argument that asks what an upload takes while its table is encoded.
const OVERLAP: &str = "overlap";

/// Installs what is measured, each implementation in an environment of its own, and measures in turn;
/// with `memory` or `options` as the first argument ours alone.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-parquet", false)?;
    let (first, rest) = match options.arguments.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("", options.arguments.as_slice()),
    };
    if let Some((_, script)) = ALONE.iter().find(|(name, _)| *name == first) {
        let ours = steps.run("environment", |step| side_by_side::ours(workspace, step));
        let Some(ours) = ours else {
            return Ok(steps.finish());
        };
        let mut alone = ours.python(workspace, &[script])?;
        return Ok(alone.args(rest).status()?.success());
    }
    let ready = steps.run("server and environments", |step| {
        Ok((
            side_by_side::ours(workspace, step)?,
            Venv::ensure_locked(workspace, "bench-pure", None, step)?,
            Venv::ensure(workspace, "bench-pyarrow", None, step)?,
            Venv::ensure(workspace, "bench-polars", None, step)?,
            Venv::ensure(workspace, "bench-duckdb", None, step)?,
        ))
    });
    let Some((ours, pure, pyarrow, polars, duckdb)) = ready else {
        return Ok(steps.finish());
    };
    let implementations = [
        ("ours", &ours),
        ("pyarrow", &pyarrow),
        ("polars", &polars),
        ("duckdb", &duckdb),
        ("pure", &pure),
    ];
    let (script, arguments) = match first {
        OVERLAP => ("overlap", rest),
        _ => ("driver", options.arguments.as_slice()),
    };
    let mut driver = side_by_side::script(workspace, "parquet", script, &ours, &implementations)?;
    if script == "driver" {
        driver
            .arg("--json")
            .arg(workspace.target.join("bench-parquet.json"));
    }
    Ok(driver.args(arguments).status()?.success())
}
