//! Which batches fit into one row group by the keys that their categories have.
//!
//! A row group has one dictionary for each column. Where every batch brings its own, as after
//! joining tables of several partitions, their words together may be more than keys of that type
//! count, and no reader could give the column back. Large dictionaries that change from batch to
//! batch would be held all at once, too.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};

use super::dictionary_pages::key_count;
use super::sizes::array_bytes;

/// The dictionaries of the batches that wait for a row group.
pub(crate) struct KeySpace {
    columns: Vec<Column>,
    /// Of all dictionaries together.
    bytes: usize,
}

struct Column {
    position: usize,
    /// How many words the keys count.
    most: usize,
    words: usize,
    last: Option<ArrayRef>,
}

impl KeySpace {
    pub(crate) fn new(schema: &Schema) -> Self {
        let fields = schema.fields().iter().enumerate();
        let columns = fields.filter_map(|(position, field)| {
            let DataType::Dictionary(keys, _) = field.data_type() else {
                return None;
            };
            Some(Column {
                position,
                most: key_count(keys).unwrap_or(usize::MAX),
                words: 0,
                last: None,
            })
        });
        Self {
            columns: columns.collect(),
            bytes: 0,
        }
    }

    /// Counts the dictionaries of a batch; false when they have no room beside those before.
    pub(crate) fn add(&mut self, batch: &RecordBatch, most_bytes: usize) -> bool {
        let mut fits = true;
        for column in &mut self.columns {
            let array = batch.columns().get(column.position);
            let Some(array) = array.and_then(|array| array.as_any_dictionary_opt()) else {
                continue;
            };
            let same =
                |last: &ArrayRef| Arc::ptr_eq(last, array.values()) || last == array.values();
            if column.last.as_ref().is_some_and(same) {
                continue;
            }
            let is_first = column.last.is_none();
            column.words += array.values().len();
            self.bytes += array_bytes(array.values());
            column.last = Some(Arc::clone(array.values()));
            fits &= is_first || (column.words <= column.most && self.bytes <= most_bytes);
        }
        fits
    }

    /// Forgets them: a row group begins.
    pub(crate) fn clear(&mut self) {
        self.bytes = 0;
        for column in &mut self.columns {
            (column.words, column.last) = (0, None);
        }
    }
}
