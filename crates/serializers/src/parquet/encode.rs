//! Tables to Parquet: each row group's columns are encoded in parallel.

use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::SchemaDescriptor;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use bytes::Bytes;

use super::checksum::ChecksumPages;
use super::columns::unknown_column;
use super::panics::caught;
use super::{FORMAT, ParquetOptions, Statistics, gate, threads};
use crate::{SerializeError, Table};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeSummary {
    /// Rows of all batches.
    pub rows: usize,
    /// Row groups they were put into.
    pub row_groups: usize,
}

/// Writes everything that `reader` gives as one Parquet file (DAG-004).
///
/// Values inside lists are named `element` in the file, as the format demands
/// and pyarrow does, whatever the Arrow field is called.
///
/// Holds at most one row group of data; see
/// [`ParquetOptions::with_row_group_bytes`]. On an error `out` holds a part of
/// a file, which the caller discards.
///
/// # Errors
/// [`SerializeError::Unsupported`] when a column's type would not come back the
/// same ([`gate::write_support`]); [`SerializeError::Encode`] when the reader
/// fails or an option is out of its range; [`SerializeError::Io`] when `out` fails.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Date64Array, Int64Array, RecordBatch};
/// use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet};
///
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let table = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
/// let mut file = Vec::new();
/// let summary = parquet::encode(table.reader(), &ParquetOptions::default(), &mut file)?;
/// assert_eq!(summary.rows, 3);
/// assert_eq!(ParquetFile::open(file.into())?.decode(None)?, table);
///
/// let days: ArrayRef = Arc::new(Date64Array::from(vec![0]));
/// let odd = Table::from(RecordBatch::try_from_iter([("day", days)])?);
/// let refused = parquet::encode(odd.reader(), &ParquetOptions::default(), Vec::new()).unwrap_err();
/// assert!(refused.to_string().contains("column 'day'"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode<W: Write + Send>(
    reader: impl RecordBatchReader,
    options: &ParquetOptions,
    out: W,
) -> Result<EncodeSummary, SerializeError> {
    caught("writing", || {
        let schema = reader.schema();
        gate::refuse_wrong_for_writing(&schema)?;
        let mut writer = FileEncoder::new(out, schema, options)?;
        for batch in reader {
            let batch = batch.map_err(|error| SerializeError::Encode {
                format: FORMAT,
                reason: format!("the source of the record batches failed: {error}"),
                source: Some(Box::new(error)),
            })?;
            writer.push(batch)?;
        }
        writer.finish()
    })
}

/// Writes a table as one Parquet file in memory (DAG-004).
///
/// # Errors
/// As [`encode`].
pub fn encode_table(table: &Table, options: &ParquetOptions) -> Result<Bytes, SerializeError> {
    let mut out = Vec::new();
    encode(table.reader(), options, &mut out)?;
    Ok(out.into())
}

struct FileEncoder<'a, W: Write + Send> {
    writer: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    pages: Option<ChecksumPages>,
    schema: SchemaRef,
    options: &'a ParquetOptions,
    /// Batches of the row group being filled.
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    pending_bytes: usize,
    summary: EncodeSummary,
}

