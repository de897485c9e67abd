//! `cargo xtask demo`: the main job, end to end, on real data.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::python::Venv;
use crate::servers::{Lifetime, SeaweedFs};
use crate::steps::{Step, Steps};
use crate::wheel;
use crate::workspace::{Result, Workspace};

/// The project that is run; a person is meant to read it.
const PROJECT: &str = "examples/flights";
/// Where `dagster dev` listens when it can.
const UI_PORT: u16 = 3000;
/// Dagster warns of its own beta parameter, once, before anything else is shown.
const QUIET: &str = "ignore:Parameter `backfill_policy`";

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Options {
    /// Which store keeps data and logs
    #[arg(long, value_enum, default_value = "local")]
    store: Kind,
    /// Then start `dagster dev` on the project, to look around
    #[arg(long)]
    ui: bool,
    /// Show the output of every step that builds or installs
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// A folder below target/xtask/demo
    Local,
    /// SeaweedFS, an S3 service that is started for the demo
    S3,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::S3 => "s3",
        }
    }
}

/// The project with its environment, ready to run.
struct Demo {
    venv: Venv,
    home: PathBuf,
    environment: Vec<(&'static str, String)>,
    /// Kept alive as long as the demo.
    _server: Option<SeaweedFs>,
}

/// `cargo xtask demo`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let mut steps = Steps::new(workspace, "demo", options.verbose)?;
    println!("The first run builds the wheel (about 5 minutes on 2 cores); later ones reuse it.");
    let Some(wheel) = steps.run("release wheel", |step| wheel::ensure(workspace, step)) else {
        return Ok(false);
    };
    let Some(venv) = steps.run("Python environment with Dagster", |step| {
        if options.ui {
            Venv::ensure(workspace, "demo-ui", Some(&wheel), step)
        } else {
            Venv::ensure(workspace, "demo", Some(&wheel), step)
        }
    }) else {
        return Ok(false);
    };
    let Some(demo) = steps.run("store", |step| {
        Demo::prepare(workspace, venv, options.store, step)
    }) else {
        return Ok(false);
    };
    println!();
    let good = demo.pipeline(workspace)?.status()?.success();
    if options.ui && good {
        return demo.web(workspace);
    }
    if good {
        let store = match options.store {
            Kind::Local => "",
            Kind::S3 => " --store s3",
        };
        println!("Look further: cargo xtask demo{store} --ui");
    }
    Ok(good)
}

/// The demo on a local folder as one step of the tests.
pub(crate) fn smoke(workspace: &Workspace, step: &mut Step) -> Result<()> {
    let wheel = wheel::ensure(workspace, step)?;
    let venv = Venv::ensure(workspace, "demo", Some(&wheel), step)?;
    let demo = Demo::prepare(workspace, venv, Kind::Local, step)?;
    step.run(&mut demo.pipeline(workspace)?)
}

impl Demo {
    /// Makes `DAGSTER_HOME`, and starts the server when the store is one.
    fn prepare(workspace: &Workspace, venv: Venv, kind: Kind, step: &mut Step) -> Result<Self> {
        let home = workspace.own_dir(&format!("demo/{}/dagster-home", kind.name()))?;
        let mut environment = vec![("FLIGHTS_STORE", kind.name().to_owned())];
        let server = match kind {
            Kind::Local => {
                let folder = workspace.own_dir("demo/local/store")?;
                environment.push(("FLIGHTS_FOLDER", folder.display().to_string()));
                None
            }
            Kind::S3 => {
                // The bucket starts empty, so a history of runs whose logs are gone would mislead.
                fs::remove_dir_all(&home)?;
                fs::create_dir_all(&home)?;
                let tools = Venv::ensure(workspace, "tools", None, step)?;
                let server = SeaweedFs::start(workspace, &tools, "demo", Lifetime::Guarded)?;
                let credentials = server.credentials();
                environment.extend([
                    ("FLIGHTS_BUCKET", credentials.bucket.to_owned()),
                    ("FLIGHTS_ENDPOINT", credentials.endpoint),
                    ("FLIGHTS_KEY", credentials.key.to_owned()),
                    ("FLIGHTS_SECRET", credentials.secret.to_owned()),
                ]);
                Some(server)
            }
        };
        let yaml = format!("{PROJECT}/dagster.{}.yaml", kind.name());
        fs::copy(workspace.root.join(yaml), home.join("dagster.yaml"))?;
        Ok(Self {
            venv,
            home,
            environment,
            _server: server,
        })
    }

    fn pipeline(&self, workspace: &Workspace) -> Result<Command> {
        let mut command = self.venv.python(workspace, &["run.py"])?;
        self.settle(workspace, &mut command);
        Ok(command)
    }

    /// Serves the web interface until it is interrupted.
    fn web(&self, workspace: &Workspace) -> Result<bool> {
        let port = free_port()?.to_string();
        println!("\nDagster's web interface: http://127.0.0.1:{port} (Ctrl-C ends it)");
        let mut command = workspace.command(
            self.venv.program("dagster"),
            &["dev", "--host", "127.0.0.1", "--port", &port],
        )?;
        self.settle(workspace, &mut command);
        Ok(command.status()?.success())
    }

    fn settle(&self, workspace: &Workspace, command: &mut Command) {
        command
            .current_dir(workspace.root.join(PROJECT))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("DAGSTER_HOME", &self.home)
            .env("DAGSTER_DISABLE_TELEMETRY", "yes")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONWARNINGS", QUIET);
    }
}

/// The usual port of Dagster's web interface, or any other when that is taken.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, UI_PORT))
        .or_else(|_taken| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(listener.local_addr()?.port())
}
