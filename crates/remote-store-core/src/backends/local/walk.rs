//! Listings in the order of keys, without following links to folders.
//!
//! A folder behind a link can be reached by name, but is not listed: what it
//! holds lies inside the root anyway and is listed there, and no loop of links
//! can make a listing endless.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::error::Result;
use crate::key::{ObjectKey, Prefix};
use crate::model::ObjectInfo;
use crate::runtime::yield_now;

use super::io_error;
use super::resolve::resolve;
use super::staging;

/// One visible thing in a folder.
#[derive(Debug)]
pub(super) enum Entry {
    /// An object.
    File(ObjectInfo),
    /// A folder and where it lies.
    Folder(Prefix, PathBuf),
}

impl Entry {
    /// Folders sort as if their name ended in a slash: that is the order of the
    /// keys below them.
    fn order(&self) -> (&str, &str) {
        match self {
            Self::File(info) => (info.key.as_str(), ""),
            Self::Folder(prefix, _) => (prefix.as_str(), "/"),
        }
    }
}

/// The visible things in a folder, in the order of keys; nothing when there is
/// no such folder.
pub(super) fn entries(root: &Path, prefix: &Prefix, folder: &Path) -> Result<Vec<Entry>> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(err) if io_error::missing(&err) => return Ok(Vec::new()),
        Err(err) => return Err(io_error::folder(prefix.as_str(), &err)),
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|err| io_error::folder(prefix.as_str(), &err))?;
        if let Some(visible) = look_at(root, prefix, &entry)? {
            found.push(visible);
        }
    }
    found.sort_by(|a, b| {
        let ((a, a_end), (b, b_end)) = (a.order(), b.order());
        a.bytes()
            .chain(a_end.bytes())
            .cmp(b.bytes().chain(b_end.bytes()))
    });
    Ok(found)
}

fn look_at(root: &Path, prefix: &Prefix, entry: &DirEntry) -> Result<Option<Entry>> {
    let name = entry.file_name();
    let Some(name) = name.to_str().filter(|name| !staging::is_reserved(name)) else {
        return Ok(None);
    };
    // A name that no key can have (`a\b`) cannot be asked for either.
    let Some(key) = prefix.join(name).ok().filter(|key| key.name() == name) else {
        return Ok(None);
    };
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        // Gone since the folder was read.
        Err(err) if io_error::missing(&err) => return Ok(None),
        Err(err) => return Err(io_error::folder(key.as_str(), &err)),
    };
    if metadata.is_dir() {
        return Ok(Some(Entry::Folder(key.to_prefix(), entry.path())));
    }
    if metadata.is_file() {
        return Ok(Some(Entry::File(info(&key, &metadata))));
    }
    if metadata.is_symlink() {
        // What leads out of the root or nowhere is not there.
        let target = resolve(root, key.as_str())
            .ok()
            .and_then(|place| place.metadata);
        return Ok(target
            .filter(Metadata::is_file)
            .map(|metadata| Entry::File(info(&key, &metadata))));
    }
    Ok(None)
}

/// What the file system knows about an object.
pub(super) fn info(key: &ObjectKey, metadata: &Metadata) -> ObjectInfo {
    ObjectInfo {
        modified: metadata.modified().ok().map(DateTime::<Utc>::from),
        etag: Some(etag(metadata)),
        ..ObjectInfo::new(key.clone(), metadata.len())
    }
}

/// A tag that no other content of the same name has had: the file is a new one
/// for each write, or its time is another.
#[cfg(unix)]
pub(super) fn etag(metadata: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!(
        "{:x}-{:x}.{:09}-{:x}",
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.len()
    )
}

#[cfg(not(unix))]
pub(super) fn etag(metadata: &Metadata) -> String {
    let since = metadata
        .modified()
        .ok()
        .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    format!(
        "{:x}-{:x}",
        since.unwrap_or_default().as_nanos(),
        metadata.len()
    )
}

/// Everything below a folder, in the order of keys, after `after`.
pub(super) fn walk(
    root: PathBuf,
    prefix: Prefix,
    folder: PathBuf,
    after: Option<ObjectKey>,
) -> BoxStream<'static, Result<ObjectInfo>> {
    let pending = vec![Entry::Folder(prefix, folder)];
    stream::try_unfold(pending, move |mut pending| {
        let (root, after) = (root.clone(), after.clone());
        async move {
            while let Some(entry) = pending.pop() {
                match entry {
                    Entry::File(info) => {
                        if after.as_ref().is_none_or(|after| info.key > *after) {
                            return Ok(Some((info, pending)));
                        }
                    }
                    Entry::Folder(prefix, folder) => {
                        if after
                            .as_ref()
                            .is_none_or(|after| may_follow(&prefix, after))
                        {
                            let found = entries(&root, &prefix, &folder)?;
                            pending.extend(found.into_iter().rev());
                            yield_now().await;
                        }
                    }
                }
            }
            Ok(None)
        }
    })
    .boxed()
}

/// True when a key below `prefix` can come after `after`.
fn may_follow(prefix: &Prefix, after: &ObjectKey) -> bool {
    prefix.is_root() || prefix.contains(after) || format!("{prefix}/").as_str() > after.as_str()
}

/// True when a folder shows nothing; staged files do not count.
pub(super) fn is_empty(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !entry?
            .file_name()
            .to_str()
            .is_some_and(staging::is_reserved)
        {
            return Ok(false);
        }
    }
    Ok(true)
}
