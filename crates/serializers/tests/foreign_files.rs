//! Files that Spark, `DuckDB`, polars, fastparquet, arrow-rs, pyarrow and careless hands wrote: read
//! here, left to pyarrow, or refused by what is wrong; and no row is lost by their statistics.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue, footer_len};
use remote_store_serializers::{ParquetFile, Table};

/// What pyarrow has to read, and a word of why.
const LEFT_TO_PYARROW: &[(&str, &str)] = &[
    ("duckdb_kinds", "12 bytes"),
    ("duckdb_kind_days", "12 bytes"),
    ("odd_metadata", "has no value"),
    ("odd_metadata_twice", "more than once"),
    ("odd_type_interval", "12 bytes"),
    ("odd_type_json_converted", "is JSON"),
    ("older_pyarrow_v2", "INT96"),
    ("polars_zstd", "'category'"),
];

/// What is not read here, and a word of the error.
const REFUSED: &[(&str, &str)] = &[
    ("duckdb_encrypted", "its footer is encrypted"),
    ("duckdb_v2_unsigned", "'count'"),
    ("odd_arrow_schema_broken", "ARROW:schema"),
    ("odd_arrow_schema_stale", "incompatible arrow schema"),
    ("odd_metadata_bytes", "utf-8"),
    ("odd_short_statistics", "statistic"),
    ("odd_type_not_utf8", "not UTF-8"),
    ("odd_type_unknown_converted", "ConvertedType 77"),
    ("odd_type_unknown_number", "99"),
    ("polars_int128", "128"),
    ("pyarrow_encrypted_column", "encrypted"),
    ("spark_lz4_blocks", "'word'"),
];

fn files() -> BTreeMap<String, Bytes> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap().into())
        })
        .collect()
}

fn word_of(list: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let found = list.iter().find(|(listed, _)| *listed == name);
    found.map(|(_, word)| *word)
}

fn readable() -> impl Iterator<Item = (String, ParquetFile, Bytes)> {
    let files = files().into_iter();
    let files = files.filter(|(name, _)| {
        word_of(REFUSED, name).is_none() && word_of(LEFT_TO_PYARROW, name).is_none()
    });
    files.map(|(name, bytes)| {
        let file = ParquetFile::open(bytes.clone());
        let file = file.unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, file, bytes)
    })
}

fn whole(table: &Table) -> RecordBatch {
    arrow_select::concat::concat_batches(table.schema(), table.batches()).unwrap()
}

#[test]
fn foreign_files_are_read_or_left_to_pyarrow_or_refused_by_what_is_wrong() {
    let files = files();
    for (name, _) in LEFT_TO_PYARROW.iter().chain(REFUSED) {
        assert!(files.contains_key(*name), "{name} is listed and not there");
    }
    for (name, bytes) in &files {
        let read =
            ParquetFile::open(bytes.clone()).map(|file| (file.read_support(), file.decode(None)));
        if let Some(word) = word_of(REFUSED, name) {
            let error = read
                .and_then(|(_, table)| table)
                .map(|_| ())
                .unwrap_err()
                .to_string();
            assert!(error.contains(word), "{name}: {error}");
            continue;
        }
        let (support, table) = read.unwrap_or_else(|error| panic!("{name}: {error}"));
        let reason = support.fallback_reason();
        if let Some(word) = word_of(LEFT_TO_PYARROW, name) {
            assert!(reason.unwrap().contains(word), "{name}: {reason:?}");
            continue;
        }
        assert_eq!(reason, None, "{name}");
        let table = table.unwrap_or_else(|error| panic!("{name}: {error}"));
        let rows = ParquetFile::open(bytes.clone()).unwrap().num_rows();
        assert_eq!(table.num_rows(), rows, "{name}");
    }
}

