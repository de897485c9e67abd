#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use bytes::Bytes;
use futures_util::StreamExt;

use super::*;
use crate::backend::ObjectWriter;
use crate::error::ErrorKind;
use crate::model::WriteOptions;
use crate::runtime::{block_on, block_on_interruptible};
use crate::testkit::faults::{FaultyBackend, Operation};

fn filled(count: usize) -> (Store, crate::testkit::faults::Faults, Vec<String>) {
    let (store, faults) = FaultyBackend::over_memory();
    let paths: Vec<String> = (0..count).map(|n| format!("{n:03}")).collect();
    block_on(store.driver(), async {
        for path in &paths {
            store
                .write(path, path.clone().into(), &WriteOptions::create())
                .await
                .unwrap();
        }
    })
    .unwrap();
    faults.forget_calls();
    faults.pause_each_call(3);
    (store, faults, paths)
}

#[test]
fn many_reads_keep_to_their_window() {
    let (store, faults, paths) = filled(50);
    let read = block_on(
        store.driver(),
        store.read_many(paths, 8).collect::<Vec<_>>(),
    )
    .unwrap();
    assert_eq!(read.len(), 50);
    assert_eq!(faults.max_in_flight(), 8);
}

#[test]
fn the_first_error_in_order_cancels_what_is_under_way() {
    let (store, faults, paths) = filled(50);
    // The later failure is met first: 12 is opened long before 10 is done.
    faults.fail_when(|call| {
        ["010", "012"]
            .contains(&call.path.as_str())
            .then(|| Error::unavailable("faulty", call.path.clone()))
    });
    let read = block_on(
        store.driver(),
        store.read_many(paths, 8).collect::<Vec<_>>(),
    )
    .unwrap();
    assert_eq!(read.len(), 11, "ten objects and the error");
    assert_eq!(read[10].as_ref().unwrap_err().to_string(), "010");
    let opened = faults.count(Operation::Read);
    assert!(opened <= 10 + 8, "{opened} reads were begun");
}

#[test]
fn a_dropped_stream_reads_no_further() {
    let (store, faults, paths) = filled(50);
    let mut stream = store.read_many(paths, 4);
    block_on(store.driver(), stream.next())
        .unwrap()
        .unwrap()
        .unwrap();
    drop(stream);
    assert!(faults.count(Operation::Read) <= 5);
    assert!(faults.count(Operation::Read) >= 1);
}

#[test]
fn a_required_capability_is_named_with_those_there_are() {
    let store = Store::memory();
    store.require(Capability::Read).unwrap();
    let err = store.require(Capability::LazyRead).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::CapabilityNotSupported);
    assert!(
        err.to_string()
            .starts_with("Capability 'lazy_read' is not supported. Supported: ['read', "),
        "{err}"
    );
}

#[test]
fn stores_are_equal_by_backend_and_root() {
    let store = Store::memory();
    assert_eq!(store, store.clone());
    assert_eq!(store, store.child("").unwrap());
    assert_ne!(store, store.child("a").unwrap());
    assert_ne!(store, Store::memory());
}

#[test]
fn deleting_many_asks_the_backend_once() {
    let (store, faults, paths) = filled(20);
    block_on(store.driver(), store.delete_many(paths))
        .unwrap()
        .unwrap();
    assert_eq!(faults.calls().len(), 1);
}

/// A writer over memory with "old" at its name, half written.
fn half_written(faults: &crate::testkit::faults::Faults, store: &Store) -> Box<dyn ObjectWriter> {
    faults.heal();
    block_on(store.driver(), async {
        let old = WriteOptions::overwrite();
        store.write("x", "old".into(), &old).await.unwrap();
        let mut writer = store.writer("x", &old).await.unwrap();
        writer.write("half".into()).await.unwrap();
        writer
    })
    .unwrap()
}

fn assert_nothing_is_finished(store: &Store, mut writer: Box<dyn ObjectWriter>) {
    block_on(store.driver(), async {
        let more = writer.write(" more".into()).await.unwrap_err();
        assert_eq!(more.kind(), ErrorKind::BackendUnavailable);
        let refused = writer.finish().await.unwrap_err();
        assert!(refused.to_string().contains("write the object again"));
        assert_eq!(store.read_bytes("x").await.unwrap(), "old");
    })
    .unwrap();
}

#[test]
fn an_object_is_not_finished_after_a_write_that_failed() {
    let (store, faults) = FaultyBackend::over_memory();
    let mut writer = half_written(&faults, &store);
    faults.fail_when(|call| {
        (call.operation == Operation::WriterChunk).then(|| Error::unavailable("faulty", "full"))
    });
    let failed = block_on(store.driver(), writer.write(" lost".into())).unwrap();
    assert_eq!(failed.unwrap_err().to_string(), "full");
    faults.heal();
    assert_nothing_is_finished(&store, writer);
}

#[test]
fn an_object_is_not_finished_after_a_write_that_was_cut_off() {
    let (store, faults) = FaultyBackend::over_memory();
    let mut writer = half_written(&faults, &store);
    faults.pause_each_call(usize::MAX);
    let cut_off = block_on_interruptible(store.driver(), writer.write(" lost".into()), || {
        Err(Error::unavailable("test", "interrupted"))
    });
    assert_eq!(cut_off.unwrap_err().to_string(), "interrupted");
    faults.pause_each_call(0);
    assert_nothing_is_finished(&store, writer);
}

/// Replaces the object between two fetches of its parts, `times` times.
fn replaced_while_read(times: usize) -> (Store, Vec<std::ops::Range<u64>>) {
    let backend: Arc<dyn Backend> = Arc::new(MemoryBackend::new());
    let plain = Store::new(Arc::clone(&backend), Prefix::root());
    let (store, faults) = FaultyBackend::over(backend);
    let put = move |mark: u8| {
        let bytes = Bytes::from(vec![mark; 1 << 20]);
        block_on(
            plain.driver(),
            plain.write("x", bytes, &WriteOptions::overwrite()),
        )
        .unwrap()
        .unwrap();
    };
    put(0);
    let mut reads = 0;
    faults.fail_when(move |call| {
        if call.operation == Operation::Read {
            reads += 1;
            if reads % 2 == 0 && reads / 2 <= times {
                put(u8::try_from(reads / 2).unwrap());
            }
        }
        None
    });
    (store, vec![0..10, 900_000..900_010])
}

#[test]
fn the_parts_of_an_object_are_of_one_content() {
    let (store, ranges) = replaced_while_read(3);
    let parts = block_on(store.driver(), store.get_ranges("x", &ranges))
        .unwrap()
        .unwrap();
    assert_eq!(parts, [vec![3_u8; 10], vec![3_u8; 10]]);
}

#[test]
fn an_object_that_is_replaced_all_the_time_is_a_conflict() {
    let (store, ranges) = replaced_while_read(usize::MAX);
    let err = block_on(store.driver(), store.get_ranges("x", &ranges))
        .unwrap()
        .unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Conflict);
}

#[test]
fn no_ranges_of_a_missing_object_are_missing() {
    let store = Store::memory();
    let empty = 3..3;
    for ranges in [&[][..], std::slice::from_ref(&empty)] {
        let err = block_on(store.driver(), store.get_ranges("no/such", ranges))
            .unwrap()
            .unwrap_err();
        assert_eq!(err.kind(), ErrorKind::NotFound);
    }
}
