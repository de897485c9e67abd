//! A local object written piece by piece.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::ObjectWriter;
use crate::error::Result;
use crate::key::ObjectKey;
use crate::model::WriteResult;

use super::commit::Target;
use super::staging::Staged;
use super::{Inner, io_error};

/// Dropping it removes the staged file.
#[derive(Debug)]
pub(super) struct LocalWriter {
    pub(super) inner: Arc<Inner>,
    pub(super) key: ObjectKey,
    pub(super) target: Target,
    pub(super) staged: Staged,
}

#[async_trait]
impl ObjectWriter for LocalWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.staged
            .write(&bytes)
            .await
            .map_err(|err| io_error::writing(self.key.as_str(), self.target.folder(), &err))
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        let Self {
            inner,
            key,
            target,
            staged,
        } = *self;
        inner.finish(&key, &target, staged).await
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
