//! Logs of dead workers: found, uploaded once, living writers left alone.

use std::time::Duration;

use remote_store_compute_log::{Claim, Error, LocalFiles, RecoverOptions, Recovered};
use remote_store_core::testkit::faults::Operation;

use crate::support::*;

on_each_backend!(what_a_dead_worker_left_is_uploaded_once);

fn now() -> RecoverOptions {
    RecoverOptions::default().with_idle(Duration::ZERO)
}

fn recover(place: &Place, options: &RecoverOptions) -> Recovered {
    place
        .run(place.logs.recover(place.staging.path(), options))
        .unwrap()
}

fn what_a_dead_worker_left_is_uploaded_once(place: Place) {
    place.capture("run1/compute_logs/step_a.out", "out");
    place.capture("run1/compute_logs/step_a.err", "Traceback");
    place.put(PARTIAL_ERR, "Trace");
    let first = recover(&place, &now());
    assert_eq!(first.uploaded, [key()]);
    assert_eq!(place.stored(FINAL_OUT).unwrap(), b"out");
    assert_eq!(place.stored(FINAL_ERR).unwrap(), b"Traceback");
    assert_eq!(place.stored(PARTIAL_ERR), None);
    let second = recover(&place, &now());
    assert!(second.uploaded.is_empty());
    assert_eq!(second.already_stored, [key()]);
}

#[test]
fn a_second_recovery_writes_nothing() {
    let (place, faults) = Place::faulty();
    place.capture("run1/compute_logs/step_a.err", "Traceback");
    recover(&place, &now());
    faults.forget_calls();
    recover(&place, &now());
    assert_eq!(
        (
            faults.count(Operation::Write),
            faults.count(Operation::Head)
        ),
        (0, 1)
    );
}

#[test]
fn a_writer_that_holds_its_lock_is_left_alone_however_long_it_is_silent() {
    let place = Place::memory();
    let files = LocalFiles::new(place.staging.path(), &key()).unwrap();
    let claim = Claim::take(&files).unwrap().unwrap();
    place.capture("run1/compute_logs/step_a.err", "working");
    assert_eq!(recover(&place, &now()).in_use, [key()]);
    assert_eq!(place.stored(FINAL_ERR), None);
    drop(claim);
    assert_eq!(recover(&place, &now()).uploaded, [key()]);
}

#[test]
fn a_lock_that_nobody_holds_shows_that_its_writer_is_dead() {
    let place = Place::memory();
    place.capture("run1/compute_logs/step_a.err", "Traceback");
    // What a killed process leaves: the file, but no lock on it.
    place.capture("run1/compute_logs/step_a.lock", "");
    assert_eq!(
        recover(&place, &RecoverOptions::default()).uploaded,
        [key()]
    );
    // As long as the files are there, so is the proof: the next one need not wait for an hour.
    assert_eq!(
        recover(&place, &RecoverOptions::default()).already_stored,
        [key()]
    );
    recover(&place, &RecoverOptions::default().with_remove_local(true));
    let folder = place.staging.path().join("run1/compute_logs");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn without_a_lock_fresh_files_are_left_alone() {
    let place = Place::memory();
    place.capture("run1/compute_logs/step_a.err", "working");
    let report = recover(&place, &RecoverOptions::default());
    assert_eq!((report.in_use, report.uploaded.len()), (vec![key()], 0));
}

#[test]
fn a_dry_run_changes_nothing() {
    let place = Place::memory();
    let local = place.capture("run1/compute_logs/step_a.err", "Traceback");
    assert_eq!(
        recover(&place, &now().with_dry_run(true).with_remove_local(true)).uploaded,
        [key()]
    );
    assert_eq!(place.stored(FINAL_ERR), None);
    assert!(local.exists());
}

#[test]
fn local_files_go_only_once_they_are_stored() {
    let (place, faults) = Place::faulty();
    let local = place.capture("run1/compute_logs/step_a.err", "Traceback");
    let complete = place.capture("run1/compute_logs/step_a.complete", "");
    faults.fail_when(|call| {
        (call.operation == Operation::Write)
            .then(|| remote_store_core::Error::unavailable("faulty", "down"))
    });
    let report = recover(&place, &now().with_remove_local(true));
    assert!(matches!(&report.failed[..], [(failed, Error::Unfinished { .. })] if *failed == key()));
    assert!(local.exists() && complete.exists());
    faults.heal();
    assert_eq!(
        recover(&place, &now().with_remove_local(true)).uploaded,
        [key()]
    );
    assert!(!local.exists() && !complete.exists());
}

#[test]
fn one_failing_log_does_not_stop_the_others() {
    let (place, faults) = Place::faulty();
    for step in ["a", "b", "c"] {
        place.capture(&format!("run1/compute_logs/{step}.err"), "x");
    }
    faults.fail_when(|call| {
        call.path
            .ends_with("/b.err")
            .then(|| remote_store_core::Error::unavailable("faulty", "down"))
    });
    let report = recover(&place, &now());
    assert_eq!((report.uploaded.len(), report.failed.len()), (2, 1));
}

#[test]
fn only_what_looks_like_a_capture_is_taken() {
    let place = Place::memory();
    place.capture("nohup.out", "private");
    place.capture("build/compiler.err", "private");
    place.capture("run1/compute_logs/a.err", "log");
    place.capture("repo/sensor/1700000000.err", "log");
    place.capture("repo/sensor/1700000000.complete", "");
    place.capture("run1/other/b.v2.out", "log");
    place.capture("run1/other/b.v2.err", "log");
    place.capture("run1/compute_logs/c.out.partial", "a viewer's download");
    let report = recover(&place, &now());
    let names: Vec<String> = report.uploaded.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "repo/sensor/1700000000",
            "run1/compute_logs/a",
            "run1/other/b.v2"
        ]
    );
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_not_followed() {
    let place = Place::memory();
    let secret = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(secret.path().join("compute_logs")).unwrap();
    std::fs::write(secret.path().join("compute_logs/x.err"), "secret").unwrap();
    std::fs::create_dir_all(place.staging.path().join("compute_logs")).unwrap();
    std::os::unix::fs::symlink(secret.path(), place.staging.path().join("run2")).unwrap();
    let target = secret.path().join("compute_logs/x.err");
    std::os::unix::fs::symlink(target, place.staging.path().join("compute_logs/y.err")).unwrap();
    assert!(recover(&place, &now()).uploaded.is_empty());
}

