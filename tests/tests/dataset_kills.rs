//! A writer of datasets is killed at every storage call and at many other moments: the dataset
//! that was committed last is read whole after each, from a local folder and from S3.
//!
//! Large writes go to S3 as uploads in parts, and are killed before and after each request of one.
//!
//! The S3 is the server of the environment, or one in memory without it. With
//! `REMOTE_STORE_TEST_KILLS=2000` each test at seeded moments makes so many kills, instead of 120
//! of small writes and 10 of large ones.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

#[path = "dataset_kills/place.rs"]
mod place;
#[path = "dataset_kills/requests.rs"]
mod requests;
#[path = "dataset_kills/writer.rs"]
mod writer;

use std::time::{Duration, Instant};

use place::Place;
use remote_store_core::{ListOptions, runtime};
use remote_store_parquet_dataset::DatasetStore;
use writer::{Child, End, KEY, SHAPES, Shape, check, write};

const KILLS: usize = 120;
/// Kills of an upload of many megabytes, which takes longer.
const UPLOAD_KILLS: usize = 10;
/// More calls than any write here makes.
const MOST_CALLS: usize = 200;
/// A writer is left alone for as long as two writes take, and this at least.
const LONGEST_MICROS: u64 = 12_000;

/// Numbers that are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn block_on<T>(datasets: &DatasetStore, work: impl Future<Output = T>) -> T {
    runtime::block_on(datasets.store().driver(), work).unwrap()
}

/// What was committed last, or the one after it, is there whole; which of them.
fn survivor(datasets: &DatasetStore, shape: Shape, committed: i64, what: &str) -> i64 {
    let look = || {
        let manifest = block_on(datasets, datasets.read_manifest(KEY)).unwrap();
        let table = block_on(datasets, datasets.read(KEY, None));
        let table = table.unwrap_or_else(|error| panic!("{what}: {error}"));
        let found = check(&table, shape).unwrap_or_else(|error| panic!("{what}: {error}"));
        (manifest.run_id, found)
    };
    let (mut run_id, mut found) = look();
    if run_id != Some(found.to_string()) {
        // A server may carry out the last request of the dead between the two.
        (run_id, found) = look();
    }
    assert_eq!(run_id, Some(found.to_string()), "{what}");
    assert!(
        (committed..=committed + 1).contains(&found),
        "{what}: generation {committed} was committed, {found} is there"
    );
    found
}

/// Nothing but one dataset is left after the next write and a vacuum.
fn assert_clean(datasets: &DatasetStore, generation: i64, shape: Shape) {
    write(datasets, generation, shape).unwrap();
    let parts = block_on(datasets, datasets.read_manifest(KEY))
        .unwrap()
        .parts
        .len();
    let left = || {
        block_on(datasets, datasets.vacuum("", Duration::ZERO)).unwrap();
        let listed = datasets
            .store()
            .list("", &ListOptions::recursive())
            .unwrap();
        block_on(datasets, futures_util::StreamExt::count(listed))
    };
    // A store that tells whole seconds lets a vacuum see what is older than the last one.
    let begun = Instant::now();
    while left() != parts + 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "orphans stay");
        std::thread::yield_now();
    }
    let found = survivor(datasets, shape, generation, "after a vacuum");
    assert_eq!(found, generation);
}

fn killed_at_every_call(place: &Place, shapes: &[Shape]) {
    for shape in shapes.iter().copied() {
        let datasets = DatasetStore::new(place.store(shape));
        write(&datasets, 1, shape).unwrap();
        let mut last = 1;
        let mut ended = false;
        for call in 1..MOST_CALLS {
            let mut child = Child::start(place, shape, last + 1, Some(call));
            let (end, committed) = child.wait_for_end(last);
            child.kill();
            last = survivor(
                &datasets,
                shape,
                committed,
                &format!("{shape:?}, killed at call {call}"),
            );
            ended = end == End::Committed;
            if ended {
                assert!(call > 4, "{shape:?} made {call} calls only");
                break;
            }
        }
        assert!(ended, "{shape:?} makes more than {MOST_CALLS} calls");
        assert_clean(&datasets, last + 1, shape);
    }
}

/// As many as are asked for, or the usual number.
fn kills(usual: usize) -> usize {
    let asked = std::env::var("REMOTE_STORE_TEST_KILLS").ok();
    asked.map_or(usual, |kills| kills.parse().expect("a number of kills"))
}

fn killed_at_seeded_moments(place: &Place, shapes: &[Shape], kills: usize, seed: u64) {
    let mut seeded = Seeded(seed);
    for shape in shapes.iter().copied() {
        let datasets = DatasetStore::new(place.store(shape));
        write(&datasets, 1, shape).unwrap();
        let begun = Instant::now();
        write(&datasets, 2, shape).unwrap();
        let longest = 2 * u64::try_from(begun.elapsed().as_micros()).unwrap();
        let mut last = 2;
        for kill in 0..kills / shapes.len() {
            let mut child = Child::start(place, shape, last + 1, None);
            child.wait_until_it_writes();
            let moment = Duration::from_micros(seeded.next(longest.max(LONGEST_MICROS)));
            let begun = Instant::now();
            while begun.elapsed() < moment {
                std::thread::yield_now();
            }
            child.kill();
            let committed = child.last_committed(last);
            last = survivor(
                &datasets,
                shape,
                committed,
                &format!("{shape:?}, kill {kill} of seed {seed}"),
            );
        }
        assert_clean(&datasets, last + 1, shape);
    }
}

#[test]
fn the_committed_dataset_outlives_a_kill_at_every_call_on_local() {
    killed_at_every_call(&Place::local(), &SHAPES);
}

#[test]
fn the_committed_dataset_outlives_kills_at_seeded_moments_on_local() {
    killed_at_seeded_moments(&Place::local(), &SHAPES, kills(KILLS), 0x5EED_0001);
}

#[test]
fn the_committed_dataset_outlives_a_kill_at_every_call_on_s3() {
    match Place::s3("calls") {
        Ok(place) => killed_at_every_call(&place, &SHAPES),
        Err(why) => eprintln!("{why}"),
    }
}

#[test]
fn the_committed_dataset_outlives_kills_at_seeded_moments_on_s3() {
    match Place::s3("moments") {
        Ok(place) => killed_at_seeded_moments(&place, &SHAPES, kills(KILLS), 0x5EED_0002),
        Err(why) => eprintln!("{why}"),
    }
}

#[test]
fn the_committed_dataset_outlives_a_kill_at_every_call_of_a_large_write_on_local() {
    killed_at_every_call(&Place::local(), &[Shape::Upload]);
}

#[test]
fn the_committed_dataset_outlives_kills_within_a_large_write_on_local() {
    let kills = kills(UPLOAD_KILLS);
    killed_at_seeded_moments(&Place::local(), &[Shape::Upload], kills, 0x5EED_0003);
}

#[test]
fn the_committed_dataset_outlives_kills_within_an_upload_in_parts_on_s3() {
    let kills = kills(UPLOAD_KILLS);
    match Place::s3("uploads") {
        Ok(place) => killed_at_seeded_moments(&place, &[Shape::Upload], kills, 0x5EED_0004),
        Err(why) => eprintln!("{why}"),
    }
}

#[test]
fn the_committed_dataset_outlives_a_kill_around_every_request_of_an_upload_in_parts_on_s3() {
    match Place::s3("requests") {
        Ok(place) => requests::killed_around_every_request(&place),
        Err(why) => eprintln!("{why}"),
    }
}

#[test]
#[ignore = "the process that the other tests kill; they start it"]
fn the_writer_that_is_killed() {
    writer::run();
}
