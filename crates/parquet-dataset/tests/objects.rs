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
use remote_store_core::{Backend, Prefix, Store, WriteOptions};
use remote_store_parquet_dataset::object;
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
