//! An opened object: what is known about it, and its bytes as they arrive.

use std::fmt;
use std::ops::Range;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use crate::error::{Error, Result};
use crate::model::ObjectInfo;

mod file;
mod in_order;

pub(crate) use file::FileBody;
pub use file::FileParts;
pub use in_order::PartsInOrder;

/// An opened object. Nothing is fetched beyond what the backend had to ask for
/// to open it; dropping the reader ends the transfer.
///
/// ```
/// use futures_util::StreamExt;
/// use remote_store_core::{Store, WriteOptions, runtime};
///
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     store.write("a.txt", "hello".into(), &WriteOptions::create()).await?;
///     let mut reader = store.read("a.txt").await?;
///     assert_eq!(reader.info().size, 5);
///     let mut length = 0;
///     while let Some(chunk) = reader.next_chunk().await? {
///         length += chunk.len();
///     }
///     assert_eq!(length, 5);
///     Ok::<(), remote_store_core::Error>(())
/// })??;
/// # Ok::<(), remote_store_core::Error>(())
/// ```
pub struct ObjectReader {
    info: ObjectInfo,
    range: Range<u64>,
    backend: String,
    body: Body,
}

enum Body {
    Ready(Option<Bytes>),
    File(FileBody),
    Stream(BoxStream<'static, Result<Bytes>>),
    #[cfg(feature = "cloud")]
    Pieces(Box<dyn Pieced>),
}

/// A body of which several pieces are fetched at a time.
#[cfg(feature = "cloud")]
pub(crate) trait Pieced:
    futures_util::Stream<Item = Result<Bytes>> + Send + Unpin + 'static
{
    /// All of it in one buffer, which the pieces fill side by side.
    fn read_all(self: Box<Self>) -> futures_util::future::BoxFuture<'static, Result<Bytes>>;
}

impl ObjectReader {
    /// A reader over bytes that arrive piece by piece; `range` says which of
    /// the object's bytes they are.
    pub fn new(
        info: ObjectInfo,
        range: Range<u64>,
        backend: impl Into<String>,
        stream: BoxStream<'static, Result<Bytes>>,
    ) -> Self {
        Self {
            info,
            range,
            backend: backend.into(),
            body: Body::Stream(stream),
        }
    }

    /// A reader over bytes that are there already.
    pub fn from_bytes(
        info: ObjectInfo,
        range: Range<u64>,
        backend: impl Into<String>,
        bytes: Bytes,
    ) -> Self {
        Self {
            info,
            range,
            backend: backend.into(),
            body: Body::Ready(Some(bytes)),
        }
    }

    pub(crate) fn from_file(
        info: ObjectInfo,
        range: Range<u64>,
        backend: &str,
        body: FileBody,
    ) -> Self {
        Self {
            info,
            range,
            backend: backend.to_owned(),
            body: Body::File(body),
        }
    }

    #[cfg(feature = "cloud")]
    pub(crate) fn from_pieces(
        info: ObjectInfo,
        range: Range<u64>,
        backend: &str,
        pieces: Box<dyn Pieced>,
    ) -> Self {
        Self {
            info,
            range,
            backend: backend.to_owned(),
            body: Body::Pieces(pieces),
        }
    }

    /// The same bytes under another key: stores give names relative to their root.
    pub(crate) fn with_info(mut self, change: impl FnOnce(&mut ObjectInfo)) -> Self {
        change(&mut self.info);
        self
    }

