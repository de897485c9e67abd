//! Every storage call of a write fails once, and a crash happens before every one:
//! the last committed dataset always reads whole.
#![allow(
    clippy::unwrap_used,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

mod shared;

use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures_executor::block_on;
use futures_util::future::join;
use remote_store_core::backends::{LocalBackend, LocalOptions};
use remote_store_core::testkit::faults::{Faults, FaultyBackend, Operation};
use remote_store_core::{Error, Prefix, Store, WriteOptions};
use remote_store_parquet_dataset::{DatasetError, DatasetStore, WriteDatasetOptions};
use shared::{KEY, generation, objects, overwrite, read, whole, write};

/// How the storage fails at one call.
#[derive(Clone, Copy)]
enum Fault {
    /// That call fails, the ones after it work.
    Once,
    /// It and all after it fail: the process died there.
    Crash,
}

const FAULTS: [Fault; 2] = [Fault::Once, Fault::Crash];
/// More calls than any write here makes.
const MOST_CALLS: usize = 60;

impl Fault {
    fn arm(self, faults: &Faults, call: usize) {
        match self {
            Self::Once => faults.fail_nth_call(call),
            Self::Crash => faults.fail_from_call(call),
        }
    }
}

/// Runs `work` with a fault at call 1, 2, 3 … until it makes no more calls; each
/// time on a store that `prepare` filled.
fn at_every_call(
    prepare: impl Fn(&DatasetStore),
    work: impl Fn(&DatasetStore) -> Result<(), DatasetError>,
    check: impl Fn(&DatasetStore, &Result<(), DatasetError>, usize),
) {
    for fault in FAULTS {
        let mut ended = false;
        for call in 1..MOST_CALLS {
            let (store, faults) = FaultyBackend::over_memory();
            let datasets = DatasetStore::new(store);
            prepare(&datasets);
            faults.forget_calls();
            fault.arm(&faults, call);
            let result = work(&datasets);
            ended = faults.calls().len() < call;
            faults.heal();
            check(&datasets, &result, call);
            if ended {
                result.unwrap();
                break;
            }
        }
        assert!(ended, "the work makes more than {MOST_CALLS} calls");
    }
}

fn assert_one_of(found: &RecordBatch, old: &RecordBatch, new: &RecordBatch, call: usize) {
    assert!(
        found == old || found == new,
        "neither the old nor the new dataset after a fault at call {call}"
    );
}

/// After repair nothing but the dataset is left.
fn assert_repairable(datasets: &DatasetStore, call: usize) {
    let repaired = generation(9, 3);
    write(datasets, &repaired, overwrite()).unwrap();
    assert_eq!(read(datasets).unwrap(), whole(&repaired), "call {call}");
    block_on(datasets.vacuum("", Duration::ZERO)).unwrap();
    let manifest = block_on(datasets.read_manifest(KEY)).unwrap();
    assert_eq!(
        objects(datasets.store()).len(),
        manifest.parts.len() + 2,
        "orphans are left after call {call}"
    );
}

#[test]
fn dag_019_an_overwrite_that_fails_at_any_call_loses_nothing() {
    let (old, new) = (generation(1, 5), generation(2, 7));
    at_every_call(
        |datasets| write(datasets, &old, overwrite().with_max_rows_per_file(2)).unwrap(),
        |datasets| write(datasets, &new, overwrite().with_max_rows_per_file(3)),
        |datasets, result, call| {
            let found = read(datasets).unwrap();
            assert_one_of(&found, &whole(&old), &whole(&new), call);
            if result.is_ok() {
                assert_eq!(found, whole(&new), "an overwrite that succeeded is there");
            }
            assert_repairable(datasets, call);
        },
    );
}

#[test]
fn dag_017_a_first_write_that_fails_at_any_call_is_whole_or_incomplete() {
    let new = generation(1, 5);
    at_every_call(
        |_| {},
        |datasets| write(datasets, &new, overwrite().with_max_rows_per_file(2)),
        |datasets, result, call| {
            match read(datasets) {
                Ok(found) => assert_eq!(found, whole(&new)),
                Err(error) => {
                    assert!(
                        result.is_err(),
                        "a write that succeeded must be readable, call {call}"
                    );
                    assert_eq!(error.kind(), "dataset-incomplete", "call {call}");
                }
            }
            assert_repairable(datasets, call);
        },
    );
}

