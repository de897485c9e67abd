//! Tests that cross crates.

/// The Rust examples of the project's README, which run as they stand there.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
