//! DAG-024 and DAG-025: where streams go, and what is uploaded.

use proptest::prelude::*;
use remote_store_compute_log::{Error, Uploaded};
use remote_store_core::testkit::faults::Operation;
use remote_store_dagster_paths::LogKey;

use crate::support::*;

/// Large enough for head, line and tail.
const CAP: u64 = 1024;

on_each_backend!(
    dag_024_streams_are_stored_at_the_path_of_the_scheme,
    dag_025_a_final_upload_replaces_the_object,
    dag_025_an_empty_file_is_uploaded_only_when_final_and_not_skipped,
    dag_025_a_log_over_the_cap_keeps_head_and_tail,
    dag_025_a_log_of_many_parts_arrives_whole,
);

fn dag_024_streams_are_stored_at_the_path_of_the_scheme(place: Place) {
    let local = place.capture("a", "x");
    place
        .run(place.logs.upload(&key(), OUT, &local, false))
        .unwrap();
    place
        .run(place.logs.upload(&key(), ERR, &local, true))
        .unwrap();
    let single = LogKey::new(["report"]).unwrap();
    place
        .run(place.logs.upload(&single, OUT, &local, false))
        .unwrap();
    for path in [FINAL_OUT, PARTIAL_ERR, "dagster/storage/report.out"] {
        assert_eq!(
            place.stored(path).as_deref(),
            Some(b"x".as_slice()),
            "{path}"
        );
    }
    assert_eq!(place.logs.path(&key(), OUT, false).unwrap(), FINAL_OUT);
}

fn dag_025_a_final_upload_replaces_the_object(place: Place) {
    let local = place.capture("a", "first");
    place
        .run(place.logs.upload(&key(), OUT, &local, false))
        .unwrap();
    std::fs::write(&local, "second, longer").unwrap();
    let uploaded = place
        .run(place.logs.upload(&key(), OUT, &local, false))
        .unwrap();
    assert_eq!(
        uploaded,
        Uploaded::Stored {
            stored_bytes: 14,
            removed_bytes: 0
        }
    );
    assert_eq!(place.stored(FINAL_OUT).unwrap(), b"second, longer");
}

fn dag_025_an_empty_file_is_uploaded_only_when_final_and_not_skipped(place: Place) {
    let empty = place.capture("a", "");
    let partial = place
        .run(place.logs.upload(&key(), OUT, &empty, true))
        .unwrap();
    assert_eq!(partial, Uploaded::SkippedEmpty);
    assert_eq!(place.stored(PARTIAL_OUT), None);

    let skipping = place.logs.clone().with_skip_empty(true);
    assert_eq!(
        place
            .run(skipping.upload(&key(), OUT, &empty, false))
            .unwrap(),
        Uploaded::SkippedEmpty
    );
    assert_eq!(place.stored(FINAL_OUT), None);

    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &empty, false))
            .unwrap()
            .is_stored()
    );
    assert_eq!(place.stored(FINAL_OUT).unwrap(), b"");
}

fn dag_025_a_log_over_the_cap_keeps_head_and_tail(place: Place) {
    let place = place.with(|logs| logs.with_max_bytes(CAP).unwrap());
    let text = format!("start\n{}\nTraceback: the end", "…middle…\n".repeat(1000));
    let local = place.capture("a", &text);
    let uploaded = place
        .run(place.logs.upload(&key(), OUT, &local, false))
        .unwrap();
    let stored = String::from_utf8(place.stored(FINAL_OUT).unwrap()).unwrap();
    assert!(stored.len() as u64 <= CAP);
    assert!(stored.starts_with("start\n") && stored.ends_with("Traceback: the end"));
    let markers: Vec<&str> = stored
        .lines()
        .filter(|line| line.contains("bytes cut here"))
        .collect();
    let Uploaded::Stored { removed_bytes, .. } = uploaded else {
        panic!("not stored")
    };
    assert_eq!(markers.len(), 1);
    assert!(
        markers[0].contains(&format!(" {removed_bytes} bytes")),
        "{}",
        markers[0]
    );
}

fn dag_025_a_log_of_many_parts_arrives_whole(place: Place) {
    let text: Vec<u8> = (0..20_000_000_u32).map(|n| (n % 251) as u8).collect();
    let local = place.capture("a", &text);
    let uploaded = place
        .run(place.logs.upload(&key(), OUT, &local, false))
        .unwrap();
    assert_eq!(
        uploaded,
        Uploaded::Stored {
            stored_bytes: 20_000_000,
            removed_bytes: 0
        }
    );
    assert!(place.stored(FINAL_OUT).unwrap() == text);
}

#[test]
fn dag_025_an_unchanged_file_is_not_uploaded_again_on_memory() {
    let (place, faults) = Place::faulty();
    let local = place.capture("a", "x");
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap()
            .is_stored()
    );
    for _ in 0..3 {
        let again = place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap();
        assert_eq!(again, Uploaded::SkippedUnchanged);
    }
    assert_eq!(faults.calls().len(), 1);

    std::fs::write(&local, "xy").unwrap();
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap()
            .is_stored()
    );
    assert_eq!(place.stored(PARTIAL_OUT).unwrap(), b"xy");
}

