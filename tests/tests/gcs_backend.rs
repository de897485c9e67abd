//! The backend for Google Cloud Storage against a server that speaks its
//! dialect: every promise of the suite, a model, and what goes wrong.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use remote_store_core::backends::GcsOptions;
use remote_store_core::testkit::Specimen;
use remote_store_core::{ErrorKind, ListOptions, Store, WriteOptions};
use remote_store_tests::cloud::Cloud;
use remote_store_tests::faults::failures;
use remote_store_tests::found::{Found, fresh_root};
use remote_store_tests::gcs_server::GcsServer;
use remote_store_tests::{cloud_tests, wait};

static SERVER: Found<GcsServer> = Found::new();

fn fresh() -> Option<Specimen> {
    let store = SERVER.get()?.store(&fresh_root("gcs")).unwrap();
    // SeaweedFS keeps a tree of folders below and lists it as such.
    Some(Specimen::new(store).folder_order())
}

cloud_tests!(SERVER: GcsServer, fresh);

fn over(options: GcsOptions) -> Store {
    GcsServer::over(options, "").unwrap()
}

#[test]
fn a_folder_made_by_another_tool_is_a_folder_and_no_object() {
    let Some(server) = SERVER.get() else { return };
    let root = fresh_root("gcs");
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
    let Some(server) = SERVER.get() else { return };
    let store = server.store(&fresh_root("gcs")).unwrap();
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
    GcsServer::impatient(port).unwrap()
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
