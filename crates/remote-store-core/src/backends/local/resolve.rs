//! From keys to paths, without leaving the root.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

use super::NAME;
use super::io_error;
use super::staging;

/// Where a key lies on disk, with every link followed.
#[derive(Debug)]
pub(super) struct Place {
    /// The path to open, or to put the object at.
    pub(super) path: PathBuf,
    /// What is there; `None` when nothing is.
    pub(super) metadata: Option<Metadata>,
    /// The path of the name itself, which may be a link.
    pub(super) entry: PathBuf,
    /// True when the name itself is a link, also one that leads nowhere.
    pub(super) is_link: bool,
}

impl Place {
    pub(super) fn is_file(&self) -> bool {
        self.metadata.as_ref().is_some_and(Metadata::is_file)
    }

    pub(super) fn is_folder(&self) -> bool {
        self.metadata.as_ref().is_some_and(Metadata::is_dir)
    }
}

/// Finds the place of `name` (a key or a prefix; empty is the root itself).
///
/// Each part of the name is looked at, because each may be a link; only links
/// cost a full resolution. Somebody who swaps folders for links at the very
/// moment of a write is not kept out.
///
/// # Errors
/// [`Error::InvalidPath`] for a link that leaves the root and for names that
/// are reserved for staged files.
pub(super) fn resolve(root: &Path, name: &str) -> Result<Place> {
    let mut place = Place {
        path: root.to_owned(),
        metadata: None,
        entry: root.to_owned(),
        is_link: false,
    };
    if name.is_empty() {
        place.metadata = fs::metadata(root).ok();
        return Ok(place);
    }
    if cfg!(windows) && name.contains(':') {
        // `C:` would leave the root, and `a:b` be a hidden stream of the file `a`.
        return Err(refused(name, "Name cannot hold ':' on Windows"));
    }
    let mut segments = name.split('/');
    while let Some(segment) = segments.next() {
        if staging::is_reserved(segment) {
            return Err(refused(
                name,
                "Name is reserved for files that are being written",
            ));
        }
        place.path.push(segment);
        place.entry.clone_from(&place.path);
        match fs::symlink_metadata(&place.path) {
            Ok(metadata) if metadata.file_type().is_symlink() => {
                place.is_link = true;
                follow(root, name, &mut place)?;
            }
            Ok(metadata) => {
                place.is_link = false;
                place.metadata = Some(metadata);
            }
            Err(err) if io_error::missing(&err) => {
                place.is_link = false;
                place.metadata = None;
            }
            Err(err) => return Err(io_error::reading(name, &err)),
        }
        if place.metadata.is_none() {
            let mut rest = segments.peekable();
            let ends_here = rest.peek().is_none();
            for segment in rest {
                if staging::is_reserved(segment) {
                    return Err(refused(
                        name,
                        "Name is reserved for files that are being written",
                    ));
                }
                place.path.push(segment);
            }
            place.is_link &= ends_here;
            place.entry.clone_from(&place.path);
            return Ok(place);
        }
    }
    Ok(place)
}

/// Replaces the link at the end of `place.path` by what it leads to; a link
/// that leads nowhere stays as it is, with nothing there.
fn follow(root: &Path, name: &str, place: &mut Place) -> Result<()> {
    let target = match fs::canonicalize(&place.path) {
        Ok(target) => target,
        Err(err) if io_error::missing(&err) => {
            place.metadata = None;
            return Ok(());
        }
        Err(err) => return Err(io_error::reading(name, &err)),
    };
    let real_root = fs::canonicalize(root).map_err(|err| io_error::reading(name, &err))?;
    if !target.starts_with(&real_root) {
        return Err(refused(name, "Symbolic link leaves the root of the store"));
    }
    place.metadata = Some(fs::metadata(&target).map_err(|err| io_error::reading(name, &err))?);
    place.path = target;
    Ok(())
}

fn refused(name: &str, reason: &str) -> Error {
    Error::InvalidPath {
        path: name.to_owned(),
        reason: reason.to_owned(),
        backend: Some(NAME.to_owned()),
        source: None,
    }
}
