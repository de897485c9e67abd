//! DAG-031: which logs there are.

use std::collections::BTreeSet;

use proptest::prelude::*;
use remote_store_dagster_paths::LogKey;

use crate::support::*;

on_each_backend!(
    dag_031_keys_are_listed_by_stream_without_partial_and_stray_files,
    dag_031_a_longer_name_is_not_below_a_shorter_one,
    dag_031_a_missing_folder_has_no_logs,
    dag_031_keys_come_back_as_they_were_given,
);

fn prefix(segments: &[&str]) -> Vec<String> {
    segments
        .iter()
        .map(|segment| (*segment).to_owned())
        .collect()
}

fn names(
    place: &Place,
    segments: &[&str],
    io: remote_store_dagster_paths::IoType,
) -> Vec<Vec<String>> {
    let keys = place
        .run(place.logs.list_keys(&prefix(segments), io))
        .unwrap();
    keys.into_iter().map(LogKey::into_segments).collect()
}

fn dag_031_keys_are_listed_by_stream_without_partial_and_stray_files(place: Place) {
    for name in [
        "b.out",
        "a.out",
        "a.err",
        "v1.2.out",
        "c.out.partial",
        "d.complete",
        "notes.txt",
        "out",
    ] {
        place.put(&format!("dagster/storage/run1/compute_logs/{name}"), "x");
    }
    place.put("dagster/storage/run1/compute_logs/deeper/e.out", "x");
    let listed = names(&place, &["run1", "compute_logs"], OUT);
    assert_eq!(
        listed,
        ["a", "b", "v1.2"].map(|name| prefix(&["run1", "compute_logs", name]))
    );
    assert_eq!(
        names(&place, &["run1", "compute_logs"], ERR),
        [prefix(&["run1", "compute_logs", "a"])]
    );
}

fn dag_031_a_longer_name_is_not_below_a_shorter_one(place: Place) {
    place.put("dagster/storage/backfill/bf/1.err", "x");
    place.put("dagster/storage/backfill/bf2/2.err", "x");
    assert_eq!(
        names(&place, &["backfill", "bf"], ERR),
        [prefix(&["backfill", "bf", "1"])]
    );
}

fn dag_031_a_missing_folder_has_no_logs(place: Place) {
    assert!(names(&place, &["no", "such"], OUT).is_empty());
}

fn dag_031_keys_come_back_as_they_were_given(place: Place) {
    let local = place.capture("a", "x");
    let hostile = [
        "..",
        "a.out",
        "ü b",
        "x.err.partial",
        "50%",
        "%~",
        "con trol\u{1}",
    ];
    for name in hostile {
        let key = LogKey::new(["run1", name]).unwrap();
        place
            .run(place.logs.upload(&key, OUT, &local, false))
            .unwrap();
    }
    let listed: BTreeSet<String> = names(&place, &["run1"], OUT)
        .into_iter()
        .map(|mut segments| segments.pop().unwrap())
        .collect();
    assert_eq!(
        listed,
        hostile.iter().map(|name| (*name).to_owned()).collect()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dag_031_every_uploaded_key_is_listed_once_on_memory(
        names in proptest::collection::btree_set("[a-c./%~\\\\ ]{1,6}", 0..8),
    ) {
        let place = Place::memory();
        let local = place.capture("a", "x");
        let keys: BTreeSet<LogKey> = names.iter().map(|name| LogKey::new(["run", name]).unwrap()).collect();
        for key in &keys {
            place.run(place.logs.upload(key, ERR, &local, false)).unwrap();
            place.run(place.logs.upload(key, OUT, &local, true)).unwrap();
        }
        let listed = place.run(place.logs.list_keys(&["run".to_owned()], ERR)).unwrap();
        prop_assert_eq!(listed, keys.into_iter().collect::<Vec<_>>());
        prop_assert!(place.run(place.logs.list_keys(&["run".to_owned()], OUT)).unwrap().is_empty());
    }
}
