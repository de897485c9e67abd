//! The http backend against a server that answers as told: ranges and their
//! absence, bodies that end early, redirects, refusals, and who gets credentials.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;
use std::time::Duration;

use remote_store_core::backends::{HttpBackend, HttpOptions};
use remote_store_core::{ErrorKind, Prefix, ReadRange, Store};
use remote_store_credential_masking::Secret;
use remote_store_tests::faults::everything;
use remote_store_tests::scripted::{Request, Scripted, answer};
use remote_store_tests::wait;

const TEXT: &str = "0123456789";
const TAG: (&str, &str) = ("ETag", "\"v1\"");

fn options(url: &str) -> HttpOptions {
    let mut options = HttpOptions::new(url).unwrap();
    options.transport.retry.backoff_base = Duration::from_millis(1);
    options
}

fn over(options: HttpOptions) -> Store {
    Store::new(Arc::new(HttpBackend::new(options).unwrap()), Prefix::root())
}

fn store(server: &Scripted) -> Store {
    over(options(&format!("{}/data", server.url)))
}

/// What a server that knows ranges makes of one, for `TEXT`.
fn ranged(request: &Request) -> String {
    let Some(range) = request.header("range") else {
        return answer("200 OK", &[TAG], TEXT);
    };
    let (first, last) = range
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let size = TEXT.len();
    let (start, end) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, (last + 1).min(size)),
        (Ok(first), Err(_)) => (first, size),
        (Err(_), Ok(suffix)) => (size.saturating_sub(suffix), size),
        (Err(_), Err(_)) => unreachable!("the client asked for {range}"),
    };
    if start >= size {
        let beyond = format!("bytes */{size}");
        return answer(
            "416 Range Not Satisfiable",
            &[("Content-Range", &beyond)],
            "",
        );
    }
    let said = format!("bytes {start}-{}/{size}", end - 1);
    answer(
        "206 Partial Content",
        &[TAG, ("Content-Range", &said)],
        &TEXT[start..end],
    )
}

/// The head of an answer without its body.
fn head_only(answer: &str) -> String {
    answer
        .split_inclusive("\r\n\r\n")
        .next()
        .unwrap()
        .to_owned()
}

fn of_ranges() -> Vec<(ReadRange, &'static str)> {
    vec![
        (ReadRange::All, TEXT),
        (ReadRange::Bounded(2..5), "234"),
        (ReadRange::Bounded(8..50), "89"),
        (ReadRange::Bounded(3..3), ""),
        (ReadRange::Bounded(50..60), ""),
        (ReadRange::From(7), "789"),
        (ReadRange::From(10), ""),
        (ReadRange::Suffix(3), "789"),
        (ReadRange::Suffix(0), ""),
        (ReadRange::Suffix(99), TEXT),
    ]
}

#[test]
fn every_range_is_read_with_ranges_without_them_and_without_a_length() {
    let with = Scripted::start(|request, _| match request.method.as_str() {
        "HEAD" => head_only(&answer("200 OK", &[TAG], TEXT)),
        _ => ranged(request),
    });
    let without = Scripted::start(|request, _| {
        let whole = answer("200 OK", &[], TEXT);
        if request.method == "HEAD" {
            head_only(&whole)
        } else {
            whole
        }
    });
    let chunked = Scripted::start(|request, _| {
        let headers = [("Transfer-Encoding", "chunked")];
        let whole = answer("200 OK", &headers, "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n");
        if request.method == "HEAD" {
            head_only(&whole)
        } else {
            whole
        }
    });
    for server in [with, without, chunked] {
        let store = store(&server.unwrap());
        for (range, expected) in of_ranges() {
            let read = wait(store.read_range("a", range.clone())).unwrap();
            assert_eq!(read, expected, "{range:?}");
        }
        assert_eq!(
            wait(store.get_ranges("a", &[7..9, 0..2])).unwrap(),
            ["78", "01"]
        );
    }
}

#[test]
fn a_body_that_ends_early_goes_on_where_it_ended() {
    let cut = |whole: &str, bytes: usize| whole[..whole.len() - bytes].to_owned();
    let with = Scripted::start(move |request, before| match before {
        0 => cut(&ranged(request), 6),
        1 => cut(&ranged(request), 2),
        _ => ranged(request),
    })
    .unwrap();
    assert_eq!(wait(store(&with).read_bytes("a")).unwrap(), TEXT);
    let asked = with.asked();
    let ranges: Vec<_> = asked
        .iter()
        .map(|request| request.header("range"))
        .collect();
    assert_eq!(ranges, [None, Some("bytes=4-9"), Some("bytes=8-9")]);
    assert_eq!(asked[1].header("if-range"), Some("\"v1\""));

    // A server without ranges begins anew; what is here already is passed over.
    let without = Scripted::start(move |_, before| {
        let whole = answer("200 OK", &[TAG], TEXT);
        if before == 0 { cut(&whole, 6) } else { whole }
    })
    .unwrap();
    assert_eq!(
        wait(store(&without).read_range("a", ReadRange::From(1))).unwrap(),
        "123456789"
    );
}

