//! Where the logs of steps live: one prefix of a store and the rules of writing there.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use remote_store_core::{Store, UrlMethod};
use remote_store_dagster_paths::{IoType, LogKey, log_folder, log_path};

use crate::progress::Progress;
use crate::retry::RetryPolicy;
use crate::seen::Seen;
use crate::streaming::{Compression, Form};
use crate::{Error, Result};

/// The largest log that is stored whole, as in Dagster: 50 MiB.
pub const DEFAULT_MAX_BYTES: u64 = 50 * 1024 * 1024;

/// The prefix under which Dagster's log managers keep logs (DAG-021).
pub const DEFAULT_PREFIX: &str = "dagster";

/// The compute logs of Dagster steps in a store.
///
/// Cheap to clone; clones share what they know about unchanged uploads and finished logs.
///
/// ```
/// use remote_store_compute_log::LogStore;
/// use remote_store_core::Store;
/// use remote_store_dagster_paths::{IoType, LogKey};
///
/// let logs = LogStore::new(Store::memory(), "dagster");
/// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
/// assert_eq!(logs.path(&key, IoType::Stdout, false)?, "dagster/storage/run1/compute_logs/step_a.out");
/// assert!(logs.clone().with_max_bytes(0).is_err()); // would store nothing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LogStore {
    pub(crate) store: Store,
    pub(crate) prefix: String,
    pub(crate) skip_empty: bool,
    pub(crate) max_bytes: u64,
    pub(crate) retry: RetryPolicy,
    pub(crate) streaming: Option<Compression>,
    pub(crate) progress: Arc<Mutex<Progress>>,
    pub(crate) seen: Arc<Mutex<Seen>>,
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
            streaming: None,
            progress: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// Whether the final upload of an empty stream is left out (`skip_empty_files`).
    #[must_use]
    pub fn with_skip_empty(mut self, skip_empty: bool) -> Self {
        self.skip_empty = skip_empty;
        self
    }

    /// The size above which a log is stored as its head and tail, with a line between them where
    /// the cap has room for it.
    ///
    /// # Errors
    /// [`Error::NoRoom`] for 0.
    pub fn with_max_bytes(mut self, max_bytes: u64) -> Result<Self> {
        if max_bytes == 0 {
            return Err(Error::NoRoom);
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

    /// Where a person finds the finished stream, in the backend's own notation (DAG-028).
    ///
    /// # Errors
    /// [`Error::Path`] when the key has no path, [`Error::Store`] when the store cannot name it.
    pub fn display_path(&self, key: &LogKey, io: IoType) -> Result<String> {
        let final_path = self.path(key, io, false)?;
        let form =
            if self.seen().end(&final_path).is_some() && self.seen().table(&final_path).is_none() {
                Form::Plain
            } else {
                self.written_form()
            };
        Ok(self.store.native_path(&form.path(&final_path))?)
    }

    /// A link that reads the finished stream without a credential until `expires_in` has passed;
    /// none while there is no final object. A compressed log comes as it is stored.
    ///
    /// # Errors
    /// [`Error::Store`] when the store cannot sign links, fails or refuses.
    ///
    /// ```
    /// # use remote_store_compute_log::LogStore;
    /// # use remote_store_core::{Store, runtime};
    /// # use remote_store_dagster_paths::{IoType, LogKey};
    /// # let logs = LogStore::new(Store::memory(), "dagster");
    /// # let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// let link = logs.signed_url(&key, IoType::Stdout, std::time::Duration::from_secs(60));
    /// assert_eq!(runtime::block_on(logs.store().driver(), link)??, None); // not finished
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn signed_url(
        &self,
        key: &LogKey,
        io: IoType,
        expires_in: Duration,
    ) -> Result<Option<String>> {
        let final_path = self.path(key, io, false)?;
        let Some(form) = self.final_form(&final_path).await? else {
            return Ok(None);
        };
        let path = form.path(&final_path);
        let link = self.store.signed_url(&path, UrlMethod::Get, expires_in);
        Ok(Some(link.await?))
    }

    /// Whether the store holds this object of the stream (DAG-027).
    ///
    /// # Errors
    /// [`Error::Store`] when the store fails or refuses: that is not the same as "no logs".
    pub async fn has_logs(&self, key: &LogKey, io: IoType, partial: bool) -> Result<bool> {
        let final_path = self.path(key, io, false)?;
        if !partial {
            return Ok(self.final_form(&final_path).await?.is_some());
        }
        if self.store.is_file(&self.path(key, io, true)?).await? {
            return Ok(true);
        }
        Ok(self.streaming.is_some() && !self.list_segments(&final_path).await?.is_empty())
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
            let final_path = self.path(key, io, false)?;
            paths.extend(self.final_forms().iter().map(|form| form.path(&final_path)));
            paths.push(self.path(key, io, true)?);
            if self.streaming.is_some() {
                self.seen().forget(&final_path);
                let segments = self.list_segments(&final_path).await?;
                paths.extend(segments.iter().map(|segment| segment.path(&final_path)));
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
        let folder = self.folder(log_prefix)?;
        *self.seen() = Seen::default();
        Ok(self.store.delete_folder(&folder, true, true).await?)
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
