//! `cargo xtask conformance`: each clause of docs/spec, its proofs, the backends and the verdict.

mod proofs;
mod report;
mod spec;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use clap::Args;

pub(crate) use proofs::{Proof, rust_proof, write};

use crate::servers::Credentials;
use crate::steps::{Step, Steps};
use crate::test::{self, TestBed};
use crate::workspace::{Result, Workspace};

/// Options of `cargo xtask conformance`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this clause, e.g. DAG-020
    #[arg(long, value_name = "DAG-0nn")]
    clause: Option<String>,
    /// Judge the `remote_store` that is installed beside this interpreter, whoever wrote it; it
    /// also needs pytest, dagster, pandas and pyarrow
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
    /// Show the output of every step
    #[arg(long, short)]
    verbose: bool,
}

/// The ids of all clauses in docs/spec.
pub(crate) fn clause_ids(workspace: &Workspace) -> Result<BTreeSet<String>> {
    Ok(spec::read(workspace)?
        .into_iter()
        .map(|clause| clause.id)
        .collect())
}

/// `cargo xtask conformance`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let ids = clause_ids(workspace)?;
    let only = options.clause.as_deref().map(str::to_uppercase);
    if let Some(id) = &only
        && !ids.contains(id)
    {
        return Err(format!(
            "docs/spec has no clause {id}; it has {} to {}",
            first(&ids),
            last(&ids)
        )
        .into());
    }
    forget(workspace)?;
    let mut steps = Steps::new(workspace, "conformance", options.verbose)?;
    let Some(bed) = TestBed::prepare(workspace, &mut steps) else {
        steps.finish();
        return Ok(false);
    };
    let server = bed.credentials();
    match &options.python {
        Some(python) => drop(steps.run("conformance kit", |step| {
            test::judge(workspace, python, &server, only.as_deref(), step)
        })),
        None => prove(workspace, &server, only.as_deref(), &mut steps),
    }
    drop(bed);
    // A failing test failed its step, but its clause must still be shown: the proofs are on disk.
    let good = table(workspace, only.as_deref())?;
    Ok(steps.finish() && good)
}

/// Runs the clause tests of both languages against this workspace.
fn prove(workspace: &Workspace, server: &Credentials, only: Option<&str>, steps: &mut Steps) {
    let filter = only.map_or("dag_".to_owned(), |id| id.to_lowercase().replace('-', "_"));
    steps.run("Rust clause tests", |step| {
        run_rust(workspace, server, &filter, step)
    });
    if let Some(python) = test::prepare_python(workspace, steps) {
        steps.run("Python clause tests", |step| {
            python.clause_tests(workspace, server, only, step)
        });
    }
}

/// Prints the table of what the last run of both halves proved, and writes it to `target/`.
pub(crate) fn table(workspace: &Workspace, only: Option<&str>) -> Result<bool> {
    let clauses = spec::read(workspace)?;
    let mut found = Vec::new();
    for file in proof_files(workspace)? {
        found.extend(proofs::read(&file)?);
    }
    let report = report::Report::new(clauses, &found, only);
    print!("{}", report.text());
    fs::write(workspace.target.join("conformance.md"), report.markdown())?;
    fs::write(workspace.target.join("conformance.json"), report.json())?;
    println!(
        "written to {0}/conformance.md and {0}/conformance.json",
        workspace.relative(&workspace.target)
    );
    Ok(report.holds())
}

/// Removes what earlier runs left, so that no verdict rests on an old proof.
pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
    for file in proof_files(workspace)? {
        fs::remove_file(file)?;
    }
    Ok(())
}

/// Where a run of the Rust tests leaves its proofs.
pub(crate) fn rust_file(workspace: &Workspace) -> Result<PathBuf> {
    Ok(workspace.own_dir("conformance")?.join("rust.json"))
}

/// Where a session of pytest over `suite` leaves its proofs.
pub(crate) fn python_file(workspace: &Workspace, suite: &str) -> Result<PathBuf> {
    let name = format!("python-{}.json", suite.replace('/', "-"));
    Ok(workspace.own_dir("conformance")?.join(name))
}

fn proof_files(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace.own_dir("conformance")?)? {
        files.push(entry?.path());
    }
    files.sort();
    Ok(files)
}

fn run_rust(
    workspace: &Workspace,
    server: &Credentials,
    filter: &str,
    step: &mut Step,
) -> Result<()> {
    let mut command = workspace.cargo(&test::WORKSPACE_TESTS)?;
    command
        .args(["--lib", "--bins", "--tests", "--", filter])
        .envs(server.environment());
    test::run_tests(workspace, &mut command, step)
}

fn first(ids: &BTreeSet<String>) -> &str {
    ids.first().map_or("none", String::as_str)
}

fn last(ids: &BTreeSet<String>) -> &str {
    ids.last().map_or("none", String::as_str)
}
