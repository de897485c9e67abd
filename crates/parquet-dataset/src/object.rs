//! One table as one object: written while it is encoded, read by the parts that are asked for.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use remote_store_core::{
    Driver, Error as StoreError, ObjectInfo, ReadRange, Store, WriteOptions, WriteResult, runtime,
};
use remote_store_serializers::{ParquetFile, ParquetOptions, SerializeError, Table, parquet};

use crate::arriving::{self, is_worth_it};
use crate::error::{DatasetError, Result};

/// Encoded bytes that wait for the store: so many, of so many bytes each. A good part of
/// what a row group becomes: the next one is encoded while it is sent.
const CHUNKS_WAITING: usize = 8;
const CHUNK_BYTES: usize = 1 << 20;
/// Tables of fewer rows are encoded here and now: a thread costs more.
pub(crate) const SMALL_TABLE_ROWS: usize = 10_000;
/// How much of the end is fetched at first; footers are seldom larger.
pub(crate) const TAIL_BYTES: u64 = 64 << 10;

/// Writes a table as one Parquet object, which appears whole or not at all.
///
/// It goes to the store while it is encoded: beside the batches that the reader gives, one row
/// group and a few megabytes are held in memory ([`ParquetOptions::with_row_group_bytes`]).
///
/// # Errors
/// What [`parquet::encode`] and the store's writer fail with; nothing is left in the store then.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_core::{Store, WriteOptions, runtime};
/// use remote_store_parquet_dataset::object;
/// use remote_store_serializers::{ParquetOptions, Table};
///
/// let delay: ArrayRef = Arc::new(Int64Array::from(vec![11, -4]));
/// let table = Table::from(RecordBatch::try_from_iter([("delay", delay)])?);
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     let options = ParquetOptions::default();
///     object::write(&store, "d.parquet", table.reader(), &options, &WriteOptions::create()).await?;
///     assert_eq!(object::read(&store, "d.parquet", None).await?.decode(None)?, table);
///     assert!(object::read(&store, "none.parquet", None).await.is_err());
///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn write(
    store: &Store,
    path: &str,
    mut reader: impl RecordBatchReader + Send + 'static,
    options: &ParquetOptions,
    write: &WriteOptions,
) -> Result<WriteResult> {
    let schema = reader.schema();
    let (first, is_all) = first_batches(&mut reader)?;
    if is_all {
        let mut bytes = Vec::new();
        let batches = RecordBatchIterator::new(first.into_iter().map(Ok), schema);
        parquet::encode(batches, options, &mut bytes)?;
        return Ok(store.write(path, bytes.into(), write).await?);
    }
    let batches = first.into_iter().map(Ok).chain(reader);
    let (mut chunks, encoded) = encode_aside(batches, schema, options.clone(), Arc::default())?;
    let mut writer = store.writer(path, write).await?;
    while let Some(chunk) = chunks.next().await {
        if let Err(error) = writer.write(chunk).await {
            // The encoder finds nobody listening and ends.
            drop(chunks);
            let _already_failed = writer.abort().await;
            return Err(error.into());
        }
    }
    if let Err(error) = outcome(encoded).await {
        let _already_failed = writer.abort().await;
        return Err(error.into());
    }
    Ok(writer.finish().await?)
}

/// Reads a Parquet object as far as the named columns need it, or all of it.
///
/// With columns the footer comes first, and then only their chunks, where those are fewer
/// bytes than the object. That the object stayed the same meanwhile is looked at in the end;
/// if it did not, all of it is read. [`load`] decodes as well, and holds less meanwhile.
///
/// # Errors
/// What the store fails with, and [`DatasetError::At`] when it is no Parquet file or has no such
/// column.
pub async fn read(store: &Store, path: &str, columns: Option<&[String]>) -> Result<ParquetFile> {
    let read = read_unnamed(store, path, columns).await;
    read.map_err(|error| error.at(path))
}

async fn read_unnamed(
    store: &Store,
    path: &str,
    columns: Option<&[String]>,
) -> Result<ParquetFile> {
    if columns.is_some()
        && let Some(file) = read_columns(store, path, columns).await?
    {
        return Ok(file);
    }
    Ok(ParquetFile::open(store.read_bytes(path).await?)?)
}

/// What [`load`] made of an object.
#[derive(Debug)]
#[allow(
    clippy::exhaustive_enums,
    reason = "there is a table, or there is none: callers have to treat both"
)]
pub enum Loaded {
    /// The table that pyarrow would have given.
    Table(Table),
    /// Pyarrow gives another table than is decoded here.
    NeedsPyarrow {
        /// Which column it is, and why.
        reason: String,
        /// The object, when all of it was fetched.
        whole: Option<Bytes>,
    },
}

