//! Deleting objects and folders, and the look whether the base path can be used.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::backends::staged;
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};

use super::connect::Connection;
use super::resolve::{child, parent};
use super::session::Trouble;
use super::staging::remove_stale;
use super::{Inner, NAME, failure};

/// How many files are deleted at once.
const DELETIONS: usize = 32;

impl Inner {
    pub(super) async fn delete(&self, connection: &Connection, key: &ObjectKey) -> Result<()> {
        let place = self.resolve(connection, key.as_str()).await?;
        if place.attributes.is_none() && !place.is_link {
            return Err(Error::not_found(key.as_str(), NAME));
        }
        if place.is_folder() {
            return Err(Error::not_a_file(key.as_str(), NAME));
        }
        // The name goes, not what a link leads to.
        let removed = connection.session.remove(&place.entry).await;
        removed.map_err(|trouble| {
            if failure::missing(&trouble) {
                Error::not_found(key.as_str(), NAME)
            } else {
                failure::writing(key.as_str(), parent(&place.entry), &trouble)
            }
        })
    }

    pub(super) async fn delete_folder(
        &self,
        connection: &Connection,
        prefix: &Prefix,
        recursive: bool,
    ) -> Result<()> {
        let session = &connection.session;
        let place = self.resolve(connection, prefix.as_str()).await?;
        let failed = |trouble: Trouble| failure::folder(prefix.as_str(), &trouble);
        if place.attributes.is_none() {
            return Err(Error::missing(Subject::Folder, prefix.as_str(), NAME));
        }
        if !place.is_folder() {
            return Err(Error::not_a_folder(prefix.as_str(), NAME));
        }
        if !recursive {
            let entries = session.entries(&place.path).await.map_err(failed)?;
            let is_staged = |name: &[u8]| std::str::from_utf8(name).is_ok_and(staged::is_reserved);
            if !entries.iter().all(|entry| is_staged(&entry.name)) {
                return Err(Error::DirectoryNotEmpty {
                    path: prefix.to_string(),
                    backend: NAME.into(),
                    source: None,
                });
            }
        }
        if place.is_link {
            return session.remove(&place.entry).await.map_err(failed);
        }
        if recursive {
            return empty(connection, prefix, &place.path).await;
        }
        remove_stale(session, &place.path).await;
        session.remove_folder(&place.path).await.map_err(failed)
    }

    /// The base path can be looked at.
    pub(super) async fn ping(&self, connection: &Connection) -> Result<()> {
        let base = self.link.options.base_path();
        match connection.session.stat(base).await {
            Ok(found) if found.is_folder() => Ok(()),
            Ok(_) => Err(Error::not_a_folder(base, NAME)),
            Err(trouble) => Err(failure::folder(base, &trouble)),
        }
    }
}

/// Removes a folder with everything in it; links are removed, not followed.
async fn empty(connection: &Connection, prefix: &Prefix, path: &str) -> Result<()> {
    let session = &connection.session;
    let failed = |trouble: Trouble| failure::folder(prefix.as_str(), &trouble);
    // Outer folders before inner ones; removed the other way round.
    let mut folders = vec![path.to_owned()];
    let mut next = 0;
    while let Some(folder) = folders.get(next).cloned() {
        next += 1;
        let mut files = Vec::new();
        for entry in session.entries(&folder).await.map_err(failed)? {
            let Ok(name) = std::str::from_utf8(&entry.name) else {
                continue;
            };
            let path = child(&folder, name);
            if entry.attributes.is_folder() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
        stream::iter(files)
            .map(|path| async move { gone(session.remove(&path)).await })
            .buffer_unordered(DELETIONS)
            .try_collect::<()>()
            .await
            .map_err(failed)?;
    }
    for folder in folders.iter().rev() {
        gone(session.remove_folder(folder)).await.map_err(failed)?;
    }
    Ok(())
}

/// Somebody else may have been quicker.
async fn gone(removal: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
    match removal.await {
        Err(trouble) if failure::missing(&trouble) => Ok(()),
        other => other,
    }
}
