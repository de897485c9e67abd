//! The Azure server that `cargo xtask test` starts, as the environment names it.

use std::sync::Arc;

use remote_store_core::backends::{AzureBackend, AzureOptions};
use remote_store_core::{Prefix, Store, Subject};
use remote_store_credential_masking::Secret;

use crate::cloud::Cloud;
use crate::found::Server;
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
}

impl Server for AzureServer {
    fn from_env() -> Result<Self, String> {
        Ok(Self {
            connection: Secret::new(variable(CONNECTION)?),
        })
    }
}

impl Cloud for AzureServer {
    type Options = AzureOptions;
    const HOLDS: Subject = Subject::Container;
    const ENDPOINT_OPTION: &'static str = "account_url";

    fn bucket(&self) -> &str {
        CONTAINER
    }

    fn options(&self, bucket: &str) -> Setup<AzureOptions> {
        let mut options = AzureOptions::new(bucket)?;
        options.connection_string = Some(self.connection.clone());
        Ok(options)
    }

    fn impatient(port: u16) -> Setup<AzureOptions> {
        let mut options = AzureOptions::new("c")?;
        options.account_url = Some(format!("http://127.0.0.1:{port}/acme"));
        options.account_key = Some(Secret::new("a2V5"));
        options.transport.retry.max_attempts = 1;
        Ok(options)
    }

    fn strict_tree(mut options: AzureOptions) -> AzureOptions {
        options.reject_write_under_file_ancestor = true;
        options
    }

    fn over(options: AzureOptions, root: &str) -> Setup<Store> {
        let backend = AzureBackend::new(options)?;
        Ok(Store::new(Arc::new(backend), Prefix::parse(root)?))
    }
}
