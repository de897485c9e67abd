//! The Python half: lints, types, stubs against the real module, tests against the real wheel.

mod interop;

use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::conformance;
use crate::python::Venv;
use crate::servers::Credentials;
use crate::steps::{Step, Steps, Tally};
use crate::test::{matrix, ui};
use crate::wheel::Wheel;
use crate::workspace::{Result, Workspace};

/// What is linted and formatted.
const LINTED: [&str; 4] = ["crates/py-bindings", "examples", "xtask/python", "tests"];
/// What is type-checked, each folder with its own configuration.
const TYPED: [(&str, &str); 2] = [
    ("crates/py-bindings", "python/remote_store"),
    ("examples/flights", "."),
];
/// A folder of tests, run as a session of its own, since each has its own `conftest.py`.
struct Suite {
    folder: &'static str,
    config: &'static str,
}

/// The configuration of the package's own tests.
pub(super) const PACKAGE_CONFIG: &str = "crates/py-bindings/pyproject.toml";
/// The kit for every implementation of the specification.
const KIT: Suite = Suite {
    folder: "tests/conformance",
    config: "tests/conformance/pytest.ini",
};
/// Wrong implementations, each of which the kit must catch.
const MUTANTS: &str = "tests/conformance/check_mutants.py";
/// All suites; one whose folder is not there is left out.
const SUITES: [Suite; 4] = [
    Suite {
        folder: "crates/py-bindings/tests",
        config: PACKAGE_CONFIG,
    },
    Suite {
        folder: "crates/py-bindings/tests/dagster",
        config: PACKAGE_CONFIG,
    },
    Suite {
        folder: "tests/python",
        config: PACKAGE_CONFIG,
    },
    KIT,
];
/// The exit code of pytest when it ran no test.
const NO_TESTS: i32 = 5;
/// Names that the stubs leave out on purpose, each with its reason.
const STUB_ALLOWLIST: &str = "crates/py-bindings/stubtest-allowlist.txt";

/// An environment with the wheel and everything that the tests use.
pub(crate) struct PythonBed {
    venv: Venv,
    wheel: Wheel,
}

impl PythonBed {
    pub(super) fn prepare(workspace: &Workspace, wheel: Wheel, step: &mut Step) -> Result<Self> {
        let venv = Venv::ensure(workspace, "test", Some(&wheel), step)?;
        Ok(Self { venv, wheel })
    }

    pub(super) fn run(
        &self,
        workspace: &Workspace,
        server: Option<&Credentials>,
        steps: &mut Steps,
    ) {
        steps.run("ruff", |step| {
            for action in [&["check"][..], &["format", "--check"]] {
                let mut command = self.venv.python(workspace, &["-m", "ruff"])?;
                step.run(command.args(action).args(LINTED))?;
            }
            Ok(())
        });
        steps.run("mypy --strict", |step| {
            for (folder, what) in TYPED {
                let mut command = self
                    .venv
                    .python(workspace, &["-m", "mypy", "--strict", what])?;
                step.run(command.current_dir(workspace.root.join(folder)))?;
            }
            Ok(())
        });
        steps.run("stubtest", |step| step.run(&mut self.stubtest(workspace)?));
        match server {
            Some(server) => {
                steps.run("pytest", |step| self.pytest(workspace, server, &[], step));
            }
            None => steps.skip("pytest", "the S3 service did not start"),
        }
        match server {
            Some(server) => {
                steps.run("interop", |step| {
                    interop::run(workspace, &self.venv, server, step)
                });
            }
            None => steps.skip("interop", "the S3 service did not start"),
        }
        steps.run("mutants of the conformance kit", |step| {
            let options = ["-m", "pytest", "-q", "-p", "conformance_plugin", MUTANTS];
            let mut command = self.venv.python(workspace, &options)?;
            command
                .args(["--config-file", KIT.config])
                .env("PYTHONPATH", workspace.root.join("xtask/python"));
            succeeded(count(&mut command, step)?, MUTANTS)
        });
        ui::run(workspace, &self.wheel, server, steps);
        matrix::run(workspace, &self.wheel, steps);
    }

    /// Only the tests that name a clause, or this clause.
    pub(crate) fn clause_tests(
        &self,
        workspace: &Workspace,
        server: &Credentials,
        clause: Option<&str>,
        step: &mut Step,
    ) -> Result<()> {
        self.pytest(
            workspace,
            server,
            &["--clause", clause.unwrap_or("any")],
            step,
        )
    }

