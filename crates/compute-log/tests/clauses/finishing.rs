//! The end of a step: what is stored, what it costs, and what survives failures.

use remote_store_compute_log::{Error, Uploaded};
use remote_store_core::testkit::faults::Operation;
use remote_store_core::{Capability, ErrorKind};

use crate::support::*;

on_each_backend!(
    dag_025_finishing_leaves_final_objects_and_no_partial_ones,
    dag_032_a_closed_store_takes_no_logs_and_loses_none,
);

fn dag_032_a_closed_store_takes_no_logs_and_loses_none(place: Place) {
    let out = place.capture("a.out", "out");
    place.run(place.logs.store().close());
    let finished = place.run(place.logs.finish(&key(), &[(OUT, &out)]));
    let Err(error) = &finished.streams[0].result else {
        panic!("stored in a closed store")
    };
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(std::fs::read(&out).unwrap(), b"out");
}

fn dag_025_finishing_leaves_final_objects_and_no_partial_ones(place: Place) {
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", "err"));
    place
        .run(place.logs.upload(&key(), OUT, &out, true))
        .unwrap();
    place
        .run(place.logs.upload(&key(), ERR, &err, true))
        .unwrap();
    let finished = place.run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]));
    assert!(finished.is_stored() && finished.cleanup.is_ok());
    assert_eq!(place.stored(FINAL_OUT).unwrap(), b"out");
    assert_eq!(place.stored(FINAL_ERR).unwrap(), b"err");
    assert_eq!(
        (place.stored(PARTIAL_OUT), place.stored(PARTIAL_ERR)),
        (None, None)
    );
}

#[test]
fn finishing_costs_one_write_for_each_stream_and_one_bulk_delete() {
    let (place, faults) = Place::faulty();
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", "err"));
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]))
            .is_stored()
    );
    assert_eq!(faults.count(Operation::Write), 2);
    assert_eq!(faults.count(Operation::DeleteMany), 1);
    assert_eq!(faults.calls().len(), 3);
}

#[test]
fn a_stream_that_fails_for_good_stops_neither_the_other_nor_hides_its_partial_object() {
    let (place, faults) = Place::faulty();
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", "err"));
    place
        .run(place.logs.upload(&key(), OUT, &out, true))
        .unwrap();
    place
        .run(place.logs.upload(&key(), ERR, &err, true))
        .unwrap();
    faults.fail_when(|call| {
        (call.operation == Operation::Write && call.path == FINAL_OUT)
            .then(|| remote_store_core::Error::unavailable("faulty", "down"))
    });
    let finished = place.run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]));
    assert_eq!(place.stored(FINAL_ERR).unwrap(), b"err");
    assert_eq!(
        (
            place.stored(PARTIAL_OUT).unwrap(),
            place.stored(PARTIAL_ERR)
        ),
        (b"out".to_vec(), None)
    );
    let error = finished.into_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    let Error::Unfinished { failed, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(
        (failed.len(), failed[0].local.as_path()),
        (1, out.as_path())
    );
    let message = error.to_string();
    assert!(
        message.contains("stdout") && message.contains(out.to_str().unwrap()),
        "{message}"
    );
    assert!(out.exists());
}

#[test]
fn a_store_that_comes_back_gets_the_log() {
    let (place, faults) = Place::faulty();
    let out = place.capture("a.out", "out");
    let mut failures = 2;
    faults.fail_when(move |_| {
        let down = failures > 0;
        failures -= i32::from(down);
        down.then(|| remote_store_core::Error::unavailable("faulty", "down"))
    });
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out)]))
            .is_stored()
    );
    assert_eq!(faults.count(Operation::Write), 3);
}

#[test]
fn a_refused_upload_is_not_repeated() {
    let (place, faults) = Place::faulty();
    let out = place.capture("a.out", "out");
    faults.fail_when(|call| {
        (call.operation == Operation::Write).then(|| {
            remote_store_core::Error::CapabilityNotSupported {
                capability: Capability::Write,
                backend: "faulty".into(),
                supported: remote_store_core::CapabilitySet::all(),
                source: None,
            }
        })
    });
    assert!(
        !place
            .run(place.logs.finish(&key(), &[(OUT, &out)]))
            .is_stored()
    );
    assert_eq!(faults.count(Operation::Write), 1);
}

#[test]
fn a_failed_clean_up_does_not_undo_the_end() {
    let (place, faults) = Place::faulty();
    let out = place.capture("a.out", "out");
    faults.fail_nth(Operation::DeleteMany, 1);
    let finished = place.run(place.logs.finish(&key(), &[(OUT, &out)]));
    assert!(finished.is_stored() && finished.cleanup.is_err());
    assert!(finished.into_result().is_ok());
}

#[test]
fn nothing_partial_comes_back_after_the_end() {
    let place = Place::memory();
    let out = place.capture("a.out", "out");
    assert!(
        place
            .run(place.logs.finish(&key(), &[(OUT, &out)]))
            .is_stored()
    );
    std::fs::write(&out, "more").unwrap();
    // A clone, as the upload thread of another manager object in the same process would hold.
    let late = place
        .run(place.logs.clone().upload(&key(), OUT, &out, true))
        .unwrap();
    assert_eq!(late, Uploaded::SkippedFinished);
    assert_eq!(place.stored(PARTIAL_OUT), None);
}

#[test]
fn a_partial_upload_under_way_while_the_step_ends_removes_itself() {
    let (place, faults) = Place::faulty();
    let out = place.capture("a.out", "out");
    // Each call gives way many times, so that the end overtakes the partial upload; whichever
    // order results, nothing partial may be left.
    for pauses in 0..12 {
        faults.pause_each_call(pauses);
        let key = remote_store_dagster_paths::LogKey::new(["run", &pauses.to_string()]).unwrap();
        place.run(async {
            let partial = place.logs.upload(&key, OUT, &out, true);
            let streams = [(OUT, &out)];
            let finish = place.logs.finish(&key, &streams);
            let (_, finished) = futures_util::future::join(partial, finish).await;
            assert!(finished.is_stored());
        });
        assert_eq!(
            place.stored(&format!("dagster/storage/run/{pauses}.out.partial")),
            None,
            "{pauses}"
        );
    }
}
