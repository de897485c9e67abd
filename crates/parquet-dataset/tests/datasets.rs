//! What a dataset is on storage, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::time::Duration;

use futures_executor::block_on;
use proptest::prelude::*;
use remote_store_core::testkit::faults::{FaultyBackend, Operation};
use remote_store_core::{Store, WriteOptions};
use remote_store_dagster_paths::{AssetKey, PartitionKey, dataset_key};
use remote_store_parquet_dataset::{DatasetError, DatasetStore, WriteDatasetOptions};
use remote_store_serializers::Compression;
use shared::{KEY, generation, objects, overwrite, read, whole, write};

fn datasets() -> DatasetStore {
    DatasetStore::new(Store::memory())
}

fn put(datasets: &DatasetStore, path: &str, content: &'static str) {
    block_on(
        datasets
            .store()
            .write(path, content.into(), &WriteOptions::overwrite()),
    )
    .unwrap();
}

#[test]
fn dag_017_a_dataset_is_its_parts_a_manifest_and_a_marker() {
    let datasets = datasets();
    let options = WriteDatasetOptions::default().with_run_id("run-1");
    let manifest = block_on(datasets.write(KEY, generation(1, 5).reader(), options)).unwrap();
    assert_eq!(
        objects(datasets.store()),
        [
            "data/orders/_SUCCESS",
            "data/orders/data.parquet",
            "data/orders/manifest.json"
        ]
    );
    assert_eq!(
        (manifest.dataset_key.as_str(), manifest.row_count),
        (KEY, 5)
    );
    assert_eq!(
        (manifest.compression.as_str(), manifest.run_id.as_deref()),
        ("zstd", Some("run-1"))
    );
    assert_eq!(manifest.schema_hash.len(), 16);
    assert!(
        manifest.created_at_utc.ends_with("+00:00"),
        "{}",
        manifest.created_at_utc
    );
    assert_eq!(block_on(datasets.read_manifest(KEY)).unwrap(), manifest);
    assert!(
        block_on(datasets.store().read_bytes("data/orders/_SUCCESS"))
            .unwrap()
            .is_empty()
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(1, 5)));
}

#[test]
fn dag_017_rows_are_cut_into_parts() {
    let datasets = datasets();
    let options = WriteDatasetOptions::default()
        .with_max_rows_per_file(2)
        .with_compression(Compression::Snappy);
    let manifest = block_on(datasets.write(KEY, generation(1, 5).reader(), options)).unwrap();
    assert_eq!(
        manifest.parts,
        [
            "part-00000.parquet",
            "part-00001.parquet",
            "part-00002.parquet"
        ]
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(1, 5)));
    let some = block_on(datasets.read(KEY, Some(&["id".to_owned()]))).unwrap();
    assert_eq!((some.num_columns(), some.num_rows()), (1, 5));
    let slip = block_on(datasets.read(KEY, Some(&["idd".to_owned()]))).unwrap_err();
    assert_eq!(slip.kind(), "unknown-column");
}

#[test]
fn dag_017_an_empty_table_keeps_its_columns() {
    let datasets = datasets();
    write(&datasets, &generation(1, 0), WriteDatasetOptions::default()).unwrap();
    let back = block_on(datasets.read(KEY, None)).unwrap();
    assert_eq!((back.num_rows(), back.num_columns()), (0, 2));
}

#[test]
fn dag_018_the_key_is_the_asset_path_and_the_partition() {
    let asset = AssetKey::new(["data", "orders"]).unwrap();
    let january = PartitionKey::new("2026-01");
    let datasets = datasets();
    for (partition, expected) in [
        (None, "data/orders"),
        (Some(&january), "data/orders/2026-01"),
    ] {
        let key = dataset_key(&asset, partition).unwrap();
        assert_eq!(key, expected);
        block_on(datasets.write(&key, generation(1, 1).reader(), overwrite())).unwrap();
        assert!(block_on(datasets.exists(expected)).unwrap());
    }
}

