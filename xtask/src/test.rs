//! `cargo xtask test`: everything that CI checks, from a clean checkout, with nothing set up by hand.

mod features;
mod matrix;
mod python;
mod rust;
mod ui;

use clap::Args;

pub(crate) use python::{PythonBed, judge};
pub(crate) use rust::{WORKSPACE_TESTS, run_tests};

use crate::python::Venv;
use crate::servers::{Azurite, Credentials, Gcs, Lifetime, SeaweedFs, Sftp};
use crate::steps::Steps;
use crate::workspace::{Result, Workspace};
use crate::{conformance, demo, tidy, wheel};

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Only the Rust half
    #[arg(long)]
    rust: bool,
    /// Only the Python half
    #[arg(long)]
    python: bool,
    /// Show the output of every step, not only of those that fail
    #[arg(long, short)]
    verbose: bool,
}

/// What tests of both languages need: the tools and running services of each kind.
pub(crate) struct TestBed {
    server: SeaweedFs,
    azurite: Option<Azurite>,
    gcs: Option<Gcs>,
    sftp: Option<Sftp>,
}

impl TestBed {
    /// Installs the tools and starts the server; `None` when a step failed.
    pub(crate) fn prepare(workspace: &Workspace, steps: &mut Steps) -> Option<Self> {
        let (tools, server) = steps.run("tools and SeaweedFS", |step| {
            let tools = Venv::ensure(workspace, "tools", None, step)?;
            let server = SeaweedFs::start(workspace, &tools, "test", Lifetime::Guarded)?;
            Ok((tools, server))
        })?;
        // Without one of these its step fails, and its tests say why they are skipped.
        let azurite = steps.run("Azurite", |step| Azurite::start(workspace, step));
        let gcs = steps.run("server for Google's dialect", |step| {
            Gcs::start(workspace, &tools, step)
        });
        let sftp = steps.run("SFTP servers", |step| Sftp::start(workspace, &tools, step));
        if let Some(reason) = sftp.as_ref().and_then(|sftp| sftp.without_openssh.as_ref()) {
            steps.skip("OpenSSH's SFTP server", reason);
        }
        Some(Self {
            server,
            azurite,
            gcs,
            sftp,
        })
    }

    /// Where the services are.
    pub(crate) fn credentials(&self) -> Credentials {
        let mut credentials = self.server.credentials();
        let azure = self.azurite.iter().map(Azurite::variable);
        credentials.others.extend(azure);
        credentials
            .others
            .extend(self.gcs.iter().map(Gcs::variable));
        credentials
            .others
            .extend(self.sftp.iter().flat_map(Sftp::variables));
        credentials
    }
}

/// Builds the wheel and the environment of the Python tests; `None` when a step failed.
pub(crate) fn prepare_python(workspace: &Workspace, steps: &mut Steps) -> Option<PythonBed> {
    let wheel = steps.run("release wheel", |step| wheel::ensure(workspace, step))?;
    steps.run("Python environment", |step| {
        PythonBed::prepare(workspace, wheel, step)
    })
}

/// `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let (rust, python) = match (options.rust, options.python) {
        (false, false) => (true, true),
        chosen => chosen,
    };
    conformance::forget(workspace)?;
    let mut steps = Steps::new(workspace, "test", options.verbose)?;
    let bed = TestBed::prepare(workspace, &mut steps);
    let server = bed.as_ref().map(TestBed::credentials);
    if rust {
        rust::run(workspace, server.as_ref(), &mut steps);
    }
    if python {
        match prepare_python(workspace, &mut steps) {
            Some(python) => python.run(workspace, server.as_ref(), &mut steps),
            None => steps.skip(
                "Python checks and tests",
                "there is no wheel or no environment for them",
            ),
        }
    }
    drop(bed);
    if rust && python {
        steps.run("conformance table", |_| {
            holds(
                conformance::table(workspace, None)?,
                "a clause is not proven",
            )
        });
        steps.run("demo on a local folder", |step| {
            demo::smoke(workspace, step)
        });
    }
    Ok(steps.finish())
}

/// Turns the verdict of a check into the result of its step.
fn holds(good: bool, otherwise: &str) -> Result<()> {
    if good { Ok(()) } else { Err(otherwise.into()) }
}

/// `cargo xtask tidy` as a step.
fn tidy_step(workspace: &Workspace) -> Result<()> {
    holds(tidy::run(workspace)?, "the structure is not as drawn")
}
