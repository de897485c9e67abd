//! Large objects that must not replace anything.
//!
//! S3 refuses a taken name when the parts of an upload are put together; its
//! client cannot ask for that, so the header is added below it. Elsewhere the
//! parts become an object under a hidden name beside, which is copied to a free
//! name and removed; both in one step of the service.

use std::collections::hash_map::{DefaultHasher, RandomState};
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::process;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use object_store::client::HttpRequest;
use object_store::path::Path;
use object_store::{CopyMode, CopyOptions, ObjectMeta, ObjectStoreExt, PutPayload};
use reqwest::Method;
use reqwest::header::{HeaderValue, IF_NONE_MATCH};
use tokio::runtime::Handle;

use crate::backends::staged;
use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::ReadRange;

use super::Inner;
use super::failure::was_retried;

tokio::task_local! {
    /// Set while the parts of an object that must be new are put together.
    static CREATING: ();
}

/// Runs a request that puts parts together, so that a taken name is refused.
pub(super) async fn creating<F: Future>(complete: F) -> F::Output {
    CREATING.scope((), complete).await
}

/// Adds the condition to a request that [`creating`] runs. The signature covers
/// other headers, as the client's own conditional requests show.
pub(super) fn mark(request: &mut HttpRequest) {
    let puts_together = request.method() == Method::POST
        && request
            .uri()
            .query()
            .is_some_and(|query| query.starts_with("uploadId=") || query.contains("&uploadId="));
    if puts_together && CREATING.try_with(|()| ()).is_ok() {
        request
            .headers_mut()
            .insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
    }
}

/// True when the name is taken; services say so in two ways.
pub(super) fn is_refusal(failure: &Error) -> bool {
    matches!(
        failure,
        Error::AlreadyExists { .. } | Error::Conflict { .. }
    )
}

/// What had the name when an upload began.
#[derive(PartialEq)]
pub(super) enum Before {
    Nothing,
    /// Tag, version and time of an object.
    Object(Option<String>, Option<String>, DateTime<Utc>),
    /// The service did not say.
    Unsaid,
}

impl Before {
    pub(super) fn of(found: object_store::Result<ObjectMeta>) -> Self {
        match found {
            Ok(found) => Self::Object(found.e_tag, found.version, found.last_modified),
            Err(object_store::Error::NotFound { .. }) => Self::Nothing,
            Err(_) => Self::Unsaid,
        }
    }
}

/// An object under a hidden name; removed when dropped.
pub(super) struct Hidden {
    inner: Arc<Inner>,
    pub(super) location: Path,
    written: bool,
    pid: u32,
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hidden")
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

impl Hidden {
    /// A name beside `key`; nothing is there yet.
    pub(super) fn beside(inner: &Arc<Inner>, key: &ObjectKey) -> Result<Self> {
        let name = staged::fresh_name();
        let path = match key.parent().to_key() {
            Some(folder) => format!("{folder}/{name}"),
            None => name,
        };
        let location = Path::parse(path).map_err(|err| inner.failure(key.as_str(), &err.into()))?;
        Ok(Self {
            inner: Arc::clone(inner),
            location,
            written: false,
            pid: process::id(),
        })
    }

    /// The object is there now, and has to be removed.
    pub(super) fn written(&mut self) {
        self.written = true;
    }

    /// Gives the object its name, unless that is taken.
    pub(super) async fn place(mut self, key: &ObjectKey) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        let options = CopyOptions::new().with_mode(CopyMode::Create);
        let target = inner.location(key)?;
        let copied = inner
            .client()?
            .copy_opts(&self.location, &target, options)
            .await;
        let placed = match copied {
            Ok(()) => Ok(()),
            Err(err) => {
                let failure = inner.failure(key.as_str(), &err);
                if !is_refusal(&failure) {
                    Err(failure)
                } else if was_retried(&err) && self.is_at(&target).await {
                    // The answer to a first try was lost.
                    Ok(())
                } else {
                    let taken = Error::already_exists(Subject::File, key.as_str(), inner.name());
                    Err(taken.caused_by(&err))
                }
            }
        };
        if let Err(err) = self.remove().await {
            tracing::warn!(error = %err, "a hidden object could not be removed");
        }
        placed
    }

