//! Numbers and lists of them, which are encoded here and decoded by the Parquet library.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{
    ArrayRef, Float32Array, Float64Array, Int8Array, Int64Array, ListArray, RecordBatch,
    StringArray, UInt16Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::statistics::Statistics;
use proptest::prelude::*;
use remote_store_serializers::{ParquetFile, ParquetOptions, Table, parquet as tables};

fn options(dictionary: bool) -> ParquetOptions {
    ParquetOptions::default().with_dictionary(dictionary)
}

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    Table::from(
        RecordBatch::try_from_iter_with_nullable(
            columns
                .into_iter()
                .map(|(name, column)| (name, column, true)),
        )
        .unwrap(),
    )
}

/// The same lists with the name that Parquet has for their values.
fn of_elements(lists: ListArray) -> ArrayRef {
    let (field, offsets, values, nulls) = lists.into_parts();
    let field = Field::new("element", field.data_type().clone(), true);
    Arc::new(ListArray::new(Arc::new(field), offsets, values, nulls))
}

/// All rows of the table as they come back, in one batch.
fn round_trip(table: &Table, options: &ParquetOptions) -> RecordBatch {
    let object = tables::encode_table(table, options).unwrap();
    joined(&ParquetFile::open(object).unwrap().decode(None).unwrap())
}

/// Readers cut batches where they like.
fn joined(table: &Table) -> RecordBatch {
    concat_batches(table.schema(), table.batches()).unwrap()
}

/// The statistics of the only column.
fn statistics(column: ArrayRef, dictionary: bool) -> Statistics {
    let object = tables::encode_table(&table(vec![("n", column)]), &options(dictionary)).unwrap();
    let file = SerializedFileReader::new(object).unwrap();
    let chunk = file.metadata().row_group(0).column(0);
    chunk.statistics().unwrap().clone()
}

#[test]
fn numbers_of_no_rows_and_of_no_values_come_back() {
    for dictionary in [true, false] {
        for rows in [0, 1, 9, 70_000] {
            let column: ArrayRef = Arc::new(Int64Array::new_null(rows));
            let list =
                ListArray::new_null(Arc::new(Field::new("element", DataType::Int32, true)), rows);
            let before = table(vec![("n", column), ("list", Arc::new(list))]);
            assert_eq!(
                round_trip(&before, &options(dictionary)),
                joined(&before),
                "{rows}"
            );
        }
    }
}

#[test]
fn not_a_number_is_no_extreme_and_zeros_have_the_signs_that_hold_both() {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 0.0, 2.5, f64::NAN]));
    for dictionary in [true, false] {
        let Statistics::Double(found) = statistics(Arc::clone(&numbers), dictionary) else {
            panic!("of another type");
        };
        assert!(found.min_opt().unwrap().is_sign_negative());
        assert_eq!(found.max_opt(), Some(&2.5));
    }
    let none: ArrayRef = Arc::new(Float32Array::from(vec![f32::NAN]));
    assert_eq!(statistics(none, true).min_bytes_opt(), None);
}

#[test]
fn extremes_of_numbers_without_sign_are_in_their_own_order() {
    let numbers: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 1, 1 << 63]));
    let Statistics::Int64(found) = statistics(numbers, true) else {
        panic!("of another type");
    };
    assert_eq!((found.min_opt(), found.max_opt()), (Some(&1), Some(&-1)));
    assert_eq!(found.null_count_opt(), Some(0));
}

#[test]
fn a_column_that_may_have_no_nulls_has_no_levels_and_comes_back() {
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100_000));
    let before = Table::from(RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap());
    assert_eq!(round_trip(&before, &options(true)), joined(&before));
}

#[test]
fn more_numbers_than_a_dictionary_holds_come_back() {
    // The sample sees few repeat, and yet there are too many: half are one number.
    let numbers = (0..400_000_i64).map(|n| if n % 2 == 0 { 7 } else { n });
    let before = table(vec![("n", Arc::new(Int64Array::from_iter_values(numbers)))]);
    assert_eq!(round_trip(&before, &options(true)), joined(&before));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_encoded_is_decoded(
        numbers in prop::collection::vec(prop::option::weighted(0.8, -40_i64..40), 0..120),
        lists in prop::collection::vec(
            prop::option::weighted(0.8, prop::collection::vec(prop::option::weighted(0.8, -9..9), 0..5)),
            60,
        ),
        repeat in 1_usize..90,
        dictionary: bool,
        from in 0_usize..20,
    ) {
        let rows = numbers.len() * repeat;
        let numbers = || numbers.iter().copied().cycle().take(rows);
        let lists: Vec<_> = lists.iter().cloned().cycle().take(rows).collect();
        let small = |n: Option<i64>| n.and_then(|n| i8::try_from(n).ok());
        let doubles = lists.iter().map(|list| {
            list.as_ref().map(|list| list.iter().map(|n| n.map(f64::from)).collect::<Vec<_>>())
        });
        let doubles = ListArray::from_iter_primitive::<Float64Type, _, _>(doubles);
        let before = table(vec![
            ("wide", Arc::new(numbers().collect::<Int64Array>())),
            ("small", Arc::new(numbers().map(small).collect::<Int8Array>())),
            ("unsigned", Arc::new(numbers().map(|n| n.and_then(|n| u16::try_from(n).ok())).collect::<UInt16Array>())),
            ("text", Arc::new(numbers().map(|n| n.map(|n| n.to_string())).collect::<StringArray>())),
            ("list", of_elements(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))),
            ("doubles", of_elements(doubles)),
        ]);
        let batch = before.batches()[0].slice(from.min(rows), rows - from.min(rows));
        let before = Table::from(batch);
        let after = round_trip(&before, &options(dictionary));
        prop_assert_eq!(after.num_rows(), before.num_rows());
        prop_assert_eq!(after, joined(&before));
    }
}
