//! What this process already uploaded, so that nothing is uploaded twice and nothing too late.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::ops::Range;
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use remote_store_dagster_paths::{IoType, LogKey};

use crate::segments::{Segment, Segments};
use crate::{LogStore, Result};

/// Streams remembered at most; a daemon that never finishes its logs must not grow for ever.
const MAX_REMEMBERED: usize = 8192;

/// The state of a local file when it was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    size_bytes: u64,
    modified: Option<SystemTime>,
}

impl Fingerprint {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        // Some file systems keep no time; then a change of size must do.
        Self {
            size_bytes: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }
}

/// The segments of a stream that this process has uploaded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Appended {
    pub(crate) segments: Segments,
    /// The state of the file when all of it was uploaded.
    pub(crate) fingerprint: Option<Fingerprint>,
}

/// Uploads by path. Losing an entry costs one superfluous upload, never a log.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    partials: HashMap<String, Fingerprint>,
    finished: HashSet<String>,
    /// Captured once more: the next partial upload replaces the final object.
    again: HashSet<String>,
    /// Segments by the path of the final object.
    appended: HashMap<String, Appended>,
}

impl Progress {
    pub(crate) fn uploaded(&mut self, partial_path: &str, fingerprint: Fingerprint) {
        if self.partials.len() >= MAX_REMEMBERED {
            self.partials.clear();
        }
        self.partials.insert(partial_path.to_owned(), fingerprint);
    }

    pub(crate) fn is_unchanged(&self, partial_path: &str, fingerprint: Fingerprint) -> bool {
        self.partials.get(partial_path) == Some(&fingerprint)
    }

    /// From here on no partial object of this path may appear.
    pub(crate) fn finished(&mut self, partial_path: &str) {
        if self.finished.len() >= MAX_REMEMBERED {
            self.finished.clear();
        }
        self.partials.remove(partial_path);
        self.finished.insert(partial_path.to_owned());
    }

    pub(crate) fn is_finished(&self, partial_path: &str) -> bool {
        self.finished.contains(partial_path)
    }

    fn forget(&mut self, partial_path: &str) {
        self.partials.remove(partial_path);
        self.finished.remove(partial_path);
        self.again.remove(partial_path);
    }

    fn begin(&mut self, partial_path: &str) {
        if self.finished.remove(partial_path) {
            if self.again.len() >= MAX_REMEMBERED {
                self.again.clear();
            }
            self.again.insert(partial_path.to_owned());
        }
    }

    fn take_again(&mut self, partial_path: &str) -> bool {
        self.again.remove(partial_path)
    }

    pub(crate) fn appended(&self, final_path: &str) -> Appended {
        self.appended.get(final_path).cloned().unwrap_or_default()
    }

    pub(crate) fn append(&mut self, final_path: &str, segment: Segment) {
        if self.appended.len() >= MAX_REMEMBERED {
            self.appended.clear();
        }
        let appended = self.appended.entry(final_path.to_owned()).or_default();
        appended.segments.add(segment);
        appended.fingerprint = None;
    }

    pub(crate) fn take_within(&mut self, final_path: &str, bytes: &Range<u64>) -> Vec<Segment> {
        let appended = self.appended.get_mut(final_path);
        appended.map_or_else(Vec::new, |appended| {
            appended.segments.take_within(bytes.start, bytes.end)
        })
    }

    pub(crate) fn note_appended(&mut self, final_path: &str, fingerprint: Fingerprint) {
        if let Some(appended) = self.appended.get_mut(final_path) {
            appended.fingerprint = Some(fingerprint);
        }
    }

    pub(crate) fn forget_appended(&mut self, final_path: &str) {
        self.appended.remove(final_path);
    }
}

impl LogStore {
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        // Every update is a single insert or remove, so a panicking holder left nothing half-done.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a key is captured, maybe not for the first time in this process.
    ///
    /// Without it, a log that was [finished](Self::finish) here takes no partial upload any more,
    /// since one that comes late must not. With it, the first partial upload of the new capture
    /// takes the place of the final object of the one before, so that viewers see it running.
    ///
    /// ```
    /// use remote_store_compute_log::{LogSource, LogStore, Uploaded};
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let key = LogKey::new(["backfill", "1"])?;
    /// let dir = tempfile::tempdir()?;
    /// let err = dir.path().join("1.err");
    /// std::fs::write(&err, "first")?;
    /// runtime::block_on(logs.store().driver(), async {
    ///     logs.finish(&key, &[(IoType::Stderr, &err)]).await.into_result()?;
    ///     let late = logs.upload(&key, IoType::Stderr, &err, true).await?;
    ///     assert_eq!(late, Uploaded::SkippedFinished);
    ///
    ///     logs.begin(&key);
    ///     assert!(logs.upload(&key, IoType::Stderr, &err, true).await?.is_stored());
    ///     let running = logs.read_chunk(&key, IoType::Stderr, 0, 100).await?;
    ///     assert_eq!(running.source, LogSource::Partial);
    ///     Ok::<(), remote_store_compute_log::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&self, key: &LogKey) {
        for io in IoType::ALL {
            if let Ok(path) = self.path(key, io, true) {
                self.progress().begin(&path);
            }
        }
    }

    /// Removes the final object of the capture before, once the new one can be seen.
    pub(crate) async fn replace_final(&self, key: &LogKey, io: IoType) -> Result<()> {
        if !self.progress().take_again(&self.path(key, io, true)?) {
            return Ok(());
        }
        let final_path = self.path(key, io, false)?;
        self.seen().forget(&final_path);
        let forms = self.final_forms().iter();
        self.delete_objects(forms.map(|form| form.path(&final_path)).collect())
            .await
    }

    /// Forgets a key whose objects were deleted: it may be captured again.
    pub(crate) fn forget(&self, key: &LogKey) {
        for io in IoType::ALL {
            if let Ok(path) = self.path(key, io, true) {
                self.progress().forget(&path);
            }
            if let Ok(path) = self.path(key, io, false) {
                self.progress().forget_appended(&path);
                self.seen().forget(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_size_or_time_is_a_change() {
        let mut progress = Progress::default();
        let first = Fingerprint {
            size_bytes: 1,
            modified: Some(SystemTime::UNIX_EPOCH),
        };
        progress.uploaded("p", first);
        assert!(progress.is_unchanged("p", first));
        assert!(!progress.is_unchanged(
            "p",
            Fingerprint {
                size_bytes: 2,
                ..first
            }
        ));
        assert!(!progress.is_unchanged(
            "p",
            Fingerprint {
                modified: None,
                ..first
            }
        ));
        assert!(!progress.is_unchanged("q", first));
    }

    #[test]
    fn memory_of_uploads_is_bounded() {
        let mut progress = Progress::default();
        for n in 0..=MAX_REMEMBERED {
            progress.finished(&n.to_string());
        }
        assert!(progress.finished.len() <= MAX_REMEMBERED);
        assert!(progress.is_finished(&MAX_REMEMBERED.to_string()));
    }
}
