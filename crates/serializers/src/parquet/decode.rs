//! Parquet to tables: columns and row groups are decoded in parallel.

use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy};
use ::parquet::file::reader::Length;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef};
use bytes::Bytes;

use super::assembly::{inconsistent, without_columns};
use super::columns::positions;
use super::foreign;
use super::gate::{self, Support};
use super::panics::caught;
use super::source::{Parts, Source};
use super::{FORMAT, threads, zones};
use crate::{SerializeError, Table};

/// Rows of a decoded batch; measured as the best size.
pub(crate) const BATCH_ROWS: usize = 65_536;

/// A Parquet file whose footer has been read.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
/// use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet};
///
/// let delay: ArrayRef = Arc::new(Int64Array::from(vec![11, -4]));
/// let carrier: ArrayRef = Arc::new(StringArray::from(vec!["UA", "B6"]));
/// let table = Table::from(RecordBatch::try_from_iter([("delay", delay), ("carrier", carrier)])?);
/// let file = ParquetFile::open(parquet::encode_table(&table, &ParquetOptions::default())?)?;
/// assert_eq!(file.num_rows(), 2);
///
/// let delays = file.decode(Some(&["delay".to_owned()]))?;
/// assert_eq!(delays.num_columns(), 1);
///
/// let slip = file.decode(Some(&["dealy".to_owned()])).unwrap_err();
/// assert!(slip.to_string().contains("did you mean 'delay'?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ParquetFile {
    pub(crate) source: Source,
    pub(crate) metadata: ArrowReaderMetadata,
    /// Whether its footer is signed, as it is where columns are encrypted.
    pub(crate) is_signed: bool,
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// [`SerializeError::Decode`] when this is no Parquet file or its footer is damaged.
    pub fn open(data: Bytes) -> Result<Self, SerializeError> {
        if data.is_empty() {
            return Err(SerializeError::decode(FORMAT, "the object is empty"));
        }
        Self::open_source(Source::Whole(data))
    }

    /// Reads the footer of a file of which only the last bytes were fetched; [`footer_len`]
    /// says how many are needed.
    ///
    /// Nothing else can be read before [`with_ranges`](Self::with_ranges) gave the rest.
    ///
    /// # Errors
    /// [`SerializeError::Decode`] when the footer is damaged or not all there.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet};
    ///
    /// let column: ArrayRef = Arc::new(Int64Array::from(vec![11, -4]));
    /// let table = RecordBatch::try_from_iter([("a", Arc::clone(&column)), ("b", column)])?;
    /// let object = parquet::encode_table(&Table::from(table), &ParquetOptions::default())?;
    ///
    /// let needed = parquet::footer_len(&object.slice(object.len() - 8..))?;
    /// let file = ParquetFile::open_tail(object.len() as u64, object.slice(object.len() - needed..))?;
    /// let wanted = ["b".to_owned()];
    /// let ranges = file.column_ranges(Some(&wanted))?;
    /// let parts = ranges.iter().map(|range| {
    ///     (range.start, object.slice(range.start as usize..range.end as usize))
    /// });
    /// let table = file.with_ranges(parts.collect()).decode(Some(&wanted))?;
    /// assert_eq!(table.num_rows(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_tail(len: u64, tail: Bytes) -> Result<Self, SerializeError> {
        let start = len.saturating_sub(tail.len() as u64);
        Self::open_source(Source::Parts(Parts::new(len, vec![(start, tail)])))
    }

    fn open_source(source: Source) -> Result<Self, SerializeError> {
        caught("reading", || {
            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
            let mut metadata = ArrowReaderMetadata::load(&source, options.clone())
                .map_err(|error| foreign::unopened(&source, error))?;
            if let Some(mended) = foreign::mended(metadata.metadata()).map_err(damaged)? {
                metadata = ArrowReaderMetadata::try_new(Arc::new(mended), options.clone())
                    .map_err(damaged)?;
            }
            let file = metadata.metadata().file_metadata();
            if let Some(fields) = zones::restored(metadata.schema(), file) {
                let schema = metadata.schema().metadata().clone();
                let schema = Arc::new(Schema::new_with_metadata(fields, schema));
                let options = options.clone().with_schema(schema);
                let file = Arc::clone(metadata.metadata());
                // An embedded schema that does not fit is seen by the gate.
                metadata = ArrowReaderMetadata::try_new(file, options).unwrap_or(metadata);
            }
            if let Some(schema) = as_pyarrow_gives_it(metadata.schema()) {
                let options = options.with_schema(schema);
                metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
                    .map_err(damaged)?;
            }
            let is_signed = foreign::has_signature(&source);
            Ok(Self {
                source,
                metadata,
                is_signed,
            })
        })
    }

    /// Where the named columns, or all, lie in the file: one range for each chunk.
    ///
    /// # Errors
    /// [`SerializeError::UnknownColumn`] for a name that the file does not have;
    /// [`SerializeError::Decode`] and [`SerializeError::Panicked`] when the footer is damaged.
    pub fn column_ranges(
        &self,
        columns: Option<&[String]>,
    ) -> Result<Vec<Range<u64>>, SerializeError> {
        let positions = self.positions(columns)?;
        let schema = self.metadata.parquet_schema();
        caught("reading", || {
            let mut ranges = Vec::new();
            for row_group in self.metadata.metadata().row_groups() {
                for (leaf, chunk) in row_group.columns().iter().enumerate() {
                    if positions.contains(&schema.get_column_root_idx(leaf)) {
                        ranges.push(self.chunk_range(chunk)?);
                    }
                }
            }
            Ok(ranges)
        })
    }

    /// Where a chunk lies.
    pub(crate) fn chunk_range(
        &self,
        chunk: &ColumnChunkMetaData,
    ) -> Result<Range<u64>, SerializeError> {
        let (start, length) = chunk.byte_range();
        let end = start.checked_add(length);
        // A footer that is damaged may claim more than there is, or is worth asking for.
        let end = end.filter(|end| *end <= self.source.len());
        let beyond = "a column lies beyond the end of the file; it is damaged";
        let end = end.ok_or_else(|| SerializeError::decode(FORMAT, beyond))?;
        Ok(start..end)
    }

    /// The same file with the parts that were fetched, each with the place where it starts.
    #[must_use]
    pub fn with_ranges(self, parts: Vec<(u64, Bytes)>) -> Self {
        let source = Source::Parts(Parts::new(self.source.len(), parts));
        Self { source, ..self }
    }

    pub(crate) fn positions(
        &self,
        columns: Option<&[String]>,
    ) -> Result<Vec<usize>, SerializeError> {
        match columns {
            Some(names) => positions(self.schema(), names),
            None => Ok((0..self.schema().fields().len()).collect()),
        }
    }

    /// The columns, with the file's key-value metadata.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// How many rows the file says it has, or its row groups do if that is more: a damaged
    /// footer may say both.
    pub fn num_rows(&self) -> usize {
        let metadata = self.metadata.metadata();
        let said = usize::try_from(metadata.file_metadata().num_rows()).unwrap_or_default();
        let held = metadata.row_groups().iter().map(|row_group| {
            // Less than none is nothing that others could be balanced with.
            usize::try_from(row_group.num_rows()).unwrap_or(usize::MAX)
        });
        said.max(held.fold(0, usize::saturating_add))
    }

    /// How many row groups the file has.
    pub fn num_row_groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// The whole file, when all of it was given.
    pub fn whole(&self) -> Option<Bytes> {
        match &self.source {
            Source::Whole(bytes) => Some(bytes.clone()),
            Source::Parts(_) => None,
        }
    }

    /// Whether decoding here gives what pyarrow would give; see [`gate`].
    pub fn read_support(&self) -> Support {
        self.support_of(&|_all| true)
    }

    /// The same for the named columns, or all: what is not asked for needs no support.
    ///
    /// # Errors
    /// [`SerializeError::UnknownColumn`] for a name that the file does not have.
    pub fn read_support_for(&self, columns: Option<&[String]>) -> Result<Support, SerializeError> {
        let positions = self.positions(columns)?;
        Ok(self.support_of(&|position| positions.contains(&position)))
    }

    fn support_of(&self, wanted: &dyn Fn(usize) -> bool) -> Support {
        let metadata = self.metadata.metadata();
        gate::read_support_of(
            self.schema(),
            metadata.file_metadata(),
            Some(metadata.row_groups()),
            wanted,
        )
    }

    /// Decodes the named columns, or all, in the order of the file.
    ///
    /// Categories of dictionary columns come in the order in which they appear;
    /// ask [`read_support`](Self::read_support) where that order matters.
    ///
    /// # Errors
    /// [`SerializeError::UnknownColumn`] for a name that the file does not have;
    /// [`SerializeError::Unsupported`] for a column that would come back with
    /// another meaning; [`SerializeError::Decode`] or
    /// [`SerializeError::Panicked`] when the data is damaged, also when a page
    /// differs from its checksum.
    pub fn decode(&self, columns: Option<&[String]>) -> Result<Table, SerializeError> {
        let positions = self.positions(columns)?;
        caught("reading", || self.decode_positions(&positions))
    }

    fn decode_positions(&self, columns: &[usize]) -> Result<Table, SerializeError> {
        let schema = self.schema_of(columns)?;
        let rows = self.num_rows();
        if columns.is_empty() {
            return without_columns(schema, rows);
        }
        let row_groups = self.row_groups_together(has_categories(&schema));
        if threads::thread_count(None, rows, columns.len() * row_groups.len()) < 2 {
            return self.decode_alone(&schema, columns, row_groups);
        }
        let mut runs = self.runs_of(columns, &row_groups);
        runs.sort_by_key(|run| std::cmp::Reverse(run.cost()));
        let runs = runs.into_iter().map(|run| (run, ()));
        self.decode_each(schema, runs, |()| Ok(self.clone()))
    }

    pub(crate) fn schema_of(&self, columns: &[usize]) -> Result<SchemaRef, SerializeError> {
        let schema = self.schema().project(columns).map_err(inconsistent)?;
        gate::refuse_wrong_for_reading(&schema)?;
        Ok(Arc::new(schema))
    }

    /// Everything on this thread, all columns at once.
    fn decode_alone(
        &self,
        schema: &SchemaRef,
        columns: &[usize],
        row_groups: Vec<Range<usize>>,
    ) -> Result<Table, SerializeError> {
        let runs = if has_categories(schema) {
            row_groups.into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        let mut batches = Vec::new();
        for run in runs {
            for batch in self.batches(columns, run)? {
                let columns = batch.columns().to_vec();
                batches
                    .push(RecordBatch::try_new(Arc::clone(schema), columns).map_err(inconsistent)?);
            }
        }
        Table::try_new(Arc::clone(schema), batches)
    }

    pub(crate) fn batches(
        &self,
        columns: &[usize],
        row_groups: Option<Range<usize>>,
    ) -> Result<Vec<RecordBatch>, SerializeError> {
        if let ([column], Some(row_groups)) = (columns, &row_groups)
            && let Some(batches) = self.number_lists(*column, row_groups.clone())
        {
            return Ok(batches);
        }
        self.library_batches(columns, row_groups)
    }

    /// The same as the Parquet library gives it.
    pub(crate) fn library_batches(
        &self,
        columns: &[usize],
        row_groups: Option<Range<usize>>,
    ) -> Result<Vec<RecordBatch>, SerializeError> {
        let (metadata, odd) = self.with_odd_dictionaries(columns, row_groups.as_ref())?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().copied());
        let mut builder =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.source.clone(), metadata)
                .with_batch_size(BATCH_ROWS)
                .with_projection(mask);
        if let Some(row_groups) = row_groups {
            builder = builder.with_row_groups(row_groups.collect());
        }
        let names = || {
            let names = columns
                .iter()
                .filter_map(|column| self.schema().fields().get(*column));
            names
                .map(|field| format!("'{}'", field.name()))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let reader = builder.build().map_err(damaged)?;
        let failed = |error: ArrowError| foreign::unread(error, &names(), self.is_signed);
        reader
            .map(|batch| odd.restored(batch.map_err(failed)?))
            .collect()
    }
}

