//! Dagster from the oldest version that is promised to the last of each series: a small suite on
//! each, in an environment of its own with Dagster alone. The newest has the whole suite.

use crate::python::Venv;
use crate::steps::Steps;
use crate::test::python::{PACKAGE_CONFIG, count, succeeded};
use crate::wheel::Wheel;
use crate::workspace::Workspace;

/// 1.9.5 is the last before the log manager's abstract methods changed, 1.10.17 the last without
/// its truncating base class.
const VERSIONS: [&str; 6] = ["1.9.0", "1.9.5", "1.10.17", "1.10.18", "1.11.16", "1.12.22"];

/// What differs between versions: contexts, partitions, whole runs, resources, log managers and
/// the base class that these are compared with.
const MODULES: [&str; 10] = [
    "test_io_manager.py",
    "test_partitions.py",
    "test_runs.py",
    "test_resources.py",
    "test_compute_log_manager.py",
    "test_streaming_logs.py",
    "test_log_guarantees_faults.py",
    "test_log_guarantees_names.py",
    "test_log_guarantees_sizes.py",
    "test_log_guarantees_viewing.py",
];

/// Runs in real processes, which take longest to start.
const ENDINGS: &str = "test_log_guarantees_endings.py";

/// Where they run too: the oldest, and the last that does not cut logs by itself.
const VERSIONS_WITH_ENDINGS: [&str; 2] = ["1.9.0", "1.10.17"];

const TESTS: &str = "crates/py-bindings/tests/dagster";

fn modules(version: &str) -> impl Iterator<Item = &'static str> {
    let endings = VERSIONS_WITH_ENDINGS.contains(&version).then_some(ENDINGS);
    MODULES.into_iter().chain(endings)
}

/// One step for each version.
pub(super) fn run(workspace: &Workspace, wheel: &Wheel, steps: &mut Steps) {
    for version in VERSIONS {
        steps.run(&format!("Dagster {version}"), |step| {
            let name = format!("dagster-{version}");
            let venv = Venv::ensure_locked(workspace, &name, Some(wheel), step)?;
            let options = ["-m", "pytest", "-q", "-ra", "-k", "not local"];
            let mut command = venv.python(workspace, &options)?;
            command
                .args(["--config-file", PACKAGE_CONFIG])
                .args(modules(version).map(|module| format!("{TESTS}/{module}")))
                .env("DAGSTER_DISABLE_TELEMETRY", "yes");
            succeeded(
                count(&mut command, step)?,
                &format!("with Dagster {version}"),
            )
        });
    }
}
