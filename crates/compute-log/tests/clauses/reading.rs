//! DAG-026 to DAG-028 and reading at a cursor.

use proptest::prelude::*;
use remote_store_compute_log::{LogSource, LogStore};
use remote_store_core::testkit::faults::Operation;
use remote_store_core::{Error as StoreError, ErrorKind};

use crate::support::*;

on_each_backend!(
    dag_026_a_download_is_the_object_and_makes_its_folder,
    dag_026_a_missing_log_leaves_no_file_behind,
    dag_027_a_log_is_there_when_its_object_is,
    dag_028_the_display_path_is_the_stores_own,
    a_cursor_beyond_the_end_stays_where_it_is,
    a_reader_without_a_limit_gets_all_there_is,
);

fn a_reader_without_a_limit_gets_all_there_is(place: Place) {
    place.put(FINAL_OUT, "a log");
    for offset in [0, 2, 5] {
        let chunk = place
            .run(place.logs.read_chunk(&key(), OUT, offset, u64::MAX))
            .unwrap();
        assert_eq!(
            (chunk.data.len() as u64, chunk.complete),
            (5 - offset, true)
        );
    }
}

fn dag_026_a_download_is_the_object_and_makes_its_folder(place: Place) {
    place.put(FINAL_OUT, "log");
    place.put(PARTIAL_OUT, "lo");
    let local = place.staging.path().join("deep/er/step_a.out");
    assert_eq!(
        place
            .run(place.logs.download(&key(), OUT, false, &local))
            .unwrap(),
        3
    );
    assert_eq!(std::fs::read(&local).unwrap(), b"log");
    place
        .run(place.logs.download(&key(), OUT, true, &local))
        .unwrap();
    assert_eq!(std::fs::read(&local).unwrap(), b"lo");
    assert_eq!(
        std::fs::read_dir(local.parent().unwrap()).unwrap().count(),
        1
    );
}

fn dag_026_a_missing_log_leaves_no_file_behind(place: Place) {
    let local = place.staging.path().join("deep/step_a.out");
    let error = place
        .run(place.logs.download(&key(), OUT, false, &local))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!local.parent().unwrap().exists());
}

fn dag_027_a_log_is_there_when_its_object_is(place: Place) {
    let has = |io, partial| place.run(place.logs.has_logs(&key(), io, partial)).unwrap();
    assert!(!has(OUT, false));
    place.put(PARTIAL_OUT, "x");
    assert!(!has(OUT, false) && has(OUT, true) && !has(ERR, true));
    place.put(FINAL_OUT, "");
    assert!(has(OUT, false));
}

fn dag_028_the_display_path_is_the_stores_own(place: Place) {
    let shown = place.logs.display_path(&key(), OUT).unwrap();
    assert_eq!(shown, place.logs.store().native_path(FINAL_OUT).unwrap());
    assert!(shown.ends_with(FINAL_OUT), "{shown}");
}

fn a_cursor_beyond_the_end_stays_where_it_is(place: Place) {
    place.put(FINAL_OUT, "log");
    for offset in [3, 4, 1000] {
        let chunk = place
            .run(place.logs.read_chunk(&key(), OUT, offset, 100))
            .unwrap();
        assert_eq!(
            (chunk.data.len(), chunk.next_offset, chunk.complete),
            (0, offset, true)
        );
    }
}

#[test]
fn dag_027_a_refusal_is_not_taken_for_no_logs_on_memory() {
    let (place, faults) = Place::faulty();
    faults.fail_when(|call| {
        Some(StoreError::PermissionDenied {
            message: "not yours".into(),
            path: call.path.clone(),
            backend: "faulty".into(),
            source: None,
        })
    });
    let refused = [
        place
            .run(place.logs.has_logs(&key(), OUT, false))
            .unwrap_err(),
        place
            .run(place.logs.read_chunk(&key(), OUT, 0, 10))
            .unwrap_err(),
        place.run(place.logs.is_complete(&key())).unwrap_err(),
        place
            .run(place.logs.list_keys(&["run1".into()], OUT))
            .unwrap_err(),
    ];
    assert!(
        refused
            .iter()
            .all(|error| error.kind() == ErrorKind::PermissionDenied)
    );
}