#[test]
fn a_body_that_cannot_go_on_is_an_error_and_never_short() {
    let cut = |whole: &str| whole[..whole.len() - 6].to_owned();
    // Nothing tells one content from another, so the rest could be of another one.
    let unmarked = Scripted::start(move |_, _| cut(&answer("200 OK", &[], TEXT))).unwrap();
    let error = wait(store(&unmarked).read_bytes("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert!(error.to_string().contains("ended 6 bytes early"), "{error}");
    assert_eq!(unmarked.asked().len(), 1);

    let changed = Scripted::start(move |_, before| match before {
        0 => cut(&answer("200 OK", &[TAG], TEXT)),
        _ => answer("200 OK", &[("ETag", "\"v2\"")], "another one"),
    })
    .unwrap();
    // The new content from its beginning, never the new end of the old one.
    let content = wait(store(&changed).read_bytes("a")).unwrap();
    assert_eq!(content, "another one");

    let restless = Scripted::start(move |_, before| {
        let tag = format!("\"v{before}\"");
        cut(&answer("200 OK", &[("ETag", &tag)], TEXT))
    })
    .unwrap();
    let error = wait(store(&restless).read_bytes("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");

    let stuck = Scripted::start(|_, _| {
        let headers = [TAG, ("Content-Length", "10")];
        answer("200 OK", &headers, "")
    })
    .unwrap();
    let error = wait(store(&stuck).read_bytes("a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert_eq!(stuck.asked().len(), 3, "as often as a request is tried");

    let chunked = Scripted::start(|_, _| {
        answer(
            "200 OK",
            &[("Transfer-Encoding", "chunked")],
            "4\r\n0123\r\n",
        )
    })
    .unwrap();
    assert!(wait(store(&chunked).read_bytes("a")).is_err());
}

#[test]
fn answers_that_make_no_sense_are_errors() {
    for (status, headers, body) in [
        ("206 Partial Content", vec![], "234"),
        (
            "206 Partial Content",
            vec![("Content-Range", "bytes 3-5/10")],
            "345",
        ),
        (
            "206 Partial Content",
            vec![("Content-Range", "bytes 2-9/5")],
            "23456789",
        ),
        ("418 I'm a teapot", vec![], ""),
        ("304 Not Modified", vec![], ""),
    ] {
        let server = Scripted::start(move |_, _| answer(status, &headers, body)).unwrap();
        let read = wait(store(&server).read_range("a", ReadRange::Bounded(2..5)));
        assert_eq!(
            read.unwrap_err().kind(),
            ErrorKind::BackendUnavailable,
            "{status}"
        );
    }
}

#[test]
fn what_the_headers_say_is_told_and_head_may_be_refused() {
    let headers = [
        ("ETag", "\"v1\""),
        ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("Content-Type", "text/csv"),
    ];
    let answers = move |request: &Request, _| {
        head_only(&answer("200 OK", &headers, TEXT))
            + if request.method == "HEAD" { "" } else { TEXT }
    };
    let server = Scripted::start(answers).unwrap();
    let info = wait(store(&server).head("a b/ü.csv")).unwrap();
    assert_eq!(server.asked()[0].target, "/data/a%20b/%C3%BC.csv");
    assert_eq!((info.size, info.etag.as_deref()), (10, Some("\"v1\"")));
    assert_eq!(info.content_type.as_deref(), Some("text/csv"));
    assert_eq!(
        info.modified.unwrap().to_rfc3339(),
        "1994-11-06T08:49:37+00:00"
    );

    for status in ["405 Method Not Allowed", "501 Not Implemented"] {
        let server = Scripted::start(move |request, _| match request.method.as_str() {
            "HEAD" => answer(status, &[], ""),
            _ => ranged(request),
        })
        .unwrap();
        assert_eq!(wait(store(&server).head("a")).unwrap().size, 10, "{status}");
        assert_eq!(server.asked()[1].header("range"), Some("bytes=0-0"));
    }
}

#[test]
fn refusals_are_typed_and_say_what_to_check() {
    for (status, kind) in [
        ("401 Unauthorized", ErrorKind::PermissionDenied),
        ("403 Forbidden", ErrorKind::PermissionDenied),
        ("404 Not Found", ErrorKind::NotFound),
        ("410 Gone", ErrorKind::NotFound),
        ("500 Internal Server Error", ErrorKind::BackendUnavailable),
        ("503 Service Unavailable", ErrorKind::BackendUnavailable),
    ] {
        let server = Scripted::start(move |_, _| answer(status, &[], "")).unwrap();
        let store = store(&server);
        assert_eq!(
            wait(store.read_bytes("a")).unwrap_err().kind(),
            kind,
            "{status}"
        );
        let error = wait(store.head("x/y")).unwrap_err();
        assert_eq!((error.kind(), error.path()), (kind, Some("x/y")), "{error}");
        assert_eq!(
            wait(store.exists("a")).is_ok_and(|there| !there),
            kind == ErrorKind::NotFound
        );
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for status in [
        "503 Service Unavailable",
        "429 Too Many Requests",
        "",
        "500 Internal Server Error",
    ] {
        let server = Scripted::start(move |request, before| match (before, status) {
            (0 | 1, "") => String::new(),
            (0 | 1, _) => answer(status, &[("Retry-After", "0")], ""),
            _ => ranged(request),
        })
        .unwrap();
        assert_eq!(
            wait(store(&server).read_bytes("a")).unwrap(),
            TEXT,
            "{status}"
        );
        assert_eq!(server.asked().len(), 3);
    }
    let server = Scripted::start(|_, _| answer("501 Not Implemented", &[], "")).unwrap();
    assert!(wait(store(&server).read_bytes("a")).is_err());
    assert_eq!(server.asked().len(), 1);
    // Whoever is asked to wait for longer than the options allow is told so at once.
    let server =
        Scripted::start(|_, _| answer("503 Busy", &[("Retry-After", "3600")], "")).unwrap();
    assert!(wait(store(&server).read_bytes("a")).is_err());
    assert_eq!(server.asked().len(), 1);
}

fn with_credentials(url: &str) -> Store {
    let mut options = options(&url.replace("http://", "http://user:hunter2@"));
    options.headers = vec![("X-Api-Key".into(), Secret::new("hunter3"))];
    over(options)
}

#[test]
fn credentials_go_to_their_own_server_and_to_no_other() {
    let stranger = Scripted::start(|request, _| ranged(request)).unwrap();
    let away = format!("{}/elsewhere", stranger.url);
    let server = Scripted::start(move |request, _| match request.target.as_str() {
        "/moved" => answer("307 Temporary Redirect", &[("Location", "/found")], ""),
        "/away" => answer("302 Found", &[("Location", &away)], ""),
        _ => ranged(request),
    })
    .unwrap();
    let store = with_credentials(&server.url);
    for key in ["moved", "away"] {
        assert_eq!(
            wait(store.read_range(key, ReadRange::From(7))).unwrap(),
            "789"
        );
    }
    for request in server.asked() {
        assert_eq!(
            request.header("authorization"),
            Some("Basic dXNlcjpodW50ZXIy")
        );
        assert_eq!(request.header("x-api-key"), Some("hunter3"));
    }
    let [request] = stranger.asked().try_into().unwrap();
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("x-api-key"), None);
    assert_eq!(request.header("range"), Some("bytes=7-"));
}

#[test]
fn redirects_end_and_one_to_a_folder_is_no_file() {
    let server = Scripted::start(|request, _| {
        let next = match request.target.as_str() {
            "/data/folder" => "/data/folder/".to_owned(),
            other => format!("{other}x"),
        };
        answer("302 Found", &[("Location", &next)], "")
    })
    .unwrap();
    let store = store(&server);
    let error = wait(store.read_bytes("round")).unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    assert_eq!(server.asked().len(), 6);
    let error = wait(store.read_bytes("folder")).unwrap_err();
    assert_eq!(error.to_string(), "Not a file: folder");
    assert!(!wait(store.is_file("folder")).unwrap());
}

#[test]
fn no_error_shows_a_credential() {
    let denied = Scripted::start(|_, _| answer("403 hunter2", &[], "password=hunter2")).unwrap();
    let gone = "http://127.0.0.1:9";
    let dropped = Scripted::start(|_, _| String::new()).unwrap();
    for url in [denied.url.as_str(), gone, dropped.url.as_str()] {
        let store = with_credentials(url);
        for error in [
            wait(store.read_bytes("a")).unwrap_err(),
            wait(store.head("a")).unwrap_err(),
            wait(store.ping()).unwrap_err(),
        ] {
            let text = everything(&error);
            assert!(!text.contains("hunter"), "{text}");
        }
    }
}

#[test]
fn a_server_that_answers_is_alive_whatever_it_has_at_its_root() {
    let server = Scripted::start(|_, _| answer("404 Not Found", &[], "")).unwrap();
    wait(store(&server).ping()).unwrap();
    let error = wait(over(options("http://127.0.0.1:9")).ping()).unwrap_err();
    assert!(error.to_string().contains("Cannot connect"), "{error}");
}
