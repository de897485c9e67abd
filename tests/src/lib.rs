//! Tests that cross crates or need a real server. What they share lives here.

pub mod azure_server;
pub mod cloud;
pub mod faults;
pub mod found;
pub mod gcs_server;
pub mod s3_server;
pub mod scripted;
pub mod sftp_server;

use remote_store_core::{Driver, runtime};

/// The result of setting something up.
pub type Setup<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What a future gives, driven by the runtime of the clouds.
///
/// # Panics
/// When there is no runtime.
#[allow(clippy::unwrap_used, reason = "a test may fail loudly")]
pub fn wait<F: Future>(future: F) -> F::Output {
    runtime::block_on(Driver::Tokio, future).unwrap()
}

/// A variable of the environment, or why the tests that need it are skipped.
fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_unset| {
        format!("skipped: {name} is not set; `cargo xtask test` starts a server and sets it")
    })
}

/// The Rust examples of the project's README, which run as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
