//! Tests that cross crates or need a real server. What they share lives here.

pub mod azure_server;
pub mod gcs_server;
pub mod s3_server;
pub mod scripted;
pub mod sftp_server;

/// The result of setting something up.
pub type Setup<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

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
