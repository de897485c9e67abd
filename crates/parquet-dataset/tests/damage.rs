//! Manifests and parts that are damaged, forged, or another generation's by now.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use bytes::Bytes;
use futures_executor::block_on;
use proptest::prelude::*;
use remote_store_core::backends::MemoryBackend;
use remote_store_core::testkit::faults::FaultyBackend;
use remote_store_core::{Backend, Prefix, Store, WriteOptions};
use remote_store_parquet_dataset::{DatasetError, DatasetStore, WriteDatasetOptions};
use remote_store_serializers::{Compression, ParquetOptions, Table, parquet};
use shared::{
    KEY, MANIFEST, columns, generation, get, in_folders, in_manifest, objects, overwrite, put,
    read, whole, write,
};

fn datasets() -> DatasetStore {
    DatasetStore::new(Store::memory())
}

#[test]
fn what_is_missing_or_broken_is_named() {
    let datasets = datasets();
    write(&datasets, &generation(1, 2), WriteDatasetOptions::default()).unwrap();

    block_on(datasets.store().delete("data/orders/data.parquet", false)).unwrap();
    let error = read(&datasets).unwrap_err();
    assert!(
        matches!(&error, DatasetError::Incomplete { missing, .. } if missing == "data/orders/data.parquet"),
        "{error}"
    );

    put(&datasets, "data/orders/manifest.json", "{\"parts\": ");
    let error = read(&datasets).unwrap_err();
    assert!(
        matches!(&error, DatasetError::ManifestCorrupted { path, backend, .. }
        if path == "data/orders/manifest.json" && backend == "memory"),
        "{error}"
    );

    block_on(datasets.store().delete("data/orders/manifest.json", false)).unwrap();
    assert_eq!(read(&datasets).unwrap_err().kind(), "not-found");

    block_on(datasets.store().delete("data/orders/_SUCCESS", false)).unwrap();
    assert_eq!(read(&datasets).unwrap_err().kind(), "dataset-incomplete");
    assert!(!block_on(datasets.exists(KEY)).unwrap());
}

#[test]
fn a_manifest_whose_row_count_is_wrong_is_corrupted() {
    let datasets = datasets();
    write(&datasets, &generation(1, 2), WriteDatasetOptions::default()).unwrap();
    let json = block_on(datasets.store().read_bytes("data/orders/manifest.json")).unwrap();
    let wrong = String::from_utf8_lossy(&json).replace("\"row_count\": 2", "\"row_count\": 9");
    block_on(datasets.store().write(
        "data/orders/manifest.json",
        wrong.into(),
        &WriteOptions::overwrite(),
    ))
    .unwrap();
    assert!(
        read(&datasets)
            .unwrap_err()
            .to_string()
            .contains("it says 9 rows, the parts hold 2")
    );
}

#[test]
fn a_hostile_manifest_leads_nowhere() {
    let datasets = datasets();
    put(&datasets, "secret.parquet", "keep");
    write(&datasets, &generation(1, 1), overwrite()).unwrap();
    put(
        &datasets,
        "data/orders/manifest.json",
        r#"{"compression": "", "created_at_utc": "", "dataset_key": "x",
        "parts": ["../../secret.parquet"], "row_count": 0, "schema_hash": ""}"#,
    );
    assert_eq!(read(&datasets).unwrap_err().kind(), "manifest-corrupted");
    block_on(datasets.delete(KEY)).unwrap();
    assert_eq!(objects(datasets.store()), ["secret.parquet"]);
}

#[test]
fn types_that_no_folder_has_are_refused_before_they_are_made() {
    let deep = format!("{}Int8{}", "List(".repeat(200_000), ")".repeat(200_000));
    let types = [
        "FixedSizeBinary(2147483647)",
        "Null",
        "Int65",
        "",
        &deep,
        // Arrays of these cannot be made, not even without rows.
        "Dictionary(Utf8, Utf8)",
        "Dictionary(Boolean, Utf8)",
        "RunEndEncoded(non-null Utf8, Utf8)",
    ];
    for hostile in types {
        let (datasets, _) = in_folders(5);
        in_manifest(
            &datasets,
            "\"type\": \"Int64\"",
            &format!("\"type\": \"{hostile}\""),
        );
        let error = read(&datasets).unwrap_err();
        assert_eq!(error.kind(), "manifest-corrupted", "{error}");
        assert!(error.to_string().contains("'group'"), "{error}");
        assert!(error.to_string().len() < 300, "{error}");
    }
}

