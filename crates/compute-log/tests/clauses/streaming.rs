//! Segments and compression: what is written, what it costs, what reads it.

use remote_store_compute_log::{
    Compression, GcOptions, LogSource, LogStore, RecoverOptions, Uploaded,
};
use remote_store_core::testkit::faults::{Faults, Operation};
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::support::*;

const SEGMENTS_OUT: &str = "dagster/storage/run1/compute_logs/step_a.out.seg";
const COMPRESSED_OUT: &str = "dagster/storage/run1/compute_logs/step_a.out.zst";

on_each_backend!(
    a_running_log_is_read_while_it_grows_and_when_it_is_finished,
    everything_of_a_streamed_log_is_deleted,
    old_logs_go_and_running_ones_stay,
);

fn streaming(place: Place, compression: Compression) -> Place {
    place.with(|logs| logs.with_streaming(compression))
}

fn upload(place: &Place, local: &Path) -> Uploaded {
    place
        .run(place.logs.upload(&key(), OUT, local, true))
        .unwrap()
}

fn finish(place: &Place, local: &Path) {
    let finished = place.run(place.logs.finish(&key(), &[(OUT, local)]));
    assert!(finished.cleanup.is_ok());
    finished.into_result().unwrap();
}

fn read(place: &Place, logs: &LogStore, offset: u64, max_bytes: u64) -> (String, u64, bool) {
    let chunk = place
        .run(logs.read_chunk(&key(), OUT, offset, max_bytes))
        .unwrap();
    (
        String::from_utf8(chunk.data.to_vec()).unwrap(),
        chunk.next_offset,
        chunk.complete,
    )
}

fn below(place: &Place, folder: &str) -> Vec<String> {
    let page = place
        .run(place.logs.store().list_page(folder, None, 10_000))
        .unwrap();
    let names = page.objects.iter().map(|object| object.key.to_string());
    names.collect()
}

/// Another process that looks at the same store.
fn viewer(place: &Place) -> LogStore {
    LogStore::new(place.logs.store().clone(), "dagster").with_streaming(Compression::zstd())
}

fn a_running_log_is_read_while_it_grows_and_when_it_is_finished(place: Place) {
    for compression in [Compression::None, Compression::zstd()] {
        let place = streaming(Place::over_store(place.logs.store().clone()), compression);
        let viewer = viewer(&place);
        assert_eq!(read(&place, &viewer, 0, 100), (String::new(), 0, false));
        let local = place.capture("a.out", "one\n");
        assert!(upload(&place, &local).is_stored());
        assert_eq!(upload(&place, &local), Uploaded::SkippedUnchanged);
        assert_eq!(read(&place, &viewer, 0, 100), ("one\n".into(), 4, false));
        place.capture("a.out", "one\ntwo 🦀");
        assert!(upload(&place, &local).is_stored());
        assert_eq!(read(&place, &viewer, 4, 100), ("two 🦀".into(), 12, false));
        assert_eq!(read(&place, &viewer, 2, 7), ("e\ntwo ".into(), 8, false));
        assert_eq!(read(&place, &viewer, 12, 100), (String::new(), 12, false));
        let tail = place.run(viewer.tail(&key(), OUT, 6)).unwrap();
        assert_eq!(
            (&tail.data[..], tail.source),
            ("o 🦀".as_bytes(), LogSource::Partial)
        );
        assert_eq!(below(&place, SEGMENTS_OUT).len(), 2);
        place.capture("a.out", "one\ntwo 🦀\nend");
        finish(&place, &local);
        assert_eq!(below(&place, SEGMENTS_OUT), Vec::<String>::new());
        assert_eq!(read(&place, &viewer, 12, 100), ("\nend".into(), 16, true));
        assert_eq!(read(&place, &viewer, 0, 4), ("one\n".into(), 4, false));
        let tail = place.run(viewer.tail(&key(), OUT, 7)).unwrap();
        assert_eq!((&tail.data[..], tail.complete), ("\nend".as_bytes(), true));
        let local = place.staging.path().join("downloaded");
        let size = place
            .run(viewer.download(&key(), OUT, false, &local))
            .unwrap();
        assert_eq!((size, std::fs::read(local).unwrap().len()), (16, 16));
        assert_eq!(
            place
                .run(viewer.list_keys(&["run1".into(), "compute_logs".into()], OUT))
                .unwrap(),
            [key()]
        );
        place.run(place.logs.delete(&key())).unwrap();
    }
}

