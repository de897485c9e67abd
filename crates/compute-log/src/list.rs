//! Which logs there are (DAG-031).

use remote_store_dagster_paths::{IoType, LogKey, parse_log_name};

use crate::segments::COMPRESSED_SUFFIX;
use crate::{LogStore, Result};

impl LogStore {
    /// The log keys directly below `log_prefix` that have a final object of this stream, sorted
    /// (DAG-031).
    ///
    /// Partial objects do not count, nor does anything that is no log. `bf2` is never listed
    /// under `bf`; dots in names stay. Keys over 255 bytes are stored under a shortened name that
    /// cannot be turned back, and are left out. A missing folder has no logs.
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the store fails or refuses.
    ///
    /// ```
    /// use remote_store_compute_log::LogStore;
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let prefix = ["run1".to_owned(), "compute_logs".to_owned()];
    /// runtime::block_on(logs.store().driver(), async {
    ///     for name in ["b.v2.out", "a.out", "a.err", "c.out.partial", "notes.txt"] {
    ///         let path = format!("dagster/storage/run1/compute_logs/{name}");
    ///         logs.store().write(&path, "…".into(), &WriteOptions::create()).await?;
    ///     }
    ///     let names: Vec<_> = logs.list_keys(&prefix, IoType::Stdout).await?;
    ///     assert_eq!(names.iter().map(LogKey::name).collect::<Vec<_>>(), ["a", "b.v2"]);
    ///     Ok::<(), remote_store_compute_log::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn list_keys(&self, log_prefix: &[String], io: IoType) -> Result<Vec<LogKey>> {
        let level = self.store.list_level(&self.folder(log_prefix)?).await?;
        let mut keys = Vec::new();
        for object in &level.objects {
            let name = object.key.name();
            let plain = if self.streaming.is_some() {
                name.strip_suffix(COMPRESSED_SUFFIX).unwrap_or(name)
            } else {
                name
            };
            let Some((name, stream, partial)) = parse_log_name(plain) else {
                continue;
            };
            if stream == io && !partial {
                keys.push(LogKey::new(log_prefix.iter().cloned().chain([name]))?);
            }
        }
        keys.sort();
        // A log may be there in both forms for a moment.
        keys.dedup();
        Ok(keys)
    }
}
