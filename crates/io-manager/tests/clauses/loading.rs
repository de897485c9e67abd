//! DAG-020: many partitions, in order, concurrently, and the first missing one named.

use futures_util::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use remote_store_core::testkit::faults::Operation;
use remote_store_core::{Error as StoreError, ErrorKind};
use remote_store_dagster_paths::PartitionKey;
use remote_store_io_manager::{Error, Layout, LoadPlan, Loaded, MissingPolicy, load};

use crate::support::*;

on_each_backend!(
    dag_020_partitions_come_in_the_order_of_the_keys,
    dag_020_the_first_missing_partition_in_order_is_named,
    dag_020_allowed_missing_partitions_are_reported_as_absent,
);

fn plan(keys: Vec<PartitionKey>, missing: MissingPolicy) -> LoadPlan {
    LoadPlan::new(
        asset(["events", "raw"]),
        keys,
        Layout::object(".json"),
        missing,
    )
    .unwrap()
}

fn collect(place: &Place, plan: &LoadPlan, window: usize) -> Result<Vec<Loaded>, Error> {
    place.run(load(&place.store, plan, window).try_collect())
}

fn dag_020_partitions_come_in_the_order_of_the_keys(place: Place) {
    for day in ["01", "02", "03"] {
        place.put(&format!("events/raw/{day}.json"), day);
    }
    let keys = partitions(["03", "01", "02", "03"]);
    let loaded = collect(&place, &plan(keys, MissingPolicy::Fail), 2).unwrap();
    let order: Vec<&str> = loaded.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(order, ["03", "01", "02"]);
    assert!(
        loaded
            .iter()
            .all(|(key, data)| data.as_deref() == Some(key.as_str().as_bytes()))
    );
}

fn dag_020_the_first_missing_partition_in_order_is_named(place: Place) {
    place.put("events/raw/01.json", "1");
    let keys = partitions(["01", "04", "02"]);
    let error = collect(&place, &plan(keys, MissingPolicy::Fail), 8).unwrap_err();
    assert_eq!(
        (error.kind(), error.path()),
        (ErrorKind::NotFound, Some("events/raw/04.json"))
    );
    let message = error.to_string();
    for named in ["events/raw", "'04'", "events/raw/04.json"] {
        assert!(message.contains(named), "{message}");
    }
}

fn dag_020_allowed_missing_partitions_are_reported_as_absent(place: Place) {
    place.put("events/raw/02.json", "2");
    let keys = partitions(["01", "02", "03"]);
    let loaded = collect(&place, &plan(keys, MissingPolicy::Skip), 8).unwrap();
    let found: Vec<bool> = loaded.iter().map(|(_, data)| data.is_some()).collect();
    assert_eq!(found, [false, true, false]);
}

#[test]
fn dag_020_no_partition_at_all_loads_nothing() {
    let place = Place::memory();
    let nothing = plan(Vec::new(), MissingPolicy::Fail);
    assert!(nothing.is_empty());
    assert!(collect(&place, &nothing, 8).unwrap().is_empty());
}

#[test]
fn a_window_of_zero_still_loads() {
    let place = Place::memory();
    place.put("events/raw/01.json", "1");
    let loaded = collect(&place, &plan(partitions(["01"]), MissingPolicy::Fail), 0).unwrap();
    assert_eq!(loaded.len(), 1);
}

#[test]
fn dag_020_fetches_overlap_up_to_the_window_and_not_beyond_on_memory() {
    for window in [1, 4, 16] {
        let (place, faults) = Place::faulty();
        let keys: Vec<PartitionKey> = (0..40).map(|n| PartitionKey::new(n.to_string())).collect();
        for key in &keys {
            place.put(&format!("events/raw/{key}.json"), "1");
        }
        faults.forget_calls();
        faults.pause_each_call(3);
        assert_eq!(
            collect(&place, &plan(keys, MissingPolicy::Fail), window)
                .unwrap()
                .len(),
            40
        );
        assert_eq!(faults.max_in_flight(), window);
        assert_eq!(
            (faults.count(Operation::Read), faults.calls().len()),
            (40, 40)
        );
    }
}

#[test]
fn dag_020_a_dropped_load_fetches_no_more_than_the_window_on_memory() {
    let (place, faults) = Place::faulty();
    let keys: Vec<PartitionKey> = (0..100).map(|n| PartitionKey::new(n.to_string())).collect();
    for key in &keys {
        place.put(&format!("events/raw/{key}.json"), "1");
    }
    faults.forget_calls();
    let mut stream = load(&place.store, &plan(keys, MissingPolicy::Fail), 4);
    assert!(place.run(stream.next()).unwrap().is_ok());
    drop(stream);
    assert!(
        faults.count(Operation::Read) <= 5,
        "{}",
        faults.count(Operation::Read)
    );
}

#[test]
fn a_stream_ends_with_its_error() {
    let place = Place::memory();
    let keys = partitions(["01", "02"]);
    let mut stream = load(&place.store, &plan(keys, MissingPolicy::Fail), 4);
    assert!(place.run(stream.next()).unwrap().is_err());
    assert!(place.run(stream.next()).is_none());
}

#[test]
fn a_refusal_is_reported_even_when_missing_partitions_are_allowed() {
    let (place, faults) = Place::faulty();
    faults.fail_when(|call| {
        Some(StoreError::PermissionDenied {
            message: "not yours".into(),
            path: call.path.clone(),
            backend: "faulty".into(),
            source: None,
        })
    });
    let error = collect(&place, &plan(partitions(["01"]), MissingPolicy::Skip), 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn dag_020_a_dataset_is_not_loaded_as_bytes() {
    let place = Place::memory();
    let keys = partitions(["01"]);
    let plan = LoadPlan::new(asset(["a"]), keys, Layout::Dataset, MissingPolicy::Fail).unwrap();
    assert_eq!(plan.entries()[0].1, "a/01");
    assert!(matches!(
        collect(&place, &plan, 4),
        Err(Error::NotAnObject { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever fails first in time, the first failure in order is reported.
    #[test]
    fn dag_020_the_reported_error_does_not_depend_on_timing_on_memory(
        states in proptest::collection::vec(0_u8..3, 1..20),
        window in 1_usize..24,
        pauses in 0_usize..4,
    ) {
        let (place, faults) = Place::faulty();
        let keys: Vec<PartitionKey> = (0..states.len()).map(|n| PartitionKey::new(n.to_string())).collect();
        let mut broken = Vec::new();
        for (key, state) in keys.iter().zip(&states) {
            let path = format!("events/raw/{key}.json");
            if *state > 0 { place.put(&path, key.as_str()) }
            if *state == 2 { broken.push(path) }
        }
        faults.fail_when(move |call| {
            broken.contains(&call.path).then(|| StoreError::unavailable("faulty", call.path.clone()))
        });
        faults.pause_each_call(pauses);
        let outcome = collect(&place, &plan(keys, MissingPolicy::Fail), window);
        match states.iter().position(|state| *state != 1) {
            None => prop_assert_eq!(outcome.unwrap().len(), states.len()),
            Some(first) => {
                let error = outcome.unwrap_err();
                let named = format!("events/raw/{first}.json");
                prop_assert!(error.to_string().contains(&named));
                prop_assert_eq!(error.kind() == ErrorKind::NotFound, states[first] == 0);
            }
        }
    }
}
