//! Objects that are larger than a service copies in one request go through
//! this machine. The server here has a limit of its own, which is low.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::{Arc, Mutex};

use remote_store_core::{ErrorKind, Store, WriteMode};
use remote_store_tests::s3_server::over_scripted;
use remote_store_tests::scripted::{Request, Scripted, answer};
use remote_store_tests::wait;

const SOURCE: &str = "0123456789";
const HEADERS: [(&str, &str); 4] = [
    ("ETag", "\"v1\""),
    ("Last-Modified", "Mon, 02 Nov 2026 10:00:00 GMT"),
    ("Content-Type", "text/plain"),
    ("x-amz-meta-owner", "me"),
];

fn store(server: &Scripted) -> Store {
    over_scripted(server).unwrap()
}

/// A bucket with `source` in it, whose service refuses to copy; `said` is how.
fn refusing(said: &'static str, taken: bool, put: Arc<Mutex<Vec<Request>>>) -> Scripted {
    Scripted::start(move |request, _| {
        let name = request.target.split('?').next().unwrap();
        match (request.method.as_str(), name) {
            ("PUT", _) if request.header("x-amz-copy-source").is_some() => {
                answer("400 Bad Request", &[], said)
            }
            ("GET", "/lake/source") => {
                let mut headers = HEADERS.to_vec();
                headers.push(("Content-Range", "bytes 0-9/10"));
                answer("206 Partial Content", &headers, SOURCE)
            }
            ("PUT", "/lake/target") => {
                if taken && request.header("if-none-match").is_some() {
                    return answer("412 Precondition Failed", &[], "");
                }
                put.lock().unwrap().push(request.clone());
                answer("200 OK", &[("ETag", "\"v2\"")], "")
            }
            // The bucket is there, and is empty otherwise.
            ("GET", "/lake") => answer(
                "200 OK",
                &[],
                "<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>",
            ),
            ("POST", "/lake") => answer("200 OK", &[], "<DeleteResult><Deleted><Key>source</Key></Deleted></DeleteResult>"),
            _ => answer("404 Not Found", &[], ""),
        }
    })
    .unwrap()
}

const TOO_LARGE: [&str; 2] = [
    "<Error><Code>InvalidRequest</Code><Message>The specified copy source is larger than the maximum allowable size \
     for a copy source: 5368709120</Message></Error>",
    "<Error><Code>EntityTooLarge</Code><Message>too large</Message></Error>",
];

#[test]
fn an_object_too_large_for_a_copy_of_the_service_is_sent_through_with_what_is_kept_beside_it() {
    for said in TOO_LARGE {
        for mode in [WriteMode::Create, WriteMode::Overwrite] {
            let put = Arc::new(Mutex::new(Vec::new()));
            let server = refusing(said, false, Arc::clone(&put));
            wait(store(&server).copy("source", "target", mode)).unwrap();
            let put = put.lock().unwrap();
            assert_eq!(put.len(), 1);
            let length = SOURCE.len().to_string();
            assert_eq!(put[0].header("content-length"), Some(length.as_str()));
            assert_eq!(put[0].header("content-type"), Some("text/plain"));
            assert_eq!(put[0].header("x-amz-meta-owner"), Some("me"));
            let refuses = put[0].header("if-none-match") == Some("*");
            assert_eq!(refuses, mode == WriteMode::Create);
        }
    }
}

#[test]
fn a_move_of_such_an_object_removes_the_source_after_the_copy() {
    let put = Arc::new(Mutex::new(Vec::new()));
    let server = refusing(TOO_LARGE[0], false, Arc::clone(&put));
    wait(store(&server).rename("source", "target", WriteMode::Overwrite)).unwrap();
    assert_eq!(put.lock().unwrap().len(), 1);
    let asked = server.asked();
    let last = asked.last().unwrap();
    assert!(String::from_utf8_lossy(&last.body).contains("<Key>source</Key>"));
}

#[test]
fn a_destination_that_appears_while_the_bytes_go_through_is_kept() {
    let put = Arc::new(Mutex::new(Vec::new()));
    let server = refusing(TOO_LARGE[0], true, Arc::clone(&put));
    let copied = wait(store(&server).copy("source", "target", WriteMode::Create));
    assert_eq!(
        copied.unwrap_err().to_string(),
        "Destination already exists: target"
    );
    assert!(put.lock().unwrap().is_empty());
}

#[test]
fn another_refusal_of_a_copy_stays_one() {
    let put = Arc::new(Mutex::new(Vec::new()));
    let said = "<Error><Code>InvalidRequest</Code><Message>no such storage class</Message></Error>";
    let server = refusing(said, false, Arc::clone(&put));
    let copied = wait(store(&server).copy("source", "target", WriteMode::Overwrite));
    assert_eq!(copied.unwrap_err().kind(), ErrorKind::BackendUnavailable);
    assert!(put.lock().unwrap().is_empty());
}
