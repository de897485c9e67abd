//! Parquet: round trips, parallel columns, checksums, damaged files, odd types.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::num::NonZeroUsize;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date64Array, DictionaryArray, Float64Array, Int64Array, RecordBatch,
    RecordBatchIterator, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};
use bytes::Bytes;
use proptest::prelude::*;
use remote_store_serializers::parquet::{encode, encode_table, footer_len};
use remote_store_serializers::{
    Compression, ParquetFile, ParquetOptions, ParquetSerializer, SerializeError, Serializer,
    SortColumn, Statistics, Table,
};

const COMPRESSIONS: [Compression; 6] = [
    Compression::None,
    Compression::Snappy,
    Compression::Gzip { level: 6 },
    Compression::Brotli { level: 3 },
    Compression::Lz4,
    Compression::Zstd { level: 1 },
];

/// Mixed columns: numbers, words of low and high cardinality, nulls, nested.
fn mixed(rows: usize) -> Table {
    let count = i64::try_from(rows).unwrap();
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let delays: ArrayRef = Arc::new(
        (0..count)
            .map(|row| (row % 7 != 0).then_some(row as f64 / 3.0))
            .collect::<Float64Array>(),
    );
    let carriers: ArrayRef = Arc::new(
        (0..rows)
            .map(|row| Some(["UA", "B6", "DL"][row % 3]))
            .collect::<StringArray>(),
    );
    let tails: ArrayRef = Arc::new(
        (0..rows)
            .map(|row| Some(format!("N{row}")))
            .collect::<StringArray>(),
    );
    let late: ArrayRef = Arc::new(
        (0..rows)
            .map(|row| Some(row % 2 == 0))
            .collect::<BooleanArray>(),
    );
    let at: ArrayRef = Arc::new(
        TimestampMicrosecondArray::from_iter_values((0..count).map(|row| row * 1_000))
            .with_timezone("UTC"),
    );
    let mut stops = ListBuilder::new(StringBuilder::new()).with_field(Field::new(
        "element",
        DataType::Utf8,
        true,
    ));
    for row in 0..rows {
        for stop in 0..row % 3 {
            stops.values().append_value(format!("stop {stop}"));
        }
        stops.append(row % 5 != 0);
    }
    let place = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Int64, false)),
            Arc::clone(&ids),
        ),
        (
            Arc::new(Field::new("name", DataType::Utf8, true)),
            Arc::clone(&carriers),
        ),
    ]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", ids),
        ("delay", delays),
        ("carrier", carriers),
        ("tail", tails),
        ("late", late),
        ("at", at),
        ("stops", Arc::new(stops.finish())),
        ("place", Arc::new(place)),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), true))
        .collect();
    let metadata = [
        ("pandas".to_owned(), "{\"index_columns\": []}".to_owned()),
        ("owner".to_owned(), "ops".to_owned()),
    ];
    let schema = Arc::new(Schema::new_with_metadata(
        fields,
        std::collections::HashMap::from(metadata),
    ));
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    Table::from(RecordBatch::try_new(schema, arrays).unwrap())
}

/// All rows in one batch, so that tables compare whatever their batches.
fn whole(table: &Table) -> RecordBatch {
    arrow_select::concat::concat_batches(table.schema(), table.batches()).unwrap()
}

