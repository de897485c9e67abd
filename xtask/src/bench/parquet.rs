//! `cargo xtask bench parquet`: tables written and read beside pyarrow, polars and the pure package.

use crate::bench::Options;
use crate::python::Venv;
use crate::steps::Steps;
use crate::wheel;
use crate::workspace::{Result, Workspace};

const FOLDER: &str = "xtask/python/bench_parquet";
const SERVER: [&str; 4] = [
    "build",
    "--release",
    "--package",
    "remote-store-test-servers",
];

/// Installs every implementation in an environment of its own and measures them in turn; with
/// `memory` as the first argument only ours, and what it holds.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-parquet", false)?;
    let ready = steps.run("server and environments", |step| {
        step.run(&mut workspace.cargo(&SERVER)?)?;
        let wheel = wheel::ensure(workspace, step)?;
        Ok((
            Venv::ensure(workspace, "bench-ours", Some(&wheel), step)?,
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
        let mut memory = ours.python(workspace, &[&format!("{FOLDER}/memory.py")])?;
        return Ok(memory.args(rest).status()?.success());
    }
    let mut driver = ours.python(workspace, &[&format!("{FOLDER}/driver.py"), "--server"])?;
    driver
        .arg(workspace.target.join("release/test-server"))
        .env("PYTHONPATH", workspace.root.join("xtask/python"))
        .arg("--json")
        .arg(workspace.target.join("bench-parquet.json"));
    for (name, venv) in [
        ("ours", &ours),
        ("pyarrow", &pyarrow),
        ("polars", &polars),
        ("pure", &pure),
    ] {
        let python = venv.program("python");
        driver.args([
            "--python".to_owned(),
            format!("{name}={}", python.display()),
        ]);
    }
    Ok(driver.args(&options.arguments).status()?.success())
}
