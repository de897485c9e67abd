#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod arriving;
mod claim;
mod commit;
mod difference;
mod error;
mod generation;
mod hive;
mod layout;
mod manifest;
pub mod object;
mod open_part;
mod options;
mod part_upload;
mod read;
mod read_options;
mod removal;
mod run;
mod store;
mod tables;
mod vacuum;
mod writer;

pub use error::{DatasetError, Located, Result};
pub use hive::PartitionColumn;
pub use manifest::DatasetManifest;
pub use options::WriteDatasetOptions;
pub use part_upload::PartUpload;
pub use read::DatasetBatches;
pub use read_options::ReadDatasetOptions;
pub use store::DatasetStore;
pub use writer::DatasetWriter;
