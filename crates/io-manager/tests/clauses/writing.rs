//! DAG-007 and DAG-016, and outputs over several partitions.

use std::collections::BTreeSet;

use proptest::prelude::*;
use remote_store_core::testkit::faults::Operation;
use remote_store_dagster_paths::PartitionKey;
use remote_store_io_manager::{AssetReader, Error, Layout, OutputPlan, Target, write_output};

use crate::support::*;

on_each_backend!(
    dag_007_an_output_is_written_at_its_path_and_replaces_the_one_before,
    dag_016_what_was_written_is_read_back_under_the_same_key,
);

fn dag_007_an_output_is_written_at_its_path_and_replaces_the_one_before(place: Place) {
    let (target, pickle) = (Target::asset(asset(["foo", "bar"])), Layout::object(".pkl"));
    for value in ["first, longer", "second"] {
        let data = value.as_bytes().to_vec().into();
        let written = place
            .run(write_output(&place.store, &target, &pickle, data))
            .unwrap();
        assert_eq!(
            (written.path.as_str(), written.size_bytes),
            ("foo/bar.pkl", value.len() as u64)
        );
        assert_eq!(
            place.run(place.store.read_bytes("foo/bar.pkl")).unwrap(),
            value.as_bytes()
        );
    }
}

fn dag_016_what_was_written_is_read_back_under_the_same_key(place: Place) {
    let reader = AssetReader::new(place.store.clone());
    for (n, partition) in ["2026-01", "..", "a//b", "ü\\%", &"x".repeat(300)]
        .iter()
        .enumerate()
    {
        let target = Target::partition(asset(["foo"]), PartitionKey::new(*partition));
        let data = n.to_string().into();
        place
            .run(write_output(
                &place.store,
                &target,
                &Layout::object(".pkl"),
                data,
            ))
            .unwrap();
        let key = PartitionKey::new(*partition);
        let read = place
            .run(reader.read(&asset(["foo"]), Some(&key), ".pkl"))
            .unwrap();
        assert_eq!(read, n.to_string());
    }
}

#[test]
fn dag_007_a_write_that_fails_leaves_the_old_object_on_memory() {
    let (place, faults) = Place::faulty();
    let (target, pickle) = (Target::asset(asset(["foo"])), Layout::object(".pkl"));
    place.put("foo.pkl", "old");
    faults.fail_nth(Operation::Write, 1);
    assert!(
        place
            .run(write_output(&place.store, &target, &pickle, "new".into()))
            .is_err()
    );
    assert_eq!(place.run(place.store.read_bytes("foo.pkl")).unwrap(), "old");
}

#[test]
fn bytes_are_not_written_in_place_of_a_dataset() {
    let place = Place::memory();
    let target = Target::asset(asset(["foo"]));
    let refused = place.run(write_output(
        &place.store,
        &target,
        &Layout::Dataset,
        "x".into(),
    ));
    assert!(matches!(refused, Err(Error::NotAnObject { .. })));
    assert!(!place.run(place.store.exists("foo")).unwrap());
}

fn plan<const N: usize>(keys: [&str; N]) -> OutputPlan {
    OutputPlan::new(asset(["events"]), partitions(keys), Layout::object(".json")).unwrap()
}

#[test]
fn a_run_over_one_partition_needs_no_mapping() {
    assert_eq!(plan(["01"]).single(), Some("events/01.json"));
    assert_eq!(plan(["01", "02"]).single(), None);
}

#[test]
fn an_output_without_partitions_never_falls_back_to_the_bare_path() {
    let refused = OutputPlan::new(asset(["events"]), Vec::new(), Layout::object(".json"));
    assert!(matches!(refused, Err(Error::NoPartitions { .. })));
}

#[test]
fn a_mapping_must_have_exactly_the_partitions_of_the_run() {
    let plan = plan(["01", "02", "03"]);
    plan.check(["03", "01", "02"]).unwrap();
    let message = plan.check(["01", "04", "05"]).unwrap_err().to_string();
    for named in [
        "events",
        "missing: '02', '03'",
        "not in this run: '04', '05'",
    ] {
        assert!(message.contains(named), "{message}");
    }
    let message = plan.check(["01", "02"]).unwrap_err().to_string();
    assert!(
        message.contains("missing: '03'") && !message.contains("not in this run"),
        "{message}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_mapping_is_accepted_exactly_when_its_keys_are_the_runs(
        run in proptest::collection::btree_set("[ab]{1,3}", 1..5),
        given in proptest::collection::btree_set("[ab]{1,3}", 0..5),
    ) {
        let keys: Vec<PartitionKey> = run.iter().map(PartitionKey::new).collect();
        let plan = OutputPlan::new(asset(["events"]), keys, Layout::object(".json")).unwrap();
        prop_assert_eq!(plan.check(&given).is_ok(), run == given);

        let mut filling = plan.filling();
        let mut paths = BTreeSet::new();
        let accepted = given.iter().all(|key| filling.accept(key).is_ok_and(|path| paths.insert(path)));
        prop_assert_eq!(accepted && filling.finish().is_ok(), run == given);
        prop_assert!(!paths.contains("events.json"));
    }
}
