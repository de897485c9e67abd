//! Parquet behind the trait.

use std::io::Write;

use bytes::Bytes;

use super::{FORMAT, ParquetOptions, decode, encode_table};
use crate::{SerializeError, Serializer, Table};

/// Tables as Parquet, `.parquet` (DAG-004).
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_serializers::{ParquetSerializer, Serializer, Table};
///
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
/// let table = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
/// let parquet = ParquetSerializer::default();
/// let bytes = parquet.serialize(&table)?;
/// assert_eq!(parquet.deserialize(&bytes)?, table);
/// assert!(parquet.deserialize(b"id\n1\n").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ParquetSerializer {
    options: ParquetOptions,
}

impl ParquetSerializer {
    /// Writes with these options.
    pub fn new(options: ParquetOptions) -> Self {
        Self { options }
    }
}

impl Serializer<Table> for ParquetSerializer {
    fn extension(&self) -> &'static str {
        ".parquet"
    }

    fn serialize(&self, value: &Table) -> Result<Bytes, SerializeError> {
        encode_table(value, &self.options)
    }

    fn deserialize(&self, data: &[u8]) -> Result<Table, SerializeError> {
        if data.is_empty() {
            return Err(SerializeError::decode(FORMAT, "the object is empty"));
        }
        decode(Bytes::copy_from_slice(data), None)
    }

    fn serialize_into(&self, value: &Table, out: &mut dyn Write) -> Result<(), SerializeError> {
        // A plain `dyn Write` cannot go to other threads, so it gets the whole.
        out.write_all(&self.serialize(value)?)?;
        Ok(())
    }
}