fn rows(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn round_trip(table: &Table, options: &ParquetOptions) -> Table {
    let bytes = encode_table(table, options).unwrap();
    ParquetFile::open(bytes).unwrap().decode(None).unwrap()
}

#[test]
fn dag_004_a_table_round_trips_with_its_schema_metadata() {
    let table = mixed(1_000);
    let format = ParquetSerializer::default();
    let back = format
        .deserialize(&format.serialize(&table).unwrap())
        .unwrap();
    assert_eq!(back.schema(), table.schema());
    assert_eq!(whole(&back), whole(&table));
    assert_eq!(format.extension(), ".parquet");
}

#[test]
fn dag_004_every_codec_round_trips_with_and_without_checksums() {
    let table = mixed(300);
    for compression in COMPRESSIONS {
        for checksums in [true, false] {
            let options = ParquetOptions::default()
                .with_compression(compression)
                .with_checksums(checksums);
            assert_eq!(
                whole(&round_trip(&table, &options)),
                whole(&table),
                "{} {checksums}",
                compression.name()
            );
        }
    }
}

#[test]
fn columns_encoded_and_decoded_on_threads_are_the_same_as_on_one() {
    let table = mixed(150_000);
    let options = |threads| {
        ParquetOptions::default()
            .with_row_group_rows(rows(40_000))
            .with_threads(NonZeroUsize::new(threads))
    };
    let alone = encode_table(&table, &options(1)).unwrap();
    let together = encode_table(&table, &options(4)).unwrap();
    assert!(
        alone == together,
        "the bytes must not depend on the number of threads"
    );
    let file = ParquetFile::open(together).unwrap();
    assert_eq!(file.num_row_groups(), 4);
    assert_eq!(file.num_rows(), 150_000);
    assert_eq!(whole(&file.decode(None).unwrap()), whole(&table));
}

#[test]
fn a_row_group_holds_no_more_bytes_than_asked_for() {
    let table = mixed(20_000);
    let options = ParquetOptions::default().with_row_group_bytes(rows(200_000));
    let file = ParquetFile::open(encode_table(&table, &options).unwrap()).unwrap();
    assert!(file.num_row_groups() > 5, "{}", file.num_row_groups());
    assert_eq!(whole(&file.decode(None).unwrap()), whole(&table));
}

#[test]
fn every_option_leaves_the_rows_as_they_are() {
    let table = mixed(2_000);
    for statistics in [Statistics::None, Statistics::Chunk, Statistics::Page] {
        for dictionary in [true, false] {
            let sorting = vec![SortColumn {
                name: "id".to_owned(),
                descending: false,
                nulls_first: true,
            }];
            let options = ParquetOptions::default()
                .with_statistics(statistics)
                .with_dictionary(dictionary)
                .with_sorting(sorting)
                .with_row_group_rows(rows(512));
            assert_eq!(whole(&round_trip(&table, &options)), whole(&table));
        }
    }
    let unknown = vec![SortColumn {
        name: "idd".to_owned(),
        descending: false,
        nulls_first: true,
    }];
    let error = encode_table(&table, &ParquetOptions::default().with_sorting(unknown)).unwrap_err();
    assert!(error.to_string().contains("did you mean 'id'?"), "{error}");
}

#[test]
fn a_level_out_of_range_is_refused_by_name() {
    let options = ParquetOptions::default().with_compression(Compression::Zstd { level: 99 });
    let error = encode_table(&mixed(1), &options).unwrap_err();
    assert!(error.to_string().contains("compression zstd"), "{error}");
    assert!(
        Compression::Snappy
            .with_level(3)
            .unwrap_err()
            .to_string()
            .contains("no levels")
    );
}

#[test]
fn an_empty_table_keeps_its_schema() {
    let table = mixed(10);
    let empty = Table::try_new(Arc::clone(table.schema()), vec![]).unwrap();
    let back = round_trip(&empty, &ParquetOptions::default());
    assert_eq!(back.schema(), table.schema());
    assert_eq!(back.num_rows(), 0);
}

#[test]
fn columns_are_read_by_name_in_the_order_of_the_file() {
    let table = mixed(30_000);
    let file =
        ParquetFile::open(encode_table(&table, &ParquetOptions::default()).unwrap()).unwrap();
    let some = file
        .decode(Some(&["place".to_owned(), "delay".to_owned()]))
        .unwrap();
    let names: Vec<&str> = some
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["delay", "place"]);
    assert_eq!(whole(&some).column(0), whole(&table).column(1));
    assert_eq!(whole(&some).column(1), whole(&table).column(7));
    assert_eq!(file.decode(Some(&[])).unwrap().num_rows(), 30_000);
}

