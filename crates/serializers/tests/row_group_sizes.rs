//! Row groups are cut by the bytes of their rows, whatever the rows were cut from.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, MapBuilder, StringViewBuilder};
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, DictionaryArray, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use remote_store_serializers::parquet::encode_table;
use remote_store_serializers::{ParquetFile, ParquetOptions, Table};

const ROWS: i32 = 10_000;

/// How many row groups of about so many bytes a column makes.
fn row_groups(column: ArrayRef, bytes: usize) -> usize {
    let table = Table::from(RecordBatch::try_from_iter([("c", column)]).unwrap());
    let bytes = NonZeroUsize::new(bytes).unwrap();
    let options = ParquetOptions::default().with_row_group_bytes(bytes);
    let file = ParquetFile::open(encode_table(&table, &options).unwrap()).unwrap();
    assert_eq!(file.decode(None).unwrap().num_rows(), table.num_rows());
    file.num_row_groups()
}

#[test]
fn lists_maps_and_views_are_cut_into_row_groups_of_one_size() {
    let lists = || {
        let lists = (0..ROWS).map(|row| Some((0..10).map(move |item| Some(i64::from(row * item)))));
        ListArray::from_iter_primitive::<Int64Type, _, _>(lists)
    };
    let list: ArrayRef = Arc::new(lists());
    assert_eq!(row_groups(Arc::clone(&list), 300_000), 3);
    let within = StructArray::try_from(vec![("list", list)]).unwrap();
    assert_eq!(row_groups(Arc::new(within), 300_000), 3);

    let mut maps = MapBuilder::new(None, Int64Builder::new(), Int64Builder::new());
    let mut views = StringViewBuilder::new();
    for row in 0..ROWS {
        for item in 0..5 {
            maps.keys().append_value(item);
            maps.values().append_value(row.into());
        }
        maps.append(true).unwrap();
        views.append_value(format!("{row:080}"));
    }
    assert_eq!(row_groups(Arc::new(maps.finish()), 300_000), 3);
    assert_eq!(row_groups(Arc::new(views.finish()), 350_000), 3);
}

#[test]
fn a_large_dictionary_is_not_written_again_and_again() {
    let words = StringArray::from_iter_values((0..5_000).map(|word| format!("{word:0200}")));
    let keys = Int32Array::from_iter_values((0..ROWS).map(|row| row % 5_000));
    let column = DictionaryArray::<Int32Type>::new(keys, Arc::new(words));
    assert_eq!(row_groups(Arc::new(column), 100_000), 1);
}

#[test]
fn large_dictionaries_that_change_are_not_held_all_at_once() {
    let batch = |number: usize| {
        let words = (0..100).map(|word| format!("{number}-{word:0200}"));
        let words = Arc::new(StringArray::from_iter_values(words));
        let keys = Int32Array::from_iter_values(0..100);
        let column: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, words));
        RecordBatch::try_from_iter([("c", column)]).unwrap()
    };
    let batches: Vec<RecordBatch> = (0..10).map(batch).collect();
    let table = Table::try_new(batches[0].schema(), batches).unwrap();
    let bytes = NonZeroUsize::new(50_000).unwrap();
    let options = ParquetOptions::default().with_row_group_bytes(bytes);
    let file = ParquetFile::open(encode_table(&table, &options).unwrap()).unwrap();
    assert_eq!(file.num_row_groups(), 5);
}
