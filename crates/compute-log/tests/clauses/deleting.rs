//! DAG-029: one log or a whole prefix, in bulk.

use futures_util::StreamExt;
use remote_store_compute_log::Error;
use remote_store_core::ListOptions;
use remote_store_core::testkit::faults::Operation;
use remote_store_dagster_paths::LogKey;

use crate::support::*;

on_each_backend!(
    dag_029_deleting_a_key_removes_both_streams_final_and_partial,
    dag_029_deleting_a_prefix_removes_its_folder_and_no_other,
    dag_029_deleting_what_is_not_there_is_no_error,
    dag_029_a_deleted_log_can_be_captured_again,
);

fn dag_029_deleting_a_key_removes_both_streams_final_and_partial(place: Place) {
    for path in [FINAL_OUT, FINAL_ERR, PARTIAL_OUT, PARTIAL_ERR] {
        place.put(path, "x");
    }
    let neighbour = "dagster/storage/run1/compute_logs/step_a2.out";
    place.put(neighbour, "x");
    place.run(place.logs.delete(&key())).unwrap();
    for path in [FINAL_OUT, FINAL_ERR, PARTIAL_OUT, PARTIAL_ERR] {
        assert_eq!(place.stored(path), None, "{path}");
    }
    assert!(place.stored(neighbour).is_some());
}

fn dag_029_deleting_a_prefix_removes_its_folder_and_no_other(place: Place) {
    for n in 0..1100 {
        place.put(&format!("dagster/storage/bf/{}/{n}.err", n % 3), "x");
    }
    place.put("dagster/storage/bf2/1.err", "x");
    place
        .run(place.logs.delete_prefix(&["bf".to_owned()]))
        .unwrap();
    let left = place
        .logs
        .store()
        .list("", &ListOptions::recursive())
        .unwrap();
    let left: Vec<String> = place.run(left.map(|info| info.unwrap().key.to_string()).collect());
    assert_eq!(left, ["dagster/storage/bf2/1.err"]);
}

fn dag_029_deleting_what_is_not_there_is_no_error(place: Place) {
    place.run(place.logs.delete(&key())).unwrap();
    place
        .run(place.logs.delete_prefix(&["run9".to_owned()]))
        .unwrap();
}

fn dag_029_a_deleted_log_can_be_captured_again(place: Place) {
    let out = place.capture("a.out", "out");
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out)]))
            .is_stored()
    );
    place.run(place.logs.delete(&key())).unwrap();
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &out, true))
            .unwrap()
            .is_stored()
    );
}

#[test]
fn dag_029_a_key_is_deleted_in_one_bulk_request_on_memory() {
    let (place, faults) = Place::faulty();
    place.run(place.logs.delete(&key())).unwrap();
    assert_eq!(
        (faults.count(Operation::DeleteMany), faults.calls().len()),
        (1, 1)
    );
}

#[test]
fn dag_029_an_empty_prefix_deletes_nothing_on_memory() {
    let place = Place::memory();
    place.put(FINAL_OUT, "x");
    for prefix in [vec![], vec![String::new()]] {
        let refused = place.run(place.logs.delete_prefix(&prefix));
        assert!(matches!(refused, Err(Error::EmptyPrefix)));
    }
    assert!(place.stored(FINAL_OUT).is_some());
}

#[test]
fn dag_029_hostile_keys_delete_only_themselves_on_memory() {
    let place = Place::memory();
    place.put("outside.out", "x");
    place.put(FINAL_OUT, "x");
    place
        .run(
            place
                .logs
                .delete(&LogKey::new(["..", "..", "outside"]).unwrap()),
        )
        .unwrap();
    place
        .run(place.logs.delete_prefix(&["..".to_owned()]))
        .unwrap();
    assert!(place.stored("outside.out").is_some() && place.stored(FINAL_OUT).is_some());
}
