//! From a staged file to a visible object, in one step of the file system.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::{Revision, WriteMode, WriteOptions};

use super::lock::NameLock;
use super::resolve::{Place, resolve};
use super::staging::Staged;
use super::{Inner, NAME, io_error, walk};

/// A place that was found free, or may be replaced.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    folder: PathBuf,
    mode: WriteMode,
    what: Subject,
    permissions: Option<fs::Permissions>,
    /// The content that may be replaced, when it is not any.
    wanted: Option<Revision>,
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
            wanted: None,
        })
    }

    /// The target of a write: as [`Inner::target`], and refuses early to
    /// replace another content than is wanted.
    pub(super) fn write_target(&self, key: &ObjectKey, options: &WriteOptions) -> Result<Target> {
        if let Some(wanted) = &options.if_match {
            let place = resolve(&self.root, key.as_str())?;
            check(key, &place, options.mode, Subject::File)?;
            // Before a folder is made: there is nothing to replace in a new one.
            let found = place.metadata.as_ref().map(walk::etag);
            if !wanted.is(found.as_deref()) {
                return Err(Error::conflict(key.as_str(), NAME));
            }
        }
        let target = self.target(key, options.mode, Subject::File)?;
        Ok(Target {
            wanted: options.if_match.clone(),
            ..target
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
        // The system's own time stamps are milliseconds apart: with them, a file
        // that is replaced twice in a moment could show an earlier file's tag.
        drop(staged.file().set_modified(SystemTime::now()));
        if self.fsync {
            staged.file().sync_all().map_err(failed)?;
        }
        match target.mode {
            WriteMode::Overwrite => {
                match &target.wanted {
                    None => fs::rename(staged.path(), &target.path).map_err(failed)?,
                    Some(wanted) => self.replace(key, target, staged.path(), wanted).await?,
                }
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

    /// Without hard links: a lock, a look, a rename. A reader never sees a part
    /// of the object, which a placeholder would show.
    async fn create_under_lock(&self, key: &ObjectKey, target: &Target, from: &Path) -> Result<()> {
        let lock = NameLock::acquire(key, &target.folder, &target.path).await?;
        if fs::symlink_metadata(&target.path).is_ok() {
            return Err(taken(key, target));
        }
        let renamed = fs::rename(from, &target.path);
        drop(lock);
        renamed.map_err(|err| io_error::writing(key.as_str(), &target.folder, &err))
    }

    /// Replaces one content and no other: of writers that expect the same
    /// content, the lock lets one after the other look, and only the first finds it.
    async fn replace(
        &self,
        key: &ObjectKey,
        target: &Target,
        from: &Path,
        wanted: &Revision,
    ) -> Result<()> {
        let lock = NameLock::acquire(key, &target.folder, &target.path).await?;
        let found = match fs::symlink_metadata(&target.path) {
            Ok(metadata) if metadata.is_file() => Some(walk::etag(&metadata)),
            Ok(_) => None,
            Err(err) if io_error::missing(&err) => None,
            Err(err) => return Err(io_error::reading(key.as_str(), &err)),
        };
        if !wanted.is(found.as_deref()) {
            return Err(Error::conflict(key.as_str(), NAME));
        }
        let renamed = fs::rename(from, &target.path);
        drop(lock);
        renamed.map_err(|err| io_error::writing(key.as_str(), &target.folder, &err))
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
