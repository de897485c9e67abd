//! Single objects, of which some columns are read.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use futures_executor::block_on;
use remote_store_core::backends::MemoryBackend;
use remote_store_core::testkit::faults::{FaultyBackend, Operation};
use remote_store_core::{Prefix, Store, WriteOptions};
use remote_store_parquet_dataset::object;
use remote_store_serializers::{Compression, ParquetOptions, Table, parquet};

const PATH: &str = "t.parquet";

/// Two columns of numbers that do not repeat.
fn table(rows: i64, sign: i64) -> Table {
    let column = |factor: i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            (0..rows).map(|row| row * factor * sign),
        ))
    };
    Table::from(RecordBatch::try_from_iter([("a", column(1)), ("b", column(7_919))]).unwrap())
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_comes_whole() {
    let options = ParquetOptions::default().with_compression(Compression::None);
    let columns = ["b".to_owned()];
    // The new object is smaller, larger or as large as the old one.
    for rows in [10, 30_000, 60_000] {
        let memory = Arc::new(MemoryBackend::new());
        let (store, faults) = FaultyBackend::over(memory.clone());
        let below = Store::new(memory, Prefix::root());
        let old = parquet::encode_table(&table(30_000, 1), &options).unwrap();
        let new = table(rows, -1);
        let newer = parquet::encode_table(&new, &options).unwrap();
        block_on(below.write(PATH, old, &WriteOptions::create())).unwrap();
        let mut requests = 0;
        faults.fail_when(move |call| {
            requests += usize::from(call.operation == Operation::Read);
            // The first one reads the footer.
            if requests == 2 {
                let write = || {
                    block_on(below.write(PATH, newer.clone(), &WriteOptions::overwrite())).unwrap();
                };
                // An executor does not run within another one.
                std::thread::scope(|scope| scope.spawn(write).join()).unwrap();
                requests += 1;
            }
            None
        });
        let read = block_on(object::read(&store, PATH, Some(&columns))).unwrap();
        let read = read.decode(Some(&columns)).unwrap();
        assert_eq!(
            shared::whole(&read).column(0),
            shared::whole(&new).column(1),
            "{rows} rows"
        );
    }
}
