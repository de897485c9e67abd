//! The project's task runner: every step of CI is a subcommand that a person can run.
//!
//! `cargo xtask --help` lists them. A task needs only cargo, `CPython` 3.11 or newer with pip,
//! and a C compiler; whatever else it uses it installs under `target/xtask/`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to the person who runs it"
)]

mod bench;
mod conformance;
mod debian;
mod demo;
mod mutants;
mod process;
mod python;
mod servers;
mod steps;
mod test;
mod tidy;
mod wheel;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::{Result, Workspace};

/// Tasks of the remote-store project.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the wheel and run a real Dagster project on the 336,776 flights of 2013
    Demo(demo::Options),
    /// Everything that CI checks, from a clean checkout
    Test(test::Options),
    /// Prove each clause of docs/spec: which tests, on which backends, with what verdict
    Conformance(conformance::Options),
    /// List and run the benchmarks
    Bench(bench::Options),
    /// Change the pure crates line by line and list the changes that no test notices
    Mutants(mutants::Options),
    /// Check the structure: dependency direction, module docs, file sizes, licences, clauses
    Tidy,
    /// Start, stop and show the real servers that tests talk to
    Servers(servers::Options),
    /// Build the release wheel (only when its sources changed) and print its path
    Wheel,
}

fn run(cli: Cli) -> Result<bool> {
    let workspace = Workspace::locate()?;
    match cli.task {
        Task::Demo(options) => demo::run(&workspace, &options),
        Task::Test(options) => test::run(&workspace, &options),
        Task::Conformance(options) => conformance::run(&workspace, &options),
        Task::Bench(options) => bench::run(&workspace, &options),
        Task::Mutants(options) => mutants::run(&workspace, &options),
        Task::Tidy => tidy::run(&workspace),
        Task::Servers(options) => servers::run(&workspace, &options),
        Task::Wheel => wheel::run(&workspace),
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
