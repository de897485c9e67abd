//! Large objects, read in pieces side by side, all of one content.
//!
//! The first request asks for the first piece only; its answer tells the size
//! and the tag of the object. The other pieces are asked for on condition that
//! the tag is still the same, so that an object that is replaced meanwhile is a
//! conflict and never a mixture.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::model::ReadRange;
use crate::reader::Pieced;

use super::Inner;
use super::failure::is_range_refusal;

/// What one request fetches at most of an object whose size is not known.
pub(super) const PIECE_BYTES: u64 = 8 << 20;
/// How many pieces are fetched at a time, and held at most by a stream.
const WINDOW: usize = 4;
/// How many are fetched at a time beside the first when all goes into one buffer,
/// which is there anyhow: more of them hide the wait for each answer.
const WHOLE_WINDOW: usize = 8;
/// What one request fetches at most of an object that goes into one buffer; what
/// is fetched again after a connection broke for good is no more than this.
const WHOLE_PIECE_BYTES: u64 = 16 << 20;
/// So much of the first piece is handed out before others are asked for: who
/// wants only the head of an object pays for no more.
const AHEAD_FROM_BYTES: u64 = 1 << 20;

/// The bytes of a range that is larger than a piece.
pub(super) struct Pieces {
    source: Source,
    /// The answer to the first request.
    first: Option<BoxStream<'static, Result<Bytes>>>,
    /// All that is wanted.
    range: Range<u64>,
    first_end: u64,
    handed_out: u64,
    rest: Option<BoxStream<'static, Result<Vec<Bytes>>>>,
    ready: VecDeque<Bytes>,
}

/// Where pieces of one content come from.
#[derive(Clone)]
struct Source {
    inner: Arc<Inner>,
    key: ObjectKey,
    location: Path,
    tag: String,
}

/// The first request for a range; none when it is small anyhow, or its size is
/// told by the client.
pub(super) fn first_piece(range: &ReadRange) -> Option<Range<u64>> {
    let (start, end) = match range {
        ReadRange::All => (0, u64::MAX),
        ReadRange::From(start) => (*start, u64::MAX),
        ReadRange::Bounded(range) => (range.start, range.end),
        ReadRange::Suffix(_) => return None,
    };
    let cut = start.checked_add(PIECE_BYTES)?;
    (cut < end).then_some(start..cut)
}

/// The tag by which the content can be asked for again. A weak one never matches.
pub(super) fn pin(result: &GetResult) -> Option<String> {
    let tag = result.meta.e_tag.as_deref()?;
    (!tag.is_empty() && !tag.starts_with("W/")).then(|| tag.to_owned())
}

/// How large the pieces of so many bytes are when they go into one buffer: no
/// more pieces than are fetched at a time, if they do not get too large.
fn whole_piece(bytes: u64) -> u64 {
    bytes
        .div_ceil(WHOLE_WINDOW as u64)
        .clamp(PIECE_BYTES, WHOLE_PIECE_BYTES)
}

