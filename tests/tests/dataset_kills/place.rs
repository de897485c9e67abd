//! Where datasets are written: told to the child by its environment.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use remote_store_core::backends::{LocalBackend, LocalOptions, S3Backend, S3Options};
use remote_store_core::{Backend, Prefix, Store};
use remote_store_credential_masking::Secret;

use crate::writer::Shape;

/// The bucket that the servers of the tests have.
const BUCKET: &str = "remote-store-test";

/// A folder, or a server that speaks S3.
#[derive(Debug)]
pub(crate) enum Place {
    Local(tempfile::TempDir),
    S3 {
        endpoint: String,
        root: String,
        /// Ends with the test when it was started here.
        _server: Option<Server>,
    },
}

#[derive(Debug)]
pub(crate) struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _it_may_have_ended = self.0.kill();
        let _its_status_is_nobodys = self.0.wait();
    }
}

impl Place {
    pub(crate) fn local() -> Self {
        Self::Local(tempfile::tempdir().unwrap())
    }

    /// The server of the environment, or one in memory.
    pub(crate) fn s3(name: &str) -> Result<Self, String> {
        let root = format!("kills-{name}-{}", std::process::id());
        if let Ok(endpoint) = std::env::var("REMOTE_STORE_TEST_S3_ENDPOINT") {
            return Ok(Self::S3 {
                endpoint,
                root,
                _server: None,
            });
        }
        let (server, endpoint) = in_memory()?;
        Ok(Self::S3 {
            endpoint,
            root,
            _server: Some(server),
        })
    }

    pub(crate) fn store(&self, shape: Shape) -> Store {
        let (kind, place, root) = self.told(shape);
        open(&kind, &place, &root)
    }

    /// Kind, place and root, as [`open`] takes them.
    pub(crate) fn told(&self, shape: Shape) -> (String, String, String) {
        match self {
            Self::Local(folder) => (
                "local".to_owned(),
                folder.path().to_string_lossy().into_owned(),
                format!("{shape:?}"),
            ),
            Self::S3 { endpoint, root, .. } => (
                "s3".to_owned(),
                endpoint.clone(),
                format!("{root}/{shape:?}"),
            ),
        }
    }
}

/// The backend of a place.
pub(crate) fn backend(kind: &str, place: &str) -> Arc<dyn Backend> {
    if kind == "local" {
        return Arc::new(LocalBackend::new(LocalOptions::new(Path::new(place))).unwrap());
    }
    let secret = |name: &str| {
        let value = std::env::var(name).unwrap_or_else(|_any| "any".to_owned());
        Some(Secret::new(value))
    };
    let mut options = S3Options::new(BUCKET).unwrap();
    options.endpoint_url = Some(place.to_owned());
    options.key = secret("REMOTE_STORE_TEST_S3_KEY");
    options.secret = secret("REMOTE_STORE_TEST_S3_SECRET");
    Arc::new(S3Backend::new(options).unwrap())
}

fn open(kind: &str, place: &str, root: &str) -> Store {
    Store::new(backend(kind, place), Prefix::parse(root).unwrap())
}

/// An S3 server in memory, from the package of the test servers.
fn in_memory() -> Result<(Server, String), String> {
    let program = test_server()?;
    let mut server = Command::new(&program)
        .arg("memory-s3")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("skipped: {} does not start: {error}", program.display()))?;
    let output = server.stdout.take().unwrap();
    let server = Server(server);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).unwrap();
    let address = line
        .split_whitespace()
        .find(|word| word.contains("127.0.0.1:"));
    let address = address.map(|word| word.trim_start_matches("http://").to_owned());
    let address = address.ok_or_else(|| format!("skipped: no address in '{}'", line.trim()))?;
    Ok((server, format!("http://{address}")))
}

fn test_server() -> Result<PathBuf, String> {
    let this = std::env::current_exe().unwrap();
    // target/debug/deps/this
    let folder = this.parent().and_then(Path::parent).unwrap();
    let program = folder.join("test-server");
    if program.exists() {
        return Ok(program);
    }
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "remote-store-test-servers"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    if built.is_ok_and(|status| status.success()) && program.exists() {
        return Ok(program);
    }
    Err("skipped: no S3 server, and the one in memory could not be built".to_owned())
}