    /// What is known about the object.
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// Which of the object's bytes are read.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// What the backend reports while the bytes move. Of a large object, whose
    /// pieces are fetched one after the other, it is [`Error::Conflict`] when the
    /// object was replaced meanwhile: bytes of two contents are never mixed.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        match &mut self.body {
            Body::Ready(bytes) => Ok(bytes.take().filter(|bytes| !bytes.is_empty())),
            Body::File(body) => body.next_chunk().await,
            Body::Stream(stream) => stream.next().await.transpose(),
            #[cfg(feature = "cloud")]
            Body::Pieces(pieces) => pieces.next().await.transpose(),
        }
    }

    /// The bytes as a stream.
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes>> {
        match self.body {
            Body::Ready(bytes) => stream::iter(bytes.filter(|b| !b.is_empty()).map(Ok)).boxed(),
            Body::File(body) => stream::try_unfold(body, |mut body| async move {
                Ok(body.next_chunk().await?.map(|chunk| (chunk, body)))
            })
            .boxed(),
            Body::Stream(stream) => stream,
            #[cfg(feature = "cloud")]
            Body::Pieces(pieces) => pieces.boxed(),
        }
    }

    /// All bytes of the range at once.
    ///
    /// # Errors
    /// What the backend reports while the bytes move, [`Error::Conflict`] when
    /// the object was replaced before all of it had arrived, and
    /// [`Error::BackendUnavailable`] when fewer bytes arrive than were promised.
    pub async fn bytes(self) -> Result<Bytes> {
        let expected = self.range.end.saturating_sub(self.range.start);
        let collected = match self.body {
            Body::Ready(bytes) => bytes.unwrap_or_default(),
            Body::File(body) => body.read_all().await?,
            Body::Stream(stream) => collect(stream, expected).await?,
            #[cfg(feature = "cloud")]
            Body::Pieces(pieces) => pieces.read_all().await?,
        };
        if collected.len() as u64 == expected {
            return Ok(collected);
        }
        Err(ended(&self.info, self.backend, collected.len(), expected))
    }

    /// Whether [`read_into`](Self::read_into) saves a copy, and the length is more than what a
    /// server promised: memory of that length may be made.
    ///
    /// ```
    /// use remote_store_core::{Store, WriteOptions, runtime};
    ///
    /// let store = Store::memory();
    /// let fills = runtime::block_on(store.driver(), async {
    ///     store.write("a.txt", "hello".into(), &WriteOptions::create()).await?;
    ///     Ok::<_, remote_store_core::Error>(store.read("a.txt").await?.fills_in_place())
    /// })??;
    /// assert!(!fills, "the bytes are there already");
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    pub fn fills_in_place(&self) -> bool {
        let length = self.range.end.saturating_sub(self.range.start);
        match &self.body {
            Body::File(_) => true,
            Body::Stream(_) => length <= MAX_RESERVE as u64,
            Body::Ready(_) => false,
            #[cfg(feature = "cloud")]
            Body::Pieces(_) => false,
        }
    }

    /// Whether its bytes are fetched by ranges that the server gives: another part of the object
    /// costs no more than that part.
    ///
    /// ```
    /// use remote_store_core::{Store, WriteOptions, runtime};
    ///
    /// let store = Store::memory();
    /// let in_pieces = runtime::block_on(store.driver(), async {
    ///     store.write("a.txt", "hello".into(), &WriteOptions::create()).await?;
    ///     Ok::<_, remote_store_core::Error>(store.read("a.txt").await?.is_in_pieces())
    /// })??;
    /// assert!(!in_pieces, "the bytes are there already");
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    pub fn is_in_pieces(&self) -> bool {
        match &self.body {
            Body::Ready(_) | Body::File(_) | Body::Stream(_) => false,
            #[cfg(feature = "cloud")]
            Body::Pieces(_) => true,
        }
    }

    /// Whether it is a local file, all of it.
    pub fn is_file(&self) -> bool {
        matches!(self.body, Body::File(_)) && self.range == (0..self.info.size)
    }

    /// The parts of a local file, to be read from several threads.
    ///
    /// # Errors
    /// The reader as it was, where it [is none](Self::is_file).
    pub fn into_file_parts(self) -> Result<FileParts, Box<Self>> {
        match self {
            Self {
                body: Body::File(body),
                range,
                info,
                ..
            } if range == (0..info.size) => Ok(FileParts::new(body)),
            other => Err(Box::new(other)),
        }
    }

    /// All bytes of the range, into memory that is there: `out` has room for just them.
    ///
    /// What stands in `out` after an error is of no use.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), also when `out` is not as long as the [`range`](Self::range).
    ///
    /// ```
    /// use remote_store_core::{Store, WriteOptions, runtime};
    ///
    /// let store = Store::memory();
    /// runtime::block_on(store.driver(), async {
    ///     store.write("a.txt", "hello".into(), &WriteOptions::create()).await?;
    ///     let mut out = [0; 5];
    ///     store.read("a.txt").await?.read_into(&mut out).await?;
    ///     assert_eq!(&out, b"hello");
    ///     let mut short = [0; 4];
    ///     assert!(store.read("a.txt").await?.read_into(&mut short).await.is_err());
    ///     Ok::<(), remote_store_core::Error>(())
    /// })??;
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    pub async fn read_into(self, out: &mut [u8]) -> Result<()> {
        let expected = self.range.end.saturating_sub(self.range.start);
        let room = out.len();
        if room as u64 != expected {
            return Err(ended(&self.info, self.backend, room, expected));
        }
        let bytes = match self.body {
            Body::File(body) => return body.read_into(out).await,
            Body::Stream(stream) => {
                let filled = fill(stream, out).await?;
                if filled == room {
                    return Ok(());
                }
                return Err(ended(&self.info, self.backend, filled, expected));
            }
            Body::Ready(bytes) => bytes.unwrap_or_default(),
            #[cfg(feature = "cloud")]
            Body::Pieces(pieces) => pieces.read_all().await?,
        };
        if bytes.len() != room {
            return Err(ended(&self.info, self.backend, bytes.len(), expected));
        }
        out.copy_from_slice(&bytes);
        Ok(())
    }
}