    /// True when the content is under the other name too.
    async fn is_at(&self, target: &Path) -> bool {
        let compare = async {
            let client = self.inner.client().ok()?;
            let (own, other) = (
                client.get(&self.location).await.ok()?,
                client.get(target).await.ok()?,
            );
            if own.meta.size != other.meta.size {
                return Some(false);
            }
            let fingerprint = Fingerprint::default();
            let own = fingerprint.of(own.into_stream()).await.ok()?;
            let other = fingerprint.of(other.into_stream()).await.ok()?;
            Some(own == other)
        };
        compare.await.unwrap_or(false)
    }

    async fn remove(&mut self) -> Result<()> {
        let removed = self.inner.client()?.delete(&self.location).await;
        self.written = false;
        match removed.map_err(|err| self.inner.failure(self.location.as_ref(), &err)) {
            Err(err) if !err.is_missing_object() => Err(err),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if !self.written || self.pid != process::id() {
            return;
        }
        self.written = false;
        let mut left = Self {
            inner: Arc::clone(&self.inner),
            location: self.location.clone(),
            written: false,
            pid: self.pid,
        };
        // Nobody waits any more: it is cleaned up beside.
        if let Ok(runtime) = Handle::try_current().or_else(|_outside| crate::runtime::handle()) {
            runtime.spawn(async move {
                if let Err(err) = left.remove().await {
                    tracing::warn!(error = %err, "a hidden object could not be removed");
                }
            });
        }
    }
}

/// A hash of content with a key of its own, so that nobody can make another
/// content with the same one.
#[derive(Debug, Clone)]
pub(super) struct Fingerprint {
    seed: RandomState,
    hasher: DefaultHasher,
}

impl Default for Fingerprint {
    fn default() -> Self {
        let seed = RandomState::new();
        let hasher = seed.build_hasher();
        Self { seed, hasher }
    }
}

impl Fingerprint {
    /// Adds what is sent.
    pub(super) fn add(&mut self, payload: &PutPayload) {
        for chunk in payload {
            self.hasher.write(chunk);
        }
    }

    async fn of(
        &self,
        content: impl futures_util::Stream<Item = object_store::Result<bytes::Bytes>>,
    ) -> object_store::Result<u64> {
        let hasher = content
            .try_fold(self.seed.build_hasher(), |mut hasher, chunk| async move {
                hasher.write(&chunk);
                Ok(hasher)
            })
            .await?;
        Ok(hasher.finish())
    }

    /// True when an object has the content that was added, of `size` bytes.
    pub(super) async fn is_of(&self, inner: &Arc<Inner>, key: &ObjectKey, size: u64) -> bool {
        let compare = async {
            let reader = inner.get(key, ReadRange::All).await.ok()?;
            if reader.info().size != size {
                return None;
            }
            let mut stored = self.seed.build_hasher();
            let mut content = reader.into_stream();
            while let Some(chunk) = content.try_next().await.ok()? {
                stored.write(&chunk);
            }
            Some(stored.finish() == self.hasher.finish())
        };
        compare.await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use futures_util::stream;

    #[test]
    fn a_fingerprint_is_of_the_content_not_of_its_pieces() {
        let mut sent = Fingerprint::default();
        sent.add(&PutPayload::from_static(b"abc"));
        sent.add(&PutPayload::from_static(b"defgh"));
        let of = |pieces: Vec<&'static str>| {
            let pieces = pieces.into_iter().map(|piece| Ok(Bytes::from(piece)));
            let content = stream::iter(pieces.collect::<Vec<_>>());
            crate::runtime::block_on(crate::Driver::Inline, sent.of(content))
                .unwrap()
                .unwrap()
        };
        assert_eq!(of(vec!["abcdefg", "h"]), sent.hasher.finish());
        assert_ne!(of(vec!["abcdefg", "i"]), sent.hasher.finish());
    }

    #[test]
    fn only_a_creation_is_marked_and_only_where_parts_are_put_together() {
        let marked = |method: Method, uri: &str| {
            let mut request = HttpRequest::new(Bytes::new().into());
            *request.method_mut() = method;
            *request.uri_mut() = uri.parse().unwrap();
            mark(&mut request);
            request.headers().contains_key(IF_NONE_MATCH)
        };
        let complete = "http://127.0.0.1/b/k?uploadId=x";
        assert!(!marked(Method::POST, complete));
        let all = crate::runtime::block_on(
            crate::Driver::Inline,
            creating(async {
                [
                    marked(Method::POST, complete),
                    marked(Method::PUT, "http://127.0.0.1/b/k?partNumber=1&uploadId=x"),
                    marked(Method::POST, "http://127.0.0.1/b/k?uploads"),
                ]
            }),
        );
        assert_eq!(all.unwrap(), [true, false, false]);
    }
}
