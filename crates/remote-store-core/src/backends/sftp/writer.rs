//! An object written piece by piece, the pieces sent ahead.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use crate::backend::ObjectWriter;
use crate::error::Result;
use crate::key::ObjectKey;
use crate::model::WriteResult;

use super::commit::Target;
use super::connect::Connection;
use super::read::window;
use super::session::Trouble;
use super::staging::Staged;
use super::{Inner, failure};

/// Dropping it removes the staged file.
pub(super) struct SftpWriter {
    pub(super) inner: Arc<Inner>,
    pub(super) connection: Arc<Connection>,
    pub(super) key: ObjectKey,
    pub(super) target: Target,
    pub(super) staged: Staged,
    pub(super) buffer: BytesMut,
    pub(super) sent: JoinSet<Result<(), Trouble>>,
}

impl fmt::Debug for SftpWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpWriter")
            .field("key", &self.key)
            .field("written", &self.staged.written)
            .finish_non_exhaustive()
    }
}

impl SftpWriter {
    async fn wait_for_one(&mut self) -> Result<()> {
        let trouble = match self.sent.join_next().await {
            None | Some(Ok(Ok(()))) => return Ok(()),
            Some(Ok(Err(trouble))) => trouble,
            Some(Err(_)) => Trouble::Lost("a write was cut off".to_owned()),
        };
        let session = &self.connection.session;
        Err(self
            .inner
            .explain(session, &self.key, &self.target, &trouble)
            .await)
    }

    async fn send(&mut self, piece: Bytes) -> Result<()> {
        while self.sent.len() >= window(self.connection.limits.write_bytes) {
            self.wait_for_one().await?;
        }
        let file = self.staged.file().map_err(|trouble| {
            failure::writing(self.key.as_str(), &self.target.folder, &trouble)
        })?;
        let (file, offset) = (Arc::clone(file), self.staged.written);
        self.staged.written += piece.len() as u64;
        self.sent
            .spawn(async move { file.write(offset, &piece).await });
        Ok(())
    }

    async fn settle(&mut self) -> Result<()> {
        let rest = self.buffer.split().freeze();
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        while !self.sent.is_empty() {
            self.wait_for_one().await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ObjectWriter for SftpWriter {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        let piece = self.connection.limits.write_bytes;
        while !bytes.is_empty() {
            if self.buffer.is_empty() && bytes.len() >= piece {
                self.send(bytes.split_to(piece)).await?;
                continue;
            }
            let room = piece.saturating_sub(self.buffer.len());
            self.buffer
                .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.buffer.len() >= piece {
                let full = self.buffer.split().freeze();
                self.send(full).await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<WriteResult> {
        self.settle().await?;
        let Self {
            inner,
            connection,
            key,
            target,
            staged,
            ..
        } = *self;
        let begun = AtomicBool::new(false);
        inner
            .commit(&connection, &key, &target, staged, &begun)
            .await
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.sent.shutdown().await;
        let Self {
            key,
            target,
            staged,
            ..
        } = *self;
        staged
            .discard()
            .await
            .map_err(|trouble| failure::writing(key.as_str(), &target.folder, &trouble))
    }
}
