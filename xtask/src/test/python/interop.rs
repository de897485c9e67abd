//! What the pure-Python package of the same name stores is read by ours, and the other way round.

use crate::python::Venv;
use crate::servers::Credentials;
use crate::steps::Step;
use crate::test::python::{PACKAGE_CONFIG, count, succeeded};
use crate::workspace::{Result, Workspace};

/// The environment with the pure-Python package, which the benchmarks measure too.
const PURE: &str = "bench-pure";
const SUITE: &str = "tests/python/test_interop.py";

/// Both directions, on a local folder and on S3.
pub(super) fn run(
    workspace: &Workspace,
    ours: &Venv,
    server: &Credentials,
    step: &mut Step,
) -> Result<()> {
    let pure = Venv::ensure_locked(workspace, PURE, None, step)?;
    let mut command = ours.python(workspace, &["-m", "pytest", "-q", "-ra", SUITE])?;
    command
        .args(["--config-file", PACKAGE_CONFIG])
        .envs(server.environment())
        .env("REMOTE_STORE_PURE_PYTHON", pure.program("python"));
    succeeded(count(&mut command, step)?, SUITE)
}
