//! A backend that does what it is asked and then loses the answer once: the
//! caller sees a failure of a change that took place.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use remote_store_core::backends::MemoryBackend;
use remote_store_core::{
    Backend, CapabilitySet, Driver, Error, Level, ObjectInfo, ObjectKey, ObjectReader,
    ObjectWriter, Prefix, ReadRange, Result, WriteMode, WriteOptions, WriteResult,
};

#[derive(Debug)]
pub(crate) struct LostAnswers {
    inner: MemoryBackend,
    /// Changes until the one whose answer is lost; 0 when it was.
    left: AtomicUsize,
}

impl LostAnswers {
    pub(crate) fn new(inner: MemoryBackend) -> Self {
        Self {
            inner,
            left: AtomicUsize::new(usize::MAX),
        }
    }

    /// Loses the answer to the `nth` change from now on, counted from 1.
    pub(crate) fn lose_answer(&self, nth: usize) {
        self.left.store(nth, Ordering::SeqCst);
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn answer<T>(&self, answer: T) -> Result<T> {
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            Err(Error::unavailable("memory", "the answer was lost"))
        } else {
            Ok(answer)
        }
    }
}

#[async_trait]
impl Backend for LostAnswers {
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
        self.inner.supports_conditional_update()
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
        self.inner.read(key, range).await
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
        let written = self.inner.write(key, bytes, options).await?;
        self.answer(written)
    }
    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        self.inner.writer(key, options).await
    }
    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        self.inner.delete(key).await?;
        self.answer(())
    }
    async fn delete_many(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let deleted = self.inner.delete_many(keys).await?;
        self.answer(deleted)
    }
    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        self.inner.list(prefix, start_after)
    }
    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        self.inner.list_level(prefix).await
    }
    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        self.inner.is_folder(prefix).await
    }
    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        self.inner.delete_folder(prefix, recursive).await
    }
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.inner.copy(from, to, mode).await
    }
    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        self.inner.rename(from, to, mode).await
    }
    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
