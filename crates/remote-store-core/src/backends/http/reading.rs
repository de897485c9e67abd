//! Reading and describing objects, on servers with and without ranges.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::{Response, StatusCode};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::model::{ObjectInfo, ReadRange};
use crate::reader::ObjectReader;

use super::body::Body;
use super::requests::Ask;
use super::{Inner, NAME, answer};

/// A body of unknown length is held in memory, since its size has to be told first.
const MAX_UNSIZED_BYTES: usize = 256 << 20;

impl Inner {
    pub(super) async fn read(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: ReadRange,
    ) -> Result<ObjectReader> {
        let asked = match &range {
            ReadRange::All | ReadRange::From(0) => None,
            ReadRange::Bounded(wanted) if wanted.is_empty() => {
                return self.empty(key, &ReadRange::Bounded(0..0)).await;
            }
            ReadRange::Suffix(0) => return self.empty(key, &range).await,
            ReadRange::Bounded(wanted) => {
                Some(format!("bytes={}-{}", wanted.start, wanted.end - 1))
            }
            ReadRange::From(start) => Some(format!("bytes={start}-")),
            ReadRange::Suffix(length) => Some(format!("bytes=-{length}")),
        };
        let ranged = asked.is_some();
        let response = self.send(&Ask::get(key, asked)).await?;
        match response.status() {
            StatusCode::OK => self.whole(key, &range, response).await,
            StatusCode::NO_CONTENT => {
                let info = answer::info(key, response.headers(), 0);
                Ok(ObjectReader::from_bytes(info, 0..0, NAME, Bytes::new()))
            }
            StatusCode::PARTIAL_CONTENT if ranged => self.part(key, &range, response).await,
            StatusCode::RANGE_NOT_SATISFIABLE if ranged => self.empty(key, &range).await,
            status => Err(self.refused(Some(key), status)),
        }
    }

    /// An answer with the bytes asked for, or the first of them.
    async fn part(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: &ReadRange,
        response: Response,
    ) -> Result<ObjectReader> {
        let Some(part) = answer::part(response.headers()) else {
            return Err(self.nonsense(key, "sent a part without saying which"));
        };
        let size = match part.total {
            Some(total) => total,
            None => self.head(key).await?.size,
        };
        let wanted = range.resolve(size);
        if part.bytes.start != wanted.start || wanted.is_empty() {
            return Err(self.nonsense(key, "sent other bytes than asked"));
        }
        Ok(self.reader(key, size, wanted, 0, response))
    }

    /// An answer with the whole object.
    async fn whole(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: &ReadRange,
        response: Response,
    ) -> Result<ObjectReader> {
        if let Some(size) = answer::length(response.headers()) {
            let wanted = range.resolve(size);
            return Ok(self.reader(key, size, wanted.clone(), wanted.start, response));
        }
        let headers = response.headers().clone();
        let all = self.collect(key, response).await?;
        let info = answer::info(key, &headers, all.len() as u64);
        let wanted = range.resolve(info.size);
        let at = |offset: u64| usize::try_from(offset).unwrap_or(all.len()).min(all.len());
        let bytes = all.slice(at(wanted.start)..at(wanted.end));
        Ok(ObjectReader::from_bytes(info, wanted, NAME, bytes))
    }

    fn reader(
        self: &Arc<Self>,
        key: &ObjectKey,
        size: u64,
        wanted: Range<u64>,
        skip: u64,
        response: Response,
    ) -> ObjectReader {
        let info = answer::info(key, response.headers(), size);
        let body = Body {
            inner: Arc::clone(self),
            key: key.clone(),
            validator: answer::validator(response.headers()),
            response,
            skip,
            at: wanted.start,
            end: wanted.end,
            interrupted: 0,
            moved: 0,
        };
        ObjectReader::new(info, wanted, NAME, body.into_stream())
    }

    /// A reader of nothing, when the range really is empty.
    async fn empty(&self, key: &ObjectKey, range: &ReadRange) -> Result<ObjectReader> {
        let info = self.head(key).await?;
        let resolved = range.resolve(info.size);
        if resolved.is_empty() {
            return Ok(ObjectReader::from_bytes(info, resolved, NAME, Bytes::new()));
        }
        Err(self.nonsense(key, "refused bytes that it says it has"))
    }

    /// A body whose length only its end tells.
    async fn collect(&self, key: &ObjectKey, mut response: Response) -> Result<Bytes> {
        let mut all = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(all.freeze()),
                Ok(Some(bytes)) if all.len() + bytes.len() <= MAX_UNSIZED_BYTES => {
                    all.extend_from_slice(&bytes);
                }
                Ok(Some(_)) => {
                    let limit = MAX_UNSIZED_BYTES >> 20;
                    let what = format!("sent more than {limit} MiB without a Content-Length");
                    return Err(self.nonsense(key, &what));
                }
                Err(err) => return Err(self.broken(Some(key), &err.without_url())),
            }
        }
    }

    pub(super) async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let response = self.send(&Ask::head(Some(key))).await?;
        let status = response.status();
        if let Some(size) = answer::length(response.headers()).filter(|_| status.is_success()) {
            return Ok(answer::info(key, response.headers(), size));
        }
        let refused = [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if !status.is_success() && !refused.contains(&status) {
            return Err(self.refused(Some(key), status));
        }
        self.head_by_reading(key).await
    }

    /// For servers that do not answer HEAD, or tell no length: one byte tells as much.
    async fn head_by_reading(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let response = self
            .send(&Ask::get(key, Some("bytes=0-0".to_owned())))
            .await?;
        let headers = response.headers().clone();
        let size = match response.status() {
            StatusCode::PARTIAL_CONTENT => answer::part(&headers).and_then(|part| part.total),
            StatusCode::RANGE_NOT_SATISFIABLE => answer::refused_total(&headers),
            StatusCode::NO_CONTENT => Some(0),
            StatusCode::OK => match answer::length(&headers) {
                Some(length) => Some(length),
                None => Some(self.collect(key, response).await?.len() as u64),
            },
            status => return Err(self.refused(Some(key), status)),
        };
        let size = size.ok_or_else(|| self.nonsense(key, "tells no size"))?;
        Ok(answer::info(key, &headers, size))
    }

    /// The server answers, whatever it has at the base itself.
    pub(super) async fn ping(&self) -> Result<()> {
        match self.send(&Ask::head(None)).await {
            Err(Error::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }
}
