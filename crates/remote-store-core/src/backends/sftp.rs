//! Objects as files on an SFTP server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use percent_encoding::utf8_percent_encode;
use tokio::task::JoinSet;

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::capability::{Capability, CapabilitySet};
use crate::error::{Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::registry::BackendSpec;

use super::URI_PLAIN;
use super::staged::SweptFolders;

mod commit;
mod connect;
mod failure;
mod folder;
mod host_key;
mod keys;
mod known_hosts;
mod link;
mod login;
mod options;
mod packet;
mod read;
mod requests;
mod resolve;
mod session;
mod staging;
mod transfer;
mod walk;
mod writer;

pub use host_key::HostKeyPolicy;
pub use options::SftpOptions;

use connect::Connection;
use link::Link;
use resolve::{Place, child};
use walk::Entry;
use writer::SftpWriter;

const NAME: &str = "sftp";

/// Objects as files on an SFTP server, over one connection for each process.
/// Nothing is opened before the first call; a lost connection is opened again.
///
/// An object is written under a hidden name beside its place, brought to the
/// disk and renamed: readers see the old one or the new one. On servers without
/// OpenSSH's `posix-rename`, the name is free for the time of one request.
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{SftpBackend, SftpOptions};
///
/// let mut options = SftpOptions::new("files.example.com")?.with_base_path("/data")?;
/// options.username = Some("dagster".into());
/// let backend = SftpBackend::new(options);
/// let path = Prefix::parse("a/b")?;
/// assert_eq!(backend.native_path(&path), "/data/a/b");
/// assert_eq!(backend.uri(&path), "sftp://dagster@files.example.com:22/data/a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SftpBackend {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: Link,
    swept: SweptFolders<String>,
}

impl Inner {
    async fn resolve(&self, connection: &Connection, name: &str) -> Result<Place> {
        resolve::resolve(connection, self.link.options.base_path(), name).await
    }

    async fn write(
        &self,
        connection: &Connection,
        key: &ObjectKey,
        bytes: &Bytes,
        mode: WriteMode,
        begun: &AtomicBool,
    ) -> Result<WriteResult> {
        let target = self.target(connection, key, mode, Subject::File).await?;
        let mut staged = self.stage(connection, key, &target).await?;
        if let Err(trouble) = staged.write(connection, bytes).await {
            let session = &connection.session;
            return Err(self.explain(session, key, &target, &trouble).await);
        }
        self.commit(connection, key, &target, staged, begun).await
    }
}

impl SftpBackend {
    /// A backend on a server. Nothing is sent yet.
    pub fn new(options: SftpOptions) -> Self {
        let inner = Inner {
            link: Link::new(options),
            swept: SweptFolders::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = SftpBackend::new(SftpOptions::from_options(given)?);
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
}

#[async_trait]
impl Backend for SftpBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> CapabilitySet {
        // A move that may not replace is a second name and the removal of the first.
        CapabilitySet::all()
            .without(Capability::UserMetadata)
            .without(Capability::AtomicMove)
    }

    fn driver(&self) -> Driver {
        Driver::Tokio
    }

    fn native_path(&self, prefix: &Prefix) -> String {
        let base = self.inner.link.options.base_path();
        if prefix.is_root() {
            base.to_owned()
        } else {
            child(base, prefix.as_str())
        }
    }

    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        let base = self.inner.link.options.base_path();
        let rest = path.strip_prefix(base)?;
        if !rest.is_empty() && !rest.starts_with('/') && !base.ends_with('/') {
            return None;
        }
        Prefix::parse(rest).ok()
    }

    fn uri(&self, prefix: &Prefix) -> String {
        let options = &self.inner.link.options;
        let user = options
            .username
            .as_deref()
            .map_or_else(String::new, |user| {
                format!("{}@", utf8_percent_encode(user, URI_PLAIN))
            });
        let host = if options.host.contains(':') {
            format!("[{}]", options.host)
        } else {
            options.host.clone()
        };
        let path = self.native_path(prefix);
        let slash = if path.starts_with('/') { "" } else { "/" };
        format!(
            "sftp://{user}{host}:{}{slash}{}",
            options.port,
            utf8_percent_encode(&path, URI_PLAIN)
        )
    }

    fn describe(&self) -> Vec<(String, String)> {
        self.inner.link.options.describe()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        let (inner, range) = (&self.inner, &range);
        inner
            .link
            .repeat(|connection| inner.read(connection, key, range))
            .await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let inner = &self.inner;
        inner
            .link
            .repeat(|connection| async move {
                let (_place, found) = inner.existing(&connection, key).await?;
                Ok(read::info(key, &found))
            })
            .await
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        let (inner, bytes, mode) = (&self.inner, &bytes, options.mode);
        let begun = &AtomicBool::new(false);
        inner
            .link
            .run(
                || !begun.load(Ordering::Acquire),
                |connection| async move { inner.write(&connection, key, bytes, mode, begun).await },
            )
            .await
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        let (inner, mode) = (&self.inner, options.mode);
        inner
            .link
            .repeat(|connection| async move {
                let target = inner.target(&connection, key, mode, Subject::File).await?;
                let staged = inner.stage(&connection, key, &target).await?;
                Ok(Box::new(SftpWriter {
                    inner: Arc::clone(inner),
                    connection,
                    key: key.clone(),
                    target,
                    staged,
                    buffer: BytesMut::new(),
                    sent: JoinSet::new(),
                }) as Box<dyn ObjectWriter>)
            })
            .await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let inner = &self.inner;
        inner
            .link
            .once(|connection| async move { inner.delete(&connection, key).await })
            .await
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        match self.inner.link.open() {
            Ok(()) => self.inner.walk(prefix, start_after.cloned()),
            Err(err) => stream::iter([Err(err)]).boxed(),
        }
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let inner = &self.inner;
        let entries = inner
            .link
            .repeat(|connection| async move { inner.entries(&connection, prefix).await })
            .await?;
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        for entry in entries {
            match entry {
                Entry::File(info) => objects.push(info),
                Entry::Folder(prefix) => folders.push(prefix),
            }
        }
        Ok(Level::new(objects, folders))
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        let inner = &self.inner;
        if prefix.is_root() {
            return inner.link.open().map(|()| true);
        }
        let name = prefix.as_str();
        inner
            .link
            .repeat(
                |connection| async move { Ok(inner.resolve(&connection, name).await?.is_folder()) },
            )
            .await
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        let inner = &self.inner;
        inner
            .link
            .once(|connection| async move {
                inner.delete_folder(&connection, prefix, recursive).await
            })
            .await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let inner = &self.inner;
        let begun = &AtomicBool::new(false);
        inner
            .link
            .run(
                || !begun.load(Ordering::Acquire),
                |connection| async move { inner.copy(&connection, from, to, mode, begun).await },
            )
            .await
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let inner = &self.inner;
        inner
            .link
            .once(|connection| async move { inner.rename(&connection, from, to, mode).await })
            .await
    }

    async fn ping(&self) -> Result<()> {
        let inner = &self.inner;
        inner
            .link
            .repeat(|connection| async move { inner.ping(&connection).await })
            .await
    }

    async fn close(&self) {
        self.inner.link.close().await;
    }
}
