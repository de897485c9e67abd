//! The trait behind every store: small, dyn-safe, with full keys.
//!
//! # What every backend promises
//! * A reader sees the old object or the new one, never a part of either.
//! * A write that fails or is dropped leaves the old object and nothing else.
//! * Listings are in one fixed order: by key, byte by byte, except where a
//!   service behind an S3 endpoint sorts folder by folder.
//! * `read` and `head` of a missing object are [`Error::NotFound`].
//!
//! The suite of the `testkit` feature checks all of it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::capability::CapabilitySet;
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::signed::UrlMethod;

/// What drives a backend's futures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Driver {
    /// They never wait for anything but the calling thread: no runtime is needed.
    Inline,
    /// They need tokio's timers and sockets.
    Tokio,
}

/// How many requests the default [`Backend::delete_many`] keeps under way.
const DELETE_WINDOW: usize = 32;

/// A place where objects are kept. Keys are full keys: the root of a
/// [`Store`](crate::Store) is already joined.
#[async_trait]
pub trait Backend: fmt::Debug + Send + Sync + 'static {
    /// The registered type, such as `local`.
    fn name(&self) -> &str;

    /// What it can do.
    fn capabilities(&self) -> CapabilitySet;

    /// What drives its futures.
    fn driver(&self) -> Driver;

    /// True when [`WriteOptions::if_match`] is honoured by the writes: compared
    /// and replaced in one step, so that of many writers exactly one succeeds.
    /// Its objects have tags then. A backend that says no is never asked.
    fn supports_conditional_update(&self) -> bool {
        false
    }

    /// True when [`Backend::signed_url`] gives links. A backend that says no is never asked.
    fn supports_signed_urls(&self) -> bool {
        false
    }

    /// A link for one method on one object, for a while.
    ///
    /// # Errors
    /// [`Error::Unsupported`] by default, and with a credential that cannot sign.
    async fn signed_url(
        &self,
        _key: &ObjectKey,
        _method: UrlMethod,
        _expires_in: Duration,
    ) -> Result<String> {
        Err(Error::Unsupported {
            reason: "cannot sign links; read the object through the store".into(),
            backend: self.name().to_owned(),
        })
    }

    /// The path as the backend's own tools would write it.
    fn native_path(&self, prefix: &Prefix) -> String;

    /// The inverse of [`Backend::native_path`]; `None` for a path of elsewhere.
    fn key_from_native(&self, path: &str) -> Option<Prefix>;

    /// A URI for lineage and for people.
    fn uri(&self, prefix: &Prefix) -> String;

    /// The options it was built with, in order, credentials as `'***'`.
    fn describe(&self) -> Vec<(String, String)>;

    /// Opens an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader>;

    /// What is known about an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo>;

    /// Writes an object, all or nothing.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] with [`WriteMode::Create`] when the name is taken;
    /// [`Error::Conflict`] with [`WriteOptions::if_match`] when something else is
    /// there, or nothing.
    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult>;

    /// Writes an object piece by piece; nothing is visible before
    /// [`ObjectWriter::finish`].
    ///
    /// # Errors
    /// As [`Backend::write`]; what only the end can tell is told by `finish`.
    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>>;

    /// Deletes an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    async fn delete(&self, key: &ObjectKey) -> Result<()>;

    /// Deletes an object if there is one; backends that need fewer requests
    /// for this than for [`Backend::delete`] implement it.
    ///
    /// # Errors
    /// Whatever keeps an existing object from being deleted.
    async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        match self.delete(key).await {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    /// Deletes many objects, missing ones silently, in as few requests as the
    /// backend allows. One result per key, in the order given.
    ///
    /// # Errors
    /// When no request could be made at all.
    async fn delete_many(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let deletions = keys.into_iter().map(|key| async move {
            let result = self.delete_if_exists(&key).await;
            (key, result)
        });
        Ok(stream::iter(deletions)
            .buffered(DELETE_WINDOW)
            .collect()
            .await)
    }

    /// Every object below a prefix, sorted by key, after `start_after` when given.
    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>>;

    /// The objects and folders directly below a prefix; empty when there are none.
    ///
    /// # Errors
    /// Whatever keeps the folder from being read.
    async fn list_level(&self, prefix: &Prefix) -> Result<Level>;

    /// True when the prefix is a folder; the root always is.
    ///
    /// # Errors
    /// Whatever keeps the backend from knowing.
    async fn is_folder(&self, prefix: &Prefix) -> Result<bool>;

    /// Deletes a folder.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, [`Error::DirectoryNotEmpty`]
    /// when it holds something and `recursive` is false.
    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()>;

    /// Copies an object; onto itself is a no-op.
    ///
    /// # Errors
    /// [`Error::NotFound`] without a source, [`Error::AlreadyExists`] with
    /// [`WriteMode::Create`] when the destination is taken.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()>;

    /// Moves an object; onto itself is a no-op.
    ///
    /// # Errors
    /// As [`Backend::copy`].
    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()>;

    /// One cheap request that proves that the backend can be used.
    ///
    /// # Errors
    /// What an operation would report.
    async fn ping(&self) -> Result<()>;

    /// Lets go of connections; later calls are [`Error::Closed`]. A backend that
    /// holds none, such as a local folder, may be used on.
    async fn close(&self);
}

/// An object on its way into a store. Dropped without [`ObjectWriter::finish`]
/// it leaves nothing visible.
#[async_trait]
pub trait ObjectWriter: Send + fmt::Debug {
    /// Adds bytes. Waits when too many are under way already.
    ///
    /// # Errors
    /// What the backend reports; the writer is of no more use then.
    async fn write(&mut self, bytes: Bytes) -> Result<()>;

    /// Makes the object visible.
    ///
    /// # Errors
    /// What the backend reports; nothing is visible then.
    async fn finish(self: Box<Self>) -> Result<WriteResult>;

    /// Gives up, and waits until what was sent is cleaned up.
    ///
    /// # Errors
    /// When the cleaning failed; nothing is visible all the same.
    async fn abort(self: Box<Self>) -> Result<()>;
}
