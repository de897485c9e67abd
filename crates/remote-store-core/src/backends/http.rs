//! Objects on a web server, to be read: ranges where the server has them, redirects
//! that carry no credential to another host, bodies that are whole or an error.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::registry::BackendSpec;
use crate::runtime::PerProcess;

mod answer;
mod body;
mod failure;
mod location;
mod options;
mod reading;
mod requests;

pub use options::HttpOptions;

const NAME: &str = "http";

/// Objects below a URL, read-only: [`Capability::Read`], [`Capability::Metadata`]
/// and [`Capability::LazyRead`]. Whatever else is asked for is refused before
/// anything is sent. Nothing is opened before the first request, and a forked
/// process opens its own connections.
///
/// A body that ends early is asked for again from there on, as long as the server
/// says that it is still the same object; else it is an error, never short data.
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{HttpBackend, HttpOptions};
///
/// let backend = HttpBackend::new(HttpOptions::new("https://user:secret@data.example/lake")?)?;
/// let native = backend.native_path(&Prefix::parse("a b.csv")?);
/// assert_eq!(native, "https://data.example/lake/a%20b.csv");
/// assert!(HttpOptions::new("ftp://data.example").is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
pub struct HttpBackend {
    inner: Arc<Inner>,
}

/// What requests and bodies under way share.
struct Inner {
    options: HttpOptions,
    clients: PerProcess<reqwest::Client>,
    closed: AtomicBool,
}

impl HttpBackend {
    /// A backend for what lies below a URL. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for options that cannot work together.
    pub fn new(options: HttpOptions) -> Result<Self> {
        options.validate()?;
        let inner = Inner {
            options,
            clients: PerProcess::new(),
            closed: AtomicBool::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    fn can(&self, capability: Capability) -> Error {
        Error::CapabilityNotSupported {
            capability,
            backend: NAME.into(),
            supported: self.capabilities(),
            source: None,
        }
    }
}

impl fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpBackend")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Backend for HttpBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> CapabilitySet {
        CapabilitySet::empty()
            .with(Capability::Read)
            .with(Capability::Metadata)
            .with(Capability::LazyRead)
    }

    fn driver(&self) -> Driver {
        Driver::Tokio
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        location::below(&self.inner.options.base_url, prefix.as_str())
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        location::key(&self.inner.options.base_url, path)
    }

    fn uri(&self, prefix: &Prefix) -> String {
        self.native_path(prefix)
    }

    fn describe(&self) -> Vec<(String, String)> {
        self.inner.options.describe()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        self.inner.read(key, range).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        self.inner.head(key).await
    }

    async fn write(&self, _: &ObjectKey, _: Bytes, _: &WriteOptions) -> Result<WriteResult> {
        Err(self.can(Capability::Write))
    }

    async fn writer(&self, _: &ObjectKey, _: &WriteOptions) -> Result<Box<dyn ObjectWriter>> {
        Err(self.can(Capability::Write))
    }

    async fn delete(&self, _: &ObjectKey) -> Result<()> {
        Err(self.can(Capability::Delete))
    }

    async fn delete_many(&self, _: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        Err(self.can(Capability::Delete))
    }

    fn list(&self, _: &Prefix, _: Option<&ObjectKey>) -> BoxStream<'static, Result<ObjectInfo>> {
        stream::iter([Err(self.can(Capability::List))]).boxed()
    }

    async fn list_level(&self, _: &Prefix) -> Result<Level> {
        Err(self.can(Capability::List))
    }

    /// Only the root: a web server has no folders that could be asked for.
    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        Ok(prefix.is_root())
    }

    async fn delete_folder(&self, _: &Prefix, _: bool) -> Result<()> {
        Err(self.can(Capability::Delete))
    }

    async fn copy(&self, _: &ObjectKey, _: &ObjectKey, _: WriteMode) -> Result<()> {
        Err(self.can(Capability::Copy))
    }

    async fn rename(&self, _: &ObjectKey, _: &ObjectKey, _: WriteMode) -> Result<()> {
        Err(self.can(Capability::Move))
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
        drop(self.inner.clients.take());
    }
}

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = HttpBackend::new(HttpOptions::from_options(given)?)?;
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
}

#[cfg(test)]
mod tests;
