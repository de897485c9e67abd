//! The index of pages, beside the one that the Parquet library writes.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the numbers of the rows are small; tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, DictionaryArray, Float32Array, Float64Array, Int8Array, Int64Array, LargeStringArray,
    ListArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::page_index::RowGroupPageIndex;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use remote_store_serializers::{ParquetFile, ParquetOptions, Statistics, Table, parquet as tables};

const ROWS: usize = 50_000;
const PAGE_ROWS: usize = 20_000;

/// Rows of the second page hold nothing.
fn valid(row: usize) -> bool {
    !row.is_multiple_of(7) && row / PAGE_ROWS != 1
}

fn noise(row: usize) -> u64 {
    (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn column<T, A: FromIterator<Option<T>> + arrow_array::Array + 'static>(
    value: impl Fn(usize) -> T,
) -> ArrayRef {
    let rows = (0..ROWS).map(|row| valid(row).then(|| value(row)));
    Arc::new(rows.collect::<A>())
}

fn table() -> RecordBatch {
    let words = StringArray::from(vec!["unused", "b", "a", "c"]);
    let keys = (0..ROWS).map(|row| valid(row).then_some(1 + (row / 30_000) as i32));
    let categories = DictionaryArray::<Int32Type>::new(
        keys.collect::<arrow_array::Int32Array>(),
        Arc::new(words),
    );
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "few",
            column::<_, Int64Array>(|row| (row / 1000) as i64 - 20),
        ),
        (
            "many",
            column::<_, Int64Array>(|row| noise(row).cast_signed()),
        ),
        (
            "small",
            column::<_, Int8Array>(|row| (row % 100) as i8 - 50),
        ),
        ("u32", column::<_, UInt32Array>(|row| noise(row) as u32)),
        (
            "u64",
            column::<_, UInt64Array>(|row| noise(row) | u64::from(row % 2 == 0) << 63),
        ),
        (
            "single",
            column::<_, Float32Array>(|row| {
                if row % 5 == 0 {
                    f32::NAN
                } else {
                    -(row as f32)
                }
            }),
        ),
        (
            "double",
            column::<_, Float64Array>(|row| noise(row) as f64 / 3.0),
        ),
        (
            "zeros",
            column::<_, Float64Array>(|row| if row % 2 == 0 { 0.0 } else { -0.0 }),
        ),
        (
            "at",
            column::<_, TimestampMicrosecondArray>(|row| row as i64 * 1_000_003),
        ),
        (
            "words",
            column::<_, StringArray>(|row| format!("w{:02}", row / 2000)),
        ),
        (
            "texts",
            column::<_, LargeStringArray>(|row| format!("{:x}", noise(row))),
        ),
        ("categories", Arc::new(categories)),
    ];
    let columns = columns.into_iter();
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn ours(batch: &RecordBatch, dictionary: bool) -> Bytes {
    let options = ParquetOptions::default()
        .with_statistics(Statistics::Page)
        .with_dictionary(dictionary);
    tables::encode_table(&Table::from(batch.clone()), &options).unwrap()
}

fn by_the_library(batch: &RecordBatch, dictionary: bool) -> Bytes {
    let properties = WriterProperties::builder()
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_dictionary_enabled(dictionary)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(1000)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap().into()
}

fn metadata(file: &Bytes) -> ParquetMetaData {
    ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Required)
        .parse_and_finish(file)
        .unwrap()
}

fn first_rows(metadata: &ParquetMetaData, column: usize) -> Vec<i64> {
    let index = RowGroupPageIndex::new(0, metadata.page_index().cloned());
    let pages = index.page_locations(column).unwrap();
    pages.iter().map(|page| page.first_row_index).collect()
}

/// What is told of each page: nothing, or the least and the largest value as text.
fn bounds(index: &ColumnIndexMetaData) -> Vec<Option<(String, String)>> {
    let pages = 0..usize::try_from(index.num_pages()).unwrap();
    let of_page = |page: usize| match index {
        _ if index.is_null_page(page) => None,
        ColumnIndexMetaData::INT32(index) => Some((
            index.min_value(page)?.to_string(),
            index.max_value(page)?.to_string(),
        )),
        ColumnIndexMetaData::INT64(index) => Some((
            index.min_value(page)?.to_string(),
            index.max_value(page)?.to_string(),
        )),
        ColumnIndexMetaData::FLOAT(index) => Some((
            format!("{:?}", index.min_value(page)?),
            format!("{:?}", index.max_value(page)?),
        )),
        ColumnIndexMetaData::DOUBLE(index) => Some((
            format!("{:?}", index.min_value(page)?),
            format!("{:?}", index.max_value(page)?),
        )),
        ColumnIndexMetaData::BYTE_ARRAY(index) => Some((
            format!("{:?}", index.min_value(page)?),
            format!("{:?}", index.max_value(page)?),
        )),
        ColumnIndexMetaData::BOOLEAN(_)
        | ColumnIndexMetaData::INT96(_)
        | ColumnIndexMetaData::FIXED_LEN_BYTE_ARRAY(_) => panic!("no such column was written"),
    };
    pages.map(of_page).collect()
}

