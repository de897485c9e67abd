//! Large objects arrive in pieces, side by side and all of one content,
//! whatever the server does meanwhile. Small ones cost one request.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use remote_store_core::{ErrorKind, ReadRange, Store};
use remote_store_tests::s3_server::over_scripted;
use remote_store_tests::scripted::{Request, Scripted, answer};
use remote_store_tests::wait;

const PIECE: usize = 8 << 20;
/// Two pieces and a bit of a third.
const LARGE: usize = 2 * PIECE + 100;
const DATE: (&str, &str) = ("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT");

/// Text that differs at every place and from that of other letters.
fn text(letter: char, size: usize) -> String {
    let lines = (0..=size / 16).map(|line| format!("{letter}{line:014}\n"));
    let mut text: String = lines.collect();
    text.truncate(size);
    text
}

fn store(server: &Scripted) -> Store {
    over_scripted(server).unwrap()
}

/// What a store that knows ranges and conditions makes of a request.
fn ranged(request: &Request, tag: &str, body: &str) -> String {
    if request
        .header("if-match")
        .is_some_and(|wanted| wanted != tag)
    {
        return answer("412 Precondition Failed", &[], "");
    }
    let headers = [("ETag", tag), DATE];
    let Some(range) = request.header("range") else {
        return answer("200 OK", &headers, body);
    };
    let (first, last) = range
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let size = body.len();
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), last) => (size - last.unwrap().min(size), size),
    };
    if start >= end {
        return answer("416 Range Not Satisfiable", &[], "");
    }
    let said = format!("bytes {start}-{}/{size}", end - 1);
    answer(
        "206 Partial Content",
        &[headers[0], headers[1], ("Content-Range", &said)],
        &body[start..end],
    )
}

#[test]
fn a_large_object_is_read_in_pieces_that_are_pinned_to_the_first() {
    let body = Arc::new(text('a', LARGE));
    let held = Arc::clone(&body);
    let server = Scripted::start(move |request, _| ranged(request, "\"v1\"", &held)).unwrap();
    let store = store(&server);
    assert!(wait(store.read_bytes("x")).unwrap() == body.as_bytes());
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.method == "GET"));
    let pins: Vec<_> = asked.iter().map(|one| one.header("if-match")).collect();
    assert_eq!(pins, [None, Some("\"v1\""), Some("\"v1\"")]);

    let reader = wait(store.read("x")).unwrap();
    assert_eq!(reader.info().size, LARGE as u64);
    let streamed: Vec<_> = wait(reader.into_stream().try_collect()).unwrap();
    assert!(streamed.concat() == body.as_bytes());

    for range in [
        ReadRange::From(7),
        ReadRange::Bounded(3..PIECE as u64 + 10),
        ReadRange::Bounded(5..u64::MAX),
        ReadRange::From(LARGE as u64 - 1),
        ReadRange::Suffix(PIECE as u64 + 5),
    ] {
        let wanted = range.resolve(LARGE as u64);
        let wanted =
            &body[usize::try_from(wanted.start).unwrap()..usize::try_from(wanted.end).unwrap()];
        assert!(wait(store.read_range("x", range)).unwrap() == wanted.as_bytes());
    }
}