fn split(range: Range<u64>, piece_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let piece = start..start.saturating_add(piece_bytes).min(range.end);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

impl Source {
    /// Opens a piece of the content that the tag stands for.
    async fn open(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes>>> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: Some(self.tag.clone()),
            ..GetOptions::default()
        };
        let changed = || Error::conflict(self.key.as_str(), self.inner.name());
        match self.inner.client()?.get_opts(&self.location, options).await {
            // Not every server heeds the condition.
            Ok(found) if found.meta.e_tag.as_deref() != Some(&self.tag) || found.range != range => {
                Err(changed())
            }
            Ok(found) => Ok(self.inner.body(&self.key, found)),
            // The object is shorter than it was.
            Err(err) if is_range_refusal(&err) => Err(changed().caused_by(&err)),
            Err(err) => Err(self.inner.failure(self.key.as_str(), &err)),
        }
    }

    async fn fetch(self, range: Range<u64>) -> Result<Vec<Bytes>> {
        let chunks: Vec<Bytes> = self.open(range.clone()).await?.try_collect().await?;
        let arrived: usize = chunks.iter().map(Bytes::len).sum();
        self.check_whole(arrived, &range)?;
        Ok(chunks)
    }

    /// Fills a buffer that has room for exactly this piece.
    async fn fill(self, range: Range<u64>, buffer: BytesMut) -> Result<BytesMut> {
        let body = self.open(range.clone()).await?;
        self.pour(body, range, buffer).await
    }

    async fn pour(
        &self,
        mut body: BoxStream<'static, Result<Bytes>>,
        range: Range<u64>,
        mut buffer: BytesMut,
    ) -> Result<BytesMut> {
        while let Some(chunk) = body.try_next().await? {
            if (buffer.len() + chunk.len()) as u64 > length(&range) {
                return Err(self.cut_off(buffer.len() + chunk.len(), &range));
            }
            buffer.extend_from_slice(&chunk);
        }
        self.check_whole(buffer.len(), &range)?;
        Ok(buffer)
    }

    fn check_whole(&self, arrived: usize, range: &Range<u64>) -> Result<()> {
        if arrived as u64 == length(range) {
            return Ok(());
        }
        Err(self.cut_off(arrived, range))
    }

    fn cut_off(&self, arrived: usize, range: &Range<u64>) -> Error {
        Error::BackendUnavailable {
            message: format!(
                "Read of {} gave {arrived} of {} bytes from byte {} on; read it again",
                self.key,
                length(range),
                range.start
            ),
            path: Some(self.key.to_string()),
            backend: self.inner.name().into(),
            source: None,
        }
    }
}

impl Pieces {
    /// `first` is the answer for the first piece of `range`.
    pub(super) fn new(
        inner: &Arc<Inner>,
        key: &ObjectKey,
        tag: String,
        range: Range<u64>,
        first: GetResult,
    ) -> Self {
        let source = Source {
            inner: Arc::clone(inner),
            key: key.clone(),
            location: first.meta.location.clone(),
            tag,
        };
        let first_end = first.range.end;
        Self {
            first: Some(inner.body(key, first)),
            source,
            range,
            first_end,
            handed_out: 0,
            rest: None,
            ready: VecDeque::new(),
        }
    }

