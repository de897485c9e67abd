//! Compute logs of Dagster steps in any store: upload, tail, list, delete, recover.
//!
//! A step's stdout and stderr are captured into local files. [`LogStore`] brings them to a
//! [`Store`](remote_store_core::Store): *partial* objects while the step runs, *final* ones when
//! it ends ([`LogStore::finish`]), and late ones for workers that died ([`LogStore::recover`]).
//! Viewers read at a cursor ([`LogStore::read_chunk`]) without ever fetching a byte twice.
//!
//! ```
//! use remote_store_compute_log::{Claim, LocalFiles, LogStore};
//! use remote_store_core::{Store, runtime};
//! use remote_store_dagster_paths::{IoType, LogKey};
//!
//! let staging = tempfile::tempdir()?;
//! let logs = LogStore::new(Store::memory(), "dagster").with_skip_empty(true);
//! let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
//!
//! // The worker: capture, then finish.
//! let files = LocalFiles::new(staging.path(), &key)?;
//! let claim = Claim::take(&files)?;
//! let (out, err) = (files.stream(IoType::Stdout), files.stream(IoType::Stderr));
//! std::fs::write(&out, "42 rows\n")?;
//! std::fs::write(&err, "")?;
//! runtime::block_on(logs.store().driver(), async {
//!     logs.finish(&key, &[(IoType::Stdout, &out), (IoType::Stderr, &err)]).await.into_result()
//! })??;
//! drop(claim);
//!
//! // A viewer, in any process.
//! runtime::block_on(logs.store().driver(), async {
//!     let chunk = logs.read_chunk(&key, IoType::Stdout, 3, 1024).await?;
//!     assert_eq!((&chunk.data[..], chunk.complete), (&b"rows\n"[..], true));
//!     assert!(logs.is_complete(&key).await?);
//!     Ok::<(), remote_store_compute_log::Error>(())
//! })??;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here starts a runtime; local files are read in parts with blocking calls, a few
//! milliseconds each.
#![forbid(unsafe_code)]

mod append;
mod chunk;
mod claim;
mod cut;
mod delay;
mod download;
mod error;
mod finals;
mod finish;
mod frames;
mod list;
mod lru;
mod parts;
mod progress;
mod recover;
mod retention;
mod retry;
mod running;
mod seen;
mod segments;
mod staging;
mod store;
mod streaming;
mod upload;
mod utf8;

pub use chunk::{Chunk, LogSource};
pub use claim::{Claim, LocalFiles};
pub use error::{Error, FailedStream, Result};
pub use finish::{Finished, StreamOutcome};
pub use recover::{DEFAULT_IDLE, RecoverOptions, Recovered};
pub use retention::{Collected, GcOptions};
pub use retry::RetryPolicy;
pub use store::{DEFAULT_MAX_BYTES, DEFAULT_PREFIX, LogStore};
pub use streaming::Compression;
#[cfg(feature = "zstd")]
pub use streaming::DEFAULT_ZSTD_LEVEL;
pub use upload::Uploaded;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
