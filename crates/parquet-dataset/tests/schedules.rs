//! Writers, readers and vacuums of one dataset in every order that their storage calls can have:
//! of the writers one wins, readers see the old dataset or the new one, and no part that is named
//! is removed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

#[path = "schedules/explorer.rs"]
mod explorer;
mod shared;

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::TimeDelta;
use explorer::{Order, Run, Turns, explore};
use futures_executor::block_on;
use futures_util::future::LocalBoxFuture;
use remote_store_core::backends::MemoryBackend;
use remote_store_core::testkit::faults::{Call, FaultyBackend, Operation};
use remote_store_core::{Backend, Prefix, Store};
use remote_store_parquet_dataset::{
    DatasetError, DatasetManifest, DatasetStore, WriteDatasetOptions,
};
use remote_store_serializers::{ParquetOptions, parquet};
use sha2::{Digest, Sha256};
use shared::{KEY, generation, objects, overwrite, whole};

const ROWS: usize = 2;

/// What is there before the tasks begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Nothing,
    /// A writer died before it wrote the manifest.
    Orphan,
    /// A writer died before it wrote the marker.
    Unmarked,
    /// A dataset whose parts have the names of a first write.
    First,
    /// A dataset whose parts have names of their own.
    Later,
}

const STARTS: [Start; 5] = [
    Start::Nothing,
    Start::Orphan,
    Start::Unmarked,
    Start::First,
    Start::Later,
];

impl Start {
    fn is_committed(self) -> bool {
        matches!(self, Self::First | Self::Later)
    }

    fn prepare(self, backend: &Arc<dyn Backend>) {
        let datasets = DatasetStore::new(Store::new(Arc::clone(backend), Prefix::root()));
        let store = datasets.store();
        if self == Self::Nothing {
            return;
        }
        let write = || {
            let options = overwrite().with_run_id("0");
            block_on(write_parts(&datasets, encoded_parts(0), options)).unwrap();
        };
        write();
        match self {
            Self::Later => write(),
            Self::Orphan => {
                block_on(store.delete(&format!("{KEY}/manifest.json"), false)).unwrap();
                block_on(store.delete(&format!("{KEY}/_SUCCESS"), false)).unwrap();
            }
            Self::Unmarked => block_on(store.delete(&format!("{KEY}/_SUCCESS"), false)).unwrap(),
            Self::Nothing | Self::First => {}
        }
    }
}

/// The store of one task.
fn seen_by_a_task(
    backend: &Arc<dyn Backend>,
    turns: &Turns,
    task: usize,
    is_held: impl Fn(&Call) -> bool + Send + Sync + 'static,
) -> DatasetStore {
    let (store, faults) = FaultyBackend::over(Arc::clone(backend));
    faults.hold_calls(turns.gate(task, is_held));
    DatasetStore::new(store)
}

/// What more than one writer touches: the manifest, the marker, and parts with names of a first
/// write. The order of the other calls changes nothing for writers.
fn is_shared(call: &Call) -> bool {
    let name = call.path.rsplit('/').next().unwrap_or_default();
    let is_named_alike = !name.contains('-') || name.len() == "part-00000.parquet".len();
    is_named_alike || call.operation == Operation::DeleteMany
}

/// The parts of generation `number`, encoded once.
fn encoded(number: i64) -> Vec<Bytes> {
    let table = generation(number, ROWS);
    let rows = (0..ROWS).map(|row| {
        let row = remote_store_serializers::Table::from(whole(&table).slice(row, 1));
        parquet::encode_table(&row, &ParquetOptions::default()).unwrap()
    });
    rows.collect()
}

async fn write_parts(
    datasets: &DatasetStore,
    parts: Vec<Bytes>,
    options: WriteDatasetOptions,
) -> Result<DatasetManifest, DatasetError> {
    let mut writer = datasets.begin(KEY, options).await?;
    for part in parts {
        writer.add_part(part, 1).await?;
    }
    writer.commit().await
}

type Outcome<T> = Arc<Mutex<Option<Result<T, DatasetError>>>>;

