//! The Rust half: format, lints, documentation, tests, examples, structure, feature ladder.

use std::collections::BTreeMap;
use std::process::Command;

use super::{features, tidy_step};
use crate::conformance::{self, Proof, rust_proof};
use crate::servers::Credentials;
use crate::steps::{Step, Steps, Tally};
use crate::workspace::{Result, Workspace};

/// Every test of the workspace, none hidden behind the failure of another.
pub(crate) const WORKSPACE_TESTS: [&str; 4] = ["test", "--locked", "--workspace", "--no-fail-fast"];

pub(super) fn run(workspace: &Workspace, server: Option<&Credentials>, steps: &mut Steps) {
    steps.run("rustfmt", |step| {
        step.run(&mut workspace.cargo(&["fmt", "--all", "--", "--check"])?)
    });
    steps.run("tidy", |_| tidy_step(workspace));
    steps.run("feature ladder", |step| features::check(workspace, step));
    steps.run("clippy", |step| {
        let args = [
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        step.run(&mut workspace.cargo(&args)?)
    });
    steps.run("rustdoc", |step| {
        let mut command = workspace.cargo(&["doc", "--locked", "--workspace", "--no-deps"])?;
        step.run(command.env("RUSTDOCFLAGS", "-D warnings"))
    });
    match server {
        Some(server) => {
            steps.run("cargo test", |step| {
                let mut command = workspace.cargo(&WORKSPACE_TESTS)?;
                run_tests(workspace, command.envs(server.environment()), step)
            });
        }
        None => steps.skip("cargo test", "the S3 service did not start"),
    }
    steps.run("examples of the crates", |step| {
        run_examples(workspace, step)
    });
}

/// Runs `cargo test …`, counts its tests and writes down which clauses they proved.
pub(crate) fn run_tests(
    workspace: &Workspace,
    command: &mut Command,
    step: &mut Step,
) -> Result<()> {
    let mut binary = String::new();
    let mut proofs: Vec<Proof> = Vec::new();
    let mut tally = Tally::default();
    let result = step.run_with(command, &mut |line| {
        if let Some(name) = binary_name(line) {
            binary = name;
        } else if let Some(counted) = test_result(line) {
            tally.add(counted);
        } else {
            proofs.extend(rust_proof(&binary, line));
        }
    });
    step.tally.add(tally);
    conformance::write(&conformance::rust_file(workspace)?, &proofs)?;
    result
}

/// Runs each example as a user would; they take no arguments.
fn run_examples(workspace: &Workspace, step: &mut Step) -> Result<()> {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let metadata = workspace.metadata()?;
    for package in metadata.workspace_packages() {
        for target in package.targets.iter().filter(|target| target.is_example()) {
            if let Some(other) = owners.insert(target.name.clone(), package.name.to_string()) {
                return Err(format!(
                    "two examples are called `{}`, in {other} and in {}",
                    target.name, package.name
                )
                .into());
            }
        }
    }
    // One build for all: choosing packages would choose other features and build everything again.
    step.run(&mut workspace.cargo(&["build", "--locked", "--workspace", "--examples"])?)?;
    for name in owners.keys() {
        step.run(&mut workspace.command(workspace.target.join("debug/examples").join(name), &[])?)?;
    }
    Ok(())
}

/// The crate or test file that the lines after this one are about.
fn binary_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name.to_owned());
    }
    let (_, path) = line.strip_prefix("Running ")?.split_once('(')?;
    let file = path.trim_end_matches(')').rsplit('/').next()?;
    Some(
        file.rsplit_once('-')
            .map_or(file, |(name, _)| name)
            .to_owned(),
    )
}

/// The counts in `test result: ok. 5 passed; 0 failed; 1 ignored; …`.
fn test_result(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        counts
            .split("; ")
            .find_map(|part| part.strip_suffix(what)?.trim().parse().ok())
            .unwrap_or(0)
    };
    Some(Tally {
        passed: count("passed"),
        failed: count("failed"),
        skipped: count("ignored"),
    })
}

#[cfg(test)]
mod tests {
    use super::{Tally, binary_name, test_result};

    #[test]
    fn counts_are_read_from_the_result_line() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!(
            test_result(line),
            Some(Tally {
                passed: 5,
                failed: 2,
                skipped: 1
            })
        );
        assert_eq!(test_result("test a ... ok"), None);
    }

    #[test]
    fn the_binary_is_named_after_its_crate() {
        let line =
            "     Running unittests src/lib.rs (target/debug/deps/remote_store_core-0123abcd)";
        assert_eq!(binary_name(line).as_deref(), Some("remote_store_core"));
        assert_eq!(
            binary_name("   Doc-tests remote_store_core").as_deref(),
            Some("remote_store_core")
        );
        assert_eq!(binary_name("running 3 tests"), None);
    }
}
