//! Columns whose values are in the names of folders, wherever they stand in the table.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use futures_executor::block_on;
use remote_store_core::Store;
use remote_store_parquet_dataset::{DatasetStore, ReadDatasetOptions, WriteDatasetOptions};
use remote_store_serializers::Table;
use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue};
use shared::{KEY, whole};

/// Columns `a`, `year`, `b`, `place`, `c`, of which `year` and `place` are folders.
fn in_folders() -> (DatasetStore, RecordBatch) {
    let number = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("a", number(vec![1, 2, 3]), true),
        ("year", number(vec![2012, 2012, 2013]), true),
        ("b", number(vec![4, 5, 6]), true),
        (
            "place",
            Arc::new(StringArray::from(vec![Some("x"), Some("x"), None])) as ArrayRef,
            true,
        ),
        ("c", number(vec![7, 8, 9]), true),
    ])
    .unwrap();
    let datasets = DatasetStore::new(Store::memory());
    let options = WriteDatasetOptions::default().with_partition_by(["place", "year"]);
    let table = Table::from(batch.clone());
    block_on(datasets.write(KEY, table.reader(), options)).unwrap();
    (datasets, batch)
}

#[test]
fn any_columns_come_back_in_the_order_of_the_table() {
    let (datasets, batch) = in_folders();
    let names = ["a", "year", "b", "place", "c"];
    let rows_as_stored = arrow_array::UInt32Array::from(vec![2, 0, 1]);
    for chosen in 0..1_usize << names.len() {
        let positions: Vec<usize> = (0..names.len())
            .filter(|at| chosen >> at & 1 == 1)
            .collect();
        let columns = positions.iter().rev().filter_map(|at| names.get(*at));
        let options = ReadDatasetOptions::default().with_columns(columns.copied());
        let read = block_on(datasets.read_where(KEY, &options)).unwrap();
        let expected = batch.project(&positions).unwrap();
        assert_eq!(read.schema(), expected.schema_ref(), "{positions:?}");
        assert_eq!(read.num_rows(), 3, "{positions:?}");
        if !positions.is_empty() {
            let expected = arrow_select::take::take_record_batch(&expected, &rows_as_stored);
            assert_eq!(whole(&read), expected.unwrap(), "{positions:?}");
        }
    }
}

#[test]
fn columns_that_only_the_filter_looks_at_are_left_out() {
    let (datasets, batch) = in_folders();
    let filter = Filter::all([
        Condition::new("b", Comparison::Greater, FilterValue::Int(4)),
        Condition::new("year", Comparison::Equal, FilterValue::Int(2012)),
    ]);
    let options = ReadDatasetOptions::default()
        .with_columns(["c", "place"])
        .with_filter(filter);
    let read = block_on(datasets.read_where(KEY, &options)).unwrap();
    let expected = batch.project(&[3, 4]).unwrap().slice(1, 1);
    assert_eq!(whole(&read), expected);
}

#[test]
fn an_unknown_column_is_told_with_those_of_folders() {
    let (datasets, _) = in_folders();
    let slip = Condition::new("yeer", Comparison::Equal, FilterValue::Int(2012));
    let nowhere = Condition::new("year", Comparison::Equal, FilterValue::Int(1));
    for options in [
        ReadDatasetOptions::default().with_columns(["b", "yeer"]),
        ReadDatasetOptions::default().with_filter(Filter::all([slip.clone()])),
        ReadDatasetOptions::default().with_filter(Filter::all([nowhere, slip])),
    ] {
        let refused = block_on(datasets.read_where(KEY, &options)).unwrap_err();
        assert_eq!(refused.kind(), "unknown-column", "{refused}");
        let told = format!("dataset {KEY}: no column 'yeer' in the table, did you mean 'year'?");
        assert!(refused.to_string().starts_with(&told), "{refused}");
        assert!(refused.to_string().contains("'place'"), "{refused}");
    }
}

#[test]
fn a_folder_that_cannot_be_compared_is_an_error_or_kept() {
    let (datasets, _) = in_folders();
    let number = Condition::new("place", Comparison::Equal, FilterValue::Int(1));
    let options = ReadDatasetOptions::default().with_filter(Filter::all([number]));
    let refused = block_on(datasets.read_where(KEY, &options)).unwrap_err();
    assert!(refused.to_string().contains("'place'"), "{refused}");
    assert!(!refused.to_string().contains("no column"), "{refused}");
    let narrowed = options.with_prune_only(true);
    let read = block_on(datasets.read_where(KEY, &narrowed)).unwrap();
    assert_eq!(read.num_rows(), 3);
}