/// How many of the last bytes of a file the footer takes, by the last eight.
///
/// # Errors
/// [`SerializeError::Decode`] when this is not the end of a Parquet file, or that of an encrypted one.
pub fn footer_len(tail: &[u8]) -> Result<usize, SerializeError> {
    if foreign::is_encrypted(tail) {
        return Err(foreign::encrypted());
    }
    let Some((rest, b"PAR1")) = tail.split_last_chunk::<4>() else {
        return Err(SerializeError::decode(FORMAT, foreign::CUT_OFF));
    };
    let length = rest
        .last_chunk::<4>()
        .map(|length| u32::from_le_bytes(*length));
    let length = length.and_then(|length| usize::try_from(length).ok());
    length
        .and_then(|length| length.checked_add(8))
        .ok_or_else(|| SerializeError::decode(FORMAT, "it is too short for a Parquet file"))
}

/// Decodes a whole Parquet file, or the named columns of it (DAG-004).
///
/// # Errors
/// As [`ParquetFile::open`] and [`ParquetFile::decode`].
pub fn decode(data: Bytes, columns: Option<&[String]>) -> Result<Table, SerializeError> {
    ParquetFile::open(data)?.decode(columns)
}

/// The schema as pyarrow gives it, where that is another: categories are never large text.
fn as_pyarrow_gives_it(schema: &Schema) -> Option<SchemaRef> {
    let wanted = |field: &FieldRef| {
        let DataType::Dictionary(keys, values) = field.data_type() else {
            return None;
        };
        let is_large = values.as_ref() == &DataType::LargeUtf8;
        is_large.then(|| DataType::Dictionary(keys.clone(), Box::new(DataType::Utf8)))
    };
    if !schema.fields().iter().any(|field| wanted(field).is_some()) {
        return None;
    }
    let fields = schema.fields().iter().map(|field| {
        wanted(field).map_or_else(
            || Arc::clone(field),
            |data_type| Arc::new(field.as_ref().clone().with_data_type(data_type)),
        )
    });
    let fields: Vec<_> = fields.collect();
    Some(Arc::new(Schema::new_with_metadata(
        fields,
        schema.metadata().clone(),
    )))
}

pub(crate) fn has_categories(schema: &Schema) -> bool {
    let mut fields = schema.fields().iter();
    fields.any(|field| gate::is_categorical(field.data_type()))
}

pub(crate) fn damaged(error: ParquetError) -> SerializeError {
    SerializeError::Decode {
        format: FORMAT,
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