impl<'a, W: Write + Send> FileEncoder<'a, W> {
    fn new(out: W, schema: SchemaRef, options: &'a ParquetOptions) -> Result<Self, SerializeError> {
        let parquet_schema = ArrowSchemaConverter::new()
            .with_coerce_types(true)
            .convert(&schema)
            .map_err(failed)?;
        let properties = Arc::new(properties(&schema, &parquet_schema, options)?);
        let writer = SerializedFileWriter::new(out, parquet_schema.root_schema_ptr(), properties)
            .map_err(failed)?;
        let mut factory = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&schema));
        let pages = options.checksums.then(ChecksumPages::default);
        if let Some(pages) = &pages {
            factory = factory.with_page_store_factory(Arc::new(pages.clone()));
        }
        Ok(Self {
            writer,
            factory,
            pages,
            schema,
            options,
            pending: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            summary: EncodeSummary {
                rows: 0,
                row_groups: 0,
            },
        })
    }

    fn push(&mut self, batch: RecordBatch) -> Result<(), SerializeError> {
        let mut rest = batch;
        while rest.num_rows() > 0 {
            let rows = rest.num_rows();
            let bytes = sliced_bytes(&rest).max(1);
            let room_by_rows = self.options.row_group_rows.get() - self.pending_rows;
            let room_by_bytes = self
                .options
                .row_group_bytes
                .get()
                .saturating_sub(self.pending_bytes);
            // Rows are taken as equally large: the bound is one of order, not of bytes.
            let fitting =
                ((room_by_bytes as u128 * rows as u128) / bytes as u128).min(rows as u128) as usize;
            let take = rows
                .min(room_by_rows)
                .min(fitting.max(usize::from(self.pending.is_empty())));
            if take > 0 {
                self.pending.push(rest.slice(0, take));
                self.pending_rows += take;
                self.pending_bytes += (bytes as u128 * take as u128 / rows as u128) as usize;
                rest = rest.slice(take, rows - take);
            }
            if take < rows || self.pending_rows == self.options.row_group_rows.get() {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SerializeError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.pending);
        let rows = std::mem::take(&mut self.pending_rows);
        self.pending_bytes = 0;
        let chunks = self.encode_columns(&batches, rows)?;
        drop(batches);
        let mut row_group = self.writer.next_row_group().map_err(failed)?;
        for (index, chunk) in chunks.into_iter().enumerate() {
            match &self.pages {
                Some(pages) => pages.append(index, &chunk, &mut row_group),
                None => chunk.append_to_row_group(&mut row_group),
            }
            .map_err(failed)?;
        }
        row_group.close().map_err(failed)?;
        self.summary.rows += rows;
        self.summary.row_groups += 1;
        Ok(())
    }

    fn encode_columns(
        &self,
        batches: &[RecordBatch],
        rows: usize,
    ) -> Result<Vec<ArrowColumnChunk>, SerializeError> {
        let writers = self
            .factory
            .create_column_writers(self.summary.row_groups)
            .map_err(failed)?;
        let mut writers = writers.into_iter();
        let mut jobs = Vec::with_capacity(self.schema.fields().len());
        for (position, field) in self.schema.fields().iter().enumerate() {
            let arrays: Vec<ArrayRef> = batches
                .iter()
                .filter_map(|batch| batch.columns().get(position).cloned())
                .collect();
            let leaves = leaf_count(field, &arrays)?;
            jobs.push(ColumnJob {
                position,
                field,
                bytes: arrays_bytes(&arrays),
                arrays,
                writers: writers.by_ref().take(leaves).collect(),
            });
        }
        let threads = threads::thread_count(self.options.threads, rows, jobs.len());
        // The largest first: a large column begun last would run alone at the end.
        jobs.sort_by_key(|job| std::cmp::Reverse(job.bytes));
        let mut columns = threads::run("writing", threads, jobs, |job: ColumnJob<'_>| {
            let position = job.position;
            job.encode().map(|chunks| (position, chunks))
        })?;
        columns.sort_by_key(|(position, _)| *position);
        Ok(columns.into_iter().flat_map(|(_, chunks)| chunks).collect())
    }

    fn finish(mut self) -> Result<EncodeSummary, SerializeError> {
        self.flush()?;
        self.writer.close().map_err(failed)?;
        Ok(self.summary)
    }
}

/// One top-level column of a row group, with the writers of its leaves.
struct ColumnJob<'a> {
    position: usize,
    field: &'a FieldRef,
    arrays: Vec<ArrayRef>,
    bytes: usize,
    writers: Vec<ArrowColumnWriter>,
}

