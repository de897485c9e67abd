//! The server for Google's dialect that `cargo xtask test` starts: a
//! translating proxy in front of an S3 server that takes anonymous requests.

use std::sync::Arc;

use remote_store_core::backends::{GcsBackend, GcsOptions};
use remote_store_core::{Driver, Prefix, Store, Subject, runtime};

use crate::cloud::Cloud;
use crate::found::Server;
use crate::{Setup, variable};

/// Where it listens.
const ENDPOINT: &str = "REMOTE_STORE_TEST_GCS_ENDPOINT";
/// The bucket that exists from the start.
pub const BUCKET: &str = "remote-store-test";

/// A running server that speaks the dialect of Google Cloud Storage.
#[derive(Debug, Clone)]
pub struct GcsServer {
    endpoint: String,
}

impl GcsServer {
    /// Makes an empty folder the way consoles do: as an object whose name ends in a slash.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn make_folder(&self, name: &str) -> Setup<()> {
        // Only the first installation counts; the store under test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let request = reqwest::Client::new()
            .put(format!("{}/{BUCKET}/{name}/", self.endpoint))
            .body("");
        let answer = runtime::block_on(Driver::Tokio, request.send())??;
        answer.error_for_status()?;
        Ok(())
    }
}

impl Server for GcsServer {
    fn from_env() -> Result<Self, String> {
        Ok(Self {
            endpoint: variable(ENDPOINT)?,
        })
    }
}

impl Cloud for GcsServer {
    type Options = GcsOptions;
    const HOLDS: Subject = Subject::Bucket;
    const ENDPOINT_OPTION: &'static str = "endpoint_url";

    fn bucket(&self) -> &str {
        BUCKET
    }

    fn options(&self, bucket: &str) -> Setup<GcsOptions> {
        let mut options = GcsOptions::new(bucket)?;
        options.endpoint_url = Some(self.endpoint.clone());
        Ok(options)
    }

    fn impatient(port: u16) -> Setup<GcsOptions> {
        let mut options = GcsOptions::new("b")?;
        options.endpoint_url = Some(format!("http://127.0.0.1:{port}"));
        options.transport.retry.max_attempts = 1;
        Ok(options)
    }

    fn strict_tree(mut options: GcsOptions) -> GcsOptions {
        options.reject_write_under_file_ancestor = true;
        options
    }

    fn over(options: GcsOptions, root: &str) -> Setup<Store> {
        let backend = GcsBackend::new(options)?;
        Ok(Store::new(Arc::new(backend), Prefix::parse(root)?))
    }
}
