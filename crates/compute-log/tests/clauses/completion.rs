//! When a capture counts as complete, also for viewers in other processes.

use crate::support::*;

on_each_backend!(
    dag_027_the_final_stderr_says_that_a_capture_is_complete,
    dag_025_a_skipped_empty_stderr_leaves_the_capture_complete,
    dag_025_a_step_without_any_output_is_complete_when_empty_files_are_skipped,
);

fn complete(place: &Place) -> bool {
    place.run(place.logs.is_complete(&key())).unwrap()
}

fn dag_027_the_final_stderr_says_that_a_capture_is_complete(place: Place) {
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", ""));
    assert!(!complete(&place));
    place
        .run(place.logs.upload(&key(), OUT, &out, true))
        .unwrap();
    place
        .run(place.logs.upload(&key(), OUT, &out, false))
        .unwrap();
    assert!(!complete(&place));
    place
        .run(place.logs.upload(&key(), ERR, &err, false))
        .unwrap();
    assert!(complete(&place));
}

fn dag_025_a_skipped_empty_stderr_leaves_the_capture_complete(place: Place) {
    let place = place.with(|logs| logs.with_skip_empty(true));
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", ""));
    assert!(!complete(&place));
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]))
            .is_stored()
    );
    assert_eq!(place.stored(FINAL_ERR), None);
    assert!(complete(&place));
}

fn dag_025_a_step_without_any_output_is_complete_when_empty_files_are_skipped(place: Place) {
    let place = place.with(|logs| logs.with_skip_empty(true));
    let (out, err) = (place.capture("a.out", ""), place.capture("a.err", ""));
    assert!(!complete(&place));
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]))
            .is_stored()
    );
    assert_eq!(
        (place.stored(FINAL_OUT), place.stored(FINAL_ERR)),
        (None, None)
    );
    assert!(complete(&place));
    assert!(
        place
            .run(
                place
                    .logs
                    .list_keys(&["run1".into(), "compute_logs".into()], OUT)
            )
            .unwrap()
            .is_empty()
    );
    place.run(place.logs.delete(&key())).unwrap();
    assert!(!complete(&place));
}

#[test]
fn a_stderr_that_is_still_partial_keeps_the_capture_open() {
    let place = Place::memory().with(|logs| logs.with_skip_empty(true));
    place.put(FINAL_OUT, "out");
    place.put(PARTIAL_ERR, "err");
    assert!(!complete(&place));
}