/// Reads a Parquet object and decodes it, the named columns or all.
///
/// A file, and a very large object of a cloud, is decoded while it is read, of one content:
/// beside the table a few columns of a row group are held. Others are fetched as by [`read`].
///
/// # Errors
/// What the store fails with, and [`DatasetError::At`] with what [`ParquetFile::open`] and
/// [`ParquetFile::decode`] fail with.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_core::{Store, WriteOptions, runtime};
/// use remote_store_parquet_dataset::object::{self, Loaded};
/// use remote_store_serializers::{ParquetOptions, Table};
///
/// let delay: ArrayRef = Arc::new(Int64Array::from(vec![11, -4]));
/// let table = Table::from(RecordBatch::try_from_iter([("delay", delay)])?);
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     let options = ParquetOptions::default();
///     object::write(&store, "d.parquet", table.reader(), &options, &WriteOptions::create()).await?;
///     let loaded = object::load(&store, "d.parquet", None).await?;
///     assert!(matches!(loaded, Loaded::Table(loaded) if loaded == table));
///     let slip = object::load(&store, "d.parquet", Some(&["dealy".to_owned()])).await;
///     assert!(slip.unwrap_err().to_string().contains("did you mean 'delay'?"));
///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn load(store: &Store, path: &str, columns: Option<&[String]>) -> Result<Loaded> {
    let loaded = load_unnamed(store, path, columns).await;
    loaded.map_err(|error| error.at(path))
}

/// What it fails with does not tell the path.
async fn load_unnamed(store: &Store, path: &str, columns: Option<&[String]>) -> Result<Loaded> {
    if columns.is_some()
        && let Some(file) = read_columns(store, path, columns).await?
    {
        return decoded_file(&file, columns);
    }
    let object = store.read(path).await?;
    let info = object.info().clone();
    let is_large = is_worth_it(&object);
    let loaded = if is_large {
        arriving::load(store, path, columns, object).await
    } else {
        match object.bytes().await {
            Ok(bytes) => decoded(bytes, columns),
            Err(error) => Err(error.into()),
        }
    };
    match loaded {
        // What is not decoded here is seen in the values alone; what was replaced meanwhile, or
        // cannot be read in parts, is read again.
        Err(
            DatasetError::Serialize(SerializeError::Unsupported { .. } | SerializeError::Io(_))
            | DatasetError::Store(StoreError::Conflict { .. }),
        ) => {}
        Err(_) if is_large && is_another(store.head(path).await, &info) => {}
        loaded => return loaded,
    }
    decoded(store.read_bytes(path).await?, columns)
}

fn is_another(now: Result<ObjectInfo, StoreError>, info: &ObjectInfo) -> bool {
    now.is_ok_and(|now| !is_same(&now, info))
}

/// Decodes what was fetched.
pub(crate) fn decoded(bytes: Bytes, columns: Option<&[String]>) -> Result<Loaded> {
    decoded_file(&ParquetFile::open(bytes)?, columns)
}

fn decoded_file(file: &ParquetFile, columns: Option<&[String]>) -> Result<Loaded> {
    let whole = file.whole();
    let support = file.read_support_for(columns)?;
    if let Some(reason) = support.fallback_reason() {
        let reason = reason.to_owned();
        return Ok(Loaded::NeedsPyarrow { reason, whole });
    }
    match file.decode(columns) {
        Err(error @ SerializeError::Unsupported { .. }) => Ok(Loaded::NeedsPyarrow {
            reason: error.to_string(),
            whole,
        }),
        table => Ok(Loaded::Table(table?)),
    }
}

/// The file with the chunks of some columns; none when all of it is as good, or when it was
/// replaced meanwhile.
async fn read_columns(
    store: &Store,
    path: &str,
    columns: Option<&[String]>,
) -> Result<Option<ParquetFile>> {
    let end = store.open(path, ReadRange::Suffix(TAIL_BYTES)).await?;
    let info = end.info().clone();
    let tail = match end.bytes().await {
        Err(StoreError::Conflict { .. }) => return Ok(None),
        tail => tail?,
    };
    let read = read_ranges(store, path, columns, info.size, tail).await;
    if matches!(&read, Ok((_, Found::Whole | Found::NearlyAll))) {
        return Ok(read?.0);
    }
    // What was put together of two objects may be no file at all: that is no news about either.
    match (store.head(path).await, read) {
        (Ok(now), _) if !is_same(&now, &info) => Ok(None),
        (Err(error), Ok(_)) => Err(error.into()),
        (_, read) => Ok(read?.0),
    }
}