#[test]
fn an_unknown_column_names_the_nearest() {
    let file =
        ParquetFile::open(encode_table(&mixed(3), &ParquetOptions::default()).unwrap()).unwrap();
    let error = file.decode(Some(&["carier".to_owned()])).unwrap_err();
    assert!(
        matches!(&error, SerializeError::UnknownColumn { nearest: Some(nearest), .. } if nearest == "carrier")
    );
    assert_eq!(error.kind(), "unknown-column");
}

#[test]
fn a_flipped_bit_in_any_page_is_found_by_the_checksum() {
    let table = mixed(400);
    let bytes = encode_table(
        &table,
        &ParquetOptions::default().with_compression(Compression::None),
    )
    .unwrap();
    let footer =
        u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let pages_end = bytes.len() - 8 - footer;
    let (mut accepted, mut tried) = (0, 0);
    for at in (4..pages_end).step_by(7) {
        let mut damaged = bytes.to_vec();
        damaged[at] ^= 0x10;
        tried += 1;
        let read = ParquetFile::open(damaged.into()).and_then(|file| file.decode(None));
        accepted += usize::from(read.is_ok_and(|read| whole(&read) != whole(&table)));
    }
    assert!(tried > 1_000, "{tried}");
    assert_eq!(accepted, 0, "of {tried} damaged files");
}

#[test]
fn cut_and_foreign_bytes_are_errors_and_no_panic() {
    let bytes = encode_table(&mixed(20), &ParquetOptions::default()).unwrap();
    for end in (0..bytes.len()).step_by(11) {
        assert!(
            ParquetFile::open(bytes.slice(..end))
                .and_then(|file| file.decode(None))
                .is_err(),
            "cut at {end}"
        );
    }
    for foreign in [
        &b""[..],
        b"PAR1",
        b"PAR1\x00\x00\x00\x00PAR1",
        b"id,delay\n1,2\n",
    ] {
        let error = ParquetSerializer::default()
            .deserialize(foreign)
            .unwrap_err();
        assert!(
            matches!(error.kind(), "decode-failed" | "library-panicked"),
            "{error}"
        );
    }
}

#[test]
fn types_that_others_would_misread_are_refused_by_column() {
    let days: ArrayRef = Arc::new(Date64Array::from(vec![0]));
    let inner = StructArray::from(vec![(
        Arc::new(Field::new("day", DataType::Date64, true)),
        days,
    )]);
    let lists = arrow_array::new_null_array(
        &DataType::new_list(DataType::Timestamp(TimeUnit::Second, None), true),
        1,
    );
    for (name, column) in [("list", lists), ("nested", Arc::new(inner) as ArrayRef)] {
        let table = Table::from(RecordBatch::try_from_iter([(name, column)]).unwrap());
        let error = encode_table(&table, &ParquetOptions::default()).unwrap_err();
        assert_eq!(error.kind(), "unsupported-data");
        assert!(
            error.to_string().contains(&format!("column '{name}'")),
            "{error}"
        );
    }
}

#[test]
fn values_of_lists_are_named_element_as_pyarrow_names_them() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("a")]);
    let column: ArrayRef = Arc::new(list.finish());
    let table = Table::from(RecordBatch::try_from_iter([("list", column)]).unwrap());
    let back = round_trip(&table, &ParquetOptions::default());
    let expected = DataType::new_list(DataType::Utf8, true);
    assert_eq!(table.schema().field(0).data_type(), &expected);
    let DataType::List(element) = back.schema().field(0).data_type() else {
        panic!("a list stays a list");
    };
    assert_eq!(element.name(), "element");
}

#[test]
fn categories_keep_their_values() {
    let levels: DictionaryArray<Int32Type> = ["hi", "lo", "hi"].into_iter().collect();
    let table =
        Table::from(RecordBatch::try_from_iter([("level", Arc::new(levels) as ArrayRef)]).unwrap());
    assert_eq!(
        whole(&round_trip(&table, &ParquetOptions::default())),
        whole(&table)
    );
}

