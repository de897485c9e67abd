//! Listings in the order of keys, without following links to folders.
//!
//! A folder behind a link can be reached by name, but is not listed: what it
//! holds lies inside the base path anyway and is listed there, and no loop of
//! links can make a listing endless.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::task::JoinHandle;

use crate::backends::staged;
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::ObjectInfo;

use super::connect::Connection;
use super::packet;
use super::{Inner, NAME, failure, read};

/// How many folders are read ahead of the one that is being listed.
const FOLDERS_AHEAD: usize = 8;

/// One visible thing in a folder.
#[derive(Debug)]
pub(super) enum Entry {
    /// An object.
    File(ObjectInfo),
    /// A folder.
    Folder(Prefix),
}

impl Entry {
    /// Folders sort as if their name ended in a slash: that is the order of the
    /// keys below them.
    fn order(&self) -> (&str, &str) {
        match self {
            Self::File(info) => (info.key.as_str(), ""),
            Self::Folder(prefix) => (prefix.as_str(), "/"),
        }
    }
}

impl Inner {
    /// The visible things in a folder, in the order of keys; nothing when there
    /// is no such folder.
    pub(super) async fn entries(
        &self,
        connection: &Connection,
        prefix: &Prefix,
    ) -> Result<Vec<Entry>> {
        let place = self.resolve(connection, prefix.as_str()).await?;
        if !place.is_folder() {
            return Ok(Vec::new());
        }
        let listing = match connection.session.entries(&place.path).await {
            Ok(listing) => listing,
            Err(trouble) if failure::missing(&trouble) => return Ok(Vec::new()),
            Err(trouble) => return Err(failure::folder(prefix.as_str(), &trouble)),
        };
        let mut found = Vec::new();
        for entry in listing {
            found.extend(self.look_at(connection, prefix, &entry).await?);
        }
        found.sort_by(|a, b| {
            let ((a, a_end), (b, b_end)) = (a.order(), b.order());
            a.bytes()
                .chain(a_end.bytes())
                .cmp(b.bytes().chain(b_end.bytes()))
        });
        Ok(found)
    }

    async fn look_at(
        &self,
        connection: &Connection,
        prefix: &Prefix,
        entry: &packet::Entry,
    ) -> Result<Option<Entry>> {
        let name = std::str::from_utf8(&entry.name).ok();
        let Some(name) = name.filter(|name| !staged::is_reserved(name)) else {
            return Ok(None);
        };
        // A name that no key can have (`a\b`) cannot be asked for either.
        let Some(key) = prefix.join(name).ok().filter(|key| key.name() == name) else {
            return Ok(None);
        };
        let found = &entry.attributes;
        if found.is_folder() {
            return Ok(Some(Entry::Folder(key.to_prefix())));
        }
        if found.is_file() {
            return Ok(Some(Entry::File(read::info(&key, found))));
        }
        if !found.is_link() {
            return Ok(None);
        }
        // What leads out of the base path or nowhere is not there.
        match self.resolve(connection, key.as_str()).await {
            Ok(place) => Ok(place
                .attributes
                .filter(packet::Attributes::is_file)
                .map(|found| Entry::File(read::info(&key, &found)))),
            Err(err @ Error::BackendUnavailable { .. }) => Err(err),
            Err(_) => Ok(None),
        }
    }

    /// Everything below a folder, in the order of keys, after `after`.
    pub(super) fn walk(
        self: &Arc<Self>,
        prefix: &Prefix,
        after: Option<ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let walk = Walk {
            inner: Arc::clone(self),
            pending: vec![Entry::Folder(prefix.clone())],
            ahead: HashMap::new(),
            after,
        };
        stream::try_unfold(walk, |mut walk| async move {
            Ok(walk.next().await?.map(|info| (info, walk)))
        })
        .boxed()
    }
}

/// A folder that is being read; given up when dropped.
struct Reading(JoinHandle<Result<Vec<Entry>>>);

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Walk {
    inner: Arc<Inner>,
    /// What is still to come, the next thing last.
    pending: Vec<Entry>,
    ahead: HashMap<Prefix, Reading>,
    after: Option<ObjectKey>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<ObjectInfo>> {
        while let Some(entry) = self.pending.pop() {
            match entry {
                Entry::File(info) => {
                    if self.after.as_ref().is_none_or(|after| info.key > *after) {
                        return Ok(Some(info));
                    }
                }
                Entry::Folder(prefix) => {
                    if self.is_wanted(&prefix) {
                        let found = self.read(&prefix).await?;
                        self.pending.extend(found.into_iter().rev());
                    }
                }
            }
        }
        Ok(None)
    }

    async fn read(&mut self, prefix: &Prefix) -> Result<Vec<Entry>> {
        let current = self
            .ahead
            .remove(prefix)
            .unwrap_or_else(|| self.begin(prefix.clone()));
        let next: Vec<Prefix> = self
            .pending
            .iter()
            .rev()
            .filter_map(|entry| match entry {
                Entry::Folder(prefix) if self.is_wanted(prefix) => Some(prefix.clone()),
                Entry::File(_) | Entry::Folder(_) => None,
            })
            .take(FOLDERS_AHEAD)
            .collect();
        for prefix in next {
            if self.ahead.len() < FOLDERS_AHEAD && !self.ahead.contains_key(&prefix) {
                let reading = self.begin(prefix.clone());
                self.ahead.insert(prefix, reading);
            }
        }
        let mut current = current;
        (&mut current.0)
            .await
            .map_err(|err| Error::unavailable(NAME, "A listing was cut off").caused_by(&err))?
    }

    fn begin(&self, prefix: Prefix) -> Reading {
        let inner = Arc::clone(&self.inner);
        Reading(tokio::spawn(async move {
            let (inner, prefix) = (&inner, &prefix);
            inner
                .link
                .repeat(|connection| async move { inner.entries(&connection, prefix).await })
                .await
        }))
    }

    /// True when a key below `prefix` can come after the one that was given.
    fn is_wanted(&self, prefix: &Prefix) -> bool {
        self.after.as_ref().is_none_or(|after| {
            prefix.is_root()
                || prefix.contains(after)
                || format!("{prefix}/").as_str() > after.as_str()
        })
    }
}