    fn stubtest(&self, workspace: &Workspace) -> Result<Command> {
        let mut command = self
            .venv
            .python(workspace, &["-m", "mypy.stubtest", "remote_store._native"])?;
        command.args(["--mypy-config-file", "pyproject.toml"]);
        let allowlist = workspace.root.join(STUB_ALLOWLIST);
        if allowlist.exists() {
            command.arg("--allowlist").arg(allowlist);
        }
        command.current_dir(workspace.root.join("crates/py-bindings"));
        Ok(command)
    }

    fn pytest(
        &self,
        workspace: &Workspace,
        server: &Credentials,
        args: &[&str],
        step: &mut Step,
    ) -> Result<()> {
        let mut failed = Vec::new();
        for suite in &SUITES {
            if !workspace.root.join(suite.folder).is_dir() {
                continue;
            }
            let mut command = self.session(workspace, suite)?;
            command.args(args).envs(server.environment());
            let status = count(&mut command, step)?;
            // A folder without a test of the clause that was asked for is no failure.
            let nothing_chosen = !args.is_empty() && status.code() == Some(NO_TESTS);
            if !status.success() && !nothing_chosen {
                failed.push(format!("pytest {} ({status})", suite.folder));
            }
        }
        if failed.is_empty() {
            Ok(())
        } else {
            Err(failed.join("; ").into())
        }
    }

    /// One run of pytest, without the folders that have a run of their own.
    fn session(&self, workspace: &Workspace, suite: &Suite) -> Result<Command> {
        let mut command = session(workspace, &self.venv.program("python"), suite)?;
        command.arg("--durations=10");
        for nested in SUITES.map(|other| other.folder) {
            if nested != suite.folder && nested.starts_with(suite.folder) {
                command.arg(format!("--ignore={nested}"));
            }
        }
        Ok(command)
    }
}

/// One run of pytest by an interpreter: each skip says why, the proofs of clauses are kept.
fn session(workspace: &Workspace, python: &Path, suite: &Suite) -> Result<Command> {
    let options = ["-m", "pytest", "-p", "conformance_plugin", "-q", "-ra"];
    let mut command = workspace.command(python, &options)?;
    command
        .args(["--config-file", suite.config, suite.folder])
        .env("DAGSTER_DISABLE_TELEMETRY", "yes")
        .env("PYTHONPATH", workspace.root.join("xtask/python"))
        .env(
            "CONFORMANCE_JSON",
            conformance::python_file(workspace, suite.folder)?,
        );
    Ok(command)
}

/// Runs the kit against the `remote_store` of another interpreter, which needs pytest, Dagster,
/// pandas and pyarrow beside it.
pub(crate) fn judge(
    workspace: &Workspace,
    python: &Path,
    server: &Credentials,
    clause: Option<&str>,
    step: &mut Step,
) -> Result<()> {
    let mut command = session(workspace, python, &KIT)?;
    command
        .args(["--clause", clause.unwrap_or("any")])
        .envs(server.environment())
        .env("PYTHONDONTWRITEBYTECODE", "1");
    succeeded(count(&mut command, step)?, KIT.folder)
}

/// Turns the exit of pytest into the result of its step.
pub(super) fn succeeded(status: ExitStatus, what: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    Err(format!("pytest {what} failed ({status})").into())
}

/// Runs pytest and adds what its closing line counts to the step.
pub(crate) fn count(command: &mut Command, step: &mut Step) -> Result<ExitStatus> {
    let mut tally = Tally::default();
    let status = step.status(command, &mut |line| {
        if let Some(counted) = summary(line) {
            tally = counted;
        }
    })?;
    step.tally.add(tally);
    Ok(status)
}

/// The counts in `1 failed, 12 passed, 3 skipped in 4.56s`, with or without `=` around it.
fn summary(line: &str) -> Option<Tally> {
    let text = line.trim_matches(|c| c == '=' || c == ' ');
    let (counts, _time) = text.rsplit_once(" in ")?;
    let mut tally = Tally::default();
    for part in counts.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match what {
            "passed" => tally.passed += number,
            "failed" | "error" | "errors" => tally.failed += number,
            "skipped" | "xfailed" | "xpassed" => tally.skipped += number,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::{Tally, summary};

    #[test]
    fn the_closing_line_of_pytest_is_read() {
        let line = "===== 1 failed, 12 passed, 3 skipped, 1 error in 4.56s =====";
        assert_eq!(
            summary(line),
            Some(Tally {
                passed: 12,
                failed: 2,
                skipped: 3
            })
        );
        assert_eq!(
            summary("12 passed in 0.10s").map(|tally| tally.passed),
            Some(12)
        );
        assert_eq!(summary("we met in 1999"), None);
    }
}
