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
use crate::steps::Steps;
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
    /// Run the SFTP servers in the foreground, print what a shell needs to use them, end with the input
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

fn sftp_until_input_ends(workspace: &Workspace) -> Result<bool> {
    let mut steps = Steps::aside(workspace, "servers")?;
    let started = steps.run("SFTP servers", |step| {
        let tools = Venv::ensure(workspace, "tools", None, step)?;
        Sftp::start(workspace, &tools, step)
    });
    let Some(sftp) = started else {
        return Ok(false);
    };
    for (name, value) in sftp.variables() {
        println!("export {name}='{value}'");
    }
    if let Some(reason) = &sftp.without_openssh {
        println!("# OpenSSH's server is not at hand: {reason}");
    }
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(true)
}
