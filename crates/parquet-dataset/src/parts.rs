//! A stream of record batches cut into Parquet files.

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use remote_store_serializers::{ParquetOptions, SerializeError, parquet};

/// One Parquet file.
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    pub(crate) rows: u64,
}

/// Encodes part after part; an empty stream gives one empty part, which keeps the schema.
pub(crate) struct Parts<R> {
    reader: R,
    schema: SchemaRef,
    max_rows: usize,
    /// What the part before left of its last batch.
    rest: Option<RecordBatch>,
    is_first: bool,
}

impl<R: RecordBatchReader> Parts<R> {
    pub(crate) fn new(reader: R, max_rows: Option<usize>) -> Self {
        let schema = reader.schema();
        Self {
            reader,
            schema,
            max_rows: max_rows.unwrap_or(usize::MAX),
            rest: None,
            is_first: true,
        }
    }

    pub(crate) fn encode_next(
        &mut self,
        options: &ParquetOptions,
    ) -> Result<Option<Part>, SerializeError> {
        let is_first = std::mem::take(&mut self.is_first);
        if !self.has_more()? && !is_first {
            return Ok(None);
        }
        let schema = SchemaRef::clone(&self.schema);
        let mut room = self.max_rows;
        let batches = std::iter::from_fn(|| {
            if room == 0 {
                return None;
            }
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.reader.next()? {
                    Ok(batch) => batch,
                    Err(error) => return Some(Err(error)),
                },
            };
            let rows = batch.num_rows().min(room);
            if rows < batch.num_rows() {
                self.rest = Some(batch.slice(rows, batch.num_rows() - rows));
            }
            room -= rows;
            Some(Ok(batch.slice(0, rows)))
        });
        let mut bytes = Vec::new();
        let summary = parquet::encode(
            RecordBatchIterator::new(batches, schema),
            options,
            &mut bytes,
        )?;
        Ok(Some(Part {
            bytes: bytes.into(),
            rows: summary.rows as u64,
        }))
    }

    /// Whether there is a row left.
    fn has_more(&mut self) -> Result<bool, SerializeError> {
        while self.rest.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
            match self.reader.next() {
                Some(batch) => {
                    self.rest = Some(batch.map_err(|error| SerializeError::Encode {
                        format: "Parquet",
                        reason: format!("the source of the record batches failed: {error}"),
                        source: Some(Box::new(error)),
                    })?);
                }
                None => return Ok(false),
            }
        }
        Ok(true)
    }
}