#[test]
fn pages_are_told_of_as_by_the_library() {
    let batch = table();
    for dictionary in [true, false] {
        let (ours, theirs) = (ours(&batch, dictionary), by_the_library(&batch, dictionary));
        let (ours, theirs) = (metadata(&ours), metadata(&theirs));
        for (column, field) in batch.schema().fields().iter().enumerate() {
            let name = field.name();
            assert_eq!(first_rows(&ours, column), [0, 20_000, 40_000], "{name}");
            assert_eq!(
                first_rows(&ours, column),
                first_rows(&theirs, column),
                "{name}"
            );
            let index = RowGroupPageIndex::new(0, ours.page_index().cloned());
            let index = index.column_index(column).unwrap();
            let expected = RowGroupPageIndex::new(0, theirs.page_index().cloned());
            let expected = expected.column_index(column).unwrap();
            assert_eq!(index.null_counts(), expected.null_counts(), "{name}");
            assert_eq!(index.nan_counts(), expected.nan_counts(), "{name}");
            assert_eq!(
                bounds(index),
                bounds(expected),
                "{name}, dictionary {dictionary}"
            );
            assert_eq!(
                bounds(index)[1],
                None,
                "{name}: its second page holds nothing"
            );
        }
    }
}

#[test]
fn any_page_is_read_alone() {
    let lists =
        (0..ROWS).map(|row| valid(row).then(|| (0..row % 4).map(move |n| Some((row + n) as i64))));
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
    let mut columns: Vec<(String, ArrayRef)> = vec![("lists".to_owned(), lists)];
    let flat = table();
    for (field, column) in flat.schema().fields().iter().zip(flat.columns()) {
        columns.push((field.name().clone(), Arc::clone(column)));
    }
    let columns = columns.into_iter();
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    for dictionary in [true, false] {
        let file = ours(&batch, dictionary);
        // The names inside of lists are those of the file.
        let whole = ParquetFile::open(file.clone())
            .unwrap()
            .decode(None)
            .unwrap();
        let whole = concat_batches(whole.schema(), whole.batches()).unwrap();
        let mut starts = first_rows(&metadata(&file), 0);
        assert!(
            starts.len() > 3,
            "lists have pages of their own: {starts:?}"
        );
        starts.push(i64::try_from(ROWS).unwrap());
        for pair in starts.windows(2) {
            let (start, count) = (pair[0] as usize, (pair[1] - pair[0]) as usize);
            let options =
                ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
            let selection = vec![RowSelector::skip(start), RowSelector::select(count)];
            let reader =
                ParquetRecordBatchReaderBuilder::try_new_with_options(file.clone(), options)
                    .unwrap()
                    .with_row_selection(RowSelection::from(selection))
                    .build()
                    .unwrap();
            let found: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
            let found = concat_batches(&found[0].schema(), &found).unwrap();
            assert_eq!(
                found.columns(),
                whole.slice(start, count).columns(),
                "rows from {start}"
            );
        }
    }
}

#[test]
fn a_page_of_nothing_but_nan_leaves_the_column_without_bounds_and_with_pages() {
    let numbers = (0..50_000).map(|row| {
        if row < 20_000 {
            f64::NAN
        } else {
            f64::from(row)
        }
    });
    let numbers: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
    let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
    let file = metadata(&ours(&batch, false));
    assert!(file.row_group(0).column(0).column_index_offset().is_none());
    assert_eq!(first_rows(&file, 0), [0, 20_000, 40_000]);
}

#[test]
fn words_too_long_for_bounds_leave_the_column_without_bounds_and_with_pages() {
    let words = (0..100).map(|row| format!("{row:0100}"));
    let words: ArrayRef = Arc::new(StringArray::from_iter_values(words));
    let batch = RecordBatch::try_from_iter([("s", words)]).unwrap();
    for dictionary in [true, false] {
        let file = metadata(&ours(&batch, dictionary));
        assert!(file.row_group(0).column(0).column_index_offset().is_none());
        assert_eq!(first_rows(&file, 0), [0]);
    }
}

#[test]
fn without_page_statistics_there_is_no_index() {
    let file = tables::encode_table(&Table::from(table()), &ParquetOptions::default()).unwrap();
    let file = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&file)
        .unwrap();
    for column in file.row_group(0).columns() {
        assert!(column.offset_index_offset().is_none());
        assert!(column.column_index_offset().is_none());
    }
}