/// Whether two answers speak of the same content, as far as the store tells.
pub(crate) fn is_same(one: &ObjectInfo, other: &ObjectInfo) -> bool {
    (one.size, &one.etag, one.modified) == (other.size, &other.etag, other.modified)
}

/// How much of an object was read.
enum Found {
    Whole,
    /// Nearly all of it is needed: that is quicker in one request, and checked by one answer.
    NearlyAll,
    Ranges,
}

async fn read_ranges(
    store: &Store,
    path: &str,
    columns: Option<&[String]>,
    size: u64,
    mut tail: Bytes,
) -> Result<(Option<ParquetFile>, Found)> {
    if tail.len() as u64 == size {
        return Ok((Some(ParquetFile::open(tail)?), Found::Whole));
    }
    let needed = parquet::footer_len(&tail)?;
    if needed > tail.len() {
        let suffix = ReadRange::Suffix(needed as u64);
        tail = store.read_range(path, suffix).await?;
    }
    let file = ParquetFile::open_tail(size, tail)?;
    let ranges = file.column_ranges(columns)?;
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    if bytes.saturating_mul(10) > size.saturating_mul(9) {
        return Ok((None, Found::NearlyAll));
    }
    let parts = store.get_ranges(path, &ranges).await?;
    let parts = ranges.iter().map(|range| range.start).zip(parts);
    Ok((Some(file.with_ranges(parts.collect())), Found::Ranges))
}

/// What work on a thread of its own came to.
pub(crate) async fn outcome<T, E: From<SerializeError>>(
    done: impl Future<Output = Result<Result<T, E>, oneshot::Canceled>>,
) -> Result<T, E> {
    done.await.unwrap_or_else(|_ended| {
        let ended = "the thread that works on Parquet ended early";
        Err(SerializeError::from(io::Error::other(ended)).into())
    })
}

/// The first batches, and whether they are all; they are when the table is small.
fn first_batches(
    reader: &mut impl RecordBatchReader,
) -> Result<(Vec<RecordBatch>, bool), SerializeError> {
    let (mut batches, mut rows) = (Vec::new(), 0);
    while rows < SMALL_TABLE_ROWS {
        match reader.next() {
            Some(Ok(batch)) => {
                rows += batch.num_rows();
                batches.push(batch);
            }
            Some(Err(error)) => {
                return Err(SerializeError::Encode {
                    format: "Parquet",
                    reason: format!("the source of the record batches failed: {error}"),
                    source: Some(Box::new(error)),
                });
            }
            None => return Ok((batches, true)),
        }
    }
    Ok((batches, false))
}

pub(crate) type Encoded = oneshot::Receiver<Result<(), SerializeError>>;

/// Encodes on a thread of its own, which ends when nobody listens any more; `written` counts
/// the bytes that the encoder has given.
pub(crate) fn encode_aside(
    batches: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'static,
    schema: SchemaRef,
    options: ParquetOptions,
    written: Arc<AtomicU64>,
) -> Result<(mpsc::Receiver<Bytes>, Encoded), SerializeError> {
    let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
    let (done, encoded) = oneshot::channel();
    let work = move || {
        let mut out = Chunks {
            sender,
            pending: Vec::with_capacity(CHUNK_BYTES),
            written,
        };
        let reader = RecordBatchIterator::new(batches, schema);
        let outcome = parquet::encode(reader, &options, &mut out)
            .and_then(|_summary| out.flush().map_err(SerializeError::from));
        // The channel of chunks ends after the outcome is known.
        let _nobody_asks = done.send(outcome);
        drop(out);
    };
    let started = thread::Builder::new()
        .name("remote-store-encode".to_owned())
        .spawn(work);
    started.map_err(SerializeError::from)?;
    Ok((chunks, encoded))
}

/// Collects what the encoder writes and hands it on in pieces.
struct Chunks {
    sender: mpsc::Sender<Bytes>,
    pending: Vec<u8>,
    written: Arc<AtomicU64>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.pending.len() + bytes.len() > CHUNK_BYTES {
            self.flush()?;
        }
        self.pending.extend_from_slice(bytes);
        self.written.fetch_add(bytes.len() as u64, Ordering::SeqCst);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let next = Vec::with_capacity(CHUNK_BYTES);
        let chunk = Bytes::from(std::mem::replace(&mut self.pending, next));
        runtime::block_on(Driver::Inline, self.sender.send(chunk))
            .map_err(io::Error::other)?
            .map_err(|_nobody_listens| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
