//! A writer that finishes whole objects only.

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::ObjectWriter;
use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::model::WriteResult;

/// Refuses to finish an object after a write that failed or was dropped half
/// way: a caller that catches the error (of a full disk, of a signal) and closes
/// the writer would show an object that lacks a part.
#[derive(Debug)]
pub(super) struct WholeWriter {
    key: ObjectKey,
    backend: String,
    inner: Box<dyn ObjectWriter>,
    has_gap: bool,
}

impl WholeWriter {
    pub(super) fn new(key: ObjectKey, backend: &str, inner: Box<dyn ObjectWriter>) -> Self {
        Self {
            key,
            backend: backend.to_owned(),
            inner,
            has_gap: false,
        }
    }

    fn gap(&self) -> Error {
        Error::BackendUnavailable {
            message: format!(
                "An earlier write to {} failed or was cut off, so nothing of it was kept; write the object again",
                self.key
            ),
            path: Some(self.key.to_string()),
            backend: self.backend.clone(),
            source: None,
        }
    }
}

#[async_trait]
impl ObjectWriter for WholeWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        if self.has_gap {
            return Err(self.gap());
        }
        // Set before, since a dropped future does not come back here.
        self.has_gap = true;
        self.inner.write(bytes).await?;
        self.has_gap = false;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        if !self.has_gap {
            return self.inner.finish().await;
        }
        let gap = self.gap();
        if let Err(err) = self.inner.abort().await {
            tracing::warn!(error = %err, "an unfinished object could not be removed");
        }
        Err(gap)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}
