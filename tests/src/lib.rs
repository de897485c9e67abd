//! Tests that cross crates or need a real server. What they share lives here.

pub mod s3_server;

/// The Rust examples of the project's README, which run as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