#[test]
fn a_finished_log_is_in_one_form_only_and_the_plain_one_is_everybodys() {
    let place = streaming(Place::memory(), Compression::None);
    let local = place.capture("a.out", "plain");
    finish(&place, &local);
    let first = LogStore::new(place.logs.store().clone(), "dagster");
    assert_eq!(read(&place, &first, 0, 100), ("plain".into(), 5, true));
    assert!(place.run(first.has_logs(&key(), OUT, false)).unwrap());
    // The same log, captured again by a manager that compresses.
    let place = streaming(place, Compression::zstd());
    place.capture("a.out", "compressed");
    finish(&place, &local);
    assert_eq!(place.stored(FINAL_OUT), None);
    assert_eq!(
        read(&place, &place.logs, 0, 100),
        ("compressed".into(), 10, true)
    );
    assert!(!place.run(first.has_logs(&key(), OUT, false)).unwrap());
}

#[test]
fn logs_of_a_store_without_streaming_are_read_running_and_finished() {
    let place = streaming(Place::memory(), Compression::zstd());
    place.put(PARTIAL_OUT, "one");
    assert_eq!(read(&place, &place.logs, 0, 100), ("one".into(), 3, false));
    place.put(FINAL_OUT, "one two");
    assert_eq!(read(&place, &place.logs, 3, 100), (" two".into(), 7, true));
    assert!(place.run(place.logs.has_logs(&key(), OUT, false)).unwrap());
}

/// Twenty uploads of a log that grows to `total` bytes; what was written in all.
fn grown(place: &Place, faults: &Faults, total: usize) -> u64 {
    let line = b"2026-01-01 00:00:00 - a line of a log\n";
    let log: Vec<u8> = line.iter().copied().cycle().take(total).collect();
    let local = place.capture("a.out", "");
    let mut sent = 0;
    for turn in 1..=20 {
        place.capture("a.out", &log[..total * turn / 20]);
        if let Uploaded::Stored { stored_bytes, .. } = upload(place, &local) {
            sent += stored_bytes;
        }
    }
    assert_eq!(faults.count(Operation::Write), 20);
    sent
}

#[test]
fn writing_a_running_log_sends_each_byte_once() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::None);
    assert_eq!(grown(&place, &faults, 1_000_000), 1_000_000);
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::zstd());
    assert!(grown(&place, &faults, 1_000_000) < 100_000);
}

#[test]
fn following_a_running_log_costs_a_listing_and_a_segment_for_each_poll() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::zstd());
    let viewer = viewer(&place);
    let mut offset = 0;
    for turn in 1..=10_u32 {
        let local = place.capture("a.out", "a line\n".repeat(turn as usize));
        upload(&place, &local);
        if turn == 1 {
            // The first poll looks everywhere.
            offset = read(&place, &viewer, offset, 1000).1;
            faults.forget_calls();
            continue;
        }
        let (text, next, _) = read(&place, &viewer, offset, 1000);
        assert_eq!(text, "a line\n");
        offset = next;
    }
    assert_eq!(
        (faults.count(Operation::List), faults.count(Operation::Read)),
        (9, 9)
    );
}

#[test]
fn chunks_within_one_compressed_segment_fetch_it_once() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::zstd());
    let local = place.capture("a.out", "x".repeat(1000));
    upload(&place, &local);
    let viewer = viewer(&place);
    read(&place, &viewer, 0, 100);
    faults.forget_calls();
    for offset in (100..1000).step_by(100) {
        assert_eq!(read(&place, &viewer, offset, 100).0.len(), 100);
    }
    assert_eq!(
        (faults.count(Operation::List), faults.count(Operation::Read)),
        (9, 0)
    );
}

#[test]
fn a_finished_compressed_log_costs_its_table_once_and_one_ranged_read_for_each_chunk() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::zstd());
    // Text that does not compress into the first request.
    let mut state = 1_u32;
    let log: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from(state >> 25).unwrap() % 90)
    })
    .take(1_000_000)
    .collect();
    let local = place.capture("a.out", &log);
    finish(&place, &local);
    let viewer = viewer(&place);
    faults.forget_calls();
    let (mut offset, mut all) = (0, String::new());
    for _ in 0..10 {
        let (text, next, _) = read(&place, &viewer, offset, 100_000);
        all.push_str(&text);
        offset = next;
    }
    assert_eq!(all, log);
    assert_eq!(
        (faults.count(Operation::Read), faults.calls().len()),
        (11, 11)
    );
    assert_eq!(
        read(&place, &viewer, offset, 100_000),
        (String::new(), 1_000_000, true)
    );
    assert_eq!(faults.calls().len(), 11);
}

