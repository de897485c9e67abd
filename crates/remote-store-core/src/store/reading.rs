//! Reading objects: one, a part of one, many in order.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::error::{Error, Result};
use crate::model::{ObjectInfo, ReadRange};
use crate::reader::ObjectReader;

use super::Store;

/// How many ranges of one object are fetched at a time.
const RANGE_WINDOW: usize = 16;
/// How often an object may be replaced while its parts are fetched.
const GENERATION_ATTEMPTS: usize = 8;
/// Ranges nearer than this are fetched as one: a request costs more than the gap.
const COALESCE_GAP_BYTES: u64 = 64 << 10;
/// A fetch of several ranges together never grows past this.
const COALESCE_MAX_BYTES: u64 = 32 << 20;

impl Store {
    /// Opens an object; bytes arrive as they are asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    pub async fn read(&self, path: &str) -> Result<ObjectReader> {
        self.open(path, ReadRange::All).await
    }

    /// Opens a part of an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    pub async fn open(&self, path: &str, range: ReadRange) -> Result<ObjectReader> {
        let key = self.full_key(path)?;
        let reader = self.backend.read(&key, range).await?;
        Ok(reader.with_info(|info| {
            if let Some(relative) = self.root.relative_key(&info.key) {
                info.key = relative;
            }
        }))
    }

    /// The whole object. A large one is fetched in pieces, side by side, into
    /// one buffer; they are all of one content.
    ///
    /// # Errors
    /// As [`Store::read_range`].
    pub async fn read_bytes(&self, path: &str) -> Result<Bytes> {
        self.read_range(path, ReadRange::All).await
    }

    /// A part of an object; a range beyond the end reads as empty.
    ///
    /// A large one arrives in pieces; when the object is replaced meanwhile, all
    /// of them are fetched again, once.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist, [`Error::Conflict`] when it
    /// is replaced again and again.
    pub async fn read_range(&self, path: &str, range: ReadRange) -> Result<Bytes> {
        match self.open(path, range.clone()).await?.bytes().await {
            Err(Error::Conflict { .. }) => self.open(path, range).await?.bytes().await,
            read => read,
        }
    }

    /// Several parts of one object, in the order asked. Near ones are fetched
    /// together, the rest side by side.
    ///
    /// ```
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// let store = Store::memory();
    /// runtime::block_on(store.driver(), async {
    ///     store.write("x", "0123456789".into(), &WriteOptions::create()).await?;
    ///     let parts = store.get_ranges("x", &[7..9, 0..2]).await?;
    ///     assert_eq!(parts, ["78", "01"]);
    ///     Ok::<(), remote_store_core::Error>(())
    /// })??;
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    ///
    /// All parts are of one content: when the object is replaced in between,
    /// they are fetched again. Stores without tags cannot tell.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the object does not exist, also without ranges;
    /// [`Error::Conflict`] when it is replaced again and again.
    pub async fn get_ranges(&self, path: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let key = self.full_key(path)?;
        let wanted = coalesce(ranges);
        if wanted.is_empty() {
            self.backend.head(&key).await?;
            return Ok(vec![Bytes::new(); ranges.len()]);
        }
        for _ in 0..GENERATION_ATTEMPTS {
            let fetched = match self.fetch(path, &wanted).await {
                // Replaced while the pieces of one part arrived.
                Err(Error::Conflict { .. }) => continue,
                fetched => fetched?,
            };
            let mut tags = fetched.iter().map(|part| &part.etag);
            let first = tags.next();
            if tags.all(|tag| Some(tag) == first) {
                return Ok(ranges.iter().map(|range| cut(&fetched, range)).collect());
            }
        }
        Err(Error::conflict(key.as_str(), self.backend.name()))
    }

    /// Side by side; the first failing range in order is told.
    async fn fetch(&self, path: &str, wanted: &[Range<u64>]) -> Result<Vec<Fetched>> {
        let fetched: Vec<Result<Fetched>> = stream::iter(wanted.to_vec())
            .map(|range| async move {
                let reader = self.open(path, ReadRange::Bounded(range.clone())).await?;
                let etag = reader.info().etag.clone();
                let bytes = reader.bytes().await?;
                Ok(Fetched { range, etag, bytes })
            })
            .buffered(RANGE_WINDOW)
            .collect()
            .await;
        fetched.into_iter().collect()
    }

    /// Many objects, in the order of `paths`, with at most `window` in flight.
    /// The stream ends at the first path, in that order, that fails; what was
    /// under way behind it is cancelled. Results do not depend on timing.
    ///
    /// ```
    /// use futures_util::TryStreamExt;
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// let store = Store::memory();
    /// runtime::block_on(store.driver(), async {
    ///     for day in ["01", "02"] {
    ///         store.write(day, day.into(), &WriteOptions::create()).await?;
    ///     }
    ///     let all: Vec<_> = store.read_many(vec!["02".into(), "01".into()], 8).try_collect().await?;
    ///     assert_eq!(all, ["02", "01"]);
    ///     Ok::<(), remote_store_core::Error>(())
    /// })??;
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    pub fn read_many(
        &self,
        paths: Vec<String>,
        window: usize,
    ) -> BoxStream<'static, Result<Bytes>> {
        let store = self.clone();
        let reads = stream::iter(paths).map(move |path| {
            let store = store.clone();
            async move { store.read_bytes(&path).await }
        });
        until_error(reads.buffered(window.max(1)).boxed())
    }

    /// As [`Store::read_many`], with `None` for an object that does not exist.
    pub fn read_many_or_missing(
        &self,
        paths: Vec<String>,
        window: usize,
    ) -> BoxStream<'static, Result<Option<Bytes>>> {
        let store = self.clone();
        let reads = stream::iter(paths).map(move |path| {
            let store = store.clone();
            async move {
                match store.read_bytes(&path).await {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(err) if err.is_missing_object() => Ok(None),
                    Err(err) => Err(err),
                }
            }
        });
        until_error(reads.buffered(window.max(1)).boxed())
    }

    /// What is known about an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist.
    pub async fn head(&self, path: &str) -> Result<ObjectInfo> {
        let key = self.full_key(path)?;
        Ok(self.relative_info(self.backend.head(&key).await?))
    }

    /// True when there is an object of that name. A folder is none.
    ///
    /// # Errors
    /// Whatever keeps the backend from knowing.
    pub async fn is_file(&self, path: &str) -> Result<bool> {
        if self.full_prefix(path)? == self.root {
            return Ok(false);
        }
        match self.head(path).await {
            Ok(_) => Ok(true),
            Err(Error::InvalidPath { .. }) => Ok(false),
            Err(err) if err.is_missing_object() => Ok(false),
            Err(err) => Err(err),
        }
    }

    /// True when there is an object or a folder of that name.
    ///
    /// # Errors
    /// Whatever keeps the backend from knowing.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.is_file(path).await? || self.is_folder(path).await?)
    }
}

