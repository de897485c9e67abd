//! Columns that were decoded apart become a table.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::FORMAT;
use crate::{SerializeError, Table};

/// Puts columns that were decoded apart beside each other again.
///
/// All have the same rows, and readers cut batches at the same rows unless a
/// column's type forces another cut; the shortest cut then goes for all.
pub(crate) fn zip_columns(
    schema: &SchemaRef,
    columns: &[&[RecordBatch]],
    batches: &mut Vec<RecordBatch>,
) -> Result<(), SerializeError> {
    let mut rest: Vec<std::iter::Peekable<_>> = columns
        .iter()
        .map(|batches| {
            batches
                .iter()
                .filter_map(|batch| batch.columns().first().cloned())
                .peekable()
        })
        .collect();
    let mut taken = vec![0_usize; rest.len()];
    loop {
        let left = rest
            .iter_mut()
            .zip(&taken)
            .map(|(column, taken)| column.peek().map(|array: &ArrayRef| array.len() - taken));
        let Some(lengths) = left.collect::<Option<Vec<usize>>>() else {
            let uneven = rest.iter_mut().any(|column| column.peek().is_some());
            return if uneven {
                Err(SerializeError::decode(
                    FORMAT,
                    "the columns have different numbers of rows; the file is damaged",
                ))
            } else {
                Ok(())
            };
        };
        let rows = lengths.iter().copied().min().unwrap_or_default();
        let mut arrays = Vec::with_capacity(rest.len());
        for (column, taken) in rest.iter_mut().zip(&mut taken) {
            let Some(array) = column.peek() else { continue };
            arrays.push(if rows == array.len() {
                Arc::clone(array)
            } else {
                array.slice(*taken, rows)
            });
            *taken += rows;
            if *taken == array.len() {
                column.next();
                *taken = 0;
            }
        }
        batches.push(RecordBatch::try_new(Arc::clone(schema), arrays).map_err(inconsistent)?);
    }
}

/// A table of no columns still has its rows.
pub(crate) fn without_columns(schema: Arc<Schema>, rows: usize) -> Result<Table, SerializeError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), Vec::new(), &options)
        .map_err(inconsistent)?;
    Table::try_new(schema, vec![batch])
}

/// Columns that do not make a table: the file is damaged.
pub(crate) fn inconsistent(error: ArrowError) -> SerializeError {
    SerializeError::Decode {
        format: FORMAT,
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
