//! Parquet: tables to bytes and back, columns in parallel (DAG-004).
//!
//! [`encode`] and [`ParquetFile`] are the two directions; [`ParquetSerializer`]
//! puts them behind the trait. [`gate`] says which schemas come back equal to
//! what pyarrow would have given. Pages carry CRC-32 checksums, which are
//! verified on reading.

mod assembly;
mod checksum;
mod codec;
mod coded;
mod column_runs;
mod columns;
mod decode;
mod dictionary_pages;
mod encode;
mod extremes;
mod filter;
mod foreign;
pub mod gate;
mod key_space;
mod levels;
mod lists;
mod numbers;
mod options;
mod page_index;
mod pages;
mod panics;
mod plan;
mod precast;
mod properties;
mod row_group;
mod row_groups;
mod runs;
mod serializer;
mod sizes;
mod source;
mod threads;
mod words;
mod zones;

pub use column_runs::ColumnRun;
pub use columns::unknown_column;
pub use decode::{ParquetFile, decode, footer_len};
pub use encode::{EncodeSummary, encode, encode_table};
pub use filter::{Comparison, Condition, Filter, FilterValue};
pub use options::{Compression, ParquetOptions, SortColumn, Statistics};
pub use serializer::ParquetSerializer;
pub use sizes::batch_bytes;

pub(crate) const FORMAT: &str = "Parquet";