#[test]
fn one_column_of_a_foreign_file_is_read_of_its_own_bytes_alone() {
    let mut tried = 0;
    for (name, file, bytes) in readable() {
        let needed = footer_len(&bytes[bytes.len() - 8..]).unwrap();
        let tail = bytes.slice(bytes.len() - needed..);
        let ended = ParquetFile::open_tail(bytes.len() as u64, tail).unwrap();
        for field in file.schema().fields() {
            let wanted = [field.name().clone()];
            let ranges = ended.column_ranges(Some(&wanted)).unwrap();
            let parts = ranges.iter().map(|range| {
                let part =
                    usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
                (range.start, bytes.slice(part))
            });
            let alone = ended.clone().with_ranges(parts.collect());
            let alone = alone.decode(Some(&wanted));
            let alone = alone.unwrap_or_else(|error| panic!("{name}.{}: {error}", field.name()));
            let together = file.decode(Some(&wanted)).unwrap();
            assert_eq!(
                format!("{:?}", whole(&alone)),
                format!("{:?}", whole(&together)),
                "{name}.{}",
                field.name()
            );
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
}

const COMPARISONS: [Comparison; 8] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessEqual,
    Comparison::Greater,
    Comparison::GreaterEqual,
    Comparison::In,
    Comparison::NotIn,
];

#[test]
fn no_row_group_that_holds_a_row_is_left_out_by_foreign_statistics() {
    let (mut asked, mut spared) = (0, BTreeMap::<String, usize>::new());
    for (name, file, _) in readable() {
        let groups: Vec<RecordBatch> = (0..file.num_row_groups())
            .map(|group| {
                whole(
                    &file
                        .with_row_groups(&[group])
                        .unwrap()
                        .decode(None)
                        .unwrap(),
                )
            })
            .collect();
        let all = whole(&file.decode(None).unwrap());
        for (field, column) in all.schema().fields().iter().zip(all.columns()) {
            for value in values(column.as_ref()) {
                for comparison in COMPARISONS {
                    let condition = Condition::new(field.name(), comparison, value.clone());
                    let filter = Filter::all([condition]);
                    let kept = file.row_groups_where(&filter).unwrap();
                    asked += 1;
                    for (index, group) in groups.iter().enumerate() {
                        let holds = filter.rows(group).unwrap().true_count() > 0;
                        let is_kept = kept.contains(&index);
                        assert!(
                            is_kept || !holds,
                            "{name}: rows of row group {index} are lost by {filter:?}"
                        );
                        if !is_kept {
                            *spared.entry(name.clone()).or_default() += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(asked > 10_000, "{asked}");
    // Statistics that are right are used.
    for name in [
        "arrow_rs_truncated",
        "duckdb_snappy",
        "fastparquet_int64",
        "polars_snappy",
        "pyarrow_groups",
        "spark_groups",
    ] {
        let spared = spared.get(name).copied().unwrap_or_default();
        assert!(spared > 50, "{name}: {spared}");
    }
    assert!(!spared.contains_key("odd_no_statistics"));
}

#[test]
fn text_is_not_judged_by_statistics_whose_order_is_not_told() {
    let files = files();
    for name in ["odd_old_statistics", "odd_order_unknown"] {
        let file = ParquetFile::open(files[name].clone()).unwrap();
        for (column, value) in [
            ("word", FilterValue::Text("Zoë".to_owned())),
            ("bytes", FilterValue::Bytes(b"Zo\xc3\xab".to_vec())),
            ("u32", FilterValue::Int(1 << 31)),
            ("u64", FilterValue::Int(1 << 63)),
        ] {
            let filter = Filter::all([Condition::new(column, Comparison::Equal, value)]);
            let kept = file.row_groups_where(&filter).unwrap();
            assert_eq!(kept, [0, 1, 2], "{name}.{column}");
        }
        let three = Condition::new("id", Comparison::Equal, FilterValue::Int(5));
        let kept = file.row_groups_where(&Filter::all([three])).unwrap();
        assert_eq!(kept, [1], "{name}: signed numbers were always right");
    }
}

#[test]
fn plain_columns_beside_an_encrypted_one_are_read() {
    let file = ParquetFile::open(files()["pyarrow_encrypted_column"].clone()).unwrap();
    let table = file.decode(Some(&["id".to_owned()])).unwrap();
    assert_eq!(table.num_rows(), 60);
    let error = file.decode(Some(&["word".to_owned()])).unwrap_err();
    assert_eq!(error.kind(), "decode-failed");
    assert!(
        error.to_string().contains("decryption_properties"),
        "{error}"
    );
    let encrypted = files()["duckdb_encrypted"].clone();
    let error = footer_len(&encrypted[encrypted.len() - 8..]).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
}

/// Every value of a column, as a filter takes it; none where a filter takes none of its type.
fn values(column: &dyn Array) -> Vec<FilterValue> {
    macro_rules! each {
        ($type:ty, $held:expr) => {{
            let column = column.as_primitive::<$type>();
            column.iter().flatten().map($held).collect()
        }};
    }
    let nanos = |value: i64, factor: i128| FilterValue::Nanos(i128::from(value) * factor);
    let mut found: Vec<FilterValue> = match column.data_type() {
        DataType::Boolean => column
            .as_boolean()
            .iter()
            .flatten()
            .map(FilterValue::Bool)
            .collect(),
        DataType::Int8 => each!(Int8Type, |value| FilterValue::Int(value.into())),
        DataType::Int16 => each!(Int16Type, |value| FilterValue::Int(value.into())),
        DataType::Int32 => each!(Int32Type, |value| FilterValue::Int(value.into())),
        DataType::Int64 => each!(Int64Type, |value| FilterValue::Int(value.into())),
        DataType::UInt8 => each!(UInt8Type, |value| FilterValue::Int(value.into())),
        DataType::UInt16 => each!(UInt16Type, |value| FilterValue::Int(value.into())),
        DataType::UInt32 => each!(UInt32Type, |value| FilterValue::Int(value.into())),
        DataType::UInt64 => each!(UInt64Type, |value| FilterValue::Int(value.into())),
        DataType::Float32 => each!(Float32Type, |value| FilterValue::Float(value.into())),
        DataType::Float64 => each!(Float64Type, FilterValue::Float),
        DataType::Date32 => each!(Date32Type, |value| nanos(value.into(), 86_400_000_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            each!(TimestampMillisecondType, |value| nanos(value, 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            each!(TimestampMicrosecondType, |value| nanos(value, 1_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            each!(TimestampNanosecondType, |value| nanos(value, 1))
        }
        DataType::Utf8 => {
            let words = column.as_string::<i32>().iter().flatten();
            words
                .map(|word| FilterValue::Text(word.to_owned()))
                .collect()
        }
        DataType::LargeUtf8 => {
            let words = column.as_string::<i64>().iter().flatten();
            words
                .map(|word| FilterValue::Text(word.to_owned()))
                .collect()
        }
        DataType::Utf8View => {
            let words = column.as_string_view().iter().flatten();
            words
                .map(|word| FilterValue::Text(word.to_owned()))
                .collect()
        }
        DataType::Binary => {
            let bytes = column.as_binary::<i32>().iter().flatten();
            bytes
                .map(|bytes| FilterValue::Bytes(bytes.to_vec()))
                .collect()
        }
        _ => Vec::new(),
    };
    found.dedup();
    found.truncate(40);
    found
}
