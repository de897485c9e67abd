//! Collects an object in memory until it is finished.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::backend::ObjectWriter;
use crate::error::Result;
use crate::key::ObjectKey;
use crate::model::{WriteOptions, WriteResult};

use super::objects::Shared;

pub(super) struct MemoryWriter {
    shared: Arc<Shared>,
    key: ObjectKey,
    options: WriteOptions,
    buffer: BytesMut,
}

impl MemoryWriter {
    pub(super) fn new(shared: Arc<Shared>, key: ObjectKey, options: WriteOptions) -> Self {
        Self {
            shared,
            key,
            options,
            buffer: BytesMut::new(),
        }
    }
}

impl fmt::Debug for MemoryWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryWriter")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.buffer.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        self.shared
            .put(&self.key, self.buffer.freeze(), &self.options)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
