//! The backend whose calls are counted, held and failed.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use super::{Faults, Operation};
use crate::backend::{Backend, Driver, ObjectWriter};
use crate::backends::MemoryBackend;
use crate::capability::CapabilitySet;
use crate::error::Result;
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::store::Store;

/// A backend around another one that counts calls and fails some.
#[derive(Debug)]
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl FaultyBackend {
    /// Around any backend.
    pub fn new(inner: Arc<dyn Backend>) -> (Arc<Self>, Faults) {
        let faults = Faults::default();
        (
            Arc::new(Self {
                inner,
                faults: faults.clone(),
            }),
            faults,
        )
    }

    /// A store around a fresh memory backend.
    pub fn over_memory() -> (Store, Faults) {
        Self::over(Arc::new(MemoryBackend::new()))
    }

    /// A store around any backend.
    pub fn over(inner: Arc<dyn Backend>) -> (Store, Faults) {
        let (backend, faults) = Self::new(inner);
        (Store::new(backend, Prefix::root()), faults)
    }
}

#[derive(Debug)]
struct FaultyWriter {
    inner: Box<dyn ObjectWriter>,
    faults: Faults,
    path: String,
}

#[async_trait]
impl ObjectWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let _call = self.faults.pass(Operation::WriterChunk, &self.path).await?;
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        let _call = self
            .faults
            .pass(Operation::WriterFinish, &self.path)
            .await?;
        let written = self.inner.finish().await?;
        self.faults.answer(written, &self.path)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}

#[async_trait]
impl Backend for FaultyBackend {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn capabilities(&self) -> CapabilitySet {
        self.inner.capabilities()
    }
    fn driver(&self) -> Driver {
        self.inner.driver()
    }
    fn supports_conditional_update(&self) -> bool {
        self.inner.supports_conditional_update() && !self.faults.state().refuses_conditions
    }
    fn native_path(&self, prefix: &Prefix) -> String {
        self.inner.native_path(prefix)
    }
    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        self.inner.key_from_native(path)
    }
    fn uri(&self, prefix: &Prefix) -> String {
        self.inner.uri(prefix)
    }
    fn describe(&self) -> Vec<(String, String)> {
        self.inner.describe()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        let _call = self.faults.pass(Operation::Read, key.as_str()).await?;
        self.inner.read(key, range).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let _call = self.faults.pass(Operation::Head, key.as_str()).await?;
        self.inner.head(key).await
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        let _call = self.faults.pass(Operation::Write, key.as_str()).await?;
        let written = self.inner.write(key, bytes, options).await?;
        self.faults.answer(written, key.as_str())
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        let _call = self.faults.pass(Operation::Writer, key.as_str()).await?;
        let inner = self.inner.writer(key, options).await?;
        Ok(Box::new(FaultyWriter {
            inner,
            faults: self.faults.clone(),
            path: key.to_string(),
        }))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let _call = self.faults.pass(Operation::Delete, key.as_str()).await?;
        self.inner.delete(key).await?;
        self.faults.answer((), key.as_str())
    }

    async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        let _call = self.faults.pass(Operation::Delete, key.as_str()).await?;
        self.inner.delete_if_exists(key).await?;
        self.faults.answer((), key.as_str())
    }

    async fn delete_many(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let first = keys.first().map(ToString::to_string).unwrap_or_default();
        let _call = self.faults.pass(Operation::DeleteMany, &first).await?;
        let deleted = self.inner.delete_many(keys).await?;
        self.faults.answer(deleted, &first)
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let (faults, path) = (self.faults.clone(), prefix.to_string());
        let ages = self.faults.clone();
        let inner = self.inner.list(prefix, start_after);
        let inner = inner.map_ok(move |info| ages.aged(info));
        stream::once(async move { faults.pass(Operation::List, &path).await.map(|_call| inner) })
            .try_flatten()
            .boxed()
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let _call = self
            .faults
            .pass(Operation::ListLevel, prefix.as_str())
            .await?;
        self.inner.list_level(prefix).await
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        let _call = self
            .faults
            .pass(Operation::IsFolder, prefix.as_str())
            .await?;
        self.inner.is_folder(prefix).await
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        let _call = self
            .faults
            .pass(Operation::DeleteFolder, prefix.as_str())
            .await?;
        self.inner.delete_folder(prefix, recursive).await?;
        self.faults.answer((), prefix.as_str())
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let _call = self.faults.pass(Operation::Copy, from.as_str()).await?;
        self.inner.copy(from, to, mode).await?;
        self.faults.answer((), to.as_str())
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let _call = self.faults.pass(Operation::Rename, from.as_str()).await?;
        self.inner.rename(from, to, mode).await?;
        self.faults.answer((), to.as_str())
    }

    async fn ping(&self) -> Result<()> {
        let _call = self.faults.pass(Operation::Ping, "").await?;
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
