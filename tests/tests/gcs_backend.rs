//! The backend for Google Cloud Storage against a server that speaks its
//! dialect: every promise of the suite, a model, and what goes wrong.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use remote_store_core::backends::{GcsBackend, GcsOptions};
use remote_store_core::testkit::strategies::{crowded_path, leaf_path};
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{
    Driver, Error, ErrorKind, ListOptions, Prefix, Store, Subject, WriteOptions, runtime,
};
use remote_store_tests::gcs_server::{BUCKET, GcsServer};

/// The server, or nothing and the reason on the screen.
fn server() -> Option<&'static GcsServer> {
    static SERVER: OnceLock<Option<GcsServer>> = OnceLock::new();
    let found = SERVER.get_or_init(|| match GcsServer::from_env() {
        Ok(server) => Some(server),
        Err(reason) => {
            eprintln!("{reason}");
            None
        }
    });
    found.as_ref()
}

/// A root that no other test and no other run uses.
fn root() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (run, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("gcs-{run}-{count}")
}

fn fresh() -> Option<Specimen> {
    // SeaweedFS keeps a tree of folders below and lists it as such.
    Some(Specimen::new(server()?.store(&root()).unwrap()).folder_order())
}

remote_store_core::conformance_tests!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_sequence_of_operations_gives_what_the_model_gives(steps in model::steps(20, leaf_path(), crowded_path())) {
        if let Some(specimen) = fresh() {
            wait(model::compare(&specimen, &steps)).unwrap();
        }
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    runtime::block_on(Driver::Tokio, future).unwrap()
}

fn over(options: GcsOptions) -> Store {
    Store::new(Arc::new(GcsBackend::new(options).unwrap()), Prefix::root())
}

/// Every kind of request; each has its own way to fail.
fn failures(store: &Store) -> Vec<Error> {
    wait(async {
        vec![
            store.read_bytes("a").await.unwrap_err(),
            store.head("a").await.unwrap_err(),
            store
                .write("a", "x".into(), &WriteOptions::create())
                .await
                .unwrap_err(),
            store
                .write("a", "x".into(), &WriteOptions::overwrite())
                .await
                .unwrap_err(),
            store.list_page("", None, 1).await.unwrap_err(),
            store.list_level("").await.unwrap_err(),
            store.is_file("a").await.unwrap_err(),
            store.is_folder("a").await.unwrap_err(),
            store.delete("a", false).await.unwrap_err(),
            store.ping().await.unwrap_err(),
        ]
    })
}

#[test]
fn a_missing_bucket_is_not_found_as_such() {
    let Some(server) = server() else { return };
    let store = over(server.options("no-such-bucket-here").unwrap());
    for err in failures(&store) {
        assert!(
            matches!(
                err,
                Error::NotFound {
                    what: Subject::Bucket,
                    ..
                }
            ),
            "{err}"
        );
        assert_eq!(err.to_string(), "Bucket not found: no-such-bucket-here");
    }
}

#[test]
fn a_folder_made_by_another_tool_is_a_folder_and_no_object() {
    let Some(server) = server() else { return };
    let root = root();
    let store = server.store(&root).unwrap();
    wait(store.write("a/y", "1".into(), &WriteOptions::create())).unwrap();
    server.make_folder(&format!("{root}/a/x")).unwrap();
    let all = wait(async {
        use futures_util::TryStreamExt;
        let all = store.list("", &ListOptions::recursive()).unwrap();
        all.map_ok(|info| info.key.to_string())
            .try_collect::<Vec<_>>()
            .await
    });
    assert_eq!(all.unwrap(), ["a/y"]);
    assert!(wait(store.is_folder("a/x")).unwrap());
    assert!(!wait(store.is_file("a/x")).unwrap());
    let level = wait(store.list_level("a")).unwrap();
    assert_eq!((level.objects.len(), level.folders.len()), (1, 1));
    // What the client cannot name it cannot remove, and says so.
    let err = wait(store.delete_folder("a/x", true, false)).unwrap_err();
    assert!(
        err.to_string().contains("remove it with that tool"),
        "{err}"
    );
}

#[test]
fn names_of_objects_on_their_way_are_no_keys() {
    let Some(server) = server() else { return };
    let store = server.store(&root()).unwrap();
    let name = "a/.remote-store-staged-1";
    let written = wait(store.write(name, "1".into(), &WriteOptions::overwrite()));
    assert_eq!(written.unwrap_err().kind(), ErrorKind::InvalidPath);
    assert!(!wait(store.is_file(name)).unwrap());
}

/// A server that gives the same answer to each request until it is dropped.
fn answering(status: &'static str) -> GcsOptions {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let lines = BufReader::new(connection.try_clone().unwrap()).lines();
            for line in lines {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            connection.write_all(answer.as_bytes()).unwrap();
        }
    });
    let mut options = GcsOptions::new("b").unwrap();
    options.endpoint_url = Some(format!("http://127.0.0.1:{port}"));
    options.transport.retry.max_attempts = 1;
    options
}

#[test]
fn a_refused_request_is_permission_denied_even_without_a_word() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        for err in failures(&over(answering(status))) {
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
            assert!(err.to_string().contains("'service_account_key'"), "{err}");
        }
    }
}

#[test]
fn a_failing_service_is_named() {
    let options = answering("500 Internal Server Error");
    let endpoint = options.endpoint_url.clone().unwrap();
    for err in failures(&over(options)) {
        assert_eq!(err.kind(), ErrorKind::BackendUnavailable, "{err}");
        assert!(err.to_string().contains(&endpoint), "{err}");
    }
}

#[test]
fn an_unreachable_endpoint_is_named() {
    // Nothing listens on a port that was bound and given back.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut options = GcsOptions::new("b").unwrap();
    options.endpoint_url = Some(format!("http://127.0.0.1:{port}"));
    options.transport.retry.max_attempts = 1;
    let err = wait(over(options).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    let said = err.to_string();
    assert!(said.contains(&format!("http://127.0.0.1:{port}")), "{err}");
    assert!(said.contains("endpoint_url"), "{err}");
}

#[test]
fn writing_below_an_object_is_refused_when_asked_for() {
    let Some(server) = server() else { return };
    let mut options = server.options(BUCKET).unwrap();
    options.reject_write_under_file_ancestor = true;
    let backend = GcsBackend::new(options).unwrap();
    let store = Store::new(Arc::new(backend), Prefix::parse(&root()).unwrap());
    wait(store.write("a", "x".into(), &WriteOptions::create())).unwrap();
    for path in ["a/b", "a/b/c"] {
        let err = wait(store.write(path, "y".into(), &WriteOptions::overwrite())).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
}