fn is_told(error: &DatasetError) -> bool {
    matches!(
        error.kind(),
        "manifest-corrupted"
            | "dataset-incomplete"
            | "decode-failed"
            | "unsupported-data"
            | "unknown-column"
            | "library-panicked"
            | "parts-differ"
            | "invalid-path"
    )
}

/// Every way of reading ends, with rows or with an error that says what is wrong.
fn assert_every_read_ends(datasets: &DatasetStore) {
    let wanted = [None, Some(&["group"][..]), Some(&["id"]), Some(&[])];
    for wanted in wanted {
        let read = match wanted {
            None => block_on(datasets.read(KEY, None)),
            Some(wanted) => columns(datasets, wanted),
        };
        if let Err(error) = read {
            assert!(is_told(&error), "{}: {error}", error.kind());
        }
    }
    if let Err(error) = block_on(datasets.read_manifest(KEY)) {
        assert!(is_told(&error), "{}: {error}", error.kind());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn bytes_that_are_damaged_anywhere_end_in_an_error_that_says_so(
        is_manifest in any::<bool>(),
        at in any::<prop::sample::Index>(),
        damage in prop_oneof![any::<u8>().prop_map(Some), Just(None)],
        from_the_end in any::<bool>(),
    ) {
        let (datasets, part) = in_folders(5_000);
        let path = if is_manifest { MANIFEST } else { &part };
        let mut bytes = get(&datasets, path).to_vec();
        let at = at.index(bytes.len());
        // The footer stands at the end, and is what most depends on.
        let at = if from_the_end { bytes.len() - 1 - at.min(bytes.len() - 1) % 400 } else { at };
        match damage {
            Some(byte) => *bytes.get_mut(at).unwrap() = byte,
            None => bytes.truncate(at),
        }
        put(&datasets, path, bytes);
        assert_every_read_ends(&datasets);
        let vacuumed = block_on(datasets.vacuum("", std::time::Duration::ZERO));
        prop_assert!(vacuumed.is_ok());
        let new = generation(3, 2);
        write(&datasets, &new, overwrite()).unwrap();
        prop_assert_eq!(read(&datasets).unwrap(), whole(&new));
    }
}

#[test]
fn a_part_of_another_schema_is_named_with_its_column_and_the_way_out() {
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2])) };
    let floats = || -> ArrayRef { Arc::new(Float64Array::from(vec![1.5, 2.5])) };
    let first = RecordBatch::try_from_iter([("id", numbers()), ("x", floats())]).unwrap();
    let others = [
        (
            RecordBatch::try_from_iter([("id", floats()), ("x", floats())]),
            "its column 'id' is Float64, and Int64 in them",
        ),
        (
            RecordBatch::try_from_iter([("id", numbers())]),
            "it has no column 'x'",
        ),
        (
            RecordBatch::try_from_iter([("id", numbers()), ("x", floats()), ("y", floats())]),
            "its column 'y' is in none of them",
        ),
        (
            RecordBatch::try_from_iter([("x", floats()), ("id", numbers())]),
            "its column 'x' stands in another place",
        ),
        (
            RecordBatch::try_from_iter_with_nullable([
                ("id", numbers(), true),
                ("x", floats(), false),
            ]),
            "its column 'id' may hold nulls, and may not in them",
        ),
    ];
    for (other, how) in others {
        let datasets = datasets();
        let mut writer = block_on(datasets.begin(KEY, overwrite())).unwrap();
        for batch in [first.clone(), other.unwrap()] {
            let part = parquet::encode_table(&Table::from(batch), &ParquetOptions::default());
            block_on(writer.add_part(part.unwrap(), 2)).unwrap();
        }
        block_on(writer.commit()).unwrap();
        let error = read(&datasets).unwrap_err();
        assert_eq!(error.kind(), "parts-differ", "{error}");
        let told = format!(
            "data/orders/part-00001.parquet does not fit the parts before it: {how}. Write"
        );
        assert!(error.to_string().starts_with(&told), "{error}");
    }
}

