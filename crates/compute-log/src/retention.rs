//! Logs that are old enough to go.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use remote_store_core::{ListOptions, ObjectInfo};

use crate::claim::{self, COMPLETE_EXTENSION, LOCK_EXTENSION};
use crate::segments::{COMPRESSED_SUFFIX, FOLDER_SUFFIX};
use crate::{LogStore, Result};

/// How [`LogStore::gc`] goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GcOptions {
    /// Logs to which nothing was added for longer than this go.
    pub max_age: Duration,
    /// Only say what would be done.
    pub dry_run: bool,
    /// First segments of log keys that stay however old they are: the ids of runs that are not
    /// finished.
    pub keep: HashSet<String>,
    /// Whether logs without a final object go, too: those of killed workers, when `keep` names
    /// all that can be alive. They stay by default, since nothing else tells them from running ones.
    pub abandoned: bool,
    /// The staging folder of workers on this machine: what one of them has locked stays.
    pub local_dir: Option<PathBuf>,
    /// The time by which age is told.
    pub now: SystemTime,
}

impl GcOptions {
    /// Logs older than `max_age` go; running ones, and all that may be, stay.
    pub fn new(max_age: Duration) -> Self {
        Self {
            max_age,
            dry_run: false,
            keep: HashSet::new(),
            abandoned: false,
            local_dir: None,
            now: SystemTime::now(),
        }
    }

    /// Whether only to say what would be done.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// With first segments of log keys that stay.
    #[must_use]
    pub fn with_keep(mut self, keep: impl IntoIterator<Item = String>) -> Self {
        self.keep = keep.into_iter().collect();
        self
    }

    /// Whether logs without a final object go, too.
    #[must_use]
    pub fn with_abandoned(mut self, abandoned: bool) -> Self {
        self.abandoned = abandoned;
        self
    }

    /// With the staging folder of workers on this machine.
    #[must_use]
    pub fn with_local_dir(mut self, local_dir: impl Into<PathBuf>) -> Self {
        self.local_dir = Some(local_dir.into());
        self
    }

    /// With another time than the clock's.
    #[must_use]
    pub fn with_now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }
}

/// What [`LogStore::gc`] found and did. Logs are named by their path below `{prefix}/storage`,
/// without extension.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// Logs that were deleted (with `dry_run`: that would be), sorted.
    pub deleted: Vec<String>,
    /// Logs that are old enough, but run or may run.
    pub running: Vec<String>,
    /// Logs that are not old enough.
    pub recent: u64,
    /// Bytes that were freed (with `dry_run`: that would be), as stored.
    pub freed_bytes: u64,
}

/// The objects of one log.
#[derive(Debug, Default)]
struct Stored {
    paths: Vec<String>,
    bytes: u64,
    newest: Option<SystemTime>,
    is_final: bool,
    is_running: bool,
}

impl LogStore {
    /// Deletes logs to which nothing was added for [`GcOptions::max_age`], in bulk.
    ///
    /// Safe beside running workers and to repeat. What is no log is never touched, nor is a log
    /// of which the store does not tell the age.
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the store fails or refuses.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use remote_store_compute_log::{GcOptions, LogStore};
    /// use remote_store_core::{Store, WriteOptions, runtime};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let day = Duration::from_secs(24 * 3600);
    /// runtime::block_on(logs.store().driver(), async {
    ///     for name in ["step_a.out", "step_a.err", "step_b.err.partial"] {
    ///         let path = format!("dagster/storage/run1/compute_logs/{name}");
    ///         logs.store().write(&path, "…".into(), &WriteOptions::create()).await?;
    ///     }
    ///     let today = logs.gc(&GcOptions::new(30 * day)).await?;
    ///     assert_eq!((today.deleted.len(), today.recent), (0, 2));
    ///
    ///     let later = GcOptions::new(30 * day).with_now(SystemTime::now() + 31 * day);
    ///     let found = logs.gc(&later).await?;
    ///     assert_eq!(found.deleted, ["run1/compute_logs/step_a"]);
    ///     assert_eq!(found.running, ["run1/compute_logs/step_b"]); // no final object: it may run
    ///     Ok::<(), remote_store_compute_log::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn gc(&self, options: &GcOptions) -> Result<Collected> {
        let root = self.folder(&[])?;
        let mut listing = self.store.list(&root, &ListOptions::recursive())?;
        let mut report = Collected::default();
        // Objects of one log stand in one folder: only one folder of logs is held in memory.
        let (mut folder, mut logs) = (String::new(), BTreeMap::<String, Stored>::new());
        while let Some(object) = listing.next().await {
            let object = match object {
                Ok(object) => object,
                Err(error) if error.is_missing_object() => break,
                Err(error) => return Err(error.into()),
            };
            let Some((log, part)) = parse(&root, object.key.as_str()) else {
                continue;
            };
            let above = log.rsplit_once('/').map_or("", |(above, _)| above);
            if above != folder {
                let done = std::mem::take(&mut logs);
                self.collect(done, options, &mut report).await?;
                above.clone_into(&mut folder);
            }
            logs.entry(log).or_default().add(&object, part);
        }
        self.collect(logs, options, &mut report).await?;
        report.deleted.sort();
        report.running.sort();
        if !report.deleted.is_empty() && !options.dry_run {
            *self.seen() = crate::seen::Seen::default();
        }
        Ok(report)
    }

    async fn collect(
        &self,
        logs: BTreeMap<String, Stored>,
        options: &GcOptions,
        report: &mut Collected,
    ) -> Result<()> {
        let mut paths = Vec::new();
        for (log, stored) in logs {
            if !stored.is_older_than(options.max_age, options.now) {
                report.recent += 1;
            } else if may_run(&log, &stored, options) {
                report.running.push(log);
            } else {
                report.freed_bytes += stored.bytes;
                paths.extend(stored.paths);
                report.deleted.push(log);
            }
        }
        if options.dry_run || paths.is_empty() {
            return Ok(());
        }
        self.delete_objects(paths).await
    }
}

