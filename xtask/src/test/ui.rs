//! Dagster's own web interface over our log manager: GraphQL, and what a browser shows.

use crate::debian;
use crate::python::Venv;
use crate::servers::Credentials;
use crate::steps::Steps;
use crate::test::python::{count, succeeded};
use crate::wheel::Wheel;
use crate::workspace::Workspace;

const SUITE: &str = "tests/ui";
const CONFIG: &str = "tests/ui/pytest.ini";
const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];
const PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];

/// Without a browser its tests say so and the others still run.
pub(super) fn run(
    workspace: &Workspace,
    wheel: &Wheel,
    server: Option<&Credentials>,
    steps: &mut Steps,
) {
    steps.run("Dagster's web interface", |step| {
        let venv = Venv::ensure(workspace, "ui", Some(wheel), step)?;
        debian::provide(workspace, PROGRAMS, &PACKAGES, step)?;
        let mut command = venv.python(workspace, &["-m", "pytest", "-q", "-ra"])?;
        command.args(["--config-file", CONFIG, SUITE]);
        if let Some(server) = server {
            command.envs(server.environment());
        }
        succeeded(count(&mut command, step)?, SUITE)
    });
}