#[test]
fn dag_026_a_download_that_breaks_off_keeps_the_file_before_on_memory() {
    let (place, faults) = Place::faulty();
    let local = place.capture("step_a.out", "before");
    place.put(FINAL_OUT, "log");
    faults.fail_nth(Operation::Read, 1);
    assert!(
        place
            .run(place.logs.download(&key(), OUT, false, &local))
            .is_err()
    );
    assert_eq!(std::fs::read(&local).unwrap(), b"before");
    assert_eq!(std::fs::read_dir(place.staging.path()).unwrap().count(), 1);
}

#[test]
fn a_finished_log_costs_one_ranged_read_for_each_chunk() {
    let (place, faults) = Place::faulty();
    place.put(FINAL_OUT, "x".repeat(100));
    faults.forget_calls();
    let mut offset = 0;
    for turn in 1..=4 {
        let chunk = place
            .run(place.logs.read_chunk(&key(), OUT, offset, 25))
            .unwrap();
        offset = chunk.next_offset;
        assert_eq!((chunk.data.len(), chunk.complete), (25, turn == 4));
    }
    assert_eq!(
        (faults.count(Operation::Read), faults.calls().len()),
        (4, 4)
    );
    // The end was seen: the polls that follow ask for nothing.
    let behind = place
        .run(place.logs.read_chunk(&key(), OUT, offset, 25))
        .unwrap();
    assert_eq!(
        (behind.data.len(), behind.complete, behind.next_offset),
        (0, true, 100)
    );
    assert_eq!(faults.calls().len(), 4);
}

#[test]
fn a_running_log_costs_one_request_for_each_poll_that_finds_something() {
    let (place, faults) = Place::faulty();
    place.put(PARTIAL_OUT, "x".repeat(25));
    let poll = |offset| {
        place
            .run(place.logs.read_chunk(&key(), OUT, offset, 100))
            .unwrap()
    };
    poll(0);
    place.put(PARTIAL_OUT, "x".repeat(50));
    faults.forget_calls();
    assert_eq!((poll(25).data.len(), faults.calls().len()), (25, 1));
    // Nothing new: the step may have ended, so the final object is looked for as well.
    faults.forget_calls();
    assert_eq!((poll(50).complete, faults.calls().len()), (false, 2));
    // It ended, and its partial object could not be removed.
    place.put(FINAL_OUT, "x".repeat(50));
    assert!(poll(50).complete);
}

#[test]
fn a_log_that_was_deleted_after_its_end_was_seen_is_absent_from_the_start() {
    let place = Place::memory();
    place.put(FINAL_OUT, "log");
    let read = |offset| {
        place
            .run(place.logs.read_chunk(&key(), OUT, offset, 100))
            .unwrap()
    };
    assert!(read(0).complete);
    // By another process.
    place
        .run(place.logs.store().delete(FINAL_OUT, false))
        .unwrap();
    assert_eq!(read(0).source, LogSource::Absent);
    assert_eq!(read(3).source, LogSource::Absent);
}

#[test]
fn a_running_log_is_read_from_its_partial_object_until_the_final_one_is_there() {
    let place = Place::memory();
    let read = |offset| {
        place
            .run(place.logs.read_chunk(&key(), OUT, offset, 100))
            .unwrap()
    };
    assert_eq!(read(0).source, LogSource::Absent);
    place.put(PARTIAL_OUT, "one");
    let first = read(0);
    assert_eq!(
        (&first.data[..], first.next_offset, first.complete),
        (&b"one"[..], 3, false)
    );
    assert_eq!(first.source, LogSource::Partial);
    place.put(FINAL_OUT, "one two");
    let rest = read(3);
    assert_eq!(
        (&rest.data[..], rest.complete, rest.source),
        (&b" two"[..], true, LogSource::Final)
    );
}

#[test]
fn a_log_that_ends_between_two_requests_is_found() {
    let (place, faults) = Place::faulty();
    place.put(FINAL_OUT, "one two");
    // The first look at the final object comes too early; the partial one is deleted already.
    let mut first = true;
    faults.fail_when(move |call| {
        let early = std::mem::take(&mut first) && call.operation == Operation::Read;
        early.then(|| StoreError::not_found(&call.path, "faulty"))
    });
    let chunk = place
        .run(place.logs.read_chunk(&key(), OUT, 3, 100))
        .unwrap();
    assert_eq!((&chunk.data[..], chunk.complete), (&b" two"[..], true));
}