#[test]
fn a_log_over_the_cap_keeps_its_head_and_its_newest_lines_while_it_runs() {
    let place = streaming(Place::memory(), Compression::None)
        .with(|logs| logs.with_max_bytes(1000).unwrap());
    let lines: Vec<String> = (0..1000).map(|n| format!("{n:09}\n")).collect();
    let log = lines.concat();
    let local = place.capture("a.out", "");
    for end in (100..=10_000).step_by(100) {
        place.capture("a.out", &log[..end]);
        upload(&place, &local);
        let segments = below(&place, SEGMENTS_OUT).len();
        assert!(segments <= 12, "{segments} segments of 100 bytes at {end}");
    }
    let viewer = viewer(&place);
    assert_eq!(read(&place, &viewer, 0, 10_000).0, log[..500]);
    let (line, next, _) = read(&place, &viewer, 500, 10_000);
    assert!(line.contains("9000 bytes cut here"), "{line}");
    assert_eq!(
        read(&place, &viewer, next, 10_000),
        (log[9500..].into(), 10_000, false)
    );
    finish(&place, &local);
    assert!(place.stored(FINAL_OUT).unwrap().len() <= 1000);
}

#[test]
fn a_log_that_is_captured_again_replaces_the_one_before() {
    for compression in [Compression::None, Compression::zstd()] {
        let place = streaming(Place::memory(), compression);
        let local = place.capture("a.out", "the first capture");
        upload(&place, &local);
        finish(&place, &local);
        place.logs.begin(&key());
        place.capture("a.out", "again");
        assert!(upload(&place, &local).is_stored());
        assert_eq!(
            read(&place, &viewer(&place), 0, 100),
            ("again".into(), 5, false)
        );
        finish(&place, &local);
        assert_eq!(
            read(&place, &viewer(&place), 0, 100),
            ("again".into(), 5, true)
        );
    }
}

#[test]
fn a_file_that_was_begun_anew_leaves_nothing_of_the_old_one() {
    let place = streaming(Place::memory(), Compression::zstd());
    let local = place.capture("a.out", "a long first capture");
    upload(&place, &local);
    place.capture("a.out", "short");
    upload(&place, &local);
    assert_eq!(
        read(&place, &viewer(&place), 0, 100),
        ("short".into(), 5, false)
    );
}

#[test]
fn segments_of_a_killed_worker_go_when_its_log_is_recovered() {
    let place = streaming(Place::memory(), Compression::zstd());
    let local = place.capture("run1/compute_logs/step_a.out", "all of it");
    upload(&place, &local);
    // Another process, which knows of no segment.
    let other =
        LogStore::new(place.logs.store().clone(), "dagster").with_streaming(Compression::zstd());
    let now = RecoverOptions::default().with_idle(Duration::ZERO);
    for uploaded in [1, 0] {
        let found = place
            .run(other.recover(place.staging.path(), &now))
            .unwrap();
        assert_eq!(
            (found.uploaded.len(), found.already_stored.len()),
            (uploaded, 1 - uploaded)
        );
    }
    assert_eq!(below(&place, SEGMENTS_OUT), Vec::<String>::new());
    assert_eq!(read(&place, &other, 0, 100), ("all of it".into(), 9, true));
}

#[test]
fn a_segment_under_way_while_the_step_ends_removes_itself() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::None);
    let out = place.capture("a.out", "out");
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
        let left = below(&place, &format!("dagster/storage/run/{pauses}.out.seg"));
        assert_eq!(left, Vec::<String>::new(), "{pauses}");
    }
}

#[test]
fn finishing_a_streamed_step_costs_one_write_for_each_stream_and_one_bulk_delete() {
    let (place, faults) = Place::faulty();
    let place = streaming(place, Compression::zstd());
    let (out, err) = (place.capture("a.out", "out"), place.capture("a.err", "err"));
    upload(&place, &out);
    faults.forget_calls();
    let finished = place.run(place.logs.finish(&key(), &[(OUT, &out), (ERR, &err)]));
    assert!(finished.is_stored());
    assert_eq!(faults.count(Operation::Write), 2);
    assert_eq!(
        (faults.count(Operation::DeleteMany), faults.calls().len()),
        (1, 3)
    );
}