    fn rest(&mut self) -> &mut BoxStream<'static, Result<Vec<Bytes>>> {
        let (source, rest) = (self.source.clone(), self.first_end..self.range.end);
        self.rest.get_or_insert_with(|| {
            stream::iter(split(rest, PIECE_BYTES))
                .map(move |piece| source.clone().fetch(piece))
                .buffered(WINDOW)
                .boxed()
        })
    }

    /// Lets pieces arrive while others are handed out; one is kept.
    fn go_ahead(&mut self, cx: &mut Context<'_>) -> Result<()> {
        if self.handed_out < AHEAD_FROM_BYTES || !self.ready.is_empty() {
            return Ok(());
        }
        if let Poll::Ready(Some(piece)) = self.rest().poll_next_unpin(cx) {
            self.ready.extend(piece?);
        }
        Ok(())
    }

    /// The next chunk of the first piece; `None` after its last.
    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(first) = &mut self.first else {
            return Poll::Ready(None);
        };
        let polled = first.poll_next_unpin(cx);
        let promised = self.range.start..self.first_end;
        match &polled {
            Poll::Ready(Some(Ok(chunk))) => self.handed_out += chunk.len() as u64,
            Poll::Ready(Some(Err(_))) => {}
            Poll::Ready(None) => {
                self.first = None;
                let arrived = usize::try_from(self.handed_out).unwrap_or(usize::MAX);
                if let Err(err) = self.source.check_whole(arrived, &promised) {
                    return Poll::Ready(Some(Err(err)));
                }
                // From here on nothing holds the others back.
                self.handed_out = self.handed_out.max(AHEAD_FROM_BYTES);
            }
            Poll::Pending => {
                if let Err(err) = self.go_ahead(cx) {
                    return Poll::Ready(Some(Err(err)));
                }
            }
        }
        polled
    }

    /// Everything in one buffer, each piece at its place from the start.
    async fn whole(mut self) -> Result<Bytes> {
        let mut buffer = self.reserve()?;
        let first = self.range.start..self.first_end;
        let mut tail = buffer.split_off(usize::try_from(length(&first)).unwrap_or(usize::MAX));
        let mut pieces: Vec<BoxFuture<'static, Result<(u64, BytesMut)>>> = Vec::new();
        if let Some(body) = self.first.take() {
            let source = self.source.clone();
            pieces.push(Box::pin(async move {
                let place = first.start;
                Ok((place, source.pour(body, first, buffer).await?))
            }));
        }
        let rest = self.first_end..self.range.end;
        let piece_bytes = whole_piece(length(&rest));
        for range in split(rest, piece_bytes) {
            let own = usize::try_from(length(&range)).unwrap_or(usize::MAX);
            let rest = tail.split_off(own.min(tail.capacity()));
            let buffer = std::mem::replace(&mut tail, rest);
            let source = self.source.clone();
            pieces.push(Box::pin(async move {
                let place = range.start;
                Ok((place, source.fill(range, buffer).await?))
            }));
        }
        // In any order: a slow piece holds up no other.
        let filled = stream::iter(pieces).buffer_unordered(WHOLE_WINDOW + 1);
        let mut filled: Vec<(u64, BytesMut)> = filled.try_collect().await?;
        filled.sort_unstable_by_key(|(place, _)| *place);
        let mut whole = BytesMut::new();
        for (_, piece) in filled {
            // Neighbours in memory: nothing is copied.
            whole.unsplit(piece);
        }
        Ok(whole.freeze())
    }

    fn reserve(&self) -> Result<BytesMut> {
        let size = length(&self.range);
        let size_here = usize::try_from(size).unwrap_or(usize::MAX);
        // A buffer that cannot be had would end the process; this one only tells.
        if Vec::<u8>::new().try_reserve_exact(size_here).is_ok() {
            return Ok(BytesMut::with_capacity(size_here));
        }
        let (key, name) = (&self.source.key, self.source.inner.name());
        Err(Error::unavailable(
            name,
            format!(
                "{key} has {size} bytes, more than memory allows; read it as a stream or in parts"
            ),
        ))
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let first = futures_util::ready!(self.poll_first(cx));
        if first.is_some() {
            return Poll::Ready(first);
        }
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(chunk)));
            }
            match futures_util::ready!(self.rest().poll_next_unpin(cx)) {
                Some(Ok(piece)) => self.ready.extend(piece),
                Some(Err(err)) => return Poll::Ready(Some(Err(err))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Pieced for Pieces {
    fn read_all(self: Box<Self>) -> BoxFuture<'static, Result<Bytes>> {
        Box::pin(self.whole())
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces")
            .field("key", &self.source.key)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_range_without_gap_or_overlap() {
        let range = 5..3 * PIECE_BYTES + 1;
        let pieces: Vec<_> = split(range.clone(), PIECE_BYTES).collect();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.first().map(|piece| piece.start), Some(range.start));
        assert_eq!(pieces.last().map(|piece| piece.end), Some(range.end));
        assert!(pieces.windows(2).all(|two| two[0].end == two[1].start));
        assert_eq!(split(7..7, PIECE_BYTES).count(), 0);
    }

    #[test]
    fn a_buffer_is_filled_by_few_large_pieces() {
        assert_eq!(whole_piece(1), PIECE_BYTES);
        assert_eq!(
            whole_piece(WHOLE_WINDOW as u64 * PIECE_BYTES + 1),
            PIECE_BYTES + 1
        );
        assert_eq!(whole_piece(u64::MAX), WHOLE_PIECE_BYTES);
    }

    #[test]
    fn only_what_may_be_larger_than_a_piece_is_cut() {
        assert_eq!(first_piece(&ReadRange::All), Some(0..PIECE_BYTES));
        assert_eq!(first_piece(&ReadRange::From(9)), Some(9..PIECE_BYTES + 9));
        assert_eq!(first_piece(&ReadRange::Bounded(0..PIECE_BYTES)), None);
        assert_eq!(
            first_piece(&ReadRange::Bounded(1..PIECE_BYTES + 2)),
            Some(1..PIECE_BYTES + 1)
        );
        assert_eq!(first_piece(&ReadRange::Suffix(u64::MAX)), None);
        assert_eq!(first_piece(&ReadRange::From(u64::MAX - 1)), None);
    }
}