#[test]
fn a_character_is_not_split_between_chunks_and_invalid_bytes_pass() {
    let place = Place::memory();
    place.put(FINAL_OUT, b"ab\xe2\x82\xac\xff\xfe\xe2\x82");
    let mut offset = 0;
    let mut chunks = Vec::new();
    for _ in 0..4 {
        let chunk = place
            .run(place.logs.read_chunk(&key(), OUT, offset, 4))
            .unwrap();
        offset = chunk.next_offset;
        chunks.push(chunk.data.to_vec());
        if chunk.complete {
            break;
        }
    }
    // The last two bytes begin a character that never ends: they are given, not waited for.
    assert_eq!(
        chunks,
        [
            b"ab".to_vec(),
            b"\xe2\x82\xac\xff".to_vec(),
            b"\xfe\xe2\x82".to_vec()
        ]
    );
}

#[test]
fn a_begun_character_at_the_end_of_a_running_log_waits_for_its_rest() {
    let place = Place::memory();
    place.put(PARTIAL_OUT, &"5 €".as_bytes()[..4]);
    let chunk = place
        .run(place.logs.read_chunk(&key(), OUT, 0, 100))
        .unwrap();
    assert_eq!((&chunk.data[..], chunk.next_offset), (&b"5 "[..], 2));
    place.put(PARTIAL_OUT, "5 €");
    let chunk = place
        .run(place.logs.read_chunk(&key(), OUT, 2, 100))
        .unwrap();
    assert_eq!(&chunk.data[..], "€".as_bytes());
}

#[test]
fn a_tail_starts_with_a_whole_character() {
    let place = Place::memory();
    place.put(FINAL_ERR, "a€b");
    let tail = place.run(place.logs.tail(&key(), ERR, 4)).unwrap();
    assert_eq!(
        (&tail.data[..], tail.next_offset, tail.complete),
        ("€b".as_bytes(), 5, true)
    );
    place.put(FINAL_ERR, "a€bc");
    assert_eq!(
        &place.run(place.logs.tail(&key(), ERR, 4)).unwrap().data[..],
        b"bc"
    );
    place.put(FINAL_ERR, "€");
    assert_eq!(
        &place.run(place.logs.tail(&key(), ERR, 400)).unwrap().data[..],
        "€".as_bytes()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn chunks_of_any_size_are_whole_text_and_join_to_the_log(
        text in "[a-z\\näß€🦀]{0,200}",
        max_bytes in 0_u64..40,
    ) {
        let place = Place::memory();
        place.put(FINAL_OUT, &text);
        prop_assert_eq!(read_all(&place, &place.logs, max_bytes, true), text);
    }

    #[test]
    fn chunks_of_any_bytes_join_to_the_log(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        max_bytes in 0_u64..40,
    ) {
        let place = Place::memory();
        place.put(FINAL_OUT, &bytes);
        let mut offset = 0;
        let mut all = Vec::new();
        loop {
            let chunk = place.run(place.logs.read_chunk(&key(), OUT, offset, max_bytes)).unwrap();
            prop_assert!(chunk.data.len() as u64 <= max_bytes.max(4));
            prop_assert!(chunk.complete || !chunk.data.is_empty());
            all.extend_from_slice(&chunk.data);
            offset = chunk.next_offset;
            if chunk.complete { break }
        }
        prop_assert_eq!(all, bytes);
    }
}

fn read_all(place: &Place, logs: &LogStore, max_bytes: u64, must_be_text: bool) -> String {
    let mut offset = 0;
    let mut all = String::new();
    loop {
        let chunk = place
            .run(logs.read_chunk(&key(), OUT, offset, max_bytes))
            .unwrap();
        let text = std::str::from_utf8(&chunk.data);
        assert!(text.is_ok() || !must_be_text);
        all.push_str(text.unwrap());
        offset = chunk.next_offset;
        if chunk.complete {
            return all;
        }
    }
}
