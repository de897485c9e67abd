//! The SFTP servers that `cargo xtask test` starts, as the environment names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use remote_store_core::backends::{SftpBackend, SftpOptions};
use remote_store_core::{Prefix, Store};
use remote_store_credential_masking::Secret;

use crate::found::Server;
use crate::{Setup, variable};

/// The user of asyncssh's servers.
pub const PASSWORD_USER: &str = "tester";
/// The one that is asked for the password interactively.
pub const ASKED_USER: &str = "asked";

/// Running servers that speak SFTP.
#[derive(Debug, Clone)]
pub struct SftpServer {
    port: u16,
    user: String,
    key: PathBuf,
    known_hosts: PathBuf,
    root: PathBuf,
    /// The port of the one that takes a password.
    pub password_port: u16,
    /// That password.
    pub password: Secret,
    /// The port of the one without OpenSSH's extensions.
    pub bare_port: u16,
}

impl SftpServer {
    /// The port of the main server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The private key that may log in.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The file that names the host keys of all servers.
    pub fn known_hosts(&self) -> &Path {
        &self.known_hosts
    }

    /// A folder that the servers may write into, on this machine too.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Options for the main server, below a folder.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn options(&self, folder: &str) -> Setup<SftpOptions> {
        let base = self.folder(folder);
        let mut options = SftpOptions::new("127.0.0.1")?.with_base_path(&base.to_string_lossy())?;
        options.port = self.port;
        options.username = Some(self.user.clone());
        options.pkey = Some(Secret::new(self.key.to_string_lossy()));
        options.host_keys_path = Some(self.known_hosts.clone());
        Ok(options)
    }

    /// A store over a folder of the main server.
    ///
    /// # Errors
    /// When the options cannot be made.
    pub fn store(&self, folder: &str) -> Setup<Store> {
        Ok(over(self.options(folder)?))
    }

    /// A store over a folder of the server without extensions.
    ///
    /// # Errors
    /// When the options cannot be made.
    pub fn bare_store(&self, folder: &str) -> Setup<Store> {
        let mut options = self.options(folder)?;
        options.port = self.bare_port;
        options.username = Some(PASSWORD_USER.into());
        Ok(over(options))
    }
}

impl Server for SftpServer {
    fn from_env() -> Result<Self, String> {
        let path = |name: &str| variable(name).map(PathBuf::from);
        Ok(Self {
            port: port("REMOTE_STORE_TEST_SFTP_PORT")?,
            user: variable("REMOTE_STORE_TEST_SFTP_USER")?,
            key: path("REMOTE_STORE_TEST_SFTP_KEY")?,
            known_hosts: path("REMOTE_STORE_TEST_SFTP_KNOWN_HOSTS")?,
            root: path("REMOTE_STORE_TEST_SFTP_ROOT")?,
            password_port: port("REMOTE_STORE_TEST_SFTP_PASSWORD_PORT")?,
            password: Secret::new(variable("REMOTE_STORE_TEST_SFTP_PASSWORD")?),
            bare_port: port("REMOTE_STORE_TEST_SFTP_BARE_PORT")?,
        })
    }
}

/// A store with these options.
pub fn over(options: SftpOptions) -> Store {
    Store::new(Arc::new(SftpBackend::new(options)), Prefix::root())
}

fn port(name: &str) -> Result<u16, String> {
    variable(name)?
        .parse()
        .map_err(|_no_number| format!("{name} is no port"))
}