/// What an object is to its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Final,
    Running,
}

impl Stored {
    fn add(&mut self, object: &ObjectInfo, part: Part) {
        self.paths.push(object.key.as_str().to_owned());
        self.bytes += object.size;
        // An unknown time counts as none at all: such a log has no age.
        let changed = object.modified.map(SystemTime::from);
        self.newest = match (self.newest, changed) {
            (Some(newest), Some(changed)) => Some(newest.max(changed)),
            (None, changed) if self.paths.len() == 1 => changed,
            _ => None,
        };
        self.is_final |= part == Part::Final;
        self.is_running |= part == Part::Running;
    }

    fn is_older_than(&self, max_age: Duration, now: SystemTime) -> bool {
        let age = self
            .newest
            .and_then(|newest| now.duration_since(newest).ok());
        age.is_some_and(|age| age > max_age)
    }
}

fn may_run(log: &str, stored: &Stored, options: &GcOptions) -> bool {
    let first = log.split('/').next().unwrap_or(log);
    if options.keep.contains(first) {
        return true;
    }
    if let Some(local_dir) = &options.local_dir
        && is_locked(local_dir, log)
    {
        return true;
    }
    (!stored.is_final || stored.is_running) && !options.abandoned
}

fn is_locked(local_dir: &Path, log: &str) -> bool {
    let lock = local_dir.join(format!("{log}.{LOCK_EXTENSION}"));
    claim::is_held(&lock) == Some(true)
}

/// The log that an object belongs to; none for what is no log.
fn parse(root: &str, path: &str) -> Option<(String, Part)> {
    let below = path.strip_prefix(root)?.strip_prefix('/')?;
    let (name, in_segments) = match below.rsplit_once('/') {
        Some((above, _)) if above.ends_with(FOLDER_SUFFIX) => {
            (above.strip_suffix(FOLDER_SUFFIX)?, true)
        }
        _ => (below, false),
    };
    let plain = name.strip_suffix(COMPRESSED_SUFFIX).unwrap_or(name);
    let (plain, partial) = match plain.strip_suffix(".partial") {
        Some(plain) => (plain, true),
        None => (plain, false),
    };
    let (log, extension) = plain.rsplit_once('.')?;
    let known = ["out", "err", COMPLETE_EXTENSION].contains(&extension);
    let part = if partial || in_segments {
        Part::Running
    } else {
        Part::Final
    };
    known.then(|| (log.to_owned(), part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_of_a_log_is_its_and_nothing_else_is() {
        let log = |name: &str| parse("p/storage", &format!("p/storage/{name}"));
        for (name, part) in [
            ("r/c/a.v2.out", Part::Final),
            ("r/c/a.v2.err.zst", Part::Final),
            ("r/c/a.v2.complete", Part::Final),
            ("r/c/a.v2.err.partial", Part::Running),
            ("r/c/a.v2.out.seg/00-01.zst", Part::Running),
        ] {
            assert_eq!(log(name), Some(("r/c/a.v2".into(), part)), "{name}");
        }
        for name in ["r/c/notes.txt", "r/c/a", "manifest.json", "r.seg/x"] {
            assert_eq!(log(name), None, "{name}");
        }
        assert_eq!(parse("p/storage", "p/elsewhere/a.out"), None);
    }
}
