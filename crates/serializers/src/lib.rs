//! Bytes to values and back: JSON, MessagePack, pickle of plain data, Parquet.
//!
//! One trait, [`Serializer`], and one type for each format. A service uses this
//! crate alone to read what a Dagster asset holds, whatever store the bytes
//! came from; it needs no Python, no async runtime and no HTTP client.
//!
//! ```
//! use remote_store_serializers::{PickleSerializer, PickleValue, Serializer};
//!
//! // python3: pickle.dumps({"flights": 842, "late": [11, -4]})
//! let from_python = b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x07flights\x94MJ\x03\
//!     \x8c\x04late\x94]\x94(K\x0bJ\xfc\xff\xff\xffeu.";
//! let value = PickleSerializer::default().deserialize(from_python)?;
//! assert_eq!(value.get("flights"), Some(&PickleValue::Int(842)));
//! # Ok::<(), remote_store_serializers::SerializeError>(())
//! ```
//!
//! Errors name the thing and the way out, see [`SerializeError`].

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod error;
mod inspect;
mod json;
mod message_pack;
#[cfg(feature = "parquet")]
pub mod parquet;
mod pickle;
mod serializer;
#[cfg(feature = "parquet")]
mod table;

pub use error::SerializeError;
pub use json::{JsonSerializer, NonFinite};
pub use message_pack::MessagePackSerializer;
#[cfg(feature = "parquet")]
pub use parquet::gate as parquet_gate;
#[cfg(feature = "parquet")]
pub use parquet::{
    Compression, ParquetFile, ParquetOptions, ParquetSerializer, SortColumn, Statistics,
};
pub use pickle::{PickleBigInt, PickleSerializer, PickleValue};
pub use serializer::Serializer;
#[cfg(feature = "parquet")]
pub use table::Table;
