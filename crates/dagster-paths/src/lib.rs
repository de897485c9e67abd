//! Where Dagster assets, op outputs and compute logs are stored: encode and parse back.
//!
//! Pure functions over text, no input or output, no async runtime. Use this crate when
//! a service must find the objects that a Dagster pipeline wrote, or name objects so
//! that the pipeline finds them.
//!
//! ```
//! use remote_store_dagster_paths::{AssetKey, asset_path, parse_asset_path};
//!
//! let orders = AssetKey::new(["shop", "orders"])?;
//! let path = asset_path(&orders, Some(&"2024-01-01".into()), ".parquet")?;
//! assert_eq!(path, "shop/orders/2024-01-01.parquet");
//! assert_eq!(parse_asset_path(&path, ".parquet")?, ["shop", "orders", "2024-01-01"]);
//!
//! // No key leaves the root, whatever it holds.
//! let hostile = AssetKey::new(["..", "etc/passwd"])?;
//! assert_eq!(asset_path(&hostile, None, ".pkl")?, "%~%2E%2E/%~etc%2Fpasswd.pkl");
//! # Ok::<(), remote_store_dagster_paths::PathError>(())
//! ```
//!
//! # What is promised
//!
//! 1. A safe key has the specification's path, byte for byte.
//! 2. Two different lists of segments never share a path under one extension.
//! 3. No path is absolute, empty, or holds an empty, `.` or `..` segment, a backslash
//!    or a control character; no name in it is longer than 255 bytes.
//! 4. Every path parses back, except where a name had to be cut and hashed, and what
//!    parses back is built again to the same text.
//!
//! # How unsafe segments are escaped
//!
//! | A segment | becomes |
//! |---|---|
//! | that is empty | `%~` |
//! | `.` or `..` | `%~%2E`, `%~%2E%2E` |
//! | with a control character, a backslash or a `/` | `%~`, then those and `%` percent-encoded: `a/b` → `%~a%2Fb` |
//! | that starts with `%~` or `%=` | the same: `%~x` → `%~%25~x` |
//! | over 255 bytes with its extension | `%=`, what fits of it, `~`, 32 hex digits of its SHA-256 |
//! | anything else | itself |
//!
//! In a partition key a `/` separates folders, as the specification's path has it. Hence
//! the asset `["foo"]` with partition `bar` and the asset `["foo", "bar"]` share a path by
//! specification; the crate `remote-store-io-manager` finds such pairs in a set of assets.
//!
//! Log paths drop empty segments, as DAG-024 says, so that log keys which differ only in
//! empty segments (before the last) share a path.
#![forbid(unsafe_code)]

mod asset;
mod error;
mod key;
mod log;
mod segment;

pub use asset::{asset_path, dataset_key, op_output_path, parse_asset_path, parse_partition_key};
pub use error::PathError;
pub use key::{AssetKey, LogKey, PartitionKey};
pub use log::{IoType, log_folder, log_path, parse_log_name, parse_log_path};

/// The README's example is run, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
