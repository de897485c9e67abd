//! A part that is being filled: encoded while it is uploaded, or in one piece when it stays small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::{RecordBatch, RecordBatchIterator};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::future::{Either, poll_fn, select};
use futures_util::stream::StreamExt;
use remote_store_core::{Driver, ObjectWriter, Store, WriteOptions, runtime};
use remote_store_serializers::{ParquetOptions, parquet};

use crate::error::Result;
use crate::object::{Encoded, SMALL_TABLE_ROWS, encode_aside, outcome};

/// Batches that wait for the encoder.
const BATCHES_WAITING: usize = 1;

/// Rows on their way into one Parquet file.
#[derive(Debug)]
pub(crate) struct OpenPart {
    schema: SchemaRef,
    options: ParquetOptions,
    /// Rows wait here until they are too many for one piece.
    waiting: Vec<RecordBatch>,
    waiting_bytes: u64,
    upload: Option<Upload>,
    rows: u64,
}

/// The end of a part.
pub(crate) enum Filled {
    /// It is small, and was not begun on storage.
    Small(Bytes),
    /// It is on storage under the name given to [`OpenPart::begin_upload`].
    Uploaded,
}

impl OpenPart {
    pub(crate) fn new(schema: SchemaRef, options: ParquetOptions) -> Self {
        Self {
            schema,
            options,
            waiting: Vec::new(),
            waiting_bytes: 0,
            upload: None,
            rows: 0,
        }
    }

    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    pub(crate) fn is_uploading(&self) -> bool {
        self.upload.is_some()
    }

    /// Whether it would be too large for one piece with more rows.
    pub(crate) fn outgrows(&self, rows: usize, bytes: u64, most_bytes: u64) -> bool {
        let after = self.rows.saturating_add(rows as u64);
        self.upload.is_none()
            && (after > SMALL_TABLE_ROWS as u64
                || self.waiting_bytes.saturating_add(bytes) > most_bytes)
    }

    /// How large the file is by now: what is encoded, and at most `unencoded` bytes of what waits.
    ///
    /// Waits until the encoder has taken what it was given, so that the answer depends on the rows
    /// alone and not on how fast they are encoded.
    pub(crate) async fn size(&mut self, unencoded: u64) -> Result<u64> {
        let Some(upload) = &mut self.upload else {
            return Ok(self.waiting_bytes);
        };
        upload.settle().await?;
        let pushed = upload.pushed_bytes.min(unencoded);
        Ok(upload.written.load(Ordering::SeqCst).saturating_add(pushed))
    }

    /// From here on its rows go to storage as they come.
    pub(crate) async fn begin_upload(&mut self, store: &Store, path: &str) -> Result<()> {
        let mut upload = Upload::begin(store, path, &self.schema, &self.options).await?;
        for batch in std::mem::take(&mut self.waiting) {
            upload.push(batch).await?;
        }
        self.upload = Some(upload);
        Ok(())
    }

    pub(crate) async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.rows = self.rows.saturating_add(batch.num_rows() as u64);
        if let Some(upload) = &mut self.upload {
            return upload.push(batch).await;
        }
        self.waiting_bytes = self.waiting_bytes.saturating_add(bytes_of(&batch));
        self.waiting.push(batch);
        Ok(())
    }

    pub(crate) async fn finish(self) -> Result<Filled> {
        let Some(upload) = self.upload else {
            let batches = RecordBatchIterator::new(self.waiting.into_iter().map(Ok), self.schema);
            let mut bytes = Vec::new();
            parquet::encode(batches, &self.options, &mut bytes)?;
            return Ok(Filled::Small(bytes.into()));
        };
        upload.finish().await?;
        Ok(Filled::Uploaded)
    }

    /// Gives up; what was uploaded is cleaned up.
    pub(crate) async fn abort(self) {
        if let Some(upload) = self.upload {
            let Upload { writer, chunks, .. } = upload;
            // The encoder finds nobody listening and ends.
            drop(chunks);
            let _given_up_anyway = writer.abort().await;
        }
    }
}

