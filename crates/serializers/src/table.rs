//! A table in memory: one schema, any number of record batches.

use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use crate::SerializeError;

/// Columns of data in Arrow's form.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_serializers::Table;
///
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let table = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
/// assert_eq!(table.num_rows(), 3);
/// assert_eq!(table.schema().field(0).name(), "id");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Table {
    /// Joins batches under one schema.
    ///
    /// # Errors
    /// [`SerializeError::Encode`] when a batch has another schema.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    /// use arrow_schema::Schema;
    /// use remote_store_serializers::Table;
    ///
    /// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    /// let batch = RecordBatch::try_from_iter([("id", ids)])?;
    /// let wrong = Table::try_new(Arc::new(Schema::empty()), vec![batch]);
    /// assert!(wrong.unwrap_err().to_string().contains("batch 0"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self, SerializeError> {
        for (index, batch) in batches.iter().enumerate() {
            if batch.schema_ref().fields() != schema.fields() {
                return Err(SerializeError::encode(
                    "table",
                    format!(
                        "batch {index} has other columns than the schema of the table; cast it first"
                    ),
                ));
            }
        }
        Ok(Self { schema, batches })
    }

    /// Reads all that a reader gives.
    ///
    /// # Errors
    /// [`SerializeError::Encode`] when the reader fails or changes its schema.
    pub fn from_reader(reader: impl RecordBatchReader) -> Result<Self, SerializeError> {
        let schema = reader.schema();
        let batches = reader
            .collect::<Result<Vec<_>, ArrowError>>()
            .map_err(|error| SerializeError::Encode {
                format: "table",
                reason: format!("the source of the record batches failed: {error}"),
                source: Some(Box::new(error)),
            })?;
        Self::try_new(schema, batches)
    }

    /// The columns' names and types, with the key-value metadata.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows, in order.
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The rows, in order, taken out.
    pub fn into_batches(self) -> Vec<RecordBatch> {
        self.batches
    }

    /// How many rows there are in all batches.
    pub fn num_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// How many columns there are.
    pub fn num_columns(&self) -> usize {
        self.schema.fields().len()
    }

    /// A reader over the batches; they share their memory with the table.
    pub fn reader(&self) -> impl RecordBatchReader + Send + 'static {
        let batches = self.batches.clone().into_iter().map(Ok);
        RecordBatchIterator::new(batches, SchemaRef::clone(&self.schema))
    }
}

impl From<RecordBatch> for Table {
    fn from(batch: RecordBatch) -> Self {
        Self {
            schema: batch.schema(),
            batches: vec![batch],
        }
    }
}