/// Writes what arrives to `out`, as far as there is room; gives how much arrived.
async fn fill(mut stream: BoxStream<'static, Result<Bytes>>, out: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while let Some(chunk) = stream.next().await.transpose()? {
        if let Some(place) = out.get_mut(filled..filled + chunk.len()) {
            place.copy_from_slice(&chunk);
        }
        filled += chunk.len();
    }
    Ok(filled)
}

fn ended(info: &ObjectInfo, backend: String, got: usize, expected: u64) -> Error {
    Error::BackendUnavailable {
        message: format!(
            "Read of {} ended after {got} of {expected} bytes; read it again",
            info.key
        ),
        path: Some(info.key.to_string()),
        backend,
        source: None,
    }
}

/// The most that is reserved on the word of a header alone.
const MAX_RESERVE: usize = 64 << 20;

async fn collect(mut stream: BoxStream<'static, Result<Bytes>>, expected: u64) -> Result<Bytes> {
    let Some(first) = stream.next().await.transpose()? else {
        return Ok(Bytes::new());
    };
    if first.len() as u64 >= expected {
        return Ok(first);
    }
    let reserve = usize::try_from(expected)
        .unwrap_or(MAX_RESERVE)
        .min(MAX_RESERVE);
    let mut all = BytesMut::with_capacity(reserve.max(first.len()));
    all.extend_from_slice(&first);
    while let Some(chunk) = stream.next().await.transpose()? {
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

impl futures_util::Stream for ObjectReader {
    type Item = Result<Bytes>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        match &mut self.body {
            Body::Ready(bytes) => Poll::Ready(bytes.take().filter(|b| !b.is_empty()).map(Ok)),
            Body::File(body) => Poll::Ready(body.read_chunk().transpose()),
            Body::Stream(stream) => stream.poll_next_unpin(cx),
            #[cfg(feature = "cloud")]
            Body::Pieces(pieces) => pieces.poll_next_unpin(cx),
        }
    }
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader")
            .field("info", &self.info)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
