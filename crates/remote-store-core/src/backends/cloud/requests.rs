//! Single requests: head, get, and the checks around them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::list::PaginatedListOptions;
use object_store::path::Path;
use object_store::{Attribute, GetOptions, GetRange, GetResult, ObjectMeta};

use crate::backends::staged::is_reserved;
use crate::error::{Error, Result, Subject};
use crate::key::{ObjectKey, Prefix};
use crate::model::{ObjectInfo, ReadRange};
use crate::reader::ObjectReader;

use super::Inner;
use super::failure::{ignores_ranges, is_range_refusal};
use super::listing::is_folder_marker;
use super::pieces::{self, Pieces};
use super::service::{Client, Service, Trait};

/// How often an object may be replaced while its end is looked for.
const SUFFIX_ATTEMPTS: usize = 8;

impl Inner {
    /// The client of this process.
    pub(in crate::backends) fn client(&self) -> Result<Arc<Box<dyn Client>>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed {
                backend: self.name().into(),
            });
        }
        self.clients.get_or_try_init(|| self.service.connect())
    }

    pub(super) fn location(&self, key: &ObjectKey) -> Result<Path> {
        if key.as_str().split('/').any(is_reserved) {
            return Err(Error::InvalidPath {
                path: key.to_string(),
                reason: "Name is reserved for objects that are being written".into(),
                backend: Some(self.name().into()),
                source: None,
            });
        }
        Path::parse(key.as_str()).map_err(|err| self.failure(key.as_str(), &err.into()))
    }

    /// The location of a folder; none for the root.
    pub(super) fn folder(&self, prefix: &Prefix) -> Result<Option<Path>> {
        prefix.to_key().map(|key| self.location(&key)).transpose()
    }

    pub(super) async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let location = self.location(key)?;
        match self.client()?.get_opts(&location, options).await {
            Ok(result) => Ok(self.seen(info(&*self.service, key, &result))),
            Err(err) => Err(self.missing_what(self.failure(key.as_str(), &err)).await),
        }
    }

    pub(super) async fn get(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: ReadRange,
    ) -> Result<ObjectReader> {
        if let ReadRange::Suffix(length) = range
            && length > 0
            && !self.words().has(Trait::ReadsSuffixes)
        {
            return self.suffix(key, length).await;
        }
        if let Some(first) = pieces::first_piece(&range)
            && !self.ignores_ranges.load(Ordering::Relaxed)
            && let Some(reader) = self.get_large(key, &range, first).await?
        {
            return Ok(reader);
        }
        self.get_at_once(key, range).await
    }

    /// Asks for the first piece; what is larger is read in pieces. Nothing when
    /// one request for all of the range has to tell more.
    async fn get_large(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: &ReadRange,
        first: Range<u64>,
    ) -> Result<Option<ObjectReader>> {
        let location = self.location(key)?;
        let options = GetOptions {
            range: Some(GetRange::Bounded(first)),
            ..GetOptions::default()
        };
        let found = match self.client()?.get_opts(&location, options).await {
            Ok(found) => found,
            Err(err) if ignores_ranges(&err) => {
                self.ignores_ranges.store(true, Ordering::Relaxed);
                return Ok(None);
            }
            // An empty object has no first byte.
            Err(err) if is_range_refusal(&err) => return Ok(None),
            Err(err) => return Err(self.failure(key.as_str(), &err)),
        };
        let wanted = range.resolve(found.meta.size);
        if found.range == wanted {
            return Ok(Some(self.reader(key, found)));
        }
        let Some(tag) = pieces::pin(&found) else {
            return Ok(None);
        };
        let info = self.seen(info(&*self.service, key, &found));
        let pieces = Pieces::new(self, key, tag, wanted.clone(), found);
        Ok(Some(ObjectReader::from_pieces(
            info,
            wanted,
            self.name(),
            Box::new(pieces),
        )))
    }

    /// One request for all of the range.
    async fn get_at_once(
        self: &Arc<Self>,
        key: &ObjectKey,
        range: ReadRange,
    ) -> Result<ObjectReader> {
        let location = self.location(key)?;
        let wanted = match &range {
            ReadRange::All | ReadRange::From(0) => None,
            ReadRange::Bounded(range) if range.is_empty() => {
                return self.empty(key, &ReadRange::Bounded(0..0)).await;
            }
            ReadRange::Suffix(0) => return self.empty(key, &range).await,
            ReadRange::Bounded(range) => Some(GetRange::Bounded(range.clone())),
            ReadRange::From(start) => Some(GetRange::Offset(*start)),
            ReadRange::Suffix(length) => Some(GetRange::Suffix(*length)),
        };
        let ranged = wanted.is_some();
        let options = GetOptions {
            range: wanted,
            ..GetOptions::default()
        };
        match self.client()?.get_opts(&location, options).await {
            Ok(result) => Ok(self.reader(key, result)),
            Err(err) => {
                let failure = self.failure(key.as_str(), &err);
                if ranged && matches!(failure, Error::BackendUnavailable { .. }) {
                    // Services refuse a range beyond the end; here it reads as empty.
                    return self.empty(key, &range).await.map_err(|_not_empty| failure);
                }
                Err(failure)
            }
        }
    }

    /// The last bytes, from a service that has to be asked for the size first.
    async fn suffix(self: &Arc<Self>, key: &ObjectKey, length: u64) -> Result<ObjectReader> {
        let location = self.location(key)?;
        let mut changed = 0;
        loop {
            let info = self.head(key).await?;
            if info.size == 0 {
                return self.empty(key, &ReadRange::Suffix(length)).await;
            }
            let options = GetOptions {
                range: Some(GetRange::Offset(info.size.saturating_sub(length))),
                if_match: info.etag,
                ..GetOptions::default()
            };
            match self.client()?.get_opts(&location, options).await {
                Ok(result) => return Ok(self.reader(key, result)),
                // Replaced in between: the end lies elsewhere now.
                Err(object_store::Error::Precondition { .. }) if changed < SUFFIX_ATTEMPTS => {
                    changed += 1;
                }
                Err(err) => return Err(self.failure(key.as_str(), &err)),
            }
        }
    }

    /// A reader of nothing, when the range really is empty.
    async fn empty(&self, key: &ObjectKey, range: &ReadRange) -> Result<ObjectReader> {
        let info = self.head(key).await?;
        let resolved = range.resolve(info.size);
        if resolved.is_empty() {
            return Ok(ObjectReader::from_bytes(
                info,
                resolved,
                self.name(),
                Bytes::new(),
            ));
        }
        Err(Error::unavailable(
            self.name(),
            format!("Reading a part of {key} failed"),
        ))
    }

    fn reader(self: &Arc<Self>, key: &ObjectKey, result: GetResult) -> ObjectReader {
        let info = self.seen(info(&*self.service, key, &result));
        let range = result.range.clone();
        ObjectReader::new(info, range, self.name(), self.body(key, result))
    }

    /// The bytes of an answer.
    pub(super) fn body(
        self: &Arc<Self>,
        key: &ObjectKey,
        answer: GetResult,
    ) -> BoxStream<'static, Result<Bytes>> {
        let (inner, path) = (Arc::clone(self), key.to_string());
        answer
            .into_stream()
            .map_err(move |err| inner.failure(&path, &err))
            .boxed()
    }

    /// True when at least one object lies below; asks for one key only.
    pub(super) async fn has_any_below(&self, prefix: &Prefix) -> Result<bool> {
        let folder = self.folder(prefix)?.map(|path| format!("{path}/"));
        let options = PaginatedListOptions {
            max_keys: Some(2),
            ..PaginatedListOptions::default()
        };
        let page = self
            .client()?
            .list_paginated(folder.as_deref(), options)
            .await
            .map_err(|err| self.failure("", &err))?;
        self.seen(());
        let shows = |meta: &ObjectMeta| match meta.location.filename() {
            Some(name) => !is_reserved(name) || is_folder_marker(name),
            None => false,
        };
        let objects = &page.result.objects;
        if objects.is_empty() || objects.iter().any(shows) {
            return Ok(!objects.is_empty());
        }
        // Hidden ones come first; only the whole listing knows.
        let mut all = self.client()?.list(self.folder(prefix)?.as_ref());
        while let Some(meta) = all.next().await {
            if shows(&meta.map_err(|err| self.failure("", &err))?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Refuses to write below an object, when that was asked for.
    pub(super) async fn check_ancestors(&self, key: &ObjectKey) -> Result<()> {
        if !self.service.place().rejects_write_under_file_ancestor {
            return Ok(());
        }
        for above in key.ancestors().filter_map(|prefix| prefix.to_key()) {
            match self.head(&above).await {
                Ok(_) => return Err(Error::below_file(key.as_str(), above.as_str(), self.name())),
                Err(err) if err.is_missing_object() => {}
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }

    /// An answer without a body cannot tell a missing object from a missing
    /// bucket; as long as the bucket was never seen, one more request does.
    async fn missing_what(&self, failure: Error) -> Error {
        let unsure = matches!(
            failure,
            Error::NotFound {
                what: Subject::File,
                ..
            }
        );
        if !unsure || self.bucket_seen.load(Ordering::Relaxed) {
            return failure;
        }
        match self.has_any_below(&Prefix::root()).await {
            Err(
                bucket @ Error::NotFound {
                    what: Subject::Bucket | Subject::Container,
                    ..
                },
            ) => bucket,
            _ => failure,
        }
    }

    pub(super) fn seen<T>(&self, answer: T) -> T {
        self.bucket_seen.store(true, Ordering::Relaxed);
        answer
    }
}

/// What a listing says about an object; nothing when it is hidden or no key can
/// have its name: one made elsewhere, such as `a\b`, would read as `a/b`,
/// another object.
pub(super) fn listed(meta: ObjectMeta) -> Option<ObjectInfo> {
    let name = meta.location.as_ref();
    if meta.location.filename().is_some_and(is_reserved) {
        return None;
    }
    let key = ObjectKey::parse(name)
        .ok()
        .filter(|key| key.as_str() == name)?;
    Some(ObjectInfo {
        modified: Some(meta.last_modified),
        etag: meta.e_tag,
        version: meta.version,
        ..ObjectInfo::new(key, meta.size)
    })
}

fn info(service: &dyn Service, key: &ObjectKey, result: &GetResult) -> ObjectInfo {
    let mut user_metadata = BTreeMap::new();
    let mut content_type = None;
    for (name, value) in &result.attributes {
        if *name == Attribute::ContentType {
            content_type = Some(value.to_string());
        } else if let Attribute::Metadata(name) = name {
            user_metadata.insert(service.given_name(name).into_owned(), value.to_string());
        }
    }
    ObjectInfo {
        modified: Some(result.meta.last_modified),
        etag: result.meta.e_tag.clone(),
        version: result.meta.version.clone(),
        content_type,
        user_metadata,
        ..ObjectInfo::new(key.clone(), result.meta.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_never_listed_under_the_key_of_another() {
        let meta = |name: &str| ObjectMeta {
            location: Path::parse(name).unwrap(),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        };
        assert_eq!(listed(meta("a/b")).unwrap().key.as_str(), "a/b");
        assert_eq!(listed(meta("a\\b")), None);
        assert_eq!(listed(meta("a/.remote-store-staged-1")), None);
    }
}
