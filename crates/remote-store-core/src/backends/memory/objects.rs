//! The objects of a memory backend, and what may become of them.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{ObjectInfo, Revision, WriteMode, WriteOptions, WriteResult};

use super::NAME;

/// The objects with their lock.
#[derive(Default)]
pub(super) struct Shared {
    objects: RwLock<Objects>,
    generation: AtomicU64,
    pub(super) closed: AtomicBool,
}

/// Contents are data, not diagnostics.
impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("objects", &self.read().len())
            .finish_non_exhaustive()
    }
}

/// By full key; text, so that ranges can start at `folder/`.
pub(super) type Objects = BTreeMap<String, Entry>;

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: ObjectKey,
    pub(super) bytes: Bytes,
    modified: DateTime<Utc>,
    generation: u64,
    content_type: Option<String>,
    user_metadata: BTreeMap<String, String>,
}

impl Entry {
    /// Never given twice, so that no content is taken for an earlier one.
    fn etag(&self) -> String {
        self.generation.to_string()
    }

    pub(super) fn info(&self) -> ObjectInfo {
        ObjectInfo {
            modified: Some(self.modified),
            etag: Some(self.etag()),
            content_type: self.content_type.clone(),
            user_metadata: self.user_metadata.clone(),
            ..ObjectInfo::new(self.key.clone(), self.bytes.len() as u64)
        }
    }
}

impl Shared {
    // A panic elsewhere cannot leave the map half changed: every change is one call.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed {
                backend: NAME.into(),
            });
        }
        Ok(())
    }

    pub(super) fn put(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        self.open()?;
        let mut objects = self.write();
        check_target(&objects, key, options.mode, Subject::File)?;
        check_revision(&objects, key, options.if_match.as_ref())?;
        let entry = Entry {
            key: key.clone(),
            bytes,
            modified: Utc::now(),
            generation: self.generation.fetch_add(1, Ordering::Relaxed),
            content_type: options.content_type.clone(),
            user_metadata: options.user_metadata.clone(),
        };
        let info = entry.info();
        objects.insert(key.to_string(), entry);
        Ok(WriteResult {
            etag: info.etag,
            modified: info.modified,
            native: true,
            ..WriteResult::new(info.key, info.size)
        })
    }

    /// Copies or moves under one lock, so that both are atomic.
    pub(super) fn transfer(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
        keep: bool,
    ) -> Result<()> {
        self.open()?;
        let mut objects = self.write();
        let Some(entry) = objects.get(from.as_str()).cloned() else {
            return Err(absent_source(&objects, from));
        };
        if from == to {
            return Ok(());
        }
        check_target(&objects, to, mode, Subject::Destination)?;
        if !keep {
            objects.remove(from.as_str());
        }
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        objects.insert(
            to.to_string(),
            Entry {
                key: to.clone(),
                generation,
                modified: Utc::now(),
                ..entry
            },
        );
        Ok(())
    }
}

/// Refuses a target below an object or onto a folder, and a taken one in create mode.
pub(super) fn check_target(
    objects: &Objects,
    key: &ObjectKey,
    mode: WriteMode,
    what: Subject,
) -> Result<()> {
    for above in key.ancestors() {
        if objects.contains_key(above.as_str()) {
            return Err(Error::below_file(key.as_str(), above.as_str(), NAME));
        }
    }
    if has_folder(objects, &key.to_prefix()) {
        return Err(Error::not_a_file(key.as_str(), NAME));
    }
    if mode == WriteMode::Create && objects.contains_key(key.as_str()) {
        return Err(Error::already_exists(what, key.as_str(), NAME));
    }
    Ok(())
}

/// Refuses to replace anything but the content that was asked for.
pub(super) fn check_revision(
    objects: &Objects,
    key: &ObjectKey,
    wanted: Option<&Revision>,
) -> Result<()> {
    let found = objects.get(key.as_str()).map(Entry::etag);
    match wanted {
        Some(wanted) if !wanted.is(found.as_deref()) => Err(Error::conflict(key.as_str(), NAME)),
        _ => Ok(()),
    }
}

pub(super) fn absent(objects: &Objects, key: &ObjectKey) -> Error {
    if has_folder(objects, &key.to_prefix()) {
        return Error::not_a_file(key.as_str(), NAME);
    }
    Error::not_found(key.as_str(), NAME)
}

fn absent_source(objects: &Objects, key: &ObjectKey) -> Error {
    if has_folder(objects, &key.to_prefix()) {
        return Error::source_is_directory(key.as_str(), NAME);
    }
    Error::missing(Subject::Source, key.as_str(), NAME)
}

pub(super) fn has_folder(objects: &Objects, prefix: &Prefix) -> bool {
    below(objects, prefix, None).next().is_some()
}

/// The entries below a prefix, in order, after `start_after`.
pub(super) fn below<'a>(
    objects: &'a Objects,
    prefix: &Prefix,
    start_after: Option<&str>,
) -> impl Iterator<Item = &'a Entry> + use<'a> {
    let folder = if prefix.is_root() {
        String::new()
    } else {
        format!("{prefix}/")
    };
    let start = match start_after {
        Some(after) if after >= folder.as_str() => Bound::Excluded(after),
        _ => Bound::Included(folder.as_str()),
    };
    let range = objects.range::<str, _>((start, Bound::Unbounded));
    range
        .take_while(move |(key, _)| key.starts_with(&folder))
        .map(|(_, entry)| entry)
}
