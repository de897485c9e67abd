//! `max_bytes_per_file` for columns whose slices share the memory of all rows.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;

use arrow_array::builder::{
    Int64Builder, ListBuilder, MapBuilder, MapFieldNames, StringBuilder, StringDictionaryBuilder,
    StringViewBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field};
use futures_executor::block_on;
use remote_store_core::Store;
use remote_store_parquet_dataset::DatasetStore;
use remote_store_serializers::{ParquetFile, Table};
use shared::{KEY, overwrite, read, whole};

const ROWS: i64 = 20_000;
const LIMIT: u64 = 400_000;

/// A number that nothing compresses, another one for each argument.
fn noise(of: i64) -> i64 {
    let mixed = of
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9_u64.cast_signed())
}

fn lists() -> ArrayRef {
    // As Parquet names what is in a list.
    let element = Field::new("element", DataType::Int64, true);
    let mut lists = ListBuilder::new(Int64Builder::new()).with_field(element);
    for row in 0..ROWS {
        lists.append_value((0..20).map(|at| Some(noise(row * 20 + at))));
    }
    Arc::new(lists.finish())
}

fn views() -> ArrayRef {
    let mut views = StringViewBuilder::new();
    for row in 0..ROWS {
        views.append_value(format!(
            "{:x}{:x}{:x}",
            noise(row),
            noise(-row),
            noise(row * 3)
        ));
    }
    Arc::new(views.finish())
}

fn maps() -> ArrayRef {
    let names = MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), Int64Builder::new());
    for row in 0..ROWS {
        for at in 0..8 {
            maps.keys().append_value(format!("key {at}"));
            maps.values().append_value(noise(row * 8 + at));
        }
        maps.append(true).unwrap();
    }
    Arc::new(maps.finish())
}

fn categories() -> ArrayRef {
    let mut coded = StringDictionaryBuilder::<Int32Type>::new();
    for row in 0..ROWS {
        coded.append_value(format!(
            "{:x}{:x}{:x}",
            noise(row),
            noise(-row),
            noise(row * 3)
        ));
    }
    Arc::new(coded.finish())
}

#[test]
fn parts_are_about_as_large_as_asked_for_whatever_their_columns_share() {
    for (name, column) in [
        ("lists", lists()),
        ("views", views()),
        ("maps", maps()),
        ("categories", categories()),
    ] {
        let table = Table::from(RecordBatch::try_from_iter([(name, column)]).unwrap());
        let datasets = DatasetStore::new(Store::memory());
        let options = overwrite().with_max_bytes_per_file(LIMIT);
        let manifest = block_on(datasets.write(KEY, table.reader(), options)).unwrap();
        let parts = block_on(datasets.read_parts(KEY)).unwrap().1;
        let bytes: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let rows: Vec<usize> = parts
            .iter()
            .map(|part| ParquetFile::open(part.clone()).unwrap().num_rows())
            .collect();
        let enough = bytes.div_ceil(LIMIT);
        let made = manifest.parts.len() as u64;
        assert!(enough > 1, "{name}: {bytes} bytes are one part");
        assert!(
            made <= enough * 2,
            "{name}: {made} parts of {rows:?} rows for {bytes} bytes"
        );
        assert!(rows.iter().all(|rows| *rows > 100), "{name}: {rows:?}");
        let back = read(&datasets).unwrap();
        assert_eq!(back.schema(), *table.schema(), "{name}");
        assert!(back == whole(&table), "{name} came back otherwise");
    }
}
