//! What this process already uploaded, so that nothing is uploaded twice and nothing too late.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use remote_store_dagster_paths::{IoType, LogKey};

use crate::LogStore;

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

/// Uploads by path. Losing an entry costs one superfluous upload, never a log.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    partials: HashMap<String, Fingerprint>,
    finished: HashSet<String>,
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
    }
}

impl LogStore {
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        // Every update is a single insert or remove, so a panicking holder left nothing half-done.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets a key whose objects were deleted: it may be captured again.
    pub(crate) fn forget(&self, key: &LogKey) {
        for io in IoType::ALL {
            if let Ok(path) = self.path(key, io, true) {
                self.progress().forget(&path);
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