#[test]
fn a_deletion_that_fails_at_any_call_can_be_repeated() {
    at_every_call(
        |datasets| {
            write(
                datasets,
                &generation(1, 5),
                overwrite().with_max_rows_per_file(2),
            )
            .unwrap();
        },
        |datasets| block_on(datasets.delete(KEY)),
        |datasets, result, call| {
            if result.is_err() {
                let again = block_on(datasets.delete(KEY));
                assert!(
                    matches!(again, Ok(()) | Err(DatasetError::NotFound { .. })),
                    "call {call}"
                );
            }
            assert!(
                objects(datasets.store()).is_empty(),
                "call {call}: {}",
                objects(datasets.store()).join(" ")
            );
        },
    );
}

#[test]
fn a_write_that_fails_removes_its_parts_while_the_store_answers() {
    let (store, faults) = FaultyBackend::over_memory();
    let datasets = DatasetStore::new(store);
    write(&datasets, &generation(1, 2), overwrite()).unwrap();
    let before = objects(datasets.store());
    faults.fail_when(|call| {
        let is_manifest =
            call.operation == Operation::Write && call.path.ends_with("manifest.json");
        is_manifest.then(|| Error::unavailable("faulty", "no more room"))
    });
    let error = write(
        &datasets,
        &generation(2, 7),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap_err();
    assert_eq!(error.kind(), "backend-unavailable");
    assert_eq!(objects(datasets.store()), before);
}

#[test]
fn readers_beside_writers_see_one_generation_whole() {
    const WRITES: i64 = 12;
    let (store, faults) = FaultyBackend::over_memory();
    let datasets = DatasetStore::new(store);
    write(
        &datasets,
        &generation(0, 8),
        overwrite().with_max_rows_per_file(2),
    )
    .unwrap();
    // Calls give way to each other, so that removals fall between a reader's calls.
    faults.pause_each_call(1);
    let writing = async {
        for number in 1..=WRITES {
            let table = generation(number, 8);
            datasets
                .write(KEY, table.reader(), overwrite().with_max_rows_per_file(2))
                .await
                .unwrap();
        }
    };
    let reading = async {
        let mut seen = Vec::new();
        while seen.last() != Some(&WRITES) {
            let found = whole(&datasets.read(KEY, None).await.unwrap());
            let number = (0..=WRITES).find(|number| found == whole(&generation(*number, 8)));
            seen.push(number.expect("a mixture of generations"));
        }
        seen
    };
    let (seen, ()) = block_on(join(reading, writing));
    assert!(seen.is_sorted(), "readers never go back: {seen:?}");
    assert!(seen.len() > 2, "{seen:?}");
}

#[test]
fn of_two_concurrent_writers_one_wins_whole() {
    let olds = [None, Some(generation(0, 2))];
    for (old, compares) in olds.iter().flat_map(|old| [(old, true), (old, false)]) {
        let (store, faults) = FaultyBackend::over_memory();
        if !compares {
            faults.refuse_conditional_updates();
        }
        let datasets = DatasetStore::new(store);
        if let Some(old) = old {
            write(&datasets, old, overwrite()).unwrap();
        }
        faults.pause_each_call(1);
        let one = generation(1, 4);
        let two = generation(2, 6);
        let writes = join(
            datasets.write(KEY, one.reader(), overwrite().with_max_rows_per_file(1)),
            datasets.write(KEY, two.reader(), overwrite().with_max_rows_per_file(3)),
        );
        let (first, second) = block_on(writes);
        let errors: Vec<&str> = [&first, &second]
            .iter()
            .filter_map(|result| result.as_ref().err())
            .map(DatasetError::kind)
            .collect();
        assert_eq!(errors, ["conflict"]);
        let winner = if first.is_ok() { one } else { two };
        assert_eq!(read(&datasets).unwrap(), whole(&winner));
        let parts = block_on(datasets.read_manifest(KEY)).unwrap().parts.len();
        assert_eq!(
            objects(datasets.store()).len(),
            parts + 2,
            "the loser left nothing"
        );
    }
}

#[test]
fn a_commit_that_cannot_look_for_others_overwrites_nothing() {
    let (store, faults) = FaultyBackend::over_memory();
    faults.refuse_conditional_updates();
    let datasets = DatasetStore::new(store);
    write(&datasets, &generation(0, 2), overwrite()).unwrap();
    let mut slow = block_on(datasets.begin(KEY, overwrite())).unwrap();
    block_on(slow.add_part("PAR1".into(), 1)).unwrap();
    let other = generation(1, 4);
    write(&datasets, &other, overwrite()).unwrap();
    faults.forget_calls();
    faults.fail_nth(Operation::Read, 1);
    let refused = block_on(slow.commit()).unwrap_err();
    assert!(refused.to_string().contains("Injected fault"), "{refused}");
    faults.heal();
    assert_eq!(read(&datasets).unwrap(), whole(&other));
    assert_eq!(objects(datasets.store()).len(), 3, "nothing is left of it");
}

#[test]
fn an_old_manifest_that_names_itself_does_not_take_the_new_one_along() {
    let datasets = DatasetStore::new(Store::memory());
    write(&datasets, &generation(0, 2), overwrite()).unwrap();
    let mut broken = block_on(datasets.read_manifest(KEY)).unwrap();
    broken.parts = vec!["manifest.json".to_owned(), "_SUCCESS".to_owned()];
    let path = format!("{KEY}/manifest.json");
    let overwriting = WriteOptions::overwrite();
    block_on(
        datasets
            .store()
            .write(&path, broken.to_json(), &overwriting),
    )
    .unwrap();
    let new = generation(1, 4);
    write(&datasets, &new, overwrite()).unwrap();
    assert_eq!(read(&datasets).unwrap(), whole(&new));
}

#[test]
fn a_write_whose_answer_is_lost_at_any_call_loses_nothing() {
    let (old, new) = (generation(1, 5), generation(2, 7));
    for lost in 1..MOST_CALLS {
        let (store, faults) = FaultyBackend::over_memory();
        let datasets = DatasetStore::new(store);
        write(&datasets, &old, overwrite().with_max_rows_per_file(2)).unwrap();
        faults.lose_nth_answer(lost);
        let result = write(&datasets, &new, overwrite().with_max_rows_per_file(3));
        let all_answered = faults.answers_lost() == 0;
        faults.heal();
        let found = read(&datasets).unwrap();
        assert_one_of(&found, &whole(&old), &whole(&new), lost);
        assert_eq!(
            result.is_ok(),
            found == whole(&new),
            "answer {lost}: what is said is what is there"
        );
        assert_repairable(&datasets, lost);
        if all_answered {
            return;
        }
    }
    panic!("the write changes more than {MOST_CALLS} times");
}

#[test]
fn a_dataset_on_disk_comes_and_goes_with_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(LocalOptions::new(folder.path())).unwrap();
    let datasets = DatasetStore::new(Store::new(Arc::new(backend), Prefix::root()));
    for number in 1..4 {
        write(
            &datasets,
            &generation(number, 5),
            overwrite().with_max_rows_per_file(2),
        )
        .unwrap();
        assert_eq!(read(&datasets).unwrap(), whole(&generation(number, 5)));
    }
    assert_eq!(objects(datasets.store()).len(), 5);
    block_on(datasets.delete(KEY)).unwrap();
    assert!(!folder.path().join(KEY).exists());
}

