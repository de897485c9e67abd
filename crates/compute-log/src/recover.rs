//! Logs of dead workers: found in local staging folders, uploaded late but not lost.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, stream};
use remote_store_dagster_paths::{IoType, LogKey};

use crate::claim::{Claim, LocalFiles};
use crate::cut::Cut;
use crate::staging::{Staged, scan};
use crate::{Error, LogStore, Result};

/// Files untouched for this long, without a lock to tell, have lost their writer: one hour.
pub const DEFAULT_IDLE: Duration = Duration::from_hours(1);

/// Logs recovered side by side: each may hold two parts of a file in memory.
const LOGS_AT_A_TIME: usize = 8;

/// How [`LogStore::recover`] goes about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoverOptions {
    /// Logs whose files changed more recently than this are left alone, unless a lock file shows
    /// that their writer is dead.
    pub idle: Duration,
    /// Whether local files go once they are stored.
    pub remove_local: bool,
    /// Only say what would be done.
    pub dry_run: bool,
}

impl Default for RecoverOptions {
    fn default() -> Self {
        Self {
            idle: DEFAULT_IDLE,
            remove_local: false,
            dry_run: false,
        }
    }
}

impl RecoverOptions {
    /// With another idle time; zero takes every log that no living process has locked.
    #[must_use]
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Whether local files go once they are stored.
    #[must_use]
    pub fn with_remove_local(mut self, remove_local: bool) -> Self {
        self.remove_local = remove_local;
        self
    }

    /// Whether only to say what would be done.
    #[must_use]
    pub fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }
}

/// What [`LogStore::recover`] found and did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Recovered {
    /// Logs that are in the store now (with `dry_run`: that would be), sorted.
    pub uploaded: Vec<LogKey>,
    /// Logs that were there already.
    pub already_stored: Vec<LogKey>,
    /// Logs whose writer is, or may be, alive.
    pub in_use: Vec<LogKey>,
    /// Logs that could not be stored, with the reason; their files are kept.
    pub failed: Vec<(LogKey, Error)>,
    /// Folders that could not be read.
    pub unreadable: Vec<PathBuf>,
}