/// Yields up to and including the first error, then drops the rest.
fn until_error<T: Send + 'static>(
    stream: BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    stream::unfold(Some(stream), |state| async move {
        let mut stream = state?;
        let item = stream.next().await?;
        let rest = item.is_ok().then_some(stream);
        Some((item, rest))
    })
    .boxed()
}

/// The fetches that cover all ranges: sorted, near ones merged.
fn coalesce(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<Range<u64>> = ranges
        .iter()
        .filter(|range| !range.is_empty())
        .cloned()
        .collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let mut fetches: Vec<Range<u64>> = Vec::new();
    for range in sorted {
        if let Some(last) = fetches.last_mut() {
            let end = last.end.max(range.end);
            let near = range.start <= last.end.saturating_add(COALESCE_GAP_BYTES);
            if range.end <= last.end || (near && end - last.start <= COALESCE_MAX_BYTES) {
                last.end = end;
                continue;
            }
        }
        fetches.push(range);
    }
    fetches
}

/// A part of an object, and of which content it is.
struct Fetched {
    range: Range<u64>,
    etag: Option<String>,
    bytes: Bytes,
}

/// The bytes of `range` out of what was fetched; cut at the object's end.
fn cut(fetched: &[Fetched], range: &Range<u64>) -> Bytes {
    let holder = fetched
        .iter()
        .find(|part| part.range.start <= range.start && range.end <= part.range.end);
    let Some(Fetched {
        range: whole,
        bytes,
        ..
    }) = holder.filter(|_| !range.is_empty())
    else {
        return Bytes::new();
    };
    let at = |offset: u64| {
        usize::try_from(offset - whole.start)
            .unwrap_or(usize::MAX)
            .min(bytes.len())
    };
    bytes.slice(at(range.start)..at(range.end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn every_range_is_cut_out_of_one_fetch(
            starts in prop::collection::vec((0_u64..300_000, 0_u64..100_000), 0..12)
        ) {
            let object: Bytes = (0..350_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
            let size = object.len() as u64;
            let ranges: Vec<Range<u64>> = starts.into_iter().map(|(start, length)| start..start + length).collect();
            let fetched: Vec<_> = coalesce(&ranges)
                .into_iter()
                .map(|range| {
                    let cut = ReadRange::Bounded(range.clone()).resolve(size);
                    let bytes = object.slice(usize::try_from(cut.start).unwrap()..usize::try_from(cut.end).unwrap());
                    Fetched { range, etag: None, bytes }
                })
                .collect();
            for range in &ranges {
                let want = ReadRange::Bounded(range.clone()).resolve(size);
                let want = object.slice(usize::try_from(want.start).unwrap()..usize::try_from(want.end).unwrap());
                prop_assert_eq!(cut(&fetched, range), want);
            }
        }
    }
}
