//! Rows into parts: cut by rows and bytes, and put into folders by their values.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use remote_store_core::{Result as StoreResult, WriteOptions, WriteResult};
use remote_store_serializers::{ParquetOptions, SerializeError};
use std::num::NonZeroUsize;

use crate::error::Result;
use crate::hive::Folders;
use crate::open_part::{Filled, OpenPart, bytes_of};
use crate::options::{WriteDatasetOptions, schema_hash};
use crate::writer::DatasetWriter;

/// A part of fewer bytes in memory goes to storage in one piece.
const SMALL_PART_BYTES: u64 = 4 << 20;
/// The same for each of many folders, whose rows all wait.
const SMALL_FOLDER_BYTES: u64 = 1 << 20;
/// Parts of folders that are uploaded while they are filled, at most: each has a thread, a row
/// group and some parts of its upload in memory.
const UPLOADS: usize = 8;
/// Rows of a folder that are encoded together.
const FOLDER_ROW_GROUP_BYTES: usize = 8 << 20;
/// Small parts of folders that are sent side by side.
const PUTS: usize = 16;
/// A row group is at most this fraction of `max_bytes_per_file`.
const ROW_GROUPS_A_FILE: u64 = 8;
/// So many rows tell how large the next ones are, unless they are small.
const FIRST_ROWS_MEASURED: usize = 1 << 10;

/// Writes the rows of one table as the parts of one dataset.
pub(crate) struct TableWriter {
    writer: DatasetWriter,
    folders: Option<Folders>,
    schema: SchemaRef,
    parquet: ParquetOptions,
    max_rows: u64,
    max_bytes: Option<u64>,
    max_open: usize,
    /// Those that got rows most lately stand at the end.
    open: Vec<Open>,
    puts: FuturesUnordered<BoxFuture<'static, StoreResult<WriteResult>>>,
}

struct Open {
    folder: String,
    part: OpenPart,
    /// The name, once it has one.
    name: Option<String>,
}

