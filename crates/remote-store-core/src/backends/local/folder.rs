//! Deleting objects and folders, and the look whether the root can be used.

use std::fs;

use crate::backends::staged;
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};

use super::resolve::resolve;
use super::{Inner, NAME, io_error, staging, walk};

impl Inner {
    pub(super) fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.open()?;
        let place = resolve(&self.root, key.as_str())?;
        if place.metadata.is_none() && !place.is_link {
            return Err(Error::not_found(key.as_str(), NAME));
        }
        if place.is_folder() {
            return Err(Error::not_a_file(key.as_str(), NAME));
        }
        let folder = place.entry.parent().unwrap_or(&self.root);
        // The name goes, not what a link leads to.
        fs::remove_file(&place.entry).map_err(|err| {
            if io_error::missing(&err) {
                Error::not_found(key.as_str(), NAME)
            } else {
                io_error::writing(key.as_str(), folder, &err)
            }
        })
    }

    pub(super) fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        self.open()?;
        let place = resolve(&self.root, prefix.as_str())?;
        let failed = |err: std::io::Error| io_error::folder(prefix.as_str(), &err);
        if place.metadata.is_none() {
            return Err(Error::missing(Subject::Folder, prefix.as_str(), NAME));
        }
        if !place.is_folder() {
            return Err(Error::not_a_folder(prefix.as_str(), NAME));
        }
        if !recursive && !walk::is_empty(&place.path).map_err(failed)? {
            return Err(Error::DirectoryNotEmpty {
                path: prefix.to_string(),
                backend: NAME.into(),
                source: None,
            });
        }
        if place.is_link {
            return fs::remove_file(&place.entry).map_err(failed);
        }
        if recursive {
            return fs::remove_dir_all(&place.path).map_err(failed);
        }
        staging::remove_stale(&place.path);
        fs::remove_dir(&place.path).map_err(failed)
    }

    /// The root can be read, or could be made: the first folder on the way to
    /// it is made and taken away again.
    pub(super) fn ping(&self) -> Result<()> {
        self.open()?;
        let shown = self.root.to_string_lossy();
        if self.root.exists() {
            let looked = fs::read_dir(&self.root);
            return looked
                .map(drop)
                .map_err(|err| io_error::folder(&shown, &err));
        }
        let existing = self.root.ancestors().find(|path| path.exists());
        let existing = existing.unwrap_or(&self.root);
        let probe = existing.join(staged::fresh_name());
        let made = fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe));
        made.map_err(|err| io_error::making(&shown, &self.root, &self.root, existing, &err))
    }
}
