//! What the backends over clients of object stores have in common: requests,
//! uploads, removal, the emulation of folders, and what errors mean. Each
//! service adds its options, its client and a few words.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::backends::staged::is_reserved;
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::runtime::PerProcess;
use crate::signed::UrlMethod;

#[cfg(test)]
pub(super) mod configured;
pub(super) mod connector;
mod copying;
mod creation;
pub(super) mod credential;
#[cfg_attr(
    not(feature = "s3"),
    allow(dead_code, reason = "the other services look up fewer variables")
)]
pub(super) mod environment;
pub(super) mod failure;
mod listing;
#[cfg(test)]
pub(super) mod loopback;
mod pieces;
mod put;
mod removal;
mod requests;
pub(super) mod service;
mod signing;
pub(super) mod transport;
mod upload;

pub(super) use service::{Client, Place, Service, Trait, Words};
pub use transport::TransportOptions;

use upload::CloudWriter;

/// Larger objects that are in memory already go out in parts, side by side.
const PARTS_FROM_BYTES: usize = 4 * upload::PART_BYTES;
/// Where parts cannot be put together on condition, or only the service itself
/// is known to do that in one step, a new object goes out in one request up to
/// this size.
const NEW_AT_ONCE_BYTES: usize = 256 << 20;

/// Objects in a bucket or container of a cloud service, which the options `S`
/// name. Nothing is opened before the first request, and a forked process
/// opens its own connections.
///
/// Creating an object is atomic at every size: of many writers of one name one
/// succeeds. Azure and Google Cloud Storage take a new object of more than
/// 256 MiB (8 MiB when written piece by piece) under a hidden name beside it
/// first, `.remote-store-staged-…`, and copy it; what a killed process left
/// there no listing shows (a lifecycle rule can remove it). S3 refuses a
/// taken name when it puts parts together; of servers that speak its protocol
/// some look first, so that there two writers that finish such objects at the
/// same instant may both succeed.
pub struct CloudBackend<S> {
    pub(super) inner: Arc<Inner>,
    service: PhantomData<fn() -> S>,
}

pub(super) struct Inner {
    service: Box<dyn Service>,
    pub(super) clients: PerProcess<Box<dyn Client>>,
    bucket_seen: AtomicBool,
    /// The service answers with whole objects when ranges are asked for.
    ignores_ranges: AtomicBool,
    closed: AtomicBool,
}

impl<S> fmt::Debug for CloudBackend<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudBackend")
            .field("service", &self.inner.service)
            .finish_non_exhaustive()
    }
}

impl<S: Service> CloudBackend<S> {
    /// A backend for a bucket or container. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for options that cannot work together and files that cannot be used.
    pub fn new(options: S) -> Result<Self> {
        options.validate()?;
        options
            .place()
            .transport
            .check_files(options.words().name)?;
        let inner = Inner {
            service: Box::new(options),
            clients: PerProcess::new(),
            bucket_seen: AtomicBool::new(false),
            ignores_ranges: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
            service: PhantomData,
        })
    }
}

impl Inner {
    /// True when an object goes out in one request rather than in parts.
    fn goes_at_once(&self, bytes: usize, options: &WriteOptions) -> bool {
        if options.if_match.is_some() {
            // No client compares tags when parts are put together.
            return true;
        }
        // Servers that speak S3 were seen to look for the name first and to put
        // the parts together afterwards.
        let in_one_step =
            self.words().has(Trait::CompletesConditionally) && self.service.endpoint().is_none();
        let new = options.mode == WriteMode::Create && !in_one_step;
        bytes
            < if new {
                NEW_AT_ONCE_BYTES
            } else {
                PARTS_FROM_BYTES
            }
    }

