//! How many bytes of an array its rows take: of a slice, not of what it was cut from.
//!
//! The Arrow library counts all elements under a slice of lists. Row groups that are cut by such a
//! count get smaller and smaller towards the end of a large batch.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, RecordBatch};
use arrow_schema::DataType;

/// The rows of all arrays. Dictionaries of columns are left out: a row group has each once,
/// however many rows it has.
pub(crate) fn arrays_bytes(arrays: &[ArrayRef]) -> usize {
    let column_bytes = |array: &ArrayRef| match array.as_any_dictionary_opt() {
        Some(coded) => own_bytes(coded.keys()),
        None => array_bytes(array),
    };
    arrays.iter().map(column_bytes).sum()
}

/// How many bytes the rows of a batch take: those of a slice, not of what it was cut from.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, RecordBatch, types::Int64Type, ListArray};
/// use remote_store_serializers::parquet::batch_bytes;
///
/// let lists = ListArray::from_iter_primitive::<Int64Type, _, _>((0..100).map(|n| Some(vec![Some(n); 10])));
/// let batch = RecordBatch::try_from_iter([("lists", Arc::new(lists) as ArrayRef)])?;
/// assert!(batch_bytes(&batch.slice(0, 10)) * 9 < batch_bytes(&batch));
/// # Ok::<(), arrow_schema::ArrowError>(())
/// ```
pub fn batch_bytes(batch: &RecordBatch) -> usize {
    let columns = batch.columns().iter();
    columns.map(|column| array_bytes(column)).sum()
}

/// The rows of one array, with their dictionary if it has one.
pub(crate) fn array_bytes(array: &dyn Array) -> usize {
    if let Some(structs) = array.as_struct_opt() {
        let children = structs.columns().iter();
        return children.map(|child| array_bytes(child)).sum::<usize>() + array.len() / 8;
    }
    if let Some(lists) = array.as_list_opt::<i32>() {
        return list_bytes(lists);
    }
    if let Some(lists) = array.as_list_opt::<i64>() {
        return list_bytes(lists);
    }
    if let Some(maps) = array.as_map_opt() {
        let offsets = maps.value_offsets();
        let entries = maps.entries();
        let entries = entries.slice(first_of(offsets), between(offsets));
        return array_bytes(&entries) + size_of_val(offsets);
    }
    if let Some(lists) = array.as_fixed_size_list_opt() {
        return array_bytes(lists.values()) + array.len() / 8;
    }
    if let Some(views) = array.as_string_view_opt() {
        return views.total_buffer_bytes_used() + views.len() * size_of::<u128>();
    }
    if let Some(views) = array.as_binary_view_opt() {
        return views.total_buffer_bytes_used() + views.len() * size_of::<u128>();
    }
    if let Some(coded) = array.as_any_dictionary_opt() {
        let words = coded.values();
        // No row takes more than a word of average length.
        let used = words.len().min(coded.len());
        let each = array_bytes(words) / words.len().max(1);
        return own_bytes(coded.keys()) + each * used;
    }
    own_bytes(array)
}

/// Of what has nothing inside that is not cut along.
fn own_bytes(array: &dyn Array) -> usize {
    if array.data_type() == &DataType::Null {
        return 0;
    }
    if let Some(width) = array.data_type().primitive_width() {
        return array.len() * width + array.nulls().map_or(0, |_| array.len() / 8);
    }
    let size = array.to_data().get_slice_memory_size();
    size.unwrap_or_default()
}

fn list_bytes<O: OffsetSizeTrait>(lists: &GenericListArray<O>) -> usize {
    let offsets = lists.value_offsets();
    let elements = lists.values();
    let elements = elements.slice(first_of(offsets), between(offsets));
    array_bytes(&elements) + size_of_val(offsets)
}

fn first_of<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    offsets.first().map_or(0, |first| first.as_usize())
}

/// How many elements lie between the first offset and the last.
fn between<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    offsets.last().map_or(0, |last| last.as_usize()) - first_of(offsets)
}
