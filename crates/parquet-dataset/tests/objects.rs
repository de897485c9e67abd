//! Single objects, of which some columns are read.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use futures_executor::block_on;
use remote_store_core::backends::{LocalBackend, LocalOptions, MemoryBackend};
use remote_store_core::testkit::faults::{FaultyBackend, Operation};
use remote_store_core::{Backend, Prefix, Store, WriteOptions};
use remote_store_parquet_dataset::object::{self, Loaded};
use remote_store_serializers::{Compression, ParquetOptions, Table, parquet};

const PATH: &str = "t.parquet";
/// So many columns that their footer does not come with the first request.
const WIDE: i64 = 800;

fn table(columns: i64, rows: i64, sign: i64) -> Table {
    let columns = (0..columns).map(|column| {
        let numbers = (0..rows).map(|row| sign * (row * 7_919 + column));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        (format!("c{column}"), numbers)
    });
    Table::from(RecordBatch::try_from_iter(columns).unwrap())
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_comes_whole() {
    let options = ParquetOptions::default().with_compression(Compression::None);
    let columns = ["c1".to_owned()];
    // Replaced before the columns are fetched, or before the rest of a large footer.
    for old in [table(3, 30_000, 1), table(WIDE, 3, 1)] {
        // By a smaller, a larger, and one that is about as large.
        for new in [table(2, 10, -1), table(3, 60_000, -1), table(WIDE, 4, -1)] {
            let memory: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
            let (store, faults) = FaultyBackend::over(Arc::clone(&memory));
            let below = Store::new(memory, Prefix::root());
            let older = parquet::encode_table(&old, &options).unwrap();
            let newer = parquet::encode_table(&new, &options).unwrap();
            block_on(below.write(PATH, older, &WriteOptions::create())).unwrap();
            let mut requests = 0;
            faults.fail_when(move |call| {
                requests += usize::from(call.operation == Operation::Read);
                if requests == 2 {
                    let write = || {
                        let options = WriteOptions::overwrite();
                        block_on(below.write(PATH, newer.clone(), &options)).unwrap();
                    };
                    // An executor does not run within another one.
                    std::thread::scope(|scope| scope.spawn(write).join()).unwrap();
                    requests += 1;
                }
                None
            });
            let read = block_on(object::read(&store, PATH, Some(&columns))).unwrap();
            let read = read.decode(Some(&columns)).unwrap();
            let (read, new) = (shared::whole(&read), shared::whole(&new));
            assert!(read.column(0) == new.column(1), "{} rows", new.num_rows());
        }
    }
}

/// Encoded to more than a megabyte, in several row groups.
fn large(columns: i64, rows: i64, sign: i64) -> (Table, bytes::Bytes) {
    let table = table(columns, rows, sign);
    let options = ParquetOptions::default()
        .with_compression(Compression::None)
        .with_row_group_rows(70_000.try_into().unwrap());
    let object = parquet::encode_table(&table, &options).unwrap();
    assert!(object.len() > 1 << 20);
    (table, object)
}

fn loaded(store: &Store, columns: Option<&[String]>) -> Table {
    match block_on(object::load(store, PATH, columns)).unwrap() {
        Loaded::Table(table) => table,
        Loaded::NeedsPyarrow { reason, .. } => unreachable!("{reason}"),
    }
}

#[test]
fn a_file_is_decoded_part_by_part_as_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalBackend::new(LocalOptions::new(folder.path())).unwrap();
    let store = Store::new(Arc::new(local), Prefix::root());
    // The footer of the wide one does not come with the first request for the end.
    for (width, rows) in [(5, 200_000), (WIDE, 300), (70, 12_000)] {
        let (table, object) = large(width, rows, 1);
        block_on(store.write(PATH, object, &WriteOptions::overwrite())).unwrap();
        let nearly_all: Vec<String> = (0..width - 1).map(|n| format!("c{n}")).collect();
        let one = ["c3".to_owned()];
        for columns in [None, Some(nearly_all.as_slice()), Some(one.as_slice())] {
            let found = shared::whole(&loaded(&store, columns));
            let wanted = shared::whole(&table);
            let wanted = columns.map_or(wanted.clone(), |names| {
                let places = names
                    .iter()
                    .map(|name| wanted.schema().index_of(name).unwrap());
                wanted.project(&places.collect::<Vec<_>>()).unwrap()
            });
            assert!(
                found.columns() == wanted.columns(),
                "{width} columns, {columns:?}"
            );
        }
        let slip = block_on(object::load(&store, PATH, Some(&["c0x".to_owned()])));
        assert!(slip.unwrap_err().to_string().contains("'c0x'"));
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_gives_the_old_or_the_new_table() {
    for (is_in_place, at_request) in [(false, 2), (true, 2), (false, 1), (true, 1)] {
        for new in [
            large(5, 30_000, -1),
            large(5, 200_000, -1),
            large(3, 90_000, -1),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join(PATH);
            let local = LocalBackend::new(LocalOptions::new(folder.path())).unwrap();
            let (store, faults) = FaultyBackend::over(Arc::new(local));
            let old = large(5, 200_000, 1);
            std::fs::write(&file, &old.1).unwrap();
            let (newer, beside) = (new.1.clone(), folder.path().join("beside"));
            let mut requests = 0;
            faults.fail_when(move |call| {
                requests += usize::from(call.operation == Operation::Read);
                if requests == at_request {
                    requests += 1;
                    if is_in_place {
                        std::fs::write(&file, &newer).unwrap();
                    } else {
                        std::fs::write(&beside, &newer).unwrap();
                        std::fs::rename(&beside, &file).unwrap();
                    }
                }
                None
            });
            let found = shared::whole(&loaded(&store, None));
            let (old, new) = (shared::whole(&old.0), shared::whole(&new.0));
            assert!(
                found.columns() == old.columns() || found.columns() == new.columns(),
                "in place: {is_in_place}, at request {at_request}"
            );
        }
    }
}

#[test]
fn a_damaged_file_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalBackend::new(LocalOptions::new(folder.path())).unwrap();
    let store = Store::new(Arc::new(local), Prefix::root());
    let (_, object) = large(5, 200_000, 1);
    let mut bits = object.to_vec();
    bits[object.len() / 2] ^= 1;
    block_on(store.write(PATH, bits.into(), &WriteOptions::overwrite())).unwrap();
    let error = block_on(object::load(&store, PATH, None)).unwrap_err();
    assert_eq!(error.kind(), "decode-failed", "{error}");
}
