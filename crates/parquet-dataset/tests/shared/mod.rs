//! Tables and stores for the tests.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use bytes::Bytes;
use futures_executor::block_on;
use futures_util::TryStreamExt;
use remote_store_core::{ListOptions, Store, WriteOptions};
use remote_store_parquet_dataset::{
    DatasetError, DatasetStore, ReadDatasetOptions, WriteDatasetOptions,
};
use remote_store_serializers::Table;

pub(crate) const KEY: &str = "data/orders";
pub(crate) const MANIFEST: &str = "data/orders/manifest.json";

/// `rows` rows that all say which write they belong to.
pub(crate) fn generation(number: i64, rows: usize) -> Table {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![number; rows]));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(
        0..i64::try_from(rows).unwrap(),
    ));
    Table::from(RecordBatch::try_from_iter([("generation", numbers), ("id", ids)]).unwrap())
}

pub(crate) fn whole(table: &Table) -> RecordBatch {
    arrow_select::concat::concat_batches(table.schema(), table.batches()).unwrap()
}

pub(crate) fn overwrite() -> WriteDatasetOptions {
    WriteDatasetOptions::default().with_overwrite(true)
}

pub(crate) fn write(
    datasets: &DatasetStore,
    table: &Table,
    options: WriteDatasetOptions,
) -> Result<(), DatasetError> {
    block_on(datasets.write(KEY, table.reader(), options)).map(|_| ())
}

pub(crate) fn read(datasets: &DatasetStore) -> Result<RecordBatch, DatasetError> {
    block_on(datasets.read(KEY, None)).map(|table| whole(&table))
}

/// Every object of the store, sorted.
pub(crate) fn objects(store: &Store) -> Vec<String> {
    let listed = store
        .list("", &ListOptions::recursive())
        .unwrap()
        .map_ok(|info| info.key.as_str().to_owned());
    let mut keys: Vec<String> = block_on(listed.try_collect()).unwrap();
    keys.sort();
    keys
}

pub(crate) fn put(datasets: &DatasetStore, path: &str, content: impl Into<Bytes>) {
    let options = WriteOptions::overwrite();
    block_on(datasets.store().write(path, content.into(), &options)).unwrap();
}

pub(crate) fn get(datasets: &DatasetStore, path: &str) -> Bytes {
    block_on(datasets.store().read_bytes(path)).unwrap()
}

pub(crate) fn in_manifest(datasets: &DatasetStore, old: &str, new: &str) {
    let json = String::from_utf8(get(datasets, MANIFEST).to_vec()).unwrap();
    assert!(json.contains(old), "{json}");
    put(datasets, MANIFEST, json.replace(old, new));
}

pub(crate) fn columns(datasets: &DatasetStore, columns: &[&str]) -> Result<Table, DatasetError> {
    let options = ReadDatasetOptions::default().with_columns(columns.iter().copied());
    block_on(datasets.read_where(KEY, &options))
}

/// A dataset in folders by `group`, and its one part.
pub(crate) fn in_folders(rows: i64) -> (DatasetStore, String) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let group: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|_| 7)));
    let batch = RecordBatch::try_from_iter([("id", ids), ("group", group)]).unwrap();
    let datasets = DatasetStore::new(Store::memory());
    let options = WriteDatasetOptions::default().with_partition_by(["group"]);
    let manifest = block_on(datasets.write(KEY, Table::from(batch).reader(), options)).unwrap();
    let part = manifest.parts.first().unwrap();
    (datasets, format!("{KEY}/{part}"))
}
