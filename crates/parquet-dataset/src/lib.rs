#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod error;
mod layout;
mod manifest;
pub mod object;
mod options;
mod parts;
mod removal;
mod store;
mod writer;

pub use error::{DatasetError, Result};
pub use manifest::DatasetManifest;
pub use options::WriteDatasetOptions;
pub use store::DatasetStore;
pub use writer::DatasetWriter;
