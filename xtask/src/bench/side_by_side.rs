//! What benchmarks beside peers share: the server, our own environment, the driver and its workers.

use std::process::Command;

use crate::python::Venv;
use crate::steps::Step;
use crate::wheel;
use crate::workspace::{Result, Workspace};

/// The folder of the drivers; what they share is imported from here.
const PYTHON: &str = "xtask/python";
const SERVER: [&str; 4] = [
    "build",
    "--release",
    "--package",
    "remote-store-test-servers",
];

/// Builds the server and gives the environment with our wheel.
pub(super) fn ours(workspace: &Workspace, step: &mut Step) -> Result<Venv> {
    step.run(&mut workspace.cargo(&SERVER)?)?;
    let wheel = wheel::ensure(workspace, step)?;
    Venv::ensure(workspace, "bench-ours", Some(&wheel), step)
}

/// The driver of a benchmark, run by our environment, with each implementation by name.
pub(super) fn driver(
    workspace: &Workspace,
    bench: &str,
    ours: &Venv,
    implementations: &[(&str, &Venv)],
) -> Result<Command> {
    script(workspace, bench, "driver", ours, implementations)
}

/// The same for another script of the benchmark, which takes the arguments of its driver.
pub(super) fn script(
    workspace: &Workspace,
    bench: &str,
    script: &str,
    ours: &Venv,
    implementations: &[(&str, &Venv)],
) -> Result<Command> {
    let mut driver = ours.python(
        workspace,
        &[&format!("{PYTHON}/bench_{bench}/{script}.py"), "--server"],
    )?;
    driver
        .arg(workspace.target.join("release/test-server"))
        .env("PYTHONPATH", workspace.root.join(PYTHON));
    for (name, venv) in implementations {
        let python = venv.program("python");
        driver.args([
            "--python".to_owned(),
            format!("{name}={}", python.display()),
        ]);
    }
    Ok(driver)
}