fn task<T: 'static>(
    work: impl Future<Output = Result<T, DatasetError>> + 'static,
) -> (LocalBoxFuture<'static, ()>, Outcome<T>) {
    let outcome = Outcome::default();
    let told = Arc::clone(&outcome);
    let work = async move {
        let result = work.await;
        *told.lock().unwrap() = Some(result);
    };
    (Box::pin(work), outcome)
}

fn taken<T>(outcome: &Outcome<T>) -> Result<T, DatasetError> {
    outcome.lock().unwrap().take().unwrap()
}

/// Nothing is left but one dataset, whole, whose writer is told.
fn survivor(backend: &Arc<dyn Backend>, order: &Order) -> DatasetManifest {
    let datasets = DatasetStore::new(Store::new(Arc::clone(backend), Prefix::root()));
    block_on(datasets.vacuum("", Duration::ZERO)).unwrap();
    let (manifest, parts) =
        block_on(datasets.read_parts(KEY)).unwrap_or_else(|error| panic!("{error} after {order}"));
    let number: i64 = manifest.run_id.as_deref().unwrap().parse().unwrap();
    assert_eq!(parts, encoded_parts(number), "{order}");
    let left = objects(datasets.store());
    assert_eq!(left.len(), parts.len() + 2, "{left:?} after {order}");
    manifest
}

/// Encoding takes longer than an order does.
fn encoded_parts(number: i64) -> Vec<Bytes> {
    static PARTS: Mutex<Vec<(i64, Vec<Bytes>)>> = Mutex::new(Vec::new());
    let mut known = PARTS.lock().unwrap();
    if let Some((_, parts)) = known.iter().find(|(known, _)| *known == number) {
        return parts.clone();
    }
    let parts = encoded(number);
    known.push((number, parts.clone()));
    parts
}

/// Writers from a start, of whom some may overwrite.
fn race(start: Start, may_overwrite: &[bool]) -> usize {
    explore(|| {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        start.prepare(&backend);
        let turns = Turns::default();
        let mut tasks = Vec::new();
        let mut outcomes = Vec::new();
        for (number, overwrites) in (1_i64..).zip(may_overwrite) {
            let datasets = seen_by_a_task(&backend, &turns, tasks.len(), is_shared);
            let options = WriteDatasetOptions::default()
                .with_overwrite(*overwrites)
                .with_run_id(number.to_string());
            let parts = encoded_parts(number);
            let (work, outcome) = task(async move { write_parts(&datasets, parts, options).await });
            tasks.push(work);
            outcomes.push(outcome);
        }
        let check = move |order: &Order| {
            let outcomes: Vec<_> = outcomes.iter().map(taken).collect();
            check_race(
                start,
                may_overwrite,
                &outcomes,
                &survivor(&backend, order),
                order,
            );
        };
        let check = Box::new(check);
        Run {
            turns,
            tasks,
            check,
        }
    })
}

fn check_race(
    start: Start,
    may_overwrite: &[bool],
    outcomes: &[Result<DatasetManifest, DatasetError>],
    left: &DatasetManifest,
    order: &Order,
) {
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let kind = error.kind();
        assert!(
            matches!(kind, "conflict" | "already-exists"),
            "{kind}: {order}"
        );
    }
    if start.is_committed() && !may_overwrite.contains(&true) {
        assert_eq!(left.run_id.as_deref(), Some("0"), "{order}");
        assert!(outcomes.iter().all(Result::is_err), "{order}");
        return;
    }
    // As the next manifest says what it replaced.
    let is_before = |winner: &DatasetManifest, mark: &str| {
        let mut hex = String::new();
        for byte in Sha256::digest(winner.to_json()).iter().take(8) {
            write!(hex, "{byte:02x}").unwrap();
        }
        hex == mark
    };
    let mut winners: Vec<_> = outcomes
        .iter()
        .zip(may_overwrite)
        .filter_map(|(outcome, overwrites)| Some((outcome.as_ref().ok()?, *overwrites)))
        .collect();
    // Each winner but the first had the one before it in view, and was to replace it.
    let mut last = left.clone();
    loop {
        let at = winners.iter().position(|(winner, _)| *winner == &last);
        let at = at.unwrap_or_else(|| panic!("{last:?} is there, of nobody who won: {order}"));
        let (_, overwrites) = winners.remove(at);
        if winners.is_empty() {
            assert!(overwrites || !start.is_committed(), "{order}");
            return;
        }
        assert!(overwrites, "a dataset was replaced unasked: {order}");
        let before = winners.iter().find(|(winner, _)| {
            last.replaces
                .as_deref()
                .is_some_and(|mark| is_before(winner, mark))
        });
        let before = before.unwrap_or_else(|| panic!("more than one won: {order}"));
        last = before.0.clone();
    }
}

