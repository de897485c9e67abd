//! The S3 backend against a real server: every promise of the suite, a model,
//! and what goes wrong with real services.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use std::io::Read;
use std::net::TcpListener;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use remote_store_core::backends::S3Backend;
use remote_store_core::testkit::strategies::{crowded_path, leaf_path};
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{Driver, Error, ErrorKind, Prefix, Store, Subject, WriteOptions, runtime};
use remote_store_credential_masking::Secret;
use remote_store_tests::s3_server::S3Server;

/// The bucket of this run.
fn bucket() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("core-suite-{}", std::process::id()))
}

/// The server with the bucket made, or nothing and the reason on the screen.
fn server() -> Option<&'static S3Server> {
    static SERVER: OnceLock<Option<S3Server>> = OnceLock::new();
    let made = SERVER.get_or_init(|| match S3Server::from_env() {
        Ok(server) => {
            server.create_bucket(bucket()).unwrap();
            Some(server)
        }
        Err(reason) => {
            eprintln!("{reason}");
            None
        }
    });
    made.as_ref()
}

fn fresh() -> Option<Specimen> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let root = format!("specimen-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    // SeaweedFS keeps a tree of folders below and lists it as such.
    let specimen = Specimen::new(server()?.store(bucket(), &root).unwrap());
    // It was seen to complete two uploads of one name at once, each on condition
    // that the name is free.
    Some(specimen.folder_order().loose_parts())
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

/// The whole text of an error: message, Debug and chain.
fn everything(err: &Error) -> String {
    let mut text = format!("{err} {}", debug(err));
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[allow(clippy::use_debug, reason = "what Debug shows is under test")]
fn debug(err: &Error) -> String {
    format!("{err:?}")
}

#[test]
fn a_wrong_credential_is_permission_denied_and_never_shown() {
    let Some(server) = server() else { return };
    for (key, secret) in [
        (None, "WrongSecretWrongSecret"),
        (Some("AKIAWRONGWRONGWRONG"), "WrongSecretWrongSecret"),
    ] {
        let mut options = server.options(bucket()).unwrap();
        options.secret = Some(Secret::new(secret));
        options.key = key.map(Secret::new).or(options.key);
        let store = Store::new(
            std::sync::Arc::new(S3Backend::new(options).unwrap()),
            Prefix::root(),
        );
        for err in failures(&store) {
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
            assert!(
                err.to_string().contains(bucket()),
                "names the bucket: {err}"
            );
            assert!(!everything(&err).contains(secret));
            assert!(
                key.is_none_or(|key| !everything(&err).contains(key)),
                "{}",
                everything(&err)
            );
        }
    }
}

#[test]
fn a_missing_bucket_is_not_found_as_a_bucket() {
    let Some(server) = server() else { return };
    let store = server.store("no-such-bucket-here", "").unwrap();
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
    // A missing object is one thing, a missing bucket another.
    let all = wait(async {
        use futures_util::StreamExt;
        store
            .read_many_or_missing(vec!["a".into()], 1)
            .collect::<Vec<_>>()
            .await
    });
    assert!(matches!(
        all.as_slice(),
        [Err(Error::NotFound {
            what: Subject::Bucket,
            ..
        })]
    ));
}

#[test]
fn an_unreachable_endpoint_is_named() {
    // Nothing listens on a port that was bound and given back.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let err = wait(silent(port).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    assert!(
        err.to_string()
            .contains(&format!("http://127.0.0.1:{port}")),
        "{err}"
    );
    assert!(err.to_string().contains("endpoint_url"), "{err}");
}

#[test]
fn an_endpoint_that_never_answers_ends_at_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Takes connections and never says a word.
    let held = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut ignored = Vec::new();
        connection.read_to_end(&mut ignored).ok();
    });
    let err = wait(silent(port).read_bytes("a")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    assert!(err.to_string().contains("No answer"), "{err}");
    held.join().unwrap();
}

/// A store over a server that is none.
fn silent(port: u16) -> Store {
    let mut options = remote_store_core::backends::S3Options::new("b").unwrap();
    options.endpoint_url = Some(format!("http://127.0.0.1:{port}"));
    options.key = Some(Secret::new("AKIAEXAMPLE"));
    options.secret = Some(Secret::new("not a secret"));
    options.transport.read_timeout = Duration::from_millis(200);
    options.transport.retry.max_attempts = 1;
    Store::new(
        std::sync::Arc::new(S3Backend::new(options).unwrap()),
        Prefix::root(),
    )
}

#[test]
fn a_dropped_or_aborted_writer_leaves_no_open_upload() {
    let Some(server) = server() else { return };
    let name = format!("uploads-{}", std::process::id());
    server.create_bucket(&name).unwrap();
    let store = server.store(&name, "").unwrap();
    let part = || bytes::Bytes::from(vec![7_u8; 9 << 20]);
    let mut writer = wait(store.writer("x", &WriteOptions::create())).unwrap();
    wait(writer.write(part())).unwrap();
    assert_eq!(
        server.open_uploads(&name).unwrap(),
        1,
        "the upload has begun"
    );
    wait(writer.abort()).unwrap();
    assert_eq!(server.open_uploads(&name).unwrap(), 0);

    let mut writer = wait(store.writer("x", &WriteOptions::create())).unwrap();
    wait(writer.write(part())).unwrap();
    drop(writer);
    // The clean-up runs beside; the test's own limit is the limit here.
    while server.open_uploads(&name).unwrap() > 0 {
        std::thread::yield_now();
    }
    assert!(wait(store.list_level("")).unwrap().is_empty());
}

#[test]
fn small_objects_written_piece_by_piece_begin_no_upload() {
    let Some(specimen) = fresh() else { return };
    let mut writer = wait(specimen.store.writer("x", &WriteOptions::create())).unwrap();
    wait(writer.write("small".into())).unwrap();
    let result = wait(writer.finish()).unwrap();
    // A multipart object's tag ends in the number of its parts.
    assert!(result.native && result.etag.is_some_and(|etag| !etag.contains('-')));
}

#[test]
fn metadata_that_headers_cannot_carry_is_refused() {
    let Some(specimen) = fresh() else { return };
    for (name, value) in [("name", "ü"), ("name", "a\nb"), ("a b", "v")] {
        let options =
            WriteOptions::create().with_user_metadata([(name.to_owned(), value.to_owned())].into());
        let err = wait(specimen.store.write("x", "y".into(), &options)).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidMetadata);
    }
    assert!(!wait(specimen.store.exists("x")).unwrap());
}

#[test]
fn writing_below_an_object_is_refused_when_asked_for() {
    let Some(server) = server() else { return };
    let mut options = server.options(bucket()).unwrap();
    options.reject_write_under_file_ancestor = true;
    let backend = S3Backend::new(options).unwrap();
    let store = Store::new(std::sync::Arc::new(backend), Prefix::parse("tree").unwrap());
    wait(store.write("a", "x".into(), &WriteOptions::create())).unwrap();
    for path in ["a/b", "a/b/c"] {
        let err = wait(store.write(path, "y".into(), &WriteOptions::overwrite())).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
}

#[test]
fn a_closed_and_a_fresh_store_do_not_share_a_client() {
    let Some(server) = server() else { return };
    let first = server.store(bucket(), "shared").unwrap();
    let second = server.store(bucket(), "shared").unwrap();
    wait(first.close());
    wait(second.ping()).unwrap();
    assert_eq!(wait(first.ping()).unwrap_err().kind(), ErrorKind::Closed);
}