#[test]
fn a_wrong_folder_is_an_error_and_not_an_empty_report() {
    let place = Place::memory();
    let error = place
        .run(
            place
                .logs
                .recover(&place.staging.path().join("nowhere"), &now()),
        )
        .unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_cut_log_counts_as_stored() {
    let place = Place::memory().with(|logs| logs.with_max_bytes(1024).unwrap());
    place.capture("run1/compute_logs/step_a.err", "x".repeat(5000));
    assert_eq!(recover(&place, &now()).uploaded, [key()]);
    assert_eq!(recover(&place, &now()).already_stored, [key()]);
}

#[test]
fn many_recoveries_at_once_upload_each_log_once() {
    let (place, faults) = Place::faulty();
    for n in 0..20 {
        place.capture(&format!("run1/compute_logs/{n}.err"), "x");
    }
    faults.pause_each_call(2);
    place.run(async {
        let options = now();
        let recover = || place.logs.recover(place.staging.path(), &options);
        let (one, other) = futures_util::future::join(recover(), recover()).await;
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!(one.uploaded.len() + other.uploaded.len(), 20);
        assert!(one.failed.is_empty() && other.failed.is_empty());
    });
    assert_eq!(faults.count(Operation::Write), 20);
}

/// Names the staging folder for the process that plays the writer in the test below.
const WRITER_DIR: &str = "REMOTE_STORE_TEST_WRITER_DIR";

#[test]
fn a_killed_writer_frees_its_log() {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    if let Some(dir) = std::env::var_os(WRITER_DIR) {
        // The writer: claims its log and works until it is killed (or its parent is gone).
        let files = LocalFiles::new(dir, &key()).unwrap();
        let _claim = Claim::take(&files).unwrap().unwrap();
        std::fs::write(files.stream(ERR), "Traceback").unwrap();
        println!("\nclaimed");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let place = Place::memory();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args([
            "recovering::a_killed_writer_frees_its_log",
            "--exact",
            "--nocapture",
        ])
        .env(WRITER_DIR, place.staging.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap() == "claimed"),
        "the writer did not start"
    );
    assert_eq!(recover(&place, &now()).in_use, [key()]);

    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(
        recover(&place, &RecoverOptions::default()).uploaded,
        [key()]
    );
    assert_eq!(place.stored(FINAL_ERR).unwrap(), b"Traceback");
}

#[test]
fn a_log_under_another_local_name_is_recovered_under_its_own() {
    let place = Place::memory();
    place.capture("run1/compute_logs/0cc175b9.err", "Traceback");
    place.capture("run1/compute_logs/0cc175b9.lock", "run1\0compute_logs\0a/b");
    let real = remote_store_dagster_paths::LogKey::new(["run1", "compute_logs", "a/b"]).unwrap();
    let default = RecoverOptions::default();
    assert_eq!(
        recover(&place, &default).uploaded,
        std::slice::from_ref(&real)
    );
    let path = place.logs.path(&real, ERR, false).unwrap();
    assert_eq!(place.stored(&path).unwrap(), b"Traceback");
    assert_eq!(recover(&place, &default).already_stored, [real]);
}
