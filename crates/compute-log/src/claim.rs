//! Who writes a log right now: a lock that ends with its process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use remote_store_dagster_paths::{IoType, LogKey};

use crate::{Error, Result};

/// Extension of lock files, beside `.out` and `.err`.
pub(crate) const LOCK_EXTENSION: &str = "lock";

/// Extension of the file that Dagster leaves when a capture ended.
pub(crate) const COMPLETE_EXTENSION: &str = "complete";

/// The local files of one captured step, laid out as Dagster's `LocalComputeLogManager` does:
/// `{dir}/{log key…}.{out,err}`, with `.complete` once the capture ended.
///
/// ```
/// use remote_store_compute_log::LocalFiles;
/// use remote_store_dagster_paths::{IoType, LogKey};
///
/// let files = LocalFiles::new("/var/dagster", &LogKey::new(["run1", "compute_logs", "step_a"])?)?;
/// assert!(files.stream(IoType::Stderr).ends_with("run1/compute_logs/step_a.err"));
///
/// // Keys that would leave the folder are refused.
/// assert!(LocalFiles::new("/var/dagster", &LogKey::new(["..", "a"])?).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFiles {
    stem: PathBuf,
    name: String,
}

impl LocalFiles {
    /// The files of `key` below `local_dir`; nothing is created.
    ///
    /// # Errors
    /// [`Error::UnsafeLocalName`] when a segment of the key would leave the folder.
    pub fn new(local_dir: impl AsRef<Path>, key: &LogKey) -> Result<Self> {
        let mut folder = local_dir.as_ref().to_owned();
        for segment in key.segments() {
            if segment == ".." || segment.contains(['/', '\\', '\0']) {
                return Err(Error::UnsafeLocalName {
                    key: key.to_string(),
                });
            }
        }
        folder.extend(key.folder());
        Ok(Self {
            stem: folder,
            name: key.name().to_owned(),
        })
    }

    /// The file that captures a stream.
    pub fn stream(&self, io: IoType) -> PathBuf {
        self.with_extension(io.extension())
    }

    /// The file that says that the capture ended.
    pub fn complete(&self) -> PathBuf {
        self.with_extension(COMPLETE_EXTENSION)
    }

    /// The file that the writer keeps locked. A writer whose local names are not those of the log
    /// key writes the key into it, its segments joined with NUL.
    pub fn lock(&self) -> PathBuf {
        self.with_extension(LOCK_EXTENSION)
    }

    fn with_extension(&self, extension: &str) -> PathBuf {
        self.stem.join(format!("{}.{extension}", self.name))
    }
}

/// While it lives, [`recover`](crate::LogStore::recover) leaves the step's files alone.
///
/// The operating system releases the lock when the process ends, however it ends, so a claim
/// never outlives its writer and no process id can be mistaken for another.
///
/// ```
/// use remote_store_compute_log::{Claim, LocalFiles};
/// use remote_store_dagster_paths::LogKey;
///
/// let dir = tempfile::tempdir()?;
/// let files = LocalFiles::new(dir.path(), &LogKey::new(["run1", "compute_logs", "step_a"])?)?;
/// let claim = Claim::take(&files)?.expect("nobody else writes this log");
/// assert!(Claim::take(&files)?.is_none()); // a second writer is refused
/// drop(claim);
/// assert!(!files.lock().exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Claim {
    file: Option<File>,
    path: PathBuf,
    owner_pid: u32,
    leaves_file: bool,
}

/// How often a claim is tried again when its lock file was removed under it.
const MAX_RACES: usize = 16;

impl Claim {
    /// Claims the files of one step, making their folder; `None` when another writer, or a
    /// recovery, has them.
    ///
    /// # Errors
    /// [`Error::LocalFile`] when the lock file cannot be made.
    pub fn take(files: &LocalFiles) -> Result<Option<Self>> {
        let path = files.lock();
        fs::create_dir_all(&files.stem).map_err(Error::local("create the folder of", &path))?;
        for _ in 0..MAX_RACES {
            let opened = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(false)
                .open(&path);
            let file = opened.map_err(Error::local("lock", &path))?;
            match file.try_lock() {
                Ok(()) if is_still_at(&file, &path) => {
                    return Ok(Some(Self {
                        file: Some(file),
                        path,
                        owner_pid: std::process::id(),
                        leaves_file: false,
                    }));
                }
                // The owner before removed the file between our opening and locking it.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => {
                    return Err(Error::LocalFile {
                        action: "lock",
                        path,
                        source,
                    });
                }
            }
        }
        Ok(None)
    }

    /// Leaves the file behind when it is released: a free lock says that its writer is gone.
    pub(crate) fn leave_file(&mut self) {
        self.leaves_file = true;
    }

    /// Removes the file when it is released, after all.
    pub(crate) fn remove_file(&mut self) {
        self.leaves_file = false;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A forked child inherits the value, but the claim stays its parent's.
        if self.owner_pid == std::process::id() && !self.leaves_file {
            // While still locked: whoever opens the path from now on makes a file of their own.
            let _may_be_gone = fs::remove_file(&self.path);
        }
        drop(self.file.take());
    }
}

/// Whether `file` is what the path names; a lock on a removed file would protect nothing.
#[cfg(unix)]
fn is_still_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(held), Ok(named)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (held.dev(), held.ino()) == (named.dev(), named.ino())
}

/// An open file cannot be removed here.
#[cfg(not(unix))]
fn is_still_at(_file: &File, _path: &Path) -> bool {
    true
}

/// Whether a living process holds the lock file at `path`; `None` when there is no lock to ask.
pub(crate) fn is_held(path: &Path) -> Option<bool> {
    let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
    // Alone, for a moment: writers of one log share the lock, so sharing it would tell nothing.
    match file.try_lock() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        // A file system without locks cannot tell: the age of the files decides.
        Err(TryLockError::Error(_)) => None,
    }
}