impl ColumnJob<'_> {
    fn encode(mut self) -> Result<Vec<ArrowColumnChunk>, SerializeError> {
        let column = |error: ParquetError| SerializeError::Encode {
            format: FORMAT,
            reason: format!(
                "column '{}' of type {}: {error}",
                self.field.name(),
                self.field.data_type()
            ),
            source: Some(Box::new(error)),
        };
        for array in std::mem::take(&mut self.arrays) {
            let leaves = compute_leaves(self.field, &array).map_err(column)?;
            for (writer, leaf) in self.writers.iter_mut().zip(leaves) {
                writer.write(&leaf).map_err(column)?;
            }
        }
        self.writers
            .into_iter()
            .map(|writer| writer.close().map_err(column))
            .collect()
    }
}

/// How many leaf columns a field has: as many as its (empty) array gives.
fn leaf_count(field: &FieldRef, arrays: &[ArrayRef]) -> Result<usize, SerializeError> {
    let empty = arrays.first().map_or_else(
        || arrow_array::new_empty_array(field.data_type()),
        |array| array.slice(0, 0),
    );
    Ok(compute_leaves(field, &empty).map_err(failed)?.len())
}

fn arrays_bytes(arrays: &[ArrayRef]) -> usize {
    arrays
        .iter()
        .map(|array| array.to_data().get_slice_memory_size().unwrap_or_default())
        .sum()
}

fn sliced_bytes(batch: &RecordBatch) -> usize {
    arrays_bytes(batch.columns())
}

fn properties(
    schema: &Schema,
    parquet_schema: &SchemaDescriptor,
    options: &ParquetOptions,
) -> Result<WriterProperties, SerializeError> {
    // pyarrow reads pandas' index and types from the file's own metadata, not
    // from the embedded Arrow schema: both are written. Sorted, since a hash
    // map's order would make equal tables unequal files.
    let mut metadata: Vec<KeyValue> = schema
        .metadata()
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    metadata.sort_by(|left, right| left.key.cmp(&right.key));
    let statistics = match options.statistics {
        Statistics::None => EnabledStatistics::None,
        Statistics::Chunk => EnabledStatistics::Chunk,
        Statistics::Page => EnabledStatistics::Page,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("remote-store version ", env!("CARGO_PKG_VERSION")).to_owned())
        // The names that the Parquet format demands inside lists and maps, as
        // pyarrow writes them. (It also coerces Date64, which the gate refuses.)
        .set_coerce_types(true)
        .set_compression(options.compression.to_parquet()?)
        .set_dictionary_enabled(options.dictionary)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(options.statistics != Statistics::Page)
        .set_key_value_metadata((!metadata.is_empty()).then_some(metadata))
        .set_sorting_columns(sorting(parquet_schema, options)?)
        .build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Ok(properties)
}

fn sorting(
    parquet_schema: &SchemaDescriptor,
    options: &ParquetOptions,
) -> Result<Option<Vec<SortingColumn>>, SerializeError> {
    if options.sorting.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = parquet_schema
        .columns()
        .iter()
        .map(|column| column.path().string())
        .collect();
    let columns = options.sorting.iter().map(|column| {
        let position = names.iter().position(|name| *name == column.name);
        let column_idx = position
            .and_then(|position| i32::try_from(position).ok())
            .ok_or_else(|| unknown_column(&column.name, &names))?;
        Ok(SortingColumn {
            column_idx,
            descending: column.descending,
            nulls_first: column.nulls_first,
        })
    });
    columns
        .collect::<Result<Vec<_>, SerializeError>>()
        .map(Some)
}

fn failed(error: ParquetError) -> SerializeError {
    let reason = error.to_string();
    let source: Box<dyn std::error::Error + Send + Sync> =
        if let ParquetError::External(source) = error {
            source
        } else {
            Box::new(error)
        };
    match source.downcast::<std::io::Error>() {
        Ok(io) => SerializeError::Io(*io),
        Err(source) => SerializeError::Encode {
            format: FORMAT,
            reason,
            source: Some(source),
        },
    }
}