impl LogStore {
    /// Uploads what dead workers left in the staging folder `local_dir`.
    ///
    /// A worker that was killed, or whose store was down when its step ended, leaves its files in
    /// the layout of [`LocalFiles`]. Each log is finished as its worker would have done it. Safe
    /// to repeat and beside running workers: a log is left alone while its lock file is held or,
    /// without one, until its files were untouched for [`RecoverOptions::idle`]; one that is in
    /// the store already is not uploaded again. One log's failure does not stop the others.
    ///
    /// Only files that look like captures are taken (both streams, a `.complete` or `.lock` file
    /// beside them, or a folder named `compute_logs`), since Dagster's default staging folder is
    /// the system's temporary one. Symbolic links are not followed. Give it the folders of workers:
    /// what a viewer downloaded looks the same and would bring a deleted log back.
    ///
    /// # Errors
    /// [`Error::LocalFile`] when `local_dir` itself cannot be read.
    ///
    /// ```
    /// use std::time::Duration;
    /// use remote_store_compute_log::{LogStore, RecoverOptions};
    /// use remote_store_core::{Store, runtime};
    ///
    /// let dir = tempfile::tempdir()?;
    /// std::fs::create_dir_all(dir.path().join("run1/compute_logs"))?;
    /// std::fs::write(dir.path().join("run1/compute_logs/step_a.err"), "Traceback …")?;
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let now = RecoverOptions::default().with_idle(Duration::ZERO);
    /// let first = runtime::block_on(logs.store().driver(), logs.recover(dir.path(), &now))??;
    /// assert_eq!(first.uploaded[0].to_string(), "run1/compute_logs/step_a");
    /// let second = runtime::block_on(logs.store().driver(), logs.recover(dir.path(), &now))??;
    /// assert!(second.uploaded.is_empty() && second.already_stored.len() == 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn recover(&self, local_dir: &Path, options: &RecoverOptions) -> Result<Recovered> {
        let found = scan(local_dir)?;
        let mut report = Recovered {
            unreadable: found.unreadable,
            ..Recovered::default()
        };
        let verdicts = found.logs.into_iter().map(|staged| async move {
            let verdict = self.recover_one(local_dir, &staged, options).await;
            (staged.key, verdict)
        });
        let mut verdicts = stream::iter(verdicts).buffered(LOGS_AT_A_TIME);
        while let Some((key, verdict)) = verdicts.next().await {
            match verdict {
                Ok(Verdict::Uploaded) => report.uploaded.push(key),
                Ok(Verdict::AlreadyStored) => report.already_stored.push(key),
                Ok(Verdict::InUse) => report.in_use.push(key),
                Err(error) => report.failed.push((key, error)),
            }
        }
        Ok(report)
    }

    async fn recover_one(
        &self,
        local_dir: &Path,
        staged: &Staged,
        options: &RecoverOptions,
    ) -> Result<Verdict> {
        let files = LocalFiles::new(local_dir, &staged.local)?;
        if may_be_in_use(&files, staged, options.idle) {
            return Ok(Verdict::InUse);
        }
        if options.dry_run {
            let stored = self.is_stored(staged, &files).await?;
            return Ok(if stored {
                Verdict::AlreadyStored
            } else {
                Verdict::Uploaded
            });
        }
        let had_lock = files.lock().exists();
        // Held until the files are dealt with: a second recovery must not upload them as well.
        let Some(mut claim) = Claim::take(&files)? else {
            return Ok(Verdict::InUse);
        };
        if had_lock {
            // As long as the files stay: the next recovery sees at once that nobody writes them.
            claim.leave_file();
        }
        let verdict = if self.is_stored(staged, &files).await? {
            Verdict::AlreadyStored
        } else {
            let streams: Vec<(IoType, PathBuf)> = staged
                .streams
                .iter()
                .map(|io| (*io, files.stream(*io)))
                .collect();
            let finished = self.finish_and_sweep(&staged.key, &streams, true).await;
            finished.into_result()?;
            Verdict::Uploaded
        };
        if options.remove_local {
            remove(&files)?;
            claim.remove_file();
        }
        drop(claim);
        Ok(verdict)
    }

    /// Whether the store holds all that these files could add to it.
    async fn is_stored(&self, staged: &Staged, files: &LocalFiles) -> Result<bool> {
        let mut all_empty = true;
        for io in &staged.streams {
            let local = files.stream(*io);
            let mut file = std::fs::File::open(&local).map_err(Error::local("read", &local))?;
            let size = file.metadata().map_err(Error::local("read", &local))?.len();
            if size == 0 && self.skip_empty {
                continue;
            }
            all_empty = false;
            let expected = Cut::plan(&mut file, size, self.max_bytes)
                .map_err(Error::local("read", &local))?
                .stored();
            let final_path = self.path(&staged.key, *io, false)?;
            // A larger object was written by a worker that captured more: leave it.
            if self
                .final_size(&final_path)
                .await?
                .is_none_or(|size| size < expected)
            {
                return Ok(false);
            }
        }
        if all_empty {
            self.is_complete(&staged.key).await
        } else {
            Ok(true)
        }
    }
}

/// What became of one log.
enum Verdict {
    Uploaded,
    AlreadyStored,
    InUse,
}

/// A held lock proves a living writer, a free one a dead one; without a lock only time tells.
fn may_be_in_use(files: &LocalFiles, staged: &Staged, idle: Duration) -> bool {
    if let Some(held) = crate::claim::is_held(&files.lock()) {
        return held;
    }
    let age = SystemTime::now()
        .duration_since(staged.changed)
        .unwrap_or_default();
    age < idle
}

fn remove(files: &LocalFiles) -> Result<()> {
    let mut paths: Vec<PathBuf> = IoType::ALL.into_iter().map(|io| files.stream(io)).collect();
    // Last: while it is there, whoever looks at the local files still sees a finished capture.
    paths.push(files.complete());
    for path in paths {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::local("remove", path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}