impl TableWriter {
    pub(crate) fn new(
        mut writer: DatasetWriter,
        schema: &SchemaRef,
        options: &WriteDatasetOptions,
    ) -> Result<Self> {
        writer.set_schema_hash(|| schema_hash(schema));
        let folders = match options.partition_by.as_slice() {
            [] => None,
            columns => Some(Folders::new(schema, columns)?),
        };
        let mut parquet = options.parquet();
        let most = options
            .max_bytes_per_file
            .map(|bytes| bytes / ROW_GROUPS_A_FILE)
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let most = match &folders {
            Some(folders) => {
                writer.set_partition_columns(folders.columns());
                Some(most.unwrap_or(usize::MAX).min(FOLDER_ROW_GROUP_BYTES))
            }
            None => most,
        };
        if let Some(most) = most {
            let most = NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN);
            parquet = parquet.with_row_group_bytes(most);
        }
        let stored = folders.as_ref().map_or(schema, Folders::part_schema);
        Ok(Self {
            writer,
            schema: SchemaRef::clone(stored),
            folders,
            parquet,
            max_rows: options
                .max_rows_per_file
                .map_or(u64::MAX, |rows| rows as u64),
            max_bytes: options.max_bytes_per_file,
            max_open: options.max_open_files,
            open: Vec::new(),
            puts: FuturesUnordered::new(),
        })
    }

    /// Takes all rows; the dataset can be committed then.
    pub(crate) async fn write(&mut self, reader: impl RecordBatchReader + Send) -> Result<()> {
        for batch in reader {
            let batch = batch.map_err(|error| SerializeError::Encode {
                format: "Parquet",
                reason: format!("the source of the record batches failed: {error}"),
                source: Some(Box::new(error)),
            })?;
            match &self.folders {
                None => self.push("", batch).await?,
                Some(folders) => {
                    for (folder, rows) in folders.split(&batch)? {
                        self.push(&folder, rows).await?;
                    }
                }
            }
        }
        if self.open.is_empty() && !self.writer.has_parts() {
            // A table without rows is one part, which keeps the columns.
            self.open_folder("").await?;
        }
        while !self.open.is_empty() {
            self.close(0).await?;
        }
        self.wait_for_puts(0).await
    }

    pub(crate) fn into_writer(self) -> DatasetWriter {
        self.writer
    }

    /// Gives up: the old dataset stands, and nothing of this one is left.
    pub(crate) async fn abort(mut self) {
        for open in std::mem::take(&mut self.open) {
            open.part.abort().await;
        }
        // What is on its way would land after the removal.
        while self.puts.next().await.is_some() {}
        self.writer.abort().await;
    }

    async fn push(&mut self, folder: &str, batch: RecordBatch) -> Result<()> {
        let mut rest = batch;
        while rest.num_rows() > 0 {
            let at = self.open_folder(folder).await?;
            let Some(open) = self.open.get_mut(at) else {
                return Ok(());
            };
            let room = self.max_rows.saturating_sub(open.part.rows());
            let mut rows = rest
                .num_rows()
                .min(usize::try_from(room).unwrap_or(usize::MAX));
            if let Some(most) = self.max_bytes {
                let step = (most / ROW_GROUPS_A_FILE).max(1);
                rows = rows_of(&rest, step).min(rows);
                let more = bytes_of(&rest.slice(0, rows));
                let is_begun = open.part.rows() > 0;
                if is_begun && open.part.size(step).await?.saturating_add(more) > most {
                    // What waits is counted as it is in memory; the encoder knows better.
                    if open.part.is_uploading() {
                        self.close(at).await?;
                    } else {
                        self.upload(at).await?;
                    }
                    continue;
                }
            }
            let piece = rest.slice(0, rows);
            rest = rest.slice(rows, rest.num_rows() - rows);
            self.fill(at, piece).await?;
        }
        Ok(())
    }

    /// Puts rows into an open part, which is closed when it is full.
    async fn fill(&mut self, at: usize, piece: RecordBatch) -> Result<()> {
        let small = if self.folders.is_some() {
            SMALL_FOLDER_BYTES
        } else {
            SMALL_PART_BYTES
        };
        let bytes = bytes_of(&piece);
        let outgrows = |open: &Open| open.part.outgrows(piece.num_rows(), bytes, small);
        let is_large = self.open.get(at).is_some_and(outgrows);
        let at = if is_large { self.upload(at).await? } else { at };
        let Some(open) = self.open.get_mut(at) else {
            return Ok(());
        };
        open.part.push(piece).await?;
        if open.part.rows() >= self.max_rows {
            self.close(at).await?;
        }
        Ok(())
    }

    /// Sends an open part to storage from here on; gives its place, which others may have left.
    async fn upload(&mut self, at: usize) -> Result<usize> {
        let at = self.make_room_for_upload(at).await?;
        if let Some(open) = self.open.get_mut(at) {
            let is_only = self.max_rows == u64::MAX && self.max_bytes.is_none();
            let name = self.writer.reserve(&open.folder, is_only).await?;
            let path = self.writer.path(&name);
            open.name = Some(name);
            let begun = open.part.begin_upload(self.writer.store(), &path).await;
            begun.map_err(|error| self.writer.lost(error))?;
        }
        Ok(at)
    }

    /// Where the open part of a folder stands; the last place, since it is used now.
    async fn open_folder(&mut self, folder: &str) -> Result<usize> {
        if let Some(at) = self.open.iter().position(|open| open.folder == folder) {
            let used = self.open.remove(at);
            self.open.push(used);
            return Ok(self.open.len() - 1);
        }
        if self.open.len() >= self.max_open {
            self.close(0).await?;
        }
        self.open.push(Open {
            folder: folder.to_owned(),
            part: OpenPart::new(SchemaRef::clone(&self.schema), self.parquet.clone()),
            name: None,
        });
        Ok(self.open.len() - 1)
    }

    /// Closes the part that waited longest for rows when too many are uploaded; gives the place
    /// that `at` has then.
    async fn make_room_for_upload(&mut self, at: usize) -> Result<usize> {
        let uploading = |open: &Open| open.part.is_uploading();
        let longest = match self.open.iter().filter(|open| uploading(open)).count() {
            UPLOADS.. => self.open.iter().position(uploading),
            _ => None,
        };
        let Some(longest) = longest else {
            return Ok(at);
        };
        self.close(longest).await?;
        Ok(if longest < at { at - 1 } else { at })
    }

    async fn close(&mut self, at: usize) -> Result<()> {
        let Open { folder, part, name } = self.open.remove(at);
        let rows = part.rows();
        let filled = part.finish().await;
        match (filled.map_err(|error| self.writer.lost(error))?, name) {
            (Filled::Uploaded, Some(name)) => self.writer.note_part(name, rows),
            (Filled::Uploaded, None) => {}
            (Filled::Small(bytes), _) if folder.is_empty() => {
                self.writer.add_part(bytes, rows).await?;
            }
            (Filled::Small(bytes), _) => {
                let name = self.writer.reserve(&folder, false).await?;
                let (store, path) = (self.writer.store().clone(), self.writer.path(&name));
                self.writer.note_part(name, rows);
                self.wait_for_puts(PUTS - 1).await?;
                self.puts.push(Box::pin(async move {
                    store.write(&path, bytes, &WriteOptions::create()).await
                }));
            }
        }
        Ok(())
    }

    async fn wait_for_puts(&mut self, left: usize) -> Result<()> {
        while self.puts.len() > left {
            if let Some(written) = self.puts.next().await {
                written?;
            }
        }
        Ok(())
    }
}

/// How many of the first rows take about so many bytes; one at least.
fn rows_of(batch: &RecordBatch, bytes: u64) -> usize {
    // Not all at once: a batch that is cut into many pieces would be measured to its end for each.
    let mut measured = batch.num_rows().min(FIRST_ROWS_MEASURED);
    let mut size = bytes_of(&batch.slice(0, measured));
    while size < bytes && measured < batch.num_rows() {
        measured = batch.num_rows().min(measured.saturating_mul(2));
        size = bytes_of(&batch.slice(0, measured));
    }
    let rows = (measured as u128) * u128::from(bytes) / u128::from(size);
    usize::try_from(rows)
        .unwrap_or(usize::MAX)
        .clamp(1, measured.max(1))
}
