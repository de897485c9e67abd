//! One writer of a name at a time, among threads and processes.
//!
//! The lock is the system's lock on a hidden file beside the object, not the
//! file's existence: it ends with the process that holds it, so that no lock is
//! ever left behind and none has to be broken.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::runtime::yield_now;

use super::staging;
use super::{NAME, io_error};

/// How long a writer waits for others of the same name; each holds the lock
/// for a few system calls only.
const WAIT: Duration = Duration::from_secs(30);
/// Between two tries: long enough to let the holder work, short beside its work.
const PAUSE: Duration = Duration::from_micros(200);

/// The right to change what stands under one name; given back when dropped.
#[derive(Debug)]
pub(super) struct NameLock {
    path: PathBuf,
    _file: File,
}

impl NameLock {
    /// Waits for the right to change `target`, which lies in `folder`.
    pub(super) async fn acquire(key: &ObjectKey, folder: &Path, target: &Path) -> Result<Self> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let path = folder.join(staging::lock_name(&name));
        let started = Instant::now();
        loop {
            match Self::try_acquire(&path) {
                Ok(Some(lock)) => return Ok(lock),
                Ok(None) => {}
                Err(err) if err.kind() == ErrorKind::Unsupported => {
                    return Err(unlockable(key, folder).caused_by(&err));
                }
                Err(err) => return Err(io_error::writing(key.as_str(), folder, &err)),
            }
            if started.elapsed() > WAIT {
                return Err(Error::ResourceLocked {
                    path: key.to_string(),
                    backend: NAME.to_owned(),
                    source: None,
                });
            }
            std::thread::sleep(PAUSE);
            yield_now().await;
        }
    }

    /// The lock at `path`, or nothing when somebody else holds it.
    pub(super) fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path);
        let file = match opened {
            Ok(file) => file,
            // Windows: its holder is just removing it.
            Err(err) if cfg!(windows) && err.kind() == ErrorKind::PermissionDenied => {
                return Ok(None);
            }
            Err(err) => return Err(err),
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => Ok(Some(Self {
                path: path.to_owned(),
                _file: file,
            })),
            // Held, or locked after its holder had removed it: nobody else looks there.
            Ok(()) | Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(err)) => Err(err),
        }
    }
}

impl Drop for NameLock {
    fn drop(&mut self) {
        // Removed while it is held; whoever waits for it finds a new file.
        drop(fs::remove_file(&self.path));
    }
}

/// True when the open file is the one that has the name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// A removed file that is still open keeps its name here, and cannot be opened again.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn unlockable(key: &ObjectKey, folder: &Path) -> Error {
    Error::BackendUnavailable {
        message: format!(
            "The file system of {} has no file locks, which writing {key} on condition needs; overwrite it, \
             or choose another root",
            folder.display()
        ),
        path: Some(key.to_string()),
        backend: NAME.to_owned(),
        source: None,
    }
}
