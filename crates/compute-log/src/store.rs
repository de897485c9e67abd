//! Where the logs of steps live: one prefix of a store and the rules of writing there.

use std::sync::{Arc, Mutex};

use remote_store_core::Store;
use remote_store_dagster_paths::{IoType, LogKey, log_folder, log_path};

use crate::progress::Progress;
use crate::retry::RetryPolicy;
use crate::{Error, Result};

/// The largest log that is stored whole, as in Dagster: 50 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 50 * 1024 * 1024;

/// The smallest cap: below it, head, marker and tail tell nobody anything.
pub const LEAST_MAX_BYTES: u64 = 1024;

/// The prefix under which Dagster's log managers keep logs (DAG-021).
pub const DEFAULT_PREFIX: &str = "dagster";

/// The compute logs of Dagster steps in a store.
///
/// Cheap to clone; clones share what they know about unchanged uploads.
///
/// ```
/// use remote_store_compute_log::LogStore;
/// use remote_store_core::Store;
/// use remote_store_dagster_paths::{IoType, LogKey};
///
/// let logs = LogStore::new(Store::memory(), "dagster");
/// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
/// assert_eq!(logs.path(&key, IoType::Stdout, false)?, "dagster/storage/run1/compute_logs/step_a.out");
/// assert!(logs.clone().with_max_bytes(10).is_err()); // no room for head, marker and tail
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogStore {
    pub(crate) store: Store,
    pub(crate) prefix: String,
    pub(crate) skip_empty: bool,
    pub(crate) max_bytes: u64,
    pub(crate) retry: RetryPolicy,
    pub(crate) progress: Arc<Mutex<Progress>>,
}

impl LogStore {
    /// Logs below `prefix` of `store`; the prefix may be empty.
    pub fn new(store: Store, prefix: impl Into<String>) -> Self {
        Self {
            store,
            prefix: prefix.into(),
            skip_empty: false,
            max_bytes: DEFAULT_MAX_BYTES,
            retry: RetryPolicy::default(),
            progress: Arc::default(),
        }
    }

    /// Whether the final upload of an empty stream is left out (`skip_empty_files`).
    #[must_use]
    pub fn with_skip_empty(mut self, skip_empty: bool) -> Self {
        self.skip_empty = skip_empty;
        self
    }

    /// The size above which a log is stored as its head and tail.
    ///
    /// # Errors
    /// [`Error::CapTooSmall`] below [`LEAST_MAX_BYTES`].
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Result<Self> {
        if max_bytes < LEAST_MAX_BYTES {
            return Err(Error::CapTooSmall {
                max_bytes,
                least_bytes: LEAST_MAX_BYTES,
            });
        }
        self.max_bytes = max_bytes;
        Ok(self)
    }

    /// How often a final upload is tried.
    #[must_use]
    pub fn with_retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The path of one stream, relative to the store's root (DAG-024).
    ///
    /// # Errors
    /// [`Error::Path`] when the key has no path.
    pub fn path(&self, key: &LogKey, io: IoType, partial: bool) -> Result<String> {
        Ok(log_path(&self.prefix, key, io, partial)?)
    }

    /// The folder of all logs whose key starts with `log_prefix`.
    pub(crate) fn folder(&self, log_prefix: &[String]) -> Result<String> {
        Ok(log_folder(&self.prefix, log_prefix)?)
    }

    /// The object that says "captured, and both streams were empty": with `skip_empty` nothing
    /// else would tell a finished step from one that never started.
    pub(crate) fn marker_path(&self, key: &LogKey) -> Result<String> {
        let stdout = self.path(key, IoType::Stdout, false)?;
        let stem = stdout
            .strip_suffix(IoType::Stdout.extension())
            .unwrap_or(&stdout);
        Ok(format!("{stem}complete"))
    }

    /// Where a person finds the stream, in the backend's own notation (DAG-028).
    ///
    /// # Errors
    /// [`Error::Path`] when the key has no path, [`Error::Store`] when the store cannot name it.
    pub fn display_path(&self, key: &LogKey, io: IoType) -> Result<String> {
        Ok(self.store.native_path(&self.path(key, io, false)?)?)
    }

    /// Whether the store holds this object of the stream (DAG-027).
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails or refuses: that is not the same as "no logs".
    pub async fn has_logs(&self, key: &LogKey, io: IoType, partial: bool) -> Result<bool> {
        Ok(self.store.is_file(&self.path(key, io, partial)?).await?)
    }

    /// Whether the capture of a step has ended and its logs are final.
    ///
    /// As in Dagster, the final stderr object says so. With `skip_empty` an empty stderr leaves
    /// none; then a final stdout without a partial stderr does, or the small `.complete` object
    /// that [`finish`](Self::finish) leaves when both streams were empty.
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails or refuses.
    pub async fn is_complete(&self, key: &LogKey) -> Result<bool> {
        if self.has_logs(key, IoType::Stderr, false).await? {
            return Ok(true);
        }
        if !self.skip_empty {
            return Ok(false);
        }
        if self.has_logs(key, IoType::Stdout, false).await? {
            return Ok(!self.has_logs(key, IoType::Stderr, true).await?);
        }
        Ok(self.store.is_file(&self.marker_path(key)?).await?)
    }

    /// Deletes the logs of one step: final and partial of both streams, in one bulk request
    /// where the store can (DAG-029). What is not there is no error.
    ///
    /// # Errors
    /// [`Error::Store`] with the first failure; the other objects are deleted nevertheless.
    pub async fn delete(&self, key: &LogKey) -> Result<()> {
        let mut paths = Vec::with_capacity(5);
        for io in IoType::ALL {
            for partial in [false, true] {
                paths.push(self.path(key, io, partial)?);
            }
        }
        if self.skip_empty {
            paths.push(self.marker_path(key)?);
        }
        self.forget(key);
        self.delete_objects(paths).await
    }

    /// Deletes all logs whose key starts with `log_prefix`, in bulk, however many pages there are
    /// (DAG-029). `bf` never deletes `bf2`. A missing folder is no error.
    ///
    /// # Errors
    /// [`Error::EmptyPrefix`] without a segment, [`Error::Store`] when the store fails.
    ///
    /// ```
    /// # use remote_store_compute_log::LogStore;
    /// # use remote_store_core::{Store, runtime};
    /// # let logs = LogStore::new(Store::memory(), "dagster");
    /// let all = runtime::block_on(logs.store().driver(), logs.delete_prefix(&[]))?;
    /// assert!(all.unwrap_err().to_string().contains("would delete all logs"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn delete_prefix(&self, log_prefix: &[String]) -> Result<()> {
        if log_prefix.iter().all(String::is_empty) {
            return Err(Error::EmptyPrefix);
        }
        Ok(self
            .store
            .delete_folder(&self.folder(log_prefix)?, true, true)
            .await?)
    }

    /// Deletes objects in bulk; the first failure in order is reported, a missing object is none.
    pub(crate) async fn delete_objects(&self, paths: Vec<String>) -> Result<()> {
        let outcomes = self.store.delete_many(paths).await?;
        outcomes
            .into_iter()
            .find_map(|(_, outcome)| outcome.err().filter(|error| !error.is_missing_object()))
            .map_or(Ok(()), |error| Err(error.into()))
    }
}
