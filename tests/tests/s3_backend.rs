//! The S3 backend against a real server: every promise of the suite, a model,
//! and what goes wrong with real services.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use remote_store_core::testkit::Specimen;
use remote_store_core::{Error, ErrorKind, Subject, WriteOptions};
use remote_store_credential_masking::Secret;
use remote_store_tests::cloud::Cloud;
use remote_store_tests::faults::{everything, failures};
use remote_store_tests::found::{Found, fresh_root};
use remote_store_tests::s3_server::S3Server;
use remote_store_tests::{cloud_tests, wait};

static SERVER: Found<S3Server> = Found::new();

fn fresh() -> Option<Specimen> {
    let store = SERVER.get()?.store(&fresh_root("s3")).unwrap();
    // SeaweedFS keeps a tree of folders below and lists it as such. It was seen to complete two
    // uploads of one name at once, each on condition that the name is free.
    Some(Specimen::new(store).folder_order().loose_parts())
}

cloud_tests!(SERVER: S3Server, fresh);

#[test]
fn a_wrong_credential_is_permission_denied_and_never_shown() {
    let Some(server) = SERVER.get() else { return };
    for (key, secret) in [
        (None, "WrongSecretWrongSecret"),
        (Some("AKIAWRONGWRONGWRONG"), "WrongSecretWrongSecret"),
    ] {
        let mut options = server.options(server.bucket()).unwrap();
        options.secret = Some(Secret::new(secret));
        options.key = key.map(Secret::new).or(options.key);
        let store = S3Server::over(options, "").unwrap();
        for err in failures(&store) {
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
            assert!(
                err.to_string().contains(server.bucket()),
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
fn many_reads_from_a_missing_bucket_do_not_take_it_for_missing_objects() {
    let Some(server) = SERVER.get() else { return };
    let store = S3Server::over(server.options("no-such-bucket-here").unwrap(), "").unwrap();
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
fn an_endpoint_that_never_answers_ends_at_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Takes connections and never says a word.
    let held = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut ignored = Vec::new();
        connection.read_to_end(&mut ignored).ok();
    });
    let mut options = S3Server::impatient(port).unwrap();
    options.transport.read_timeout = Duration::from_millis(200);
    let store = S3Server::over(options, "").unwrap();
    let err = wait(store.read_bytes("a")).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    assert!(err.to_string().contains("No answer"), "{err}");
    held.join().unwrap();
}

#[test]
fn a_dropped_or_aborted_writer_leaves_no_open_upload() {
    let Some(server) = SERVER.get() else { return };
    let name = format!("uploads-{}", std::process::id());
    server.create_bucket(&name).unwrap();
    let store = S3Server::over(server.options(&name).unwrap(), "").unwrap();
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
fn a_closed_and_a_fresh_store_do_not_share_a_client() {
    let Some(server) = SERVER.get() else { return };
    let first = server.store("shared").unwrap();
    let second = server.store("shared").unwrap();
    wait(first.close());
    wait(second.ping()).unwrap();
    assert_eq!(wait(first.ping()).unwrap_err().kind(), ErrorKind::Closed);
}