#[test]
fn of_two_writers_in_any_order_one_wins_whole_and_nothing_is_replaced_unasked() {
    let pairs = [[false, false], [false, true], [true, true]];
    for (start, pair) in STARTS
        .iter()
        .flat_map(|start| pairs.map(|pair| (*start, pair)))
    {
        let orders = race(start, &pair);
        assert!(orders > 3, "{start:?} {pair:?}: {orders} orders");
    }
}

/// An overwrite beside another task, every call of both in every order.
fn beside_an_overwrite<T: 'static>(
    start: Start,
    work: impl AsyncFn(DatasetStore) -> Result<T, DatasetError> + Clone + 'static,
    check: impl Fn(Result<T, DatasetError>, &Order),
) -> usize {
    explore(|| {
        let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
        start.prepare(&backend);
        let turns = Turns::default();
        let store = |task| {
            let (store, faults) = FaultyBackend::over(Arc::clone(&backend));
            for path in objects(&Store::new(Arc::clone(&backend), Prefix::root())) {
                faults.backdate(&path, TimeDelta::days(2));
            }
            faults.hold_calls(turns.gate(task, |_any| true));
            DatasetStore::new(store)
        };
        let (writing, reading) = (store(0), store(1));
        let options = overwrite().with_run_id("1");
        let parts = encoded_parts(1);
        let (writer, written) = task(async move { write_parts(&writing, parts, options).await });
        let work = work.clone();
        let (other, told) = task(async move { work(reading).await });
        let check = &check;
        let check = Box::new(move |order: &Order| {
            taken(&written).unwrap_or_else(|error| panic!("{error}: {order}"));
            check(taken(&told), order);
            assert_eq!(
                survivor(&backend, order).run_id.as_deref(),
                Some("1"),
                "{order}"
            );
        });
        Run {
            turns,
            tasks: vec![writer, other],
            check,
        }
    })
}

#[test]
fn a_reader_beside_a_writer_sees_the_old_or_the_new_dataset_in_any_order() {
    for start in STARTS {
        let seen = Mutex::new([false; 3]);
        let read = async |datasets: DatasetStore| datasets.read(KEY, None).await;
        let orders = beside_an_overwrite(start, read, |read, order| {
            let number: usize = match read {
                Ok(table) => {
                    let is = |number| whole(&table) == whole(&generation(number, ROWS));
                    let found = [0, 1].into_iter().find(|number| is(*number));
                    let found = found.unwrap_or_else(|| panic!("a mixture: {order}"));
                    usize::try_from(found).unwrap()
                }
                Err(error) => {
                    assert!(!start.is_committed(), "{error}: {order}");
                    assert!(
                        matches!(error.kind(), "dataset-incomplete" | "not-found"),
                        "{error}: {order}"
                    );
                    2
                }
            };
            seen.lock().unwrap()[number] = true;
        });
        assert!(orders > 5, "{start:?}: {orders} orders");
        let is_committed = start.is_committed();
        // What was never committed is not seen, not even with the marker of the next.
        assert_eq!(
            seen.into_inner().unwrap(),
            [is_committed, true, !is_committed],
            "{start:?}"
        );
    }
}

#[test]
fn a_vacuum_beside_a_writer_removes_nothing_that_is_named_in_any_order() {
    for start in STARTS {
        let vacuum =
            async |datasets: DatasetStore| datasets.vacuum("", Duration::from_hours(1)).await;
        let orders = beside_an_overwrite(start, vacuum, |removed, order| {
            let removed = removed.unwrap_or_else(|error| panic!("{error}: {order}"));
            assert!(removed.len() <= ROWS, "{removed:?}: {order}");
        });
        assert!(orders > 5, "{start:?}: {orders} orders");
    }
}
