//! `cargo xtask bench partitions`: a year of daily partitions loaded at once, beside the peers.

use crate::bench::Options;
use crate::python::Venv;
use crate::steps::Steps;
use crate::wheel;
use crate::workspace::{Result, Workspace};

const DRIVER: &str = "xtask/python/bench_partitions/driver.py";
const SERVER: [&str; 4] = [
    "build",
    "--release",
    "--package",
    "remote-store-test-servers",
];

/// Installs every implementation in an environment of its own and measures them in turn.
pub(super) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "bench-partitions", false)?;
    let ready = steps.run("server and environments", |step| {
        step.run(&mut workspace.cargo(&SERVER)?)?;
        let wheel = wheel::ensure(workspace, step)?;
        Ok((
            Venv::ensure(workspace, "bench-ours", Some(&wheel), step)?,
            Venv::ensure_locked(workspace, "bench-pure", None, step)?,
            Venv::ensure_locked(workspace, "bench-peers", None, step)?,
        ))
    });
    let Some((ours, pure, peers)) = ready else {
        return Ok(steps.finish());
    };
    let mut driver = ours.python(workspace, &[DRIVER, "--server"])?;
    driver
        .arg(workspace.target.join("release/test-server"))
        .env("PYTHONPATH", workspace.root.join("xtask/python"))
        .arg("--json")
        .arg(workspace.target.join("bench-partitions.json"));
    for (name, venv) in [
        ("ours", &ours),
        ("pure", &pure),
        ("s3pickle", &peers),
        ("upath", &peers),
    ] {
        let python = venv.program("python");
        driver.args([
            "--python".to_owned(),
            format!("{name}={}", python.display()),
        ]);
    }
    Ok(driver.args(&options.arguments).status()?.success())
}