/// Bytes of the rows that a batch shows; slices share their memory with others.
pub(crate) fn bytes_of(batch: &RecordBatch) -> u64 {
    (parquet::batch_bytes(batch) as u64).max(1)
}

/// An encoder on a thread of its own, and a writer that takes what it gives.
#[derive(Debug)]
struct Upload {
    writer: Box<dyn ObjectWriter>,
    batches: mpsc::Sender<RecordBatch>,
    chunks: mpsc::Receiver<Bytes>,
    encoded: Encoded,
    /// How often the encoder asked for a batch.
    asked: mpsc::UnboundedReceiver<()>,
    /// Batches given that it has not asked beyond yet.
    untaken: usize,
    written: Arc<AtomicU64>,
    pushed_bytes: u64,
}

impl Upload {
    async fn begin(
        store: &Store,
        path: &str,
        schema: &SchemaRef,
        options: &ParquetOptions,
    ) -> Result<Self> {
        let writer = store.writer(path, &WriteOptions::create()).await?;
        let (batches, mut given) = mpsc::channel::<RecordBatch>(BATCHES_WAITING);
        let (asks, mut asked) = mpsc::unbounded();
        let source = std::iter::from_fn(move || {
            // Nobody counts any more once the part is finished.
            let _nobody_counts = asks.unbounded_send(());
            let next = runtime::block_on(Driver::Inline, given.next());
            next.ok().flatten().map(Ok)
        });
        let written = Arc::<AtomicU64>::default();
        let (chunks, encoded) = encode_aside(
            source,
            SchemaRef::clone(schema),
            options.clone(),
            Arc::clone(&written),
        )?;
        // The first question comes before anything was given.
        asked.next().await;
        Ok(Self {
            writer,
            batches,
            chunks,
            encoded,
            asked,
            untaken: 0,
            written,
            pushed_bytes: 0,
        })
    }

    /// Gives a batch to the encoder, and what comes out meanwhile to the store.
    async fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let bytes = bytes_of(&batch);
        loop {
            let ready = poll_fn(|context| self.batches.poll_ready(context));
            match select(ready, self.chunks.next()).await {
                Either::Left((Ok(()), _)) => break,
                Either::Right((Some(chunk), _)) => self.writer.write(chunk).await?,
                // It ended before all was given: it failed.
                Either::Left((Err(_), _)) | Either::Right((None, _)) => {
                    return self.failure().await;
                }
            }
        }
        if self.batches.start_send(batch).is_err() {
            return self.failure().await;
        }
        self.untaken += 1;
        self.pushed_bytes = self.pushed_bytes.saturating_add(bytes);
        Ok(())
    }

    /// Waits until the encoder asks beyond all that it was given.
    async fn settle(&mut self) -> Result<()> {
        while self.untaken > 0 {
            match select(self.asked.next(), self.chunks.next()).await {
                Either::Left((Some(()), _)) => self.untaken -= 1,
                Either::Right((Some(chunk), _)) => self.writer.write(chunk).await?,
                Either::Left((None, _)) | Either::Right((None, _)) => {
                    return self.failure().await;
                }
            }
        }
        Ok(())
    }

    async fn failure(&mut self) -> Result<()> {
        Ok(outcome(&mut self.encoded).await?)
    }

    async fn finish(self) -> Result<()> {
        let Self {
            mut writer,
            batches,
            mut chunks,
            encoded,
            ..
        } = self;
        drop(batches);
        let written = async {
            while let Some(chunk) = chunks.next().await {
                writer.write(chunk).await?;
            }
            Ok(outcome(encoded).await?)
        };
        if let Err(error) = written.await {
            drop(chunks);
            let _already_failed = writer.abort().await;
            return Err(error);
        }
        writer.finish().await?;
        Ok(())
    }
}