#[test]
fn a_failing_source_or_destination_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let table = mixed(10);
    let failed = encode(table.reader(), &ParquetOptions::default(), Full).unwrap_err();
    assert_eq!(failed.kind(), "io", "{failed}");
    let batches = vec![Err(ArrowError::ComputeError("source died".to_owned()))];
    let source = RecordBatchIterator::new(batches, Arc::clone(table.schema()));
    let failed = encode(source, &ParquetOptions::default(), Vec::new()).unwrap_err();
    assert!(failed.to_string().contains("source died"), "{failed}");
}

#[test]
fn files_of_pyarrow_are_read_or_left_to_it() {
    let open = |bytes: &'static [u8]| ParquetFile::open(Bytes::from_static(bytes)).unwrap();

    let pandas = open(include_bytes!("fixtures/pandas.parquet"));
    assert_eq!(pandas.read_support().fallback_reason(), None);
    let table = pandas.decode(None).unwrap();
    assert_eq!(table.num_rows(), 3);
    assert!(table.schema().metadata()["pandas"].contains("\"index_columns\": [\"flight\"]"));

    let seconds = open(include_bytes!("fixtures/seconds_with_zone.parquet"));
    assert_eq!(seconds.read_support().fallback_reason(), None);
    let zone = seconds.schema().field_with_name("tz_s").unwrap();
    let expected = DataType::Timestamp(TimeUnit::Millisecond, Some("America/New_York".into()));
    assert_eq!(zone.data_type(), &expected);
    let categories = open(include_bytes!("fixtures/categories.parquet"));
    assert_eq!(categories.read_support().fallback_reason(), None);
    assert_eq!(categories.decode(None).unwrap().num_rows(), 2);
    let int96 = open(include_bytes!("fixtures/int96.parquet"));
    assert!(
        int96
            .read_support()
            .fallback_reason()
            .unwrap()
            .contains("INT96")
    );
    let foreign = open(include_bytes!("fixtures/int96_foreign.parquet"));
    assert_eq!(foreign.read_support().fallback_reason(), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn dag_004_any_batches_round_trip(
        values in proptest::collection::vec((any::<Option<i64>>(), any::<Option<String>>(), any::<bool>()), 0..200),
        cut in 1_usize..64,
        group in 1_usize..64,
    ) {
        let numbers: ArrayRef = Arc::new(values.iter().map(|(number, _, _)| *number).collect::<Int64Array>());
        let words: ArrayRef = Arc::new(values.iter().map(|(_, word, _)| word.clone()).collect::<StringArray>());
        let flags: ArrayRef = Arc::new(values.iter().map(|(_, _, flag)| Some(*flag)).collect::<BooleanArray>());
        let fields = vec![
            Field::new("n", DataType::Int64, true),
            Field::new("w", DataType::Utf8, true),
            Field::new("f", DataType::Boolean, true),
        ];
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![numbers, words, flags]).unwrap();
        let batches = (0..values.len()).step_by(cut).map(|at| batch.slice(at, cut.min(values.len() - at))).collect();
        let table = Table::try_new(schema, batches).unwrap();
        let back = round_trip(&table, &ParquetOptions::default().with_row_group_rows(rows(group)));
        prop_assert_eq!(whole(&back), batch);
    }
}

#[test]
fn columns_beyond_the_end_of_the_file_are_damage_and_not_fetched() {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..10_000));
    let table = Table::from(RecordBatch::try_from_iter([("a", column)]).unwrap());
    let object = encode_table(&table, &ParquetOptions::default()).unwrap();
    let needed = footer_len(&object.slice(object.len() - 8..)).unwrap();
    let tail = object.slice(object.len() - needed..);
    let file = ParquetFile::open_tail(needed as u64, tail).unwrap();
    let refused = file.column_ranges(None).unwrap_err().to_string();
    assert!(refused.contains("beyond the end"), "{refused}");
}
