#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod backend;
pub mod backends;
mod capability;
pub mod credential;
mod error;
mod key;
mod model;
mod reader;
pub mod registry;
pub mod runtime;
mod signed;
mod store;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use backend::{Backend, Driver, ObjectWriter};
pub use capability::{Capability, CapabilitySet};
pub use error::{Cause, Error, ErrorKind, Result, Subject};
pub use key::{ObjectKey, Prefix};
pub use model::{
    FolderInfo, Level, ListOptions, MAX_USER_METADATA_BYTES, ObjectInfo, Page, PageToken,
    ReadRange, Revision, WriteMode, WriteOptions, WriteResult,
};
pub use reader::{FileParts, ObjectReader, PartsInOrder};
pub use signed::{MAX_URL_LIFE, UrlMethod};
pub use store::Store;