    fn words(&self) -> &'static Words {
        self.service.words()
    }

    fn name(&self) -> &'static str {
        self.words().name
    }

    /// Everything below, from a key on.
    fn list(
        self: &Arc<Self>,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> Result<BoxStream<'static, Result<ObjectInfo>>> {
        let (client, folder) = (self.client()?, self.folder(prefix)?);
        let objects = match start_after {
            Some(key) => client.list_with_offset(folder.as_ref(), &self.location(key)?),
            None => client.list(folder.as_ref()),
        };
        let after = start_after
            .filter(|_| self.service.filters_offsets())
            .cloned();
        let (inner, prefix) = (Arc::clone(self), prefix.clone());
        Ok(objects
            .filter_map(move |meta| {
                std::future::ready(match meta {
                    Ok(meta) => inner.seen(requests::listed(meta)).map(Ok),
                    Err(err) => Some(Err(inner.failure("", &err))),
                })
            })
            // A marker object for the folder itself lies not below it.
            .try_filter(move |info| {
                let behind = after.as_ref().is_none_or(|after| info.key > *after);
                std::future::ready(behind && prefix.contains(&info.key))
            })
            .boxed())
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let (client, folder) = (self.client()?, self.folder(prefix)?);
        let found = client.list_with_delimiter(folder.as_ref()).await;
        let found = self.seen(found.map_err(|err| self.failure("", &err))?);
        let objects = found
            .objects
            .into_iter()
            .filter_map(requests::listed)
            .filter(|info| prefix.contains(&info.key))
            .collect();
        let shown = found
            .common_prefixes
            .iter()
            .filter(|path| !path.filename().is_some_and(is_reserved));
        let folders = shown.filter_map(|path| {
            let folder = Prefix::parse(path.as_ref()).ok()?;
            (folder.as_str() == path.as_ref()).then_some(folder)
        });
        Ok(Level::new(objects, folders.collect()))
    }

    async fn delete_folder(self: &Arc<Self>, prefix: &Prefix, recursive: bool) -> Result<()> {
        if recursive {
            let below = self.list(prefix, None)?.map_ok(|info| info.key).boxed();
            if self.delete_all(below).await? > 0 {
                return Ok(());
            }
            if self.has_any_below(prefix).await? {
                return Err(Error::Unsupported {
                    reason: format!(
                        "cannot remove the empty folder {prefix}, which another tool keeps as an object named \
                         '{prefix}/'; remove it with that tool"
                    ),
                    backend: self.name().into(),
                });
            }
        } else if self.has_any_below(prefix).await? {
            return Err(Error::DirectoryNotEmpty {
                path: prefix.to_string(),
                backend: self.name().into(),
                source: None,
            });
        }
        if let Some(key) = prefix.to_key()
            && self.head(&key).await.is_ok()
        {
            return Err(Error::not_a_folder(prefix.as_str(), self.name()));
        }
        Err(Error::missing(
            Subject::Folder,
            prefix.as_str(),
            self.name(),
        ))
    }
}

#[async_trait]
impl<S: Service> Backend for CloudBackend<S> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> CapabilitySet {
        CapabilitySet::all().without(Capability::AtomicMove)
    }

    fn driver(&self) -> Driver {
        Driver::Tokio
    }

    fn supports_conditional_update(&self) -> bool {
        true
    }

    fn supports_signed_urls(&self) -> bool {
        !self.inner.service.place().anonymous
    }

    async fn signed_url(
        &self,
        key: &ObjectKey,
        method: UrlMethod,
        expires_in: Duration,
    ) -> Result<String> {
        self.inner.signed_url(key, method, expires_in).await
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        let bucket = self.inner.service.place().bucket;
        if prefix.is_root() {
            bucket.to_owned()
        } else {
            format!("{bucket}/{prefix}")
        }
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        let rest = path.strip_prefix(self.inner.service.place().bucket)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        Prefix::parse(rest).ok()
    }

    fn uri(&self, prefix: &Prefix) -> String {
        format!(
            "{}://{}",
            self.inner.words().scheme,
            self.native_path(prefix)
        )
    }

    fn describe(&self) -> Vec<(String, String)> {
        self.inner.service.describe()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        self.inner.get(key, range).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        self.inner.head(key).await
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        self.inner.check_ancestors(key).await?;
        let size = bytes.len() as u64;
        let result = if self.inner.goes_at_once(bytes.len(), options) {
            self.inner.put(key, bytes.into(), options).await?
        } else {
            upload::put_in_parts(&self.inner, key, bytes, options).await?
        };
        Ok(Inner::write_result(key, size, result))
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        self.inner.check_ancestors(key).await?;
        self.inner
            .check_free(key, options.mode, Subject::File)
            .await?;
        Ok(Box::new(CloudWriter::new(
            Arc::clone(&self.inner),
            key.clone(),
            options.clone(),
        )))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        // Not every service says that there was nothing to delete.
        self.inner.head(key).await?;
        self.inner.delete_if_exists(key).await
    }

    async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        self.inner.delete_if_exists(key).await
    }

    async fn delete_many(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        self.inner.delete_many(keys).await
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let listing = self.inner.list(prefix, start_after);
        listing.unwrap_or_else(|err| stream::iter([Err(err)]).boxed())
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        self.inner.list_level(prefix).await
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        Ok(prefix.is_root() || self.inner.has_any_below(prefix).await?)
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        self.inner.delete_folder(prefix, recursive).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        if from == to {
            return self.inner.source(from).await;
        }
        self.inner.copy(from, to, mode).await
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        if from == to {
            return self.inner.source(from).await;
        }
        self.inner.copy(from, to, mode).await?;
        self.inner.delete_if_exists(from).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.has_any_below(&Prefix::root()).await.map(drop)
    }

    async fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
        drop(self.inner.clients.take());
    }
}
