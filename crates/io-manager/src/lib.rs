//! Where an output goes and what an input loads: plans over a store.
//!
//! Dagster asks an IO manager two things: store this value, and give me that one. This crate
//! decides *where* ([`Target`], [`Layout`]), *which* partitions ([`LoadPlan`], [`OutputPlan`])
//! and refuses what would lose data ([`collisions`]). Bytes come in and go out encoded, so that
//! any serializer, in Rust or in Python, can sit above it. [`AssetReader`] is the door for Rust
//! services that read what Dagster wrote.
//!
//! ```
//! use futures_util::TryStreamExt;
//! use remote_store_core::Store;
//! use remote_store_dagster_paths::{AssetKey, PartitionKey};
//! use remote_store_io_manager::{Layout, LoadPlan, MissingPolicy, Target, load, write_output};
//!
//! # futures_executor::block_on(async {
//! let store = Store::memory();
//! let (events, json) = (AssetKey::new(["events"])?, Layout::object(".json"));
//! let days = ["2024-01-01", "2024-01-02"].map(PartitionKey::new);
//! for day in &days {
//!     let target = Target::partition(events.clone(), day.clone());
//!     write_output(&store, &target, &json, format!("\"{day}\"").into()).await?;
//! }
//!
//! let plan = LoadPlan::new(events, days, json, MissingPolicy::Fail)?;
//! let loaded: Vec<_> = load(&store, &plan, 64).try_collect().await?;
//! assert_eq!(loaded[1].1.as_deref(), Some(b"\"2024-01-02\"".as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here starts a runtime: the futures run on whatever drives the store.

mod collision;
mod error;
mod load;
mod output;
mod reader;
mod target;

pub use collision::{AssetPartitions, Collision, collisions};
pub use error::{Error, Result};
pub use load::{DEFAULT_WINDOW, LoadPlan, Loaded, MissingPolicy, load};
pub use output::{Filling, OutputPlan, Written, write_output};
pub use reader::AssetReader;
pub use target::{Layout, Target};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
