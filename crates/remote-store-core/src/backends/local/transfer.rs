//! Copies and moves.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::WriteMode;

use super::resolve::{Place, resolve};
use super::{Inner, NAME, io_error};

impl Inner {
    fn source(&self, key: &ObjectKey) -> Result<Place> {
        self.open()?;
        let place = resolve(&self.root, key.as_str())?;
        if place.is_folder() {
            return Err(Error::source_is_directory(key.as_str(), NAME));
        }
        if !place.is_file() {
            return Err(Error::missing(Subject::Source, key.as_str(), NAME));
        }
        Ok(place)
    }

    /// A copy is a file of its own: it never shares an inode with its source.
    pub(super) async fn copy(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        let source = self.source(from)?;
        if from == to {
            return Ok(());
        }
        let file =
            fs::File::open(&source.path).map_err(|err| io_error::reading(from.as_str(), &err))?;
        let target = self.target(to, mode, Subject::Destination)?;
        let mut staged = Self::stage(to, &target)?;
        let copied = staged.write_from(&file).await;
        copied.map_err(|err| io_error::writing(to.as_str(), target.folder(), &err))?;
        self.commit(to, &target, staged).await
    }

    pub(super) async fn rename(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        let source = self.source(from)?;
        if from == to {
            return Ok(());
        }
        if source.is_link {
            // A link would lead elsewhere from its new place; its content moves.
            return self.copy_and_delete(from, to, mode).await;
        }
        let target = self.target(to, mode, Subject::Destination)?;
        match mode {
            WriteMode::Create => {
                self.create(to, &target, &source.path).await?;
                // Where the name was renamed rather than linked, the old one is gone already.
                remove_source(from, &source.path, &self.root)
            }
            WriteMode::Overwrite => match fs::rename(&source.path, &target.path) {
                // Of two names of one file the system keeps both and calls it done.
                Ok(()) if are_two_names_of_one_file(&source.path, &target.path) => {
                    remove_source(from, &source.path, &self.root)
                }
                Ok(()) => Ok(()),
                Err(err) if err.kind() == ErrorKind::CrossesDevices => {
                    self.copy_and_delete(from, to, mode).await
                }
                Err(err) => Err(io_error::writing(to.as_str(), target.folder(), &err)),
            },
        }
    }

    async fn copy_and_delete(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        self.copy(from, to, mode).await?;
        self.delete(from)
    }
}

/// Removes the name that an object was moved away from, if it is still there.
fn remove_source(from: &ObjectKey, path: &Path, root: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(err) if !io_error::missing(&err) => Err(io_error::writing(
            from.as_str(),
            path.parent().unwrap_or(root),
            &err,
        )),
        _ => Ok(()),
    }
}

/// True when both names are there, are two, and stand for one file.
#[cfg(unix)]
fn are_two_names_of_one_file(source: &Path, target: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| {
        let metadata = fs::symlink_metadata(path).ok()?;
        // The same name may have been reached through a link to its folder.
        let real = fs::canonicalize(path).ok()?;
        Some(((metadata.dev(), metadata.ino()), real))
    };
    match (identity(source), identity(target)) {
        (Some((one, one_path)), Some((other, other_path))) => {
            one == other && one_path != other_path
        }
        _ => false,
    }
}

#[cfg(not(unix))]
fn are_two_names_of_one_file(_source: &Path, _target: &Path) -> bool {
    false
}