#[test]
fn dag_019_an_overwrite_leaves_the_new_parts_only() {
    let datasets = datasets();
    write(
        &datasets,
        &generation(1, 5),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap();
    let manifest = block_on(datasets.write(KEY, generation(2, 3).reader(), overwrite())).unwrap();
    assert!(
        manifest.parts[0].starts_with("data-"),
        "{}",
        manifest.parts[0]
    );
    let part = format!("{KEY}/{}", manifest.parts[0]);
    assert_eq!(
        objects(datasets.store()),
        [
            "data/orders/_SUCCESS".to_owned(),
            part,
            "data/orders/manifest.json".to_owned()
        ]
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(2, 3)));
}

#[test]
fn dag_020_the_first_missing_partition_is_incomplete() {
    let datasets = datasets();
    for day in ["2026-01-01", "2026-01-03"] {
        block_on(datasets.write(
            &format!("{KEY}/{day}"),
            generation(1, 1).reader(),
            overwrite(),
        ))
        .unwrap();
    }
    let days = ["2026-01-01", "2026-01-02", "2026-01-03"];
    let read: Result<Vec<_>, _> = days
        .iter()
        .map(|day| block_on(datasets.read(&format!("{KEY}/{day}"), None)))
        .collect();
    let error = read.unwrap_err();
    assert!(
        matches!(&error, DatasetError::Incomplete { missing, .. } if missing == "data/orders/2026-01-02/_SUCCESS")
    );
}

#[test]
fn what_the_pure_python_package_wrote_is_read() {
    let datasets = datasets();
    write(&datasets, &generation(7, 3), WriteDatasetOptions::default()).unwrap();
    // Its manifest for the same part, without our own name patterns.
    let part = block_on(datasets.store().read_bytes("data/orders/data.parquet")).unwrap();
    block_on(
        datasets
            .store()
            .write("data/orders/x.parquet", part, &WriteOptions::create()),
    )
    .unwrap();
    put(
        &datasets,
        "data/orders/manifest.json",
        r#"{"compression": "zstd", "created_at_utc": "t", "dataset_key": "data/orders",
        "parts": ["x.parquet"], "row_count": 3, "schema_hash": "0", "run_id": null}"#,
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(7, 3)));
    // And an overwrite removes exactly the part that it names.
    write(&datasets, &generation(8, 1), overwrite()).unwrap();
    let left = objects(datasets.store());
    assert!(
        !left.contains(&"data/orders/x.parquet".to_owned()),
        "{left:?}"
    );
    assert!(
        left.contains(&"data/orders/data.parquet".to_owned()),
        "not named, not touched: {left:?}"
    );
}

#[test]
fn an_existing_dataset_is_not_overwritten_unasked() {
    let datasets = datasets();
    write(&datasets, &generation(1, 2), WriteDatasetOptions::default()).unwrap();
    let error = write(&datasets, &generation(2, 2), WriteDatasetOptions::default()).unwrap_err();
    assert_eq!(error.kind(), "already-exists");
    assert_eq!(read(&datasets).unwrap(), whole(&generation(1, 2)));
}

#[test]
fn zero_rows_for_each_file_are_refused() {
    let datasets = datasets();
    let error = write(
        &datasets,
        &generation(1, 2),
        overwrite().with_max_rows_per_file(0),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "max_rows_per_file must be at least 1, or left out"
    );
    assert!(objects(datasets.store()).is_empty());
}

#[test]
fn deleting_takes_what_belongs_to_the_dataset_and_nothing_below() {
    let datasets = datasets();
    block_on(datasets.write("data", generation(1, 1).reader(), overwrite())).unwrap();
    write(&datasets, &generation(2, 1), overwrite()).unwrap();
    put(&datasets, "data/notes.txt", "mine");
    put(&datasets, "data/data-0123abcd.parquet", "orphan");
    block_on(datasets.delete("data")).unwrap();
    assert_eq!(
        objects(datasets.store()),
        [
            "data/notes.txt",
            "data/orders/_SUCCESS",
            "data/orders/data.parquet",
            "data/orders/manifest.json"
        ]
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(2, 1)));
    assert_eq!(
        block_on(datasets.delete("data")).unwrap_err().kind(),
        "not-found"
    );
    block_on(datasets.delete(KEY)).unwrap();
    assert_eq!(objects(datasets.store()), ["data/notes.txt"]);
}

