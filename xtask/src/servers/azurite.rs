//! Azurite, the emulator of Azure Blob Storage: installed with npm below `target/xtask`, on a free port.

use std::fs;
use std::path::{Path, PathBuf};

use super::guarded::{Guarded, status_of};
use super::seaweedfs::BUCKET;
use crate::process::output;
use crate::python::Venv;
use crate::steps::Step;
use crate::workspace::{Result, Workspace};

/// What is installed, each package with its checksum.
const LOCK: [&str; 2] = ["package.json", "package-lock.json"];
/// The account of the emulator and its key, which are the same everywhere.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
/// A signature of that key, for nothing but making containers.
const MAY_MAKE_CONTAINERS: &str = "sv=2019-02-02&ss=b&srt=c&sp=cw&se=2099-01-01T00%3A00%3A00Z\
     &sig=T49luRK6TOVufWWkPsGrfCvOLg3QProzFSRS8LbbbsY%3D";

/// A running emulator with one empty container; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Azurite {
    _server: Guarded,
    port: u16,
}

impl Azurite {
    /// Installs what is missing, starts it and waits until it has made the container.
    pub(crate) fn start(workspace: &Workspace, step: &mut Step) -> Result<Self> {
        let node = Venv::ensure(workspace, "node", None, step)?;
        let installed = install(workspace, &node, step)?;
        let dir = workspace.own_dir("servers/azurite")?;
        let main = installed.join("node_modules/azurite/dist/src/blob/main.js");
        let args = [
            &*main.to_string_lossy(),
            "--blobHost",
            "127.0.0.1",
            "--blobPort",
            "0",
            "--inMemoryPersistence",
            "--disableTelemetry",
            "--silent",
            "--skipApiVersionCheck",
        ];
        // The program in the environment is a script around this one, which would outlive it.
        let ask = ["-p", "process.execPath"];
        let binary = output(&mut workspace.command(node.program("node"), &ask)?)?;
        let mut server = Guarded::start("Azurite", &dir, Path::new(binary.trim()), &args)?;
        let port = server.port()?;
        let container = format!("/{ACCOUNT}/{BUCKET}?restype=container&{MAY_MAKE_CONTAINERS}");
        server.wait_for(|| match status_of(port, "PUT", &container) {
            Some(201 | 409) => Some(()),
            _ => None,
        })?;
        Ok(Self {
            _server: server,
            port,
        })
    }

    /// What tests read from the environment.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        let connection = format!(
            "DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};\
             BlobEndpoint=http://127.0.0.1:{}/{ACCOUNT}",
            self.port
        );
        ("REMOTE_STORE_TEST_AZURE_CONNECTION", connection)
    }
}

/// `npm ci`, unless what the lock says is there already.
fn install(workspace: &Workspace, node: &Venv, step: &mut Step) -> Result<PathBuf> {
    let wanted = workspace.root.join("xtask/requirements/azurite");
    let dir = workspace.own_dir("node/azurite-locked")?;
    let done = dir.join("installed.json");
    let [_, lock] = LOCK;
    if same(&done, &wanted.join(lock)) {
        return Ok(dir);
    }
    for file in LOCK {
        fs::copy(wanted.join(file), dir.join(file))?;
    }
    let flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
    let mut command = workspace.command(node.program("npm"), &["ci"])?;
    step.run(command.args(flags).current_dir(&dir))?;
    // Last, so that an installation that was cut off is made again.
    fs::copy(wanted.join(lock), done)?;
    Ok(dir)
}

fn same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
