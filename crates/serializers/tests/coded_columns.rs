//! Words of few values and categories, whose pages are written by this crate.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int8Type;
use arrow_array::{
    Array, ArrayRef, Date64Array, DictionaryArray, Int8Array, LargeStringArray, RecordBatch,
    StringArray, TimestampSecondArray,
};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use remote_store_serializers::parquet::encode_table;
use remote_store_serializers::{Compression, ParquetFile, ParquetOptions, Statistics, Table};

const ROWS: usize = 70_000;

fn table(columns: Vec<(&str, ArrayRef)>) -> Table {
    Table::from(RecordBatch::try_from_iter(columns).unwrap())
}

fn back(table: &Table, options: &ParquetOptions) -> Table {
    let file = ParquetFile::open(encode_table(table, options).unwrap()).unwrap();
    assert_eq!(file.read_support().fallback_reason(), None);
    file.decode(None).unwrap()
}

fn column(table: &Table) -> ArrayRef {
    let arrays: Vec<&dyn Array> = table
        .batches()
        .iter()
        .map(|batch| batch.column(0).as_ref())
        .collect();
    arrow_select::concat::concat(&arrays).unwrap()
}

fn words(rows: usize) -> Vec<Option<String>> {
    let word = |row: usize| match (row % 11, row / 1000 % 3) {
        (3, _) => None,
        (_, 0) => Some("the same for a while, longer than eight".to_owned()),
        (other, _) => Some(format!("word {}", (row * 7 + other) % 900)),
    };
    (0..rows).map(word).collect()
}

#[test]
fn words_of_few_values_come_back_in_every_codec() {
    let text: ArrayRef = Arc::new(StringArray::from(words(ROWS)));
    let large: ArrayRef = Arc::new(LargeStringArray::from(words(ROWS)));
    let names = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"];
    for name in names {
        let options = ParquetOptions::default()
            .with_compression(name.parse::<Compression>().unwrap())
            .with_checksums(name != "snappy");
        for words in [&text, &large] {
            let table = table(vec![("words", Arc::clone(words))]);
            assert_eq!(&column(&back(&table, &options)), words, "{name}");
        }
    }
}

#[test]
fn words_without_nulls_and_in_several_row_groups_come_back() {
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(
        words(ROWS * 2).into_iter().map(Option::unwrap_or_default),
    ));
    let field = Field::new("words", DataType::Utf8, false);
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::clone(&text)]);
    let options = ParquetOptions::default()
        .with_row_group_rows(NonZeroUsize::new(45_000).unwrap())
        .with_statistics(Statistics::None);
    let back = back(&Table::from(batch.unwrap()), &options);
    assert_eq!(&column(&back), &text);
}

#[test]
fn more_words_than_a_dictionary_holds_are_left_to_the_library() {
    // The sample sees few words, the rows behind it have many.
    let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| {
        if row % 18 == 0 {
            "few".to_owned()
        } else {
            format!("a word of its own, number {row}")
        }
    })));
    let table = table(vec![("words", Arc::clone(&text))]);
    assert_eq!(&column(&back(&table, &ParquetOptions::default())), &text);
}

fn categories(rows: usize, keys: impl Fn(usize) -> Option<i8>) -> ArrayRef {
    let keys: Int8Array = (0..rows).map(keys).collect();
    let values = StringArray::from(vec!["never", "lo", "mid", "hi"]);
    Arc::new(DictionaryArray::<Int8Type>::new(keys, Arc::new(values)))
}

#[test]
fn categories_keep_their_order_and_the_unused_ones() {
    for rows in [1, 10, ROWS] {
        let levels = categories(rows, |row| (row % 5 != 1).then_some([3, 1, 2][row % 3]));
        let options =
            ParquetOptions::default().with_row_group_rows(NonZeroUsize::new(30_000).unwrap());
        let back = back(&table(vec![("level", Arc::clone(&levels))]), &options);
        let mut row = 0;
        for batch in back.batches() {
            let read = batch.column(0).as_dictionary::<Int8Type>();
            let values: Vec<_> = read.values().as_string::<i32>().iter().flatten().collect();
            assert_eq!(values, ["never", "lo", "mid", "hi"], "of {rows} rows");
            for key in read.keys() {
                let expected = (row % 5 != 1).then_some([3, 1, 2][row % 3]);
                assert_eq!(key, expected, "row {row} of {rows}");
                row += 1;
            }
        }
        assert_eq!(row, rows);
    }
}

#[test]
fn categories_of_no_rows_and_of_no_values_come_back() {
    let none = categories(3, |_| None);
    let read = column(&back(
        &table(vec![("level", none)]),
        &ParquetOptions::default(),
    ));
    assert_eq!(read.logical_null_count(), 3);
    let empty = DictionaryArray::<Int8Type>::new(
        Int8Array::from(vec![None, None]),
        Arc::new(StringArray::from(Vec::<&str>::new())),
    );
    let read = column(&back(
        &table(vec![("level", Arc::new(empty))]),
        &ParquetOptions::default(),
    ));
    assert_eq!(read.logical_null_count(), 2);
}

#[test]
fn units_that_parquet_does_not_have_are_cast_as_pyarrow_casts_them() {
    let days: ArrayRef = Arc::new(Date64Array::from(vec![Some(86_400_000), None]));
    let at = TimestampSecondArray::from(vec![Some(-7), None]).with_timezone("Europe/Berlin");
    let back = back(
        &table(vec![("day", days), ("at", Arc::new(at))]),
        &ParquetOptions::default(),
    );
    assert_eq!(back.schema().field(0).data_type(), &DataType::Date32);
    let zoned = DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into()));
    assert_eq!(back.schema().field(1).data_type(), &zoned);
}

#[test]
fn a_value_that_does_not_fit_is_an_error_that_names_the_column() {
    let at: ArrayRef = Arc::new(TimestampSecondArray::from(vec![i64::MAX]));
    let error = encode_table(&table(vec![("at", at)]), &ParquetOptions::default()).unwrap_err();
    assert!(error.to_string().contains("column 'at'"), "{error}");
}

#[test]
fn a_bit_flipped_anywhere_is_an_error_or_changes_nothing() {
    let level = |row: usize| (row % 5 != 1).then_some([3, 1, 2][row % 3]);
    let levels = table(vec![("level", categories(500, level))]);
    let whole = encode_table(&levels, &ParquetOptions::default()).unwrap();
    let expected = ParquetFile::open(whole.clone()).unwrap().decode(None);
    let expected = column(&expected.unwrap());
    let mut errors = 0;
    for at in 0..whole.len() {
        let mut file = whole.to_vec();
        file[at] ^= 1 << (at % 8);
        // No panic comes through, and no other value out of a page: its checksum says so.
        match ParquetFile::open(Bytes::from(file)).and_then(|file| file.decode(None)) {
            Ok(found) if found.num_rows() == 500 && found.schema() == levels.schema() => {
                assert_eq!(&column(&found), &expected, "byte {at}");
            }
            Ok(_) => {}
            Err(_) => errors += 1,
        }
    }
    assert!(errors > whole.len() / 8, "{errors} of {}", whole.len());
}
