//! Tables to Parquet: each row group's columns are encoded in parallel.

use std::io::Write;
use std::sync::Arc;

use ::parquet::file::writer::SerializedFileWriter;
use arrow_array::{RecordBatch, RecordBatchReader};
use bytes::Bytes;

use super::key_space::KeySpace;
use super::panics::caught;
use super::plan::Plan;
use super::row_group::{RowGroupEncoder, failed};
use super::sizes::arrays_bytes;
use super::{FORMAT, ParquetOptions, precast};
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
/// same ([`gate::write_support`](super::gate::write_support)); [`SerializeError::Encode`] when the reader
/// fails or an option is out of its range; [`SerializeError::Io`] when `out` fails.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use arrow_schema::DataType;
/// use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet};
///
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let table = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
/// let mut file = Vec::new();
/// let summary = parquet::encode(table.reader(), &ParquetOptions::default(), &mut file)?;
/// assert_eq!(summary.rows, 3);
/// assert_eq!(ParquetFile::open(file.into())?.decode(None)?, table);
///
/// let days = arrow_array::new_null_array(&DataType::new_list(DataType::Date64, true), 1);
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
        let plan = Plan::of(&reader.schema(), options)?;
        let mut writer = FileEncoder::new(out, &plan, options)?;
        for batch in reader {
            let batch = batch.map_err(|error| SerializeError::Encode {
                format: FORMAT,
                reason: format!("the source of the record batches failed: {error}"),
                source: Some(Box::new(error)),
            })?;
            writer.push(precast::batch(batch, &plan.schema)?)?;
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
    columns: RowGroupEncoder<'a>,
    options: &'a ParquetOptions,
    /// Batches of the row group being filled.
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    pending_bytes: usize,
    key_space: KeySpace,
    summary: EncodeSummary,
}

impl<'a, W: Write + Send> FileEncoder<'a, W> {
    fn new(out: W, plan: &Plan, options: &'a ParquetOptions) -> Result<Self, SerializeError> {
        let (root, properties) = (plan.parquet_schema.root_schema_ptr(), &plan.properties);
        let writer =
            SerializedFileWriter::new(out, root, Arc::clone(properties)).map_err(failed)?;
        let key_space = KeySpace::new(&plan.schema);
        let columns = RowGroupEncoder::new(&writer, plan, options);
        Ok(Self {
            writer,
            columns,
            options,
            pending: Vec::new(),
            pending_rows: 0,
            pending_bytes: 0,
            key_space,
            summary: EncodeSummary {
                rows: 0,
                row_groups: 0,
            },
        })
    }

    fn push(&mut self, batch: RecordBatch) -> Result<(), SerializeError> {
        // Counted on over row groups that end for another reason: that cuts once more at most.
        let most_bytes = self.options.row_group_bytes.get();
        if !self.key_space.add(&batch, most_bytes) {
            self.flush()?;
            self.key_space.clear();
            self.key_space.add(&batch, most_bytes);
        }
        let mut rest = batch;
        while rest.num_rows() > 0 {
            let all = rest.num_rows();
            let rows = all.min(self.options.row_group_rows.get() - self.pending_rows);
            // Only those rows are measured: many row groups of one batch would be measured often.
            let bytes = if rows < all {
                arrays_bytes(rest.slice(0, rows).columns())
            } else {
                arrays_bytes(rest.columns())
            };
            let bytes = bytes.max(1);
            let room_by_bytes = self
                .options
                .row_group_bytes
                .get()
                .saturating_sub(self.pending_bytes);
            // Rows are taken as equally large: the bound is one of order, not of bytes.
            let fitting =
                ((room_by_bytes as u128 * rows as u128) / bytes as u128).min(rows as u128) as usize;
            let take = rows.min(fitting.max(usize::from(self.pending.is_empty())));
            self.pending_rows += take;
            self.pending_bytes += (bytes as u128 * take as u128 / rows as u128) as usize;
            let later = (take < all).then(|| rest.slice(take, all - take));
            if later.is_none() {
                self.pending.push(rest);
            } else if take > 0 {
                self.pending.push(rest.slice(0, take));
            }
            if later.is_some() || self.pending_rows == self.options.row_group_rows.get() {
                self.flush()?;
            }
            let Some(later) = later else { break };
            rest = later;
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
        let index = self.summary.row_groups;
        let mut row_group = self.writer.next_row_group().map_err(failed)?;
        self.columns.encode(index, &batches, rows, &mut row_group)?;
        drop(batches);
        row_group.close().map_err(failed)?;
        self.summary.rows += rows;
        self.summary.row_groups += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<EncodeSummary, SerializeError> {
        self.flush()?;
        self.writer.close().map_err(failed)?;
        Ok(self.summary)
    }
}
