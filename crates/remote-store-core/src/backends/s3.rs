//! Objects in an S3 bucket, or in a service that speaks S3.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3;
use object_store::{CopyOptions, ObjectStore};

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::registry::BackendSpec;
use crate::runtime::PerProcess;

mod client;
mod failure;
mod options;
mod removal;
mod requests;
mod upload;

pub use options::{RetryOptions, S3Options};

use upload::S3Writer;

const NAME: &str = "s3";
/// Larger objects that are in memory already go out in parts, side by side.
const PARTS_FROM_BYTES: usize = 4 * upload::PART_BYTES;

/// Objects in an S3 bucket. Nothing is opened before the first request, and a
/// forked process opens its own connections.
///
/// Creating an object is atomic up to 32 MiB (8 MiB when written piece by
/// piece); beyond that the name is looked up before and after the bytes are
/// sent, and of two writers that finish at the same moment the later one wins.
/// Copies are limited to 5 GB, as the service's own are; one in create mode
/// looks the name up first.
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{S3Backend, S3Options};
///
/// let backend = S3Backend::new(S3Options::new("lake")?)?;
/// assert_eq!(backend.native_path(&Prefix::parse("a/b")?), "lake/a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug)]
pub struct S3Backend {
    inner: Arc<Inner>,
}

struct Inner {
    options: S3Options,
    clients: PerProcess<AmazonS3>,
    bucket_seen: AtomicBool,
    closed: AtomicBool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl S3Backend {
    /// A backend for a bucket. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for options that cannot work together.
    pub fn new(options: S3Options) -> Result<Self> {
        options.validate()?;
        let inner = Inner {
            options,
            clients: PerProcess::new(),
            bucket_seen: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }
}

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = S3Backend::new(S3Options::from_options(given)?)?;
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
    .with_alias("s3-pyarrow")
}

impl Inner {
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.check_ancestors(to).await?;
        if let Err(taken) = self.check_free(to, mode, Subject::Destination).await {
            // A missing source is told first, as other backends do.
            return self.source(from).await.and(Err(taken));
        }
        let (source, target) = (self.location(from)?, self.location(to)?);
        let copied = self
            .client()?
            .copy_opts(&source, &target, CopyOptions::new())
            .await;
        copied.map_err(|err| {
            let failure = self.failure(from.as_str(), &err);
            if failure.is_missing_object() {
                return Error::missing(Subject::Source, from.as_str(), NAME).caused_by(&err);
            }
            failure
        })
    }

    /// An error that a listing may meet before its first request.
    fn listing(
        &self,
        prefix: &Prefix,
    ) -> Result<(Arc<AmazonS3>, Option<object_store::path::Path>)> {
        Ok((self.client()?, self.folder(prefix)?))
    }
}

#[async_trait]
impl Backend for S3Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> CapabilitySet {
        CapabilitySet::all().without(Capability::AtomicMove)
    }

    fn driver(&self) -> Driver {
        Driver::Tokio
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        let bucket = &self.inner.options.bucket;
        if prefix.is_root() {
            bucket.clone()
        } else {
            format!("{bucket}/{prefix}")
        }
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        let rest = path.strip_prefix(self.inner.options.bucket.as_str())?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        Prefix::parse(rest).ok()
    }

    fn uri(&self, prefix: &Prefix) -> String {
        format!("s3://{}", self.native_path(prefix))
    }

    fn describe(&self) -> Vec<(String, String)> {
        self.inner.options.describe()
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
        let result = if bytes.len() < PARTS_FROM_BYTES {
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
        Ok(Box::new(S3Writer::new(
            Arc::clone(&self.inner),
            key.clone(),
            options.clone(),
        )))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        // S3 deletes what is not there without a word.
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
        let prepared = self.inner.listing(prefix).and_then(|(client, folder)| {
            let after = start_after
                .map(|key| self.inner.location(key))
                .transpose()?;
            Ok((client, folder, after))
        });
        let (client, folder, after) = match prepared {
            Ok(prepared) => prepared,
            Err(err) => return stream::iter([Err(err)]).boxed(),
        };
        let objects = match after {
            Some(after) => client.list_with_offset(folder.as_ref(), &after),
            None => client.list(folder.as_ref()),
        };
        let (inner, prefix) = (Arc::clone(&self.inner), prefix.clone());
        objects
            .map(move |meta| match meta {
                Ok(meta) => inner.seen(requests::listed(meta)),
                Err(err) => Err(inner.failure("", &err)),
            })
            // A marker object for the folder itself lies not below it.
            .try_filter(move |info| std::future::ready(prefix.contains(&info.key)))
            .boxed()
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let (client, folder) = self.inner.listing(prefix)?;
        let found = client.list_with_delimiter(folder.as_ref()).await;
        let found = self
            .inner
            .seen(found.map_err(|err| self.inner.failure("", &err))?);
        let objects = found
            .objects
            .into_iter()
            .map(requests::listed)
            .collect::<Result<Vec<_>>>()?;
        let objects = objects
            .into_iter()
            .filter(|info| prefix.contains(&info.key))
            .collect();
        let folders = found
            .common_prefixes
            .iter()
            .map(|path| Prefix::parse(path.as_ref()));
        Ok(Level::new(objects, folders.collect::<Result<Vec<_>>>()?))
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        Ok(prefix.is_root() || self.inner.has_any_below(prefix).await?)
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        if recursive {
            let below = self.list(prefix, None).map_ok(|info| info.key).boxed();
            if self.inner.delete_all(below).await? > 0 {
                return Ok(());
            }
        } else if self.inner.has_any_below(prefix).await? {
            return Err(Error::DirectoryNotEmpty {
                path: prefix.to_string(),
                backend: NAME.into(),
            });
        }
        if let Some(key) = prefix.to_key()
            && self.inner.head(&key).await.is_ok()
        {
            return Err(Error::not_a_folder(prefix.as_str(), NAME));
        }
        Err(Error::missing(Subject::Folder, prefix.as_str(), NAME))
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

#[cfg(test)]
mod tests;
