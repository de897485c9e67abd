//! Columns of neighbouring row groups: what is decoded by itself, while others still arrive.

use std::cmp::Reverse;
use std::ops::Range;

use ::parquet::file::metadata::ColumnChunkMetaData;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::Bytes;

use super::assembly::{without_columns, zip_columns};
use super::decode::{BATCH_ROWS, ParquetFile, has_categories};
use super::panics::caught;
use super::{FORMAT, threads};
use crate::{SerializeError, Table};

/// Row groups are decoded together up to this many rows, so that a file of many
/// small row groups does not become as many small jobs.
const RUN_ROWS: usize = 2 * BATCH_ROWS;
/// And up to so many bytes in the file, which wait for each other when they arrive one by one.
const RUN_BYTES: i64 = 16 << 20;

/// One column of neighbouring row groups, as [`ParquetFile::column_runs`] gives it.
#[derive(Debug, Clone)]
pub struct ColumnRun {
    /// Which row groups, counted as they are put together, and which of the columns asked for.
    run: usize,
    place: usize,
    column: usize,
    row_groups: Range<usize>,
    /// Bytes before compression.
    cost: i64,
    ranges: Vec<Range<u64>>,
}

impl ColumnRun {
    /// Where its chunks lie in the file, in the order of its row groups.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// By which runs are sorted for threads: those of row groups after each other, the costliest
    /// of them first: one that is begun last would run alone at the end.
    pub fn turn(&self) -> impl Ord + use<> {
        (self.run, Reverse(self.cost))
    }

    pub(crate) fn cost(&self) -> i64 {
        self.cost
    }
}

impl ParquetFile {
    /// What [`decode_runs`](Self::decode_runs) decodes for the named columns, or all: every
    /// column of neighbouring row groups by itself.
    ///
    /// # Errors
    /// As [`column_ranges`](Self::column_ranges).
    pub fn column_runs(
        &self,
        columns: Option<&[String]>,
    ) -> Result<Vec<ColumnRun>, SerializeError> {
        let positions = self.positions(columns)?;
        caught("reading", || {
            let schema = self.schema_of(&positions)?;
            let row_groups = self.row_groups_together(has_categories(&schema));
            let mut runs = self.runs_of(&positions, &row_groups);
            self.find(&mut runs, &positions, &row_groups)?;
            Ok(runs)
        })
    }

    /// Tells the runs where their chunks lie; one pass, for tables may have thousands of columns.
    fn find(
        &self,
        runs: &mut [ColumnRun],
        columns: &[usize],
        together: &[Range<usize>],
    ) -> Result<(), SerializeError> {
        let schema = self.metadata.parquet_schema();
        let mut places = vec![None; self.schema().fields().len()];
        for (place, column) in columns.iter().enumerate() {
            if let Some(known) = places.get_mut(*column) {
                *known = Some(place);
            }
        }
        let metadata = self.metadata.metadata();
        let runs = runs.chunks_mut(columns.len().max(1));
        for (runs, row_groups) in runs.zip(together) {
            let row_groups = metadata.row_groups().get(row_groups.clone());
            for row_group in row_groups.unwrap_or_default() {
                for (leaf, chunk) in row_group.columns().iter().enumerate() {
                    let place = places.get(schema.get_column_root_idx(leaf)).copied();
                    if let Some(run) = place.flatten().and_then(|place| runs.get_mut(place)) {
                        run.ranges.push(self.chunk_range(chunk)?);
                    }
                }
            }
        }
        Ok(())
    }