#[test]
fn a_part_that_is_no_parquet_file_or_cut_off_is_named() {
    let (datasets, part) = in_folders(5_000);
    let whole = get(&datasets, &part);
    let cut_off = whole.slice(..whole.len() - 9);
    for (content, told) in [
        (
            Bytes::from_static(b"id,year\n1,2013\n"),
            "this is no Parquet file",
        ),
        (Bytes::new(), "the object is empty"),
        (
            cut_off,
            "it does not end with the bytes PAR1: it is cut off",
        ),
    ] {
        put(&datasets, &part, content);
        let errors = [
            read(&datasets).unwrap_err(),
            columns(&datasets, &["id"]).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), "decode-failed", "{error}");
            let told = format!("{part}: cannot read Parquet: {told}");
            assert!(error.to_string().starts_with(&told), "{error}");
            assert!(matches!(&error, DatasetError::At(located) if located.place() == part));
        }
    }
}

/// The objects of a dataset whose one part is `data.parquet`.
fn as_the_pure_package_writes(columns: i64, rows: i64, sign: i64) -> Vec<(String, Bytes)> {
    let numbers = |column: i64| -> ArrayRef {
        let numbers = (0..rows).map(|row| sign * (row * 7_919 + column));
        Arc::new(Int64Array::from_iter_values(numbers))
    };
    let columns = (0..columns).map(|column| (format!("c{column}"), numbers(column)));
    let table = Table::from(RecordBatch::try_from_iter(columns).unwrap());
    let datasets = datasets();
    let options = WriteDatasetOptions::default().with_compression(Compression::None);
    write(&datasets, &table, options).unwrap();
    let paths = objects(datasets.store()).into_iter();
    paths
        .map(|path| (path.clone(), get(&datasets, &path)))
        .collect()
}

#[test]
fn a_part_that_is_overwritten_in_place_while_it_is_read_is_no_damage() {
    let wanted = ["c1".to_owned()];
    for old in [(3, 30_000), (800, 3)] {
        for new in [(2, 10), (3, 60_000), (800, 4), (3, 30_000)] {
            let older = as_the_pure_package_writes(old.0, old.1, 1);
            let newer = as_the_pure_package_writes(new.0, new.1, -1);
            let mut whole_reads = 0;
            for at in 1..20 {
                let memory: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
                let below = Store::new(Arc::clone(&memory), Prefix::root());
                let put_all = move |objects: &[(String, Bytes)]| {
                    for (path, bytes) in objects {
                        let options = WriteOptions::overwrite();
                        block_on(below.write(path, bytes.clone(), &options)).unwrap();
                    }
                };
                put_all(&older);
                let (store, faults) = FaultyBackend::over(memory);
                let (newer, mut calls) = (newer.clone(), 0);
                faults.fail_when(move |_call| {
                    calls += 1;
                    if calls == at {
                        // An executor does not run within another one.
                        std::thread::scope(|scope| scope.spawn(|| put_all(&newer)).join()).unwrap();
                    }
                    None
                });
                let datasets = DatasetStore::new(store);
                let read = block_on(datasets.read(KEY, Some(&wanted)));
                let read = read.unwrap_or_else(|error| panic!("{old:?} {new:?} at {at}: {error}"));
                let first = read.batches().first().unwrap().column(0).to_data();
                let first: i64 = first.buffer::<i64>(0).iter().copied().next().unwrap();
                let rows = i64::try_from(read.num_rows()).unwrap();
                assert!(
                    (first, rows) == (1, old.1) || (first, rows) == (-1, new.1),
                    "{old:?} {new:?} at {at}: {rows} rows that begin with {first}"
                );
                whole_reads += i32::from(first == 1);
            }
            assert!(whole_reads < 19, "none was overwritten");
        }
    }
}