#[test]
fn an_object_of_one_piece_costs_one_request() {
    for size in [1, 5000, PIECE] {
        let body = text('a', size);
        let server = Scripted::start(move |request, _| ranged(request, "\"v1\"", &body)).unwrap();
        assert_eq!(wait(store(&server).read_bytes("x")).unwrap().len(), size);
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn an_empty_object_is_read_although_it_has_no_first_byte() {
    let server = Scripted::start(|request, _| ranged(request, "\"v1\"", "")).unwrap();
    let store = store(&server);
    assert_eq!(wait(store.read_bytes("x")).unwrap(), "");
    assert_eq!(wait(store.read("x")).unwrap().info().size, 0);
    assert_eq!(wait(store.read_range("x", ReadRange::From(9))).unwrap(), "");
}

#[test]
fn a_server_that_knows_no_ranges_is_asked_for_one_once() {
    let body = Arc::new(text('a', LARGE));
    let held = Arc::clone(&body);
    let server =
        Scripted::start(move |_, _| answer("200 OK", &[("ETag", "\"v1\""), DATE], &held)).unwrap();
    let store = store(&server);
    for requests in [2, 3] {
        assert!(wait(store.read_bytes("x")).unwrap() == body.as_bytes());
        assert_eq!(server.asked().len(), requests);
    }
}

#[test]
fn an_object_without_a_strong_tag_is_read_by_one_request() {
    for tag in ["", "W/\"v1\""] {
        let body = Arc::new(text('a', LARGE));
        let held = Arc::clone(&body);
        let server = Scripted::start(move |request, _| ranged(request, tag, &held)).unwrap();
        assert!(wait(store(&server).read_bytes("x")).unwrap() == body.as_bytes());
        let asked = server.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(asked[1].header("range"), None);
    }
}

/// Serves `a` until so many requests have come, then `b`, `heeding` conditions or not.
fn replacing(after: usize, heeding: bool) -> Scripted {
    let (old, new) = (text('a', LARGE), text('b', LARGE + 10));
    Scripted::start(move |request, before| {
        let (tag, body) = if before < after {
            ("\"v1\"", &old)
        } else {
            ("\"v2\"", &new)
        };
        let asked = if heeding {
            request.clone()
        } else {
            request.without("if-match")
        };
        ranged(&asked, tag, body)
    })
    .unwrap()
}

#[test]
fn an_object_that_is_replaced_meanwhile_is_read_again_whole() {
    for heeding in [true, false] {
        for after in [1, 2] {
            let server = replacing(after, heeding);
            let read = wait(store(&server).read_bytes("x")).unwrap();
            assert!(read == text('b', LARGE + 10).as_bytes());
        }
    }
}

#[test]
fn a_stream_of_a_replaced_object_ends_in_a_conflict() {
    for heeding in [true, false] {
        let server = replacing(1, heeding);
        let mut reader = wait(store(&server).read("x")).unwrap();
        let mut read = Vec::new();
        let err = loop {
            match wait(reader.next_chunk()) {
                Ok(chunk) => read.extend_from_slice(&chunk.expect("the end must not be seen")),
                Err(err) => break err,
            }
        };
        assert_eq!(err.kind(), ErrorKind::Conflict, "{err}");
        assert!(text('a', LARGE).as_bytes().starts_with(&read));
    }
}

#[test]
fn an_object_that_is_replaced_all_the_time_is_a_conflict() {
    let versions = [text('a', LARGE), text('b', LARGE)];
    let server = Scripted::start(move |request, before| {
        let tag = format!("\"v{before}\"");
        ranged(&request.without("if-match"), &tag, &versions[before % 2])
    })
    .unwrap();
    let err = wait(store(&server).read_bytes("x")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::Conflict);
    assert!(err.to_string().contains("x was changed"), "{err}");
}

#[test]
fn an_object_that_is_deleted_meanwhile_is_not_found() {
    let old = text('a', LARGE);
    let server = Scripted::start(move |request, before| {
        if before == 0 {
            ranged(request, "\"v1\"", &old)
        } else {
            answer(
                "404 Not Found",
                &[],
                "<Error><Code>NoSuchKey</Code></Error>",
            )
        }
    })
    .unwrap();
    let err = wait(store(&server).read_bytes("x")).unwrap_err();
    assert_eq!(err.to_string(), "File not found: x");
}

#[test]
fn a_piece_whose_connection_breaks_is_fetched_again_alone() {
    let body = Arc::new(text('a', LARGE));
    let held = Arc::clone(&body);
    // The second request breaks off within its body, the third before its answer.
    let server = Scripted::start(move |request, before| {
        let mut whole = ranged(request, "\"v1\"", &held);
        match before {
            1 => whole.truncate(whole.len() / 2),
            2 => whole.clear(),
            _ => {}
        }
        whole
    })
    .unwrap();
    assert!(wait(store(&server).read_bytes("x")).unwrap() == body.as_bytes());
    let again = server.asked().split_off(3);
    assert_eq!(
        again.len(),
        2,
        "each broken one once more, the first piece not"
    );
    assert!(
        again
            .iter()
            .all(|one| one.header("if-match") == Some("\"v1\""))
    );
}

#[test]
fn who_reads_the_head_of_a_large_object_fetches_no_other_piece() {
    let body = text('a', LARGE);
    let server = Scripted::start(move |request, _| ranged(request, "\"v1\"", &body)).unwrap();
    let mut stream = wait(store(&server).read("x")).unwrap().into_stream();
    assert!(wait(stream.next()).unwrap().is_ok());
    drop(stream);
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_stream_has_four_pieces_under_way_at_a_time_and_no_more() {
    let body = Arc::new(text('a', 7 * PIECE));
    let held = Arc::clone(&body);
    let (under_way, most) = (
        Arc::new((Mutex::new(0_usize), Condvar::new())),
        Arc::new(AtomicUsize::new(0)),
    );
    let (counted, seen) = (Arc::clone(&under_way), Arc::clone(&most));
    let server = Scripted::start(move |request, before| {
        let (count, changed) = &*counted;
        let mut now = count.lock().unwrap();
        *now += 1;
        seen.fetch_max(*now, Ordering::Relaxed);
        changed.notify_all();
        // The first three of the others wait for company, which only comes when they do not come one by one.
        if (1..=3).contains(&before) {
            let limit = Duration::from_mins(1);
            let (held, late) = changed
                .wait_timeout_while(now, limit, |_| seen.load(Ordering::Relaxed) < 3)
                .unwrap();
            assert!(!late.timed_out(), "pieces come one by one");
            now = held;
        }
        *now -= 1;
        drop(now);
        ranged(request, "\"v1\"", &held)
    })
    .unwrap();
    let reader = wait(store(&server).read("x")).unwrap();
    let streamed: Vec<_> = wait(reader.into_stream().try_collect()).unwrap();
    assert!(streamed.concat() == body.as_bytes());
    assert_eq!(server.asked().len(), 7);
    assert!((3..=4).contains(&most.load(Ordering::Relaxed)));
}

#[test]
fn a_large_object_that_goes_into_one_buffer_waits_for_two_answers() {
    let body = Arc::new(text('a', 11 * PIECE));
    let held = Arc::clone(&body);
    let together = Arc::new((Mutex::new(0_usize), Condvar::new()));
    let met = Arc::clone(&together);
    let server = Scripted::start(move |request, before| {
        // All but the first wait for each other.
        if before > 0 {
            let (count, changed) = &*met;
            let mut now = count.lock().unwrap();
            *now += 1;
            changed.notify_all();
            let limit = Duration::from_mins(1);
            let (_held, late) = changed
                .wait_timeout_while(now, limit, |come| *come < 8)
                .unwrap();
            assert!(!late.timed_out(), "some pieces wait for others");
        }
        ranged(request, "\"v1\"", &held)
    })
    .unwrap();
    assert!(wait(store(&server).read_bytes("x")).unwrap() == body.as_bytes());
    assert_eq!(server.asked().len(), 9);
}
