//! Columns of units that Parquet does not have, cast as pyarrow casts them before it writes.
//!
//! Seconds become milliseconds and `date64` becomes `date32`. A value that does not fit is an
//! error, never another value.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Time32MillisecondType, Time32SecondType, TimestampMillisecondType,
    TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};

use super::FORMAT;
use crate::SerializeError;

const MILLISECONDS_OF_A_DAY: i64 = 86_400_000;

/// What a column of this type is written as, if not as it is.
pub(crate) fn target(data_type: &DataType) -> Option<DataType> {
    if let DataType::Timestamp(TimeUnit::Second, zone) = data_type {
        return Some(DataType::Timestamp(TimeUnit::Millisecond, zone.clone()));
    }
    if data_type == &DataType::Time32(TimeUnit::Second) {
        return Some(DataType::Time32(TimeUnit::Millisecond));
    }
    (data_type == &DataType::Date64).then_some(DataType::Date32)
}

/// The schema of the file; the same one when nothing is cast.
pub(crate) fn schema(schema: &SchemaRef) -> SchemaRef {
    let is_cast = |field: &Arc<Field>| target(field.data_type()).is_some();
    if !schema.fields().iter().any(is_cast) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().map(|field| {
        target(field.data_type()).map_or_else(
            || Arc::clone(field),
            |data_type| Arc::new(field.as_ref().clone().with_data_type(data_type)),
        )
    });
    let fields: Vec<_> = fields.collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The batch in the schema of the file.
pub(crate) fn batch(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, SerializeError> {
    let columns = batch.columns().iter().zip(batch.schema_ref().fields());
    if !columns
        .clone()
        .any(|(array, _)| target(array.data_type()).is_some())
    {
        return Ok(batch);
    }
    let columns = columns.map(|(array, field)| {
        column(array).map_err(|error| SerializeError::Encode {
            format: FORMAT,
            reason: format!(
                "column '{}' of type {}: a value does not fit into what Parquet has ({error})",
                field.name(),
                field.data_type()
            ),
            source: Some(Box::new(error)),
        })
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| SerializeError::encode(FORMAT, error.to_string()))
}

fn column(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    if let DataType::Timestamp(TimeUnit::Second, zone) = array.data_type() {
        let cast = array
            .as_primitive::<TimestampSecondType>()
            .try_unary::<_, TimestampMillisecondType, _>(|seconds| {
                seconds.checked_mul(1_000).ok_or_else(too_large)
            })?;
        return Ok(Arc::new(cast.with_timezone_opt(zone.clone())));
    }
    if array.data_type() == &DataType::Time32(TimeUnit::Second) {
        let cast = array
            .as_primitive::<Time32SecondType>()
            .try_unary::<_, Time32MillisecondType, _>(|seconds| {
                seconds.checked_mul(1_000).ok_or_else(too_large)
            })?;
        return Ok(Arc::new(cast));
    }
    if array.data_type() == &DataType::Date64 {
        let cast = array
            .as_primitive::<Date64Type>()
            .try_unary::<_, Date32Type, _>(|milliseconds| {
                i32::try_from(milliseconds / MILLISECONDS_OF_A_DAY).map_err(|_large| too_large())
            })?;
        return Ok(Arc::new(cast));
    }
    Ok(Arc::clone(array))
}

fn too_large() -> ArrowError {
    ArrowError::ComputeError("out of range".to_owned())
}
