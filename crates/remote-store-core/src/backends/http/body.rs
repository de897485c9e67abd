//! The bytes of an object as they arrive; a body that ends early goes on in a further request.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reqwest::{Response, StatusCode};

use crate::error::{Error, Result};
use crate::key::ObjectKey;

use super::failure::unavailable;
use super::requests::Ask;
use super::{Inner, answer};

/// An interruption after so many bytes is no repetition of the one before.
const PROGRESS_BYTES: u64 = 64 << 10;

/// What is under way.
pub(super) struct Body {
    pub(super) inner: Arc<Inner>,
    pub(super) key: ObjectKey,
    pub(super) response: Response,
    /// Bytes of the answer before the first one wanted.
    pub(super) skip: u64,
    /// The next byte of the object that is wanted, and where to stop.
    pub(super) at: u64,
    pub(super) end: u64,
    /// How the server tells this content from another.
    pub(super) validator: Option<String>,
    /// Interruptions without progress in between.
    pub(super) interrupted: usize,
    /// Bytes since the last interruption.
    pub(super) moved: u64,
}

impl Body {
    pub(super) fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        stream::try_unfold(self, |mut body| async move {
            Ok(body.next().await?.map(|bytes| (bytes, body)))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.at < self.end {
            match self.response.chunk().await {
                Ok(Some(bytes)) => {
                    let bytes = self.wanted(bytes);
                    if !bytes.is_empty() {
                        return Ok(Some(bytes));
                    }
                }
                Ok(None) => self.resume(None).await?,
                Err(err) => self.resume(Some(&err.without_url())).await?,
            }
        }
        Ok(None)
    }

    /// What of a chunk lies in the range.
    fn wanted(&mut self, mut bytes: Bytes) -> Bytes {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        let mut bytes = bytes.split_off(usize::try_from(skipped).unwrap_or(bytes.len()));
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        bytes.truncate(left);
        let length = bytes.len() as u64;
        self.at += length;
        self.moved += length;
        if self.moved >= PROGRESS_BYTES {
            self.interrupted = 0;
        }
        bytes
    }

    /// Asks for the rest, provided that it is the rest of the same content.
    async fn resume(&mut self, cause: Option<&reqwest::Error>) -> Result<()> {
        let attempts = self.inner.options.transport.retry.max_attempts;
        self.interrupted += 1;
        self.moved = 0;
        let Some(validator) = self
            .validator
            .clone()
            .filter(|_| self.interrupted < attempts)
        else {
            return Err(self.short(cause));
        };
        tokio::time::sleep(self.inner.pause(self.interrupted)).await;
        let mut ask = Ask::get(
            &self.key,
            Some(format!("bytes={}-{}", self.at, self.end - 1)),
        );
        ask.if_range = Some(validator);
        let response = self.inner.send(&ask).await?;
        let headers = response.headers();
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let told = answer::validator(headers);
                // Only a tag has to stand in this answer, too.
                let tagged = self
                    .validator
                    .as_ref()
                    .is_some_and(|own| own.starts_with('"'));
                if (tagged || told.is_some()) && told != self.validator {
                    return Err(Inner::changed(&self.key));
                }
                if answer::part(headers).is_none_or(|part| part.bytes.start != self.at) {
                    return Err(self
                        .inner
                        .nonsense(&self.key, "sent other bytes than asked"));
                }
                0
            }
            // A server without ranges begins anew; what is here already is passed over.
            StatusCode::OK if answer::validator(headers) == self.validator => self.at,
            _ => return Err(Inner::changed(&self.key)),
        };
        self.response = response;
        Ok(())
    }

    fn short(&self, cause: Option<&reqwest::Error>) -> Error {
        let message = format!(
            "The body of {} ended {} bytes early; read it again",
            self.key,
            self.end - self.at
        );
        let error = unavailable(Some(&self.key), message);
        match cause {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}
