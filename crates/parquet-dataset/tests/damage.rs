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
use remote_store_parquet_dataset::{
    DatasetError, DatasetStore, ReadDatasetOptions, WriteDatasetOptions,
};
use remote_store_serializers::{Compression, ParquetOptions, Table, parquet};
use shared::{KEY, generation, objects, overwrite, read, whole, write};

const MANIFEST: &str = "data/orders/manifest.json";

fn datasets() -> DatasetStore {
    DatasetStore::new(Store::memory())
}

fn put(datasets: &DatasetStore, path: &str, content: impl Into<Bytes>) {
    let options = WriteOptions::overwrite();
    block_on(datasets.store().write(path, content.into(), &options)).unwrap();
}

fn get(datasets: &DatasetStore, path: &str) -> Bytes {
    block_on(datasets.store().read_bytes(path)).unwrap()
}

fn in_manifest(datasets: &DatasetStore, old: &str, new: &str) {
    let json = String::from_utf8(get(datasets, MANIFEST).to_vec()).unwrap();
    assert!(json.contains(old), "{json}");
    put(datasets, MANIFEST, json.replace(old, new));
}

fn columns(datasets: &DatasetStore, columns: &[&str]) -> Result<Table, DatasetError> {
    let options = ReadDatasetOptions::default().with_columns(columns.iter().copied());
    block_on(datasets.read_where(KEY, &options))
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

/// So many rows that their number stands nowhere else in a footer.
const ROWS: i64 = 77_777;

/// A dataset in folders by `group`, and its one part.
fn in_folders(rows: i64) -> (DatasetStore, String) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let group: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|_| 7)));
    let batch = RecordBatch::try_from_iter([("id", ids), ("group", group)]).unwrap();
    let datasets = datasets();
    let options = WriteDatasetOptions::default().with_partition_by(["group"]);
    let manifest = block_on(datasets.write(KEY, Table::from(batch).reader(), options)).unwrap();
    let part = manifest.parts.first().unwrap();
    (datasets, format!("{KEY}/{part}"))
}

/// A number as Thrift's compact protocol writes it.
fn varint(number: i64) -> Vec<u8> {
    let mut rest = (number << 1 ^ number >> 63).cast_unsigned();
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

/// Which of the places where a footer says its rows are forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// All of them.
    Everywhere,
    /// The last one: what the row group says of itself.
    RowGroup,
}

/// The file with `rows` in its footer turned into another number.
fn forged(file: &[u8], rows: i64, claimed: i64, lie: Lie) -> Vec<u8> {
    let (rest, magic) = file.split_at(file.len() - 4);
    let (rest, length) = rest.split_at(rest.len() - 4);
    let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
    let (pages, mut footer) = rest.split_at(rest.len() - length);
    let (old, new) = (varint(rows), varint(claimed));
    let (mut made, mut places) = (Vec::new(), 0);
    let all = footer.windows(old.len()).filter(|at| *at == old).count();
    while let Some((first, after)) = footer.split_first() {
        if let Some(after) = footer.strip_prefix(&old[..]) {
            places += 1;
            let is_forged = lie == Lie::Everywhere || places == all;
            made.extend_from_slice(if is_forged { &new } else { &old });
            footer = after;
        } else {
            made.push(*first);
            footer = after;
        }
    }
    assert!(places >= 2, "the footer says {rows} at {places} places");
    let length = u32::try_from(made.len()).unwrap().to_le_bytes();
    [pages, &made, &length, magic].concat()
}

#[test]
fn rows_that_a_footer_only_claims_are_refused_before_they_are_made() {
    let (datasets, part) = in_folders(ROWS);
    let file = get(&datasets, &part);
    for claimed in [i64::from(u32::MAX) + 9, 1 << 40, i64::MAX - 1] {
        put(
            &datasets,
            &part,
            forged(&file, ROWS, claimed, Lie::Everywhere),
        );
        for wanted in [&["group"][..], &["id"], &["id", "group"], &[]] {
            let error = columns(&datasets, wanted).unwrap_err();
            assert_eq!(error.kind(), "manifest-corrupted", "{error}");
            let told = format!("{part} claims {claimed} rows, of at most {ROWS}");
            assert!(error.to_string().contains(&told), "{error}");
        }
        // The same lie in the manifest does not help.
        in_manifest(&datasets, &ROWS.to_string(), &claimed.to_string());
        for nothing_to_decode in [&["group"][..], &[]] {
            let error = columns(&datasets, nothing_to_decode).unwrap_err();
            assert_eq!(error.kind(), "manifest-corrupted", "{error}");
            let told = "of at most 4294967296";
            assert!(error.to_string().contains(told), "{error}");
        }
        // Decoding shows how many there are: so many rows alone are no damage.
        for decoded in [&["id"][..], &["id", "group"]] {
            let error = columns(&datasets, decoded).unwrap_err();
            assert_eq!(error.kind(), "decode-failed", "{error}");
            let told = format!("hold {ROWS} rows, its footer says {claimed}");
            assert!(error.to_string().contains(&told), "{error}");
        }
        in_manifest(&datasets, &claimed.to_string(), &ROWS.to_string());
    }
    // A lie that could be true costs no memory to speak of.
    let claimed = 1 << 28;
    put(
        &datasets,
        &part,
        forged(&file, ROWS, claimed, Lie::Everywhere),
    );
    in_manifest(&datasets, &ROWS.to_string(), &claimed.to_string());
    let table = columns(&datasets, &["group"]).unwrap();
    assert_eq!(table.num_rows(), 1 << 28);
    assert!(
        table
            .batches()
            .iter()
            .all(|batch| batch.num_rows() <= 1 << 16)
    );
    let error = columns(&datasets, &["id"]).unwrap_err().to_string();
    assert!(
        error.contains("hold 77777 rows, its footer says 268435456"),
        "{error}"
    );
}

#[test]
fn rows_that_only_a_row_group_claims_are_refused_as_well() {
    let (datasets, part) = in_folders(ROWS);
    let file = get(&datasets, &part);
    for claimed in [1 << 30, 1 << 50] {
        put(
            &datasets,
            &part,
            forged(&file, ROWS, claimed, Lie::RowGroup),
        );
        for wanted in [&["group"][..], &["id"], &["id", "group"], &[]] {
            let error = columns(&datasets, wanted).unwrap_err();
            assert_eq!(error.kind(), "manifest-corrupted", "{error}");
            let told = format!("{part} claims {claimed} rows, of at most {ROWS}");
            assert!(error.to_string().contains(&told), "{error}");
        }
    }
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
        let (datasets, _) = in_folders(ROWS);
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
