//! Files on their way: written beside their target under a reserved name.
//!
//! A staged file is removed when its writer gives up. One that a killed process
//! left behind is hidden from listings and removed, a day later, by the next
//! write into its folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::backends::staged::{
    LOCK, NAME_ATTEMPTS, RESERVED, STALE, SWEEP_ENTRIES, SweptFolders, aside, fresh_name,
};
pub(super) use crate::backends::staged::{is_reserved, lock_name};
use crate::runtime::yield_now;

use super::lock::NameLock;

/// Written between two looks at waiting signals.
const CHUNK_BYTES: usize = 8 << 20;
/// A staged file; removed when dropped before it was put in place.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    placed: bool,
    written: u64,
}

impl Staged {
    /// A new staged file in `folder`, which exists.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        let mut last = io::Error::from(ErrorKind::AlreadyExists);
        for _ in 0..NAME_ATTEMPTS {
            let path = folder.join(fresh_name());
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    return Ok(Self {
                        file,
                        path,
                        placed: false,
                        written: 0,
                    });
                }
                Err(err) if err.kind() == ErrorKind::AlreadyExists => last = err,
                Err(err) => return Err(err),
            }
        }
        Err(last)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Adds bytes, looking up between chunks.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
            if index > 0 {
                yield_now().await;
            }
            self.file.write_all(chunk)?;
            self.written += chunk.len() as u64;
        }
        Ok(())
    }

    /// Adds all of another file.
    pub(super) async fn write_from(&mut self, source: &File) -> io::Result<()> {
        use io::Read;
        loop {
            // `io::copy` lets the kernel copy, or share blocks where it can.
            let copied = io::copy(&mut source.take(CHUNK_BYTES as u64 * 8), &mut self.file)?;
            self.written += copied;
            if copied == 0 {
                return Ok(());
            }
            yield_now().await;
        }
    }

    /// The name is no longer ours: it was renamed away.
    pub(super) fn placed(mut self) {
        self.placed = true;
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.placed {
            // Nobody is left to tell; a leftover is hidden and swept later.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Which folders this backend has looked through for leftovers.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    swept: SweptFolders<PathBuf>,
}

impl Sweeper {
    /// Removes what killed processes left in `folder`, once per folder.
    pub(super) fn sweep(&self, folder: &Path) {
        if self.swept.is_first(folder.to_owned()) {
            remove_stale(folder);
        }
    }
}

/// Removes stale staged files; whatever fails is left for the next time.
pub(super) fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let now = SystemTime::now();
    for entry in entries.take(SWEEP_ENTRIES).flatten() {
        let name = entry.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(RESERVED)) else {
            continue;
        };
        if !older_than(&entry.path(), STALE, now) {
            continue;
        }
        if rest.starts_with(LOCK) {
            // Somebody may just have taken an old one over: it goes with its lock.
            drop(NameLock::try_acquire(&entry.path()));
        } else if name.to_str().and_then(aside).is_none() {
            // An object that another backend moved aside is for that one to put back.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// True when the file was last changed longer ago than `age`.
pub(super) fn older_than(path: &Path, age: Duration, now: SystemTime) -> bool {
    fs::symlink_metadata(path)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|modified| {
            now.duration_since(modified)
                .is_ok_and(|passed| passed > age)
        })
}