#[test]
fn a_dataset_whose_marker_came_meanwhile_is_not_overwritten_unasked() {
    let datasets = DatasetStore::new(Store::memory());
    let first = generation(1, 2);
    write(&datasets, &first, WriteDatasetOptions::default()).unwrap();
    let before = objects(datasets.store());
    let marker = format!("{KEY}/_SUCCESS");
    // As it is while the first writer has written the manifest and not yet the marker.
    block_on(datasets.store().delete(&marker, false)).unwrap();
    let mut second = block_on(datasets.begin(KEY, WriteDatasetOptions::default())).unwrap();
    let options = WriteOptions::create();
    block_on(datasets.store().write(&marker, "".into(), &options)).unwrap();
    block_on(second.add_part("PAR1".into(), 1)).unwrap();
    let refused = block_on(second.commit()).unwrap_err();
    assert_eq!(refused.kind(), "already-exists");
    assert_eq!(read(&datasets).unwrap(), whole(&first));
    assert_eq!(objects(datasets.store()), before);
}

#[test]
fn a_marker_that_the_store_refused_and_does_not_have_is_not_taken_for_written() {
    let (store, faults) = FaultyBackend::over_memory();
    let datasets = DatasetStore::new(store);
    faults.fail_when(|call| {
        let is_marker = call.operation == Operation::Write && call.path.ends_with("_SUCCESS");
        is_marker.then(|| Error::conflict(&call.path, "faulty"))
    });
    let first = generation(1, 2);
    let refused = write(&datasets, &first, WriteDatasetOptions::default()).unwrap_err();
    assert!(matches!(refused, DatasetError::Store(_)), "{refused:?}");
    assert!(!block_on(datasets.exists(KEY)).unwrap());
    faults.heal();
    write(&datasets, &first, WriteDatasetOptions::default()).unwrap();
    assert_eq!(read(&datasets).unwrap(), whole(&first));
}
