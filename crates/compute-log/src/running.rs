//! Reading the segments of a running log.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use remote_store_core::{PageToken, ReadRange};

use crate::chunk::{Chunk, LogSource};
use crate::segments::{FOLDER_SUFFIX, Segment, Segments};
use crate::{Error, LogStore, Result, cut, frames, utf8};

/// Segments named by one request of a listing.
const SEGMENTS_A_PAGE: usize = 1000;
/// Segments fetched side by side.
const SEGMENTS_AT_A_TIME: usize = 8;
/// Segments in one chunk at most: a viewer of a log of tiny ones is not kept waiting.
const SEGMENTS_A_CHUNK: usize = 256;

impl LogStore {
    /// The segments there are now. Those that were seen before are not listed again.
    pub(crate) async fn list_segments(&self, final_path: &str) -> Result<Segments> {
        let folder = format!("{final_path}{FOLDER_SUFFIX}");
        let mut known = self.seen().segments(final_path).unwrap_or_default();
        let mut token = match known.last() {
            Some(last) => Some(PageToken::parse(&last.path(final_path))?),
            None => None,
        };
        loop {
            let listed = self
                .store
                .list_page(&folder, token.as_ref(), SEGMENTS_A_PAGE);
            let page = match listed.await {
                Ok(page) => page,
                Err(error) if error.is_missing_object() => break,
                Err(error) => return Err(error.into()),
            };
            let segments = page.objects.iter();
            for segment in segments.filter_map(|object| Segment::parse(object.key.name())) {
                known.add(segment);
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        if !known.is_empty() {
            self.seen().note_segments(final_path, known.clone());
        }
        Ok(known)
    }

    /// What the segments hold from `offset` on; none when there are no segments.
    pub(crate) async fn read_segments(
        &self,
        final_path: &str,
        offset: u64,
        end: u64,
    ) -> Result<Option<Chunk>> {
        let segments = self.list_segments(final_path).await?;
        if segments.is_empty() {
            return Ok(None);
        }
        if segments.holding(offset).is_none()
            && let Some(next) = segments.after(offset)
        {
            return Ok(Some(self.over_the_gap(offset, next)));
        }
        let mut pieces = Vec::new();
        let mut at = offset;
        while at < end && pieces.len() < SEGMENTS_A_CHUNK {
            let Some(segment) = segments.holding(at) else {
                break;
            };
            let to = segment.end.min(end);
            pieces.push((segment, at, to));
            at = to;
        }
        let fetched: Result<Vec<Bytes>> = stream::iter(pieces)
            .map(|(segment, from, to)| self.fetch(final_path, segment, from, to))
            .buffered(SEGMENTS_AT_A_TIME)
            .try_collect()
            .await;
        let mut data = match fetched {
            Ok(pieces) => joined(pieces),
            // The step ended, or its log was cut, after the listing was made.
            Err(error) if error.is_not_found() => {
                self.seen().forget(final_path);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        data.truncate(data.len() - utf8::incomplete_tail(&data));
        let next_offset = offset.saturating_add(data.len() as u64);
        Ok(Some(Chunk {
            data,
            next_offset,
            complete: false,
            source: LogSource::Partial,
        }))
    }

    /// The last bytes that the segments hold.
    pub(crate) async fn tail_segments(
        &self,
        final_path: &str,
        length: u64,
    ) -> Result<Option<Chunk>> {
        let segments = self.list_segments(final_path).await?;
        let end = segments.end();
        let mut from = end.saturating_sub(length);
        if segments.holding(from).is_none()
            && let Some(next) = segments.after(from)
        {
            from = next.start;
        }
        let Some(mut chunk) = self.read_segments(final_path, from, end).await? else {
            return Ok(None);
        };
        if from > 0 {
            let orphans = utf8::orphaned_head(&chunk.data).min(chunk.data.len());
            chunk.data = chunk.data.slice(orphans..);
        }
        Ok(Some(chunk))
    }

    /// The line that stands for what the cap took away.
    fn over_the_gap(&self, offset: u64, next: Segment) -> Chunk {
        let line = cut::marker(next.start - offset, self.max_bytes, true);
        Chunk {
            data: line.into(),
            next_offset: next.start,
            complete: false,
            source: LogSource::Partial,
        }
    }

    /// Bytes `from..to` of the log out of one segment.
    async fn fetch(&self, final_path: &str, segment: Segment, from: u64, to: u64) -> Result<Bytes> {
        let path = segment.path(final_path);
        let (from, to) = (from - segment.start, to - segment.start);
        if !segment.compressed {
            let reader = self.store.open(&path, ReadRange::Bounded(from..to)).await?;
            return Ok(reader.bytes().await?);
        }
        let known = self.seen().decoded(&path);
        let decoded = match known {
            Some(decoded) => decoded,
            None => self.decode_segment(&path, segment).await?,
        };
        let length = decoded.len();
        let place = |at: u64| usize::try_from(at).unwrap_or(length).min(length);
        Ok(decoded.slice(place(from)..place(to)))
    }

    async fn decode_segment(&self, path: &str, segment: Segment) -> Result<Bytes> {
        let stored = self.store.read_bytes(path).await?;
        // Checked before it is allocated: the name is what someone wrote there.
        let length = usize::try_from(segment.length().min(crate::append::SEGMENT_BYTES));
        let raw = frames::decompress(&stored, length.unwrap_or(0));
        let decoded: Bytes = raw.map_err(Error::damaged(path))?.into();
        self.seen().note_decoded(path, decoded.clone());
        Ok(decoded)
    }
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() <= 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        all.extend_from_slice(piece);
    }
    all.freeze()
}