#[test]
fn a_partial_upload_that_failed_is_tried_again_though_nothing_changed() {
    let (place, faults) = Place::faulty();
    let local = place.capture("a", "x");
    faults.fail_nth(Operation::Write, 1);
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .is_err()
    );
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap()
            .is_stored()
    );
}

#[test]
fn dag_025_the_final_object_is_written_after_a_partial_one_reached_the_cap_on_memory() {
    let place = Place::memory().with(|logs| logs.with_max_bytes(CAP).unwrap());
    let local = place.capture("a", "x".repeat(5000));
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap()
            .is_stored()
    );
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .is_ok()
    );
    assert!(
        place
            .run(place.logs.upload(&key(), OUT, &local, false))
            .unwrap()
            .is_stored()
    );
    assert!(place.stored(FINAL_OUT).is_some());
}

#[test]
fn a_large_upload_that_fails_leaves_the_old_object() {
    for operation in [
        Operation::Writer,
        Operation::WriterChunk,
        Operation::WriterFinish,
    ] {
        let (place, faults) = Place::faulty();
        place.put(FINAL_OUT, "old");
        let local = place.capture("a", vec![b'x'; 9_000_000]);
        faults.fail_nth(operation, 1);
        assert!(
            place
                .run(place.logs.upload(&key(), OUT, &local, false))
                .is_err()
        );
        assert_eq!(place.stored(FINAL_OUT).unwrap(), b"old");
    }
}

#[test]
fn a_missing_file_is_an_error_when_final_and_too_late_when_partial() {
    let place = Place::memory();
    let gone = place.staging.path().join("gone.out");
    let error = place
        .run(place.logs.upload(&key(), OUT, &gone, false))
        .unwrap_err();
    assert!(matches!(error, Error::LocalFile { .. }) && error.is_not_found());
    assert!(error.to_string().contains("gone.out"));
    let partial = place
        .run(place.logs.upload(&key(), OUT, &gone, true))
        .unwrap();
    assert_eq!(partial, Uploaded::SkippedFinished);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn dag_025_text_of_any_length_stays_text_within_the_cap_on_memory(
        unit in "[a-z\\n]{0,3}[äß€🦀]{1,3}\\n?",
        repeats in 0_usize..900,
        cap in CAP..3000,
    ) {
        let place = Place::memory().with(|logs| logs.with_max_bytes(cap).unwrap());
        let text = unit.repeat(repeats);
        let local = place.capture("a", &text);
        let uploaded = place.run(place.logs.upload(&key(), OUT, &local, false)).unwrap();
        let stored = String::from_utf8(place.stored(FINAL_OUT).unwrap()).unwrap();
        prop_assert!(stored.len() as u64 <= cap);
        let Uploaded::Stored { stored_bytes, removed_bytes } = uploaded else { panic!("not stored") };
        prop_assert_eq!(stored_bytes, stored.len() as u64);
        if text.len() as u64 <= cap {
            prop_assert_eq!(stored, text);
        } else {
            let (head, rest) = stored.split_once("[remote-store: ").unwrap();
            let (_, tail) = rest.split_once("bytes]\n").unwrap();
            prop_assert!(text.ends_with(tail));
            // Whether the line break before the marker is the log's own follows from the count.
            let head_bytes = text.len() - tail.len() - usize::try_from(removed_bytes).unwrap();
            prop_assert!(text.starts_with(&head[..head_bytes]));
            prop_assert!(head.ends_with('\n') && head.len() - head_bytes <= 1);
        }
    }
}

#[test]
fn a_log_over_the_cap_is_not_cut_and_uploaded_again_when_nothing_was_added() {
    let (place, faults) = Place::faulty();
    let place = place.with(|logs| logs.with_max_bytes(CAP).unwrap());
    let local = place.capture("a", "x".repeat(5000));
    for _ in 0..3 {
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap();
    }
    assert_eq!(faults.calls().len(), 1);
}

#[test]
fn a_key_that_is_captured_again_is_seen_running_again() {
    let place = Place::memory();
    let local = place.capture("a", "first");
    let upload = || {
        place
            .run(place.logs.upload(&key(), OUT, &local, true))
            .unwrap()
    };
    place
        .run(place.logs.finish(&key(), &[(OUT, &local)]))
        .into_result()
        .unwrap();
    assert_eq!(upload(), Uploaded::SkippedFinished);
    place.logs.begin(&key());
    place.capture("a", "second");
    assert!(upload().is_stored());
    assert_eq!(place.stored(PARTIAL_OUT).unwrap(), b"second");
    assert_eq!(place.stored(FINAL_OUT), None);
}
