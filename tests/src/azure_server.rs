//! The Azure server that `cargo xtask test` starts, as the environment names it.

use std::sync::Arc;

use remote_store_core::backends::{AzureBackend, AzureOptions};
use remote_store_core::{Prefix, Store};
use remote_store_credential_masking::Secret;

use crate::{Setup, variable};

/// How it is reached.
const CONNECTION: &str = "REMOTE_STORE_TEST_AZURE_CONNECTION";
/// The container that exists from the start.
pub const CONTAINER: &str = "remote-store-test";

/// A running server that speaks Azure's blob protocol.
#[derive(Debug, Clone)]
pub struct AzureServer {
    connection: Secret,
}

impl AzureServer {
    /// The server of the environment; says why there is none.
    ///
    /// # Errors
    /// Which variable is not set.
    pub fn from_env() -> Result<Self, String> {
        Ok(Self {
            connection: Secret::new(variable(CONNECTION)?),
        })
    }

    /// Options for a container on the server.
    ///
    /// # Errors
    /// When the name cannot be a container's.
    pub fn options(&self, container: &str) -> Setup<AzureOptions> {
        let mut options = AzureOptions::new(container)?;
        options.connection_string = Some(self.connection.clone());
        Ok(options)
    }

    /// A part of the connection string.
    ///
    /// # Errors
    /// When it has no such part.
    pub fn part(&self, name: &str) -> Setup<String> {
        let found = self
            .connection
            .reveal()
            .split(';')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        Ok(found
            .ok_or("the connection string lacks a part")?
            .to_owned())
    }

    /// A store over the container, from a root.
    ///
    /// # Errors
    /// When the options cannot be used.
    pub fn store(&self, root: &str) -> Setup<Store> {
        let backend = AzureBackend::new(self.options(CONTAINER)?)?;
        Ok(Store::new(Arc::new(backend), Prefix::parse(root)?))
    }
}