    /// Decodes the named columns, or all, of a file whose footer alone is there, in parallel:
    /// each of the [`column_runs`](Self::column_runs), in whatever order `runs` gives them, with
    /// a function that gets the bytes of its ranges.
    ///
    /// A thread that is free asks for the next run and then for its bytes, and waits for both.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and what the functions fail with; also when a run is missing.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet};
    ///
    /// let column: ArrayRef = Arc::new(Int64Array::from(vec![11, -4]));
    /// let table = Table::from(RecordBatch::try_from_iter([("delay", column)])?);
    /// let object = parquet::encode_table(&table, &ParquetOptions::default())?;
    ///
    /// let file = ParquetFile::open_tail(object.len() as u64, object.slice(4..))?;
    /// let mut runs = file.column_runs(None)?;
    /// let fetched = runs.clone().into_iter().map(|run| {
    ///     let ranges = run.ranges().to_vec();
    ///     (run, || Ok(ranges.into_iter().map(|range| {
    ///         (range.start, object.slice(range.start as usize..range.end as usize))
    ///     }).collect()))
    /// });
    /// assert_eq!(file.decode_runs(None, fetched)?, table);
    ///
    /// runs.clear();
    /// let nothing = runs.into_iter().map(|run| (run, || Ok(Vec::new())));
    /// assert!(file.decode_runs(None, nothing).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode_runs<F>(
        &self,
        columns: Option<&[String]>,
        runs: impl Iterator<Item = (ColumnRun, F)> + Send,
    ) -> Result<Table, SerializeError>
    where
        F: FnOnce() -> Result<Vec<(u64, Bytes)>, SerializeError> + Send,
    {
        let positions = self.positions(columns)?;
        caught("reading", || {
            let schema = self.schema_of(&positions)?;
            if positions.is_empty() {
                return without_columns(schema, self.num_rows());
            }
            self.decode_each(schema, runs, |bytes| Ok(self.clone().with_ranges(bytes()?)))
        })
    }

    /// Decodes runs, each from a file that has its bytes, and puts them together.
    pub(crate) fn decode_each<B: Send>(
        &self,
        schema: SchemaRef,
        runs: impl Iterator<Item = (ColumnRun, B)> + Send,
        file: impl Fn(B) -> Result<Self, SerializeError> + Sync,
    ) -> Result<Table, SerializeError> {
        let most = runs.size_hint().1.unwrap_or(usize::MAX);
        let threads = threads::thread_count(None, self.num_rows(), most);
        let decode = |(run, bytes): (ColumnRun, B)| {
            let batches = file(bytes)?.batches(&[run.column], Some(run.row_groups))?;
            Ok((run.run, run.place, batches))
        };
        let mut parts = threads::run("reading", threads, runs, decode)?;
        parts.sort_by_key(|(run, place, _)| (*run, *place));
        let together = self.row_groups_together(has_categories(&schema)).len();
        let mut batches = Vec::new();
        let mut whole = 0;
        for run in parts.chunk_by(|left, right| left.0 == right.0) {
            whole += usize::from(run.len() == schema.fields().len());
            let columns: Vec<&[RecordBatch]> = run
                .iter()
                .map(|(_, _, batches)| batches.as_slice())
                .collect();
            zip_columns(&schema, &columns, &mut batches)?;
        }
        if whole != together {
            return Err(SerializeError::decode(
                FORMAT,
                "not all of its columns arrived",
            ));
        }
        Table::try_new(schema, batches)
    }

    /// Neighbouring row groups that are decoded together; each alone where every one has a
    /// dictionary of its own that is to stay as it is.
    pub(crate) fn row_groups_together(&self, apart: bool) -> Vec<Range<usize>> {
        let mut runs = Vec::new();
        let (mut start, mut rows, mut bytes) = (0, 0_usize, 0_i64);
        for (index, row_group) in self.metadata.metadata().row_groups().iter().enumerate() {
            // A damaged footer may claim anything; decoding finds out.
            rows = rows.saturating_add(usize::try_from(row_group.num_rows()).unwrap_or_default());
            let chunks = row_group.columns().iter();
            let chunks = chunks.map(ColumnChunkMetaData::compressed_size);
            bytes = chunks.fold(bytes, i64::saturating_add);
            if apart || rows >= RUN_ROWS || bytes >= RUN_BYTES {
                runs.push(start..index + 1);
                (start, rows, bytes) = (index + 1, 0, 0);
            }
        }
        if start < self.num_row_groups() {
            runs.push(start..self.num_row_groups());
        }
        runs
    }

    /// One run for each column; where its bytes lie is not told.
    pub(crate) fn runs_of(&self, columns: &[usize], together: &[Range<usize>]) -> Vec<ColumnRun> {
        let schema = self.metadata.parquet_schema();
        let mut runs = Vec::with_capacity(columns.len() * together.len());
        for (run, row_groups) in together.iter().enumerate() {
            let mut sizes = vec![0_i64; self.schema().fields().len()];
            let chunks = self
                .metadata
                .metadata()
                .row_groups()
                .get(row_groups.clone());
            for row_group in chunks.unwrap_or_default() {
                for (leaf, chunk) in row_group.columns().iter().enumerate() {
                    if let Some(size) = sizes.get_mut(schema.get_column_root_idx(leaf)) {
                        *size = size.saturating_add(chunk.uncompressed_size());
                    }
                }
            }
            runs.extend(columns.iter().enumerate().map(|(place, column)| ColumnRun {
                run,
                place,
                column: *column,
                row_groups: row_groups.clone(),
                cost: sizes.get(*column).copied().unwrap_or_default(),
                ranges: Vec::new(),
            }));
        }
        runs
    }
}