#[test]
fn a_damaged_log_is_an_error_that_names_it() {
    let place = streaming(Place::memory(), Compression::zstd());
    place.put(COMPRESSED_OUT, "no zstd");
    let error = place
        .run(place.logs.read_chunk(&key(), OUT, 0, 100))
        .unwrap_err();
    assert!(error.to_string().contains("step_a.out.zst"), "{error}");
}

fn everything_of_a_streamed_log_is_deleted(place: Place) {
    let place = streaming(place, Compression::zstd());
    let local = place.capture("a.out", "running");
    upload(&place, &local);
    place.put(FINAL_ERR, "of another manager");
    place.run(viewer(&place).delete(&key())).unwrap();
    assert_eq!(below(&place, "dagster"), Vec::<String>::new());
    upload(&place, &local);
    place
        .run(place.logs.delete_prefix(&["run1".into()]))
        .unwrap();
    assert_eq!(below(&place, "dagster"), Vec::<String>::new());
}

fn old_logs_go_and_running_ones_stay(place: Place) {
    let place = streaming(place, Compression::zstd());
    let local = place.capture("a.out", "running");
    upload(&place, &local);
    let folder = "dagster/storage";
    for name in [
        "run2/compute_logs/x.out.zst",
        "run2/compute_logs/x.err",
        "run3/compute_logs/y.err",
    ] {
        place.put(&format!("{folder}/{name}"), "log");
    }
    place.put("dagster/storage/run2/notes.txt", "no log");
    let day = Duration::from_hours(24);
    let in_a_month = SystemTime::now() + 31 * day;
    let options = GcOptions::new(30 * day).with_keep(["run3".to_owned()]);
    assert_eq!(place.run(place.logs.gc(&options)).unwrap().recent, 3);
    let options = options.with_now(in_a_month);
    let dry = options.clone().with_dry_run(true);
    let planned = place.run(place.logs.gc(&dry)).unwrap();
    assert_eq!(planned.deleted, ["run2/compute_logs/x"]);
    assert_eq!(
        planned.running,
        ["run1/compute_logs/step_a", "run3/compute_logs/y"]
    );
    assert_eq!(below(&place, folder).len(), 5);
    assert_eq!(place.run(place.logs.gc(&options)).unwrap(), planned);
    assert_eq!(below(&place, folder).len(), 3);
    let abandoned = options.with_abandoned(true);
    assert_eq!(
        place.run(place.logs.gc(&abandoned)).unwrap().deleted,
        ["run1/compute_logs/step_a"]
    );
}

#[test]
fn a_log_that_a_worker_of_this_machine_has_locked_stays() {
    use remote_store_compute_log::{Claim, LocalFiles};
    let place = Place::memory();
    place.put(PARTIAL_ERR, "working");
    let files = LocalFiles::new(place.staging.path(), &key()).unwrap();
    let claim = Claim::take(&files).unwrap().unwrap();
    let options = GcOptions::new(Duration::ZERO)
        .with_now(SystemTime::now() + Duration::from_mins(1))
        .with_abandoned(true)
        .with_local_dir(place.staging.path());
    let held = place.run(place.logs.gc(&options)).unwrap();
    assert_eq!((held.deleted.len(), held.running.len()), (0, 1));
    drop(claim);
    assert_eq!(place.run(place.logs.gc(&options)).unwrap().deleted.len(), 1);
}

#[test]
fn a_log_whose_lock_is_shared_by_several_writers_is_in_use() {
    let place = Place::memory();
    place.capture("run1/compute_logs/step_a.err", "working");
    let lock = place.capture("run1/compute_logs/step_a.lock", "");
    // As the writers in Python take it.
    let writer = std::fs::File::open(&lock).unwrap();
    writer.try_lock_shared().unwrap();
    let dry = RecoverOptions::default().with_dry_run(true);
    for options in [dry, RecoverOptions::default()] {
        let found = place.run(place.logs.recover(place.staging.path(), &options));
        assert_eq!(found.unwrap().in_use, [key()]);
    }
    drop(writer);
    let found = place.run(place.logs.recover(place.staging.path(), &dry));
    assert_eq!(found.unwrap().uploaded, [key()]);
}