#[test]
fn vacuum_removes_old_orphans_and_no_part_that_is_named() {
    let datasets = datasets();
    write(
        &datasets,
        &generation(1, 5),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap();
    put(
        &datasets,
        "data/orders/part-00000-0123abcd.parquet",
        "orphan",
    );
    put(&datasets, "data/orders/mine.parquet", "another asset");
    put(&datasets, "reports/data.parquet", "another asset");
    put(
        &datasets,
        "reports/data-0123abcd.parquet",
        "a first write that died",
    );
    assert!(
        block_on(datasets.vacuum("", Duration::from_hours(1)))
            .unwrap()
            .is_empty()
    );
    let removed = block_on(datasets.vacuum("", Duration::ZERO)).unwrap();
    assert_eq!(
        removed,
        [
            "data/orders/part-00000-0123abcd.parquet",
            "reports/data-0123abcd.parquet"
        ]
    );
    assert_eq!(read(&datasets).unwrap(), whole(&generation(1, 5)));
}

#[test]
fn parts_that_the_caller_encoded_are_committed_together() {
    let datasets = datasets();
    write(&datasets, &generation(1, 2), overwrite()).unwrap();
    let part = block_on(datasets.read_parts(KEY)).unwrap().1.remove(0);
    let two = |options| async {
        let mut writer = datasets.begin(KEY, options).await?;
        writer.add_part(part.clone(), 2).await?;
        writer.add_part(part.clone(), 2).await?;
        Ok::<_, DatasetError>(writer)
    };
    let before = objects(datasets.store());
    block_on(async { two(overwrite()).await.unwrap().abort().await });
    assert_eq!(objects(datasets.store()), before);
    let manifest = block_on(async {
        two(overwrite().with_schema_hash("abc"))
            .await?
            .commit()
            .await
    })
    .unwrap();
    assert_eq!(
        (
            manifest.row_count,
            manifest.parts.len(),
            manifest.schema_hash.as_str()
        ),
        (4, 2, "abc")
    );
    let nothing = block_on(async { datasets.begin(KEY, overwrite()).await?.commit().await });
    assert_eq!(nothing.unwrap_err().kind(), "invalid-option");
}

#[test]
fn reading_asks_for_marker_manifest_and_parts_and_lists_nothing() {
    let (store, faults) = FaultyBackend::over_memory();
    let datasets = DatasetStore::new(store);
    write(
        &datasets,
        &generation(1, 5),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap();
    assert_eq!(
        faults.count(Operation::List) + faults.count(Operation::ListLevel),
        0
    );
    faults.forget_calls();
    read(&datasets).unwrap();
    // The manifest twice: names of a first write may come again.
    assert_eq!(
        (faults.count(Operation::Head), faults.count(Operation::Read)),
        (1, 5)
    );
    assert_eq!(faults.calls().len(), 6);

    write(
        &datasets,
        &generation(2, 5),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap();
    faults.forget_calls();
    read(&datasets).unwrap();
    assert_eq!(faults.calls().len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn dag_017_any_cut_round_trips(rows in 0_usize..60, cut in 1_usize..20, group in 1_usize..20, again in 0_usize..30) {
        let datasets = datasets();
        for (number, rows) in [(1, rows), (2, again)] {
            let options = overwrite().with_max_rows_per_file(cut).with_row_group_rows(group);
            write(&datasets, &generation(number, rows), options).unwrap();
            prop_assert_eq!(read(&datasets).unwrap(), whole(&generation(number, rows)));
            let parts = block_on(datasets.read_manifest(KEY)).unwrap().parts.len();
            prop_assert_eq!(parts, rows.div_ceil(cut).max(1));
            prop_assert_eq!(objects(datasets.store()).len(), parts + 2);
        }
    }
}
