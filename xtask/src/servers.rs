//! The real servers that tests and the demo talk to, on free ports of the loopback interface.

mod azurite;
mod gcs;
mod guarded;
mod seaweedfs;
mod sftp;

use std::fs;
use std::io;

use clap::{Args, Subcommand};

pub(crate) use azurite::Azurite;
pub(crate) use gcs::Gcs;
pub(crate) use seaweedfs::{Credentials, Lifetime, SeaweedFs};
pub(crate) use sftp::Sftp;

use crate::python::Venv;
use crate::steps::{Step, Steps};
use crate::workspace::{Result, Workspace};

/// Options of `cargo xtask servers`.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start SeaweedFS (S3) in the background and print what a shell needs to use it
    Start,
    /// Stop what `start` started
    Stop,
    /// Say whether it runs, and where
    Status,
    /// Run Azurite in the foreground, print what a shell needs to use it, end with the input
    Azure,
    /// Run a server for Google's dialect, as `azure` does
    Gcs,
    /// Run the SFTP servers, as `azure` does
    Sftp,
}

/// `cargo xtask servers`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let state = workspace.own_dir("servers")?.join("seaweedfs.env");
    let pid_file = workspace.own_dir("servers")?.join("seaweedfs.pid");
    let running = fs::read_to_string(&pid_file)
        .ok()
        .filter(|pid| seaweedfs::is_ours(pid));
    match options.action {
        Action::Azure => return azure_until_input_ends(workspace),
        Action::Gcs => return gcs_until_input_ends(workspace),
        Action::Sftp => return sftp_until_input_ends(workspace),
        Action::Start => {
            if running.is_some() {
                print!("{}", fs::read_to_string(&state)?);
                return Ok(true);
            }
            let mut steps = Steps::aside(workspace, "servers")?;
            let Some(tools) = steps.run("server programs", |step| {
                Venv::ensure(workspace, "tools", None, step)
            }) else {
                return Ok(false);
            };
            let server = SeaweedFs::start(workspace, &tools, "shared", Lifetime::Detached)?;
            let exports = server.credentials().exports();
            fs::write(&state, &exports)?;
            fs::write(&pid_file, server.pid().to_string())?;
            print!("{exports}");
        }
        Action::Stop => match running {
            Some(pid) => {
                seaweedfs::stop_detached(&pid)?;
                fs::remove_file(&pid_file)?;
                println!("stopped SeaweedFS (process {pid})");
            }
            None => println!("nothing to stop"),
        },
        Action::Status => match running {
            Some(pid) => print!(
                "# SeaweedFS runs as process {pid}\n{}",
                fs::read_to_string(&state)?
            ),
            None => println!("SeaweedFS does not run; `cargo xtask servers start` starts it"),
        },
    }
    Ok(true)
}

fn azure_until_input_ends(workspace: &Workspace) -> Result<bool> {
    until_input_ends(workspace, "Azurite", |_tools, step| {
        let azurite = Azurite::start(workspace, step)?;
        let variables = vec![azurite.variable()];
        Ok((azurite, variables))
    })
}

fn gcs_until_input_ends(workspace: &Workspace) -> Result<bool> {
    until_input_ends(workspace, "server for Google's dialect", |tools, step| {
        let gcs = Gcs::start(workspace, tools, step)?;
        let variables = vec![gcs.variable()];
        Ok((gcs, variables))
    })
}

fn sftp_until_input_ends(workspace: &Workspace) -> Result<bool> {
    until_input_ends(workspace, "SFTP servers", |tools, step| {
        let sftp = Sftp::start(workspace, tools, step)?;
        if let Some(reason) = &sftp.without_openssh {
            println!("# OpenSSH's server is not at hand: {reason}");
        }
        let variables = sftp.variables().collect();
        Ok((sftp, variables))
    })
}

/// Starts servers, prints what tests read from the environment, and keeps them as long as the input
/// lasts: who asked for them may be gone without a word.
fn until_input_ends<T>(
    workspace: &Workspace,
    title: &str,
    start: impl FnOnce(&Venv, &mut Step) -> Result<(T, Vec<(&'static str, String)>)>,
) -> Result<bool> {
    let mut steps = Steps::aside(workspace, "servers")?;
    let started = steps.run(title, |step| {
        let tools = Venv::ensure(workspace, "tools", None, step)?;
        start(&tools, step)
    });
    let Some((_servers, variables)) = started else {
        return Ok(false);
    };
    for (name, value) in variables {
        println!("export {name}='{value}'");
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(true)
}
