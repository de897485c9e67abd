//! From a staged file to a visible object, in one step of the file system.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::WriteMode;
use crate::runtime::yield_now;

use super::io_error;
use super::resolve::{Place, resolve};
use super::staging::{self, Staged};
use super::{Inner, NAME};

/// How long a creation waits for another one of the same name; the lock is held
/// for two system calls only.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// A lock older than this was left by a killed process.
const LOCK_STALE: Duration = Duration::from_secs(30);

/// A place that was found free, or may be replaced.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    folder: PathBuf,
    mode: WriteMode,
    what: Subject,
    permissions: Option<fs::Permissions>,
}

impl Target {
    /// The folder that the object will be in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Inner {
    /// Checks a target, makes its folder and sweeps that folder.
    pub(super) fn target(&self, key: &ObjectKey, mode: WriteMode, what: Subject) -> Result<Target> {
        let place = resolve(&self.root, key.as_str())?;
        check(key, &place, mode, what)?;
        let folder = place.path.parent().unwrap_or(&self.root).to_owned();
        if place.metadata.is_none() {
            self.make_folder(key, &folder)?;
        }
        self.sweeper.sweep(&folder);
        let permissions = place.metadata.map(|metadata| metadata.permissions());
        Ok(Target {
            path: place.path,
            folder,
            mode,
            what,
            permissions,
        })
    }

    /// A staged file for a target.
    pub(super) fn stage(key: &ObjectKey, target: &Target) -> Result<Staged> {
        Staged::create(&target.folder)
            .or_else(|err| {
                if err.kind() == ErrorKind::NotFound {
                    // Somebody removed the folder in between.
                    fs::create_dir_all(&target.folder)?;
                    return Staged::create(&target.folder);
                }
                Err(err)
            })
            .map_err(|err| io_error::writing(key.as_str(), &target.folder, &err))
    }

    fn make_folder(&self, key: &ObjectKey, folder: &Path) -> Result<()> {
        let Err(err) = fs::create_dir_all(folder) else {
            return Ok(());
        };
        for above in key.ancestors() {
            if fs::metadata(self.root.join(above.as_str())).is_ok_and(|metadata| metadata.is_file())
            {
                return Err(Error::below_file(key.as_str(), above.as_str(), NAME));
            }
        }
        let existing = folder
            .ancestors()
            .find(|path| path.exists())
            .unwrap_or(folder);
        Err(io_error::making(
            key.as_str(),
            &self.root,
            folder,
            existing,
            &err,
        ))
    }

    /// Makes a staged file visible as `target`.
    pub(super) async fn commit(
        &self,
        key: &ObjectKey,
        target: &Target,
        staged: Staged,
    ) -> Result<()> {
        let failed = |err: io::Error| io_error::writing(key.as_str(), &target.folder, &err);
        if let Some(permissions) = &target.permissions {
            // Keeping the mode is a courtesy that not every file system can do.
            drop(staged.file().set_permissions(permissions.clone()));
        }
        if self.fsync {
            staged.file().sync_all().map_err(failed)?;
        }
        match target.mode {
            WriteMode::Overwrite => {
                fs::rename(staged.path(), &target.path).map_err(failed)?;
                staged.placed();
            }
            WriteMode::Create => self.create(key, target, staged.path()).await?,
        }
        if self.fsync {
            sync_folder(&target.folder).map_err(failed)?;
        }
        Ok(())
    }

    /// Gives the file at `from` the target's name, unless the name is taken.
    /// The old name may stay; the caller removes it.
    pub(super) async fn create(&self, key: &ObjectKey, target: &Target, from: &Path) -> Result<()> {
        if self.hard_links {
            match fs::hard_link(from, &target.path) {
                Ok(()) => return Ok(()),
                Err(err) if err.kind() == ErrorKind::AlreadyExists => {
                    return Err(taken(key, target));
                }
                Err(err) if links_unsupported(&err) => {}
                Err(err) => return Err(io_error::writing(key.as_str(), &target.folder, &err)),
            }
        }
        self.create_under_lock(key, target, from).await
    }

    /// Without hard links: an exclusive lock file, a look, a rename. A reader
    /// never sees a part of the object, which a placeholder would show.
    async fn create_under_lock(&self, key: &ObjectKey, target: &Target, from: &Path) -> Result<()> {
        let name = target
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let lock = target.folder.join(staging::lock_name(&name));
        let started = Instant::now();
        let guard = loop {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(_) => break LockFile(lock),
                Err(err) if err.kind() != ErrorKind::AlreadyExists => {
                    return Err(io_error::writing(key.as_str(), &target.folder, &err));
                }
                Err(_) if fs::symlink_metadata(&target.path).is_ok() => {
                    return Err(taken(key, target));
                }
                Err(_) if staging::older_than(&lock, LOCK_STALE, SystemTime::now()) => {
                    drop(fs::remove_file(&lock));
                }
                Err(err) if started.elapsed() > LOCK_WAIT => {
                    let locked = Error::ResourceLocked {
                        path: key.to_string(),
                        backend: NAME.to_owned(),
                        source: None,
                    };
                    return Err(locked.caused_by(&err));
                }
                Err(_) => yield_now().await,
            }
        };
        if fs::symlink_metadata(&target.path).is_ok() {
            return Err(taken(key, target));
        }
        let renamed = fs::rename(from, &target.path);
        drop(guard);
        renamed.map_err(|err| io_error::writing(key.as_str(), &target.folder, &err))
    }
}

/// Removed when the creation is over, however it ends.
struct LockFile(PathBuf);

impl Drop for LockFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

fn check(key: &ObjectKey, place: &Place, mode: WriteMode, what: Subject) -> Result<()> {
    if place.is_folder() {
        return Err(Error::not_a_file(key.as_str(), NAME));
    }
    let there = place.metadata.is_some();
    if there && !place.is_file() {
        return Err(Error::not_a_file(key.as_str(), NAME));
    }
    if mode == WriteMode::Create && (there || place.is_link) {
        return Err(Error::already_exists(what, key.as_str(), NAME));
    }
    Ok(())
}

fn taken(key: &ObjectKey, target: &Target) -> Error {
    if fs::metadata(&target.path).is_ok_and(|metadata| metadata.is_dir()) {
        return Error::not_a_file(key.as_str(), NAME);
    }
    Error::already_exists(target.what, key.as_str(), NAME)
}

/// FAT, some network file systems and some containers have no hard links; they
/// say so in different ways.
fn links_unsupported(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::Unsupported
            | ErrorKind::CrossesDevices
            | ErrorKind::TooManyLinks
            | ErrorKind::InvalidInput
    )
}

/// The new name itself must reach the disk too.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
