//! Where datasets are written: told to the child by its environment.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, OnceLock};

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

/// A process of the package of the test servers; it ends with the test.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// Starts one; gives the address that it tells, and what else it has to say.
    pub(crate) fn start(
        arguments: &[&str],
    ) -> Result<(Self, String, BufReader<ChildStdout>), String> {
        let program = test_server()?;
        let mut server = Command::new(&program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("skipped: {} does not start: {error}", program.display()))?;
        let mut output = BufReader::new(server.stdout.take().unwrap());
        let server = Self(server);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim().to_owned();
        if !address.starts_with("http://127.0.0.1:") {
            return Err(format!("skipped: no address in '{address}'"));
        }
        Ok((server, address, output))
    }
}

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
        let (server, endpoint, _silent) = Server::start(&["memory-s3"])?;
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

    /// Where the server is; none of a folder.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Local(_) => None,
            Self::S3 { endpoint, .. } => Some(endpoint),
        }
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

/// The program, built once: one that is there may be older than its sources.
fn test_server() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || {
        let this = std::env::current_exe().unwrap();
        // target/debug/deps/this
        let folder = this.parent().and_then(Path::parent).unwrap();
        let program = folder.join("test-server");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "remote-store-test-servers"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        if built.is_ok_and(|status| status.success()) && program.exists() {
            return Ok(program);
        }
        Err("skipped: the servers for tests could not be built".to_owned())
    };
    BUILT.get_or_init(build).clone()
}
