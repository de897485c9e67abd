//! The Azure backend against a real server: every promise of the suite, a
//! model, and what goes wrong with real services.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use remote_store_core::backends::{AzureBackend, AzureOptions};
use remote_store_core::testkit::strategies::{crowded_path, leaf_path};
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{Driver, Error, ErrorKind, Prefix, Store, Subject, WriteOptions, runtime};
use remote_store_credential_masking::Secret;
use remote_store_tests::azure_server::{AzureServer, CONTAINER};

/// The server, or nothing and the reason on the screen.
fn server() -> Option<&'static AzureServer> {
    static SERVER: OnceLock<Option<AzureServer>> = OnceLock::new();
    let found = SERVER.get_or_init(|| match AzureServer::from_env() {
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
    format!("azure-{run}-{count}")
}

fn fresh() -> Option<Specimen> {
    Some(Specimen::new(server()?.store(&root()).unwrap()))
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

fn over(options: AzureOptions) -> Store {
    Store::new(
        Arc::new(AzureBackend::new(options).unwrap()),
        Prefix::root(),
    )
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
#[allow(clippy::use_debug, reason = "what Debug shows is under test")]
fn everything(err: &Error) -> String {
    let mut text = format!("{err} {err:?}");
    let mut source = std::error::Error::source(err);
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[test]
fn a_wrong_credential_is_permission_denied_and_never_shown() {
    let Some(server) = server() else { return };
    let endpoint = server.part("BlobEndpoint").unwrap();
    let key = "d3Jvbmcta2V5LXdyb25nLWtleQ==";
    let signature =
        "sv=2023-11-03&ss=b&srt=sco&sp=rwdl&se=2099-01-01T00:00:00Z&sig=d3Jvbmctc2lnbmF0dXJl";
    for (account_key, sas_token) in [(Some(key), None), (None, Some(signature))] {
        let mut options = AzureOptions::new(CONTAINER).unwrap();
        options.account_url = Some(endpoint.clone());
        options.account_key = account_key.map(Secret::new);
        options.sas_token = sas_token.map(Secret::new);
        for err in failures(&over(options)) {
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
            assert!(
                err.to_string().contains(CONTAINER),
                "names the container: {err}"
            );
            let text = everything(&err);
            assert!(
                !text.contains(key) && !text.contains("d3Jvbmctc2ln"),
                "{text}"
            );
        }
    }
}

#[test]
fn each_form_of_credential_reaches_the_container() {
    let Some(server) = server() else { return };
    let mut options = AzureOptions::new(CONTAINER).unwrap();
    options.account_url = Some(server.part("BlobEndpoint").unwrap());
    let account_key = Secret::new(server.part("AccountKey").unwrap());
    options.credential = Some(account_key.clone());
    wait(over(options.clone()).ping()).unwrap();
    options.credential = None;
    options.account_key = Some(account_key);
    options.account_name = Some(server.part("AccountName").unwrap());
    wait(over(options.clone()).ping()).unwrap();
    options.account_name = Some("another".into());
    let err = wait(over(options).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{err}");
}

#[test]
fn a_missing_container_is_not_found_as_such() {
    let Some(server) = server() else { return };
    let store = over(server.options("no-such-container-here").unwrap());
    for err in failures(&store) {
        assert!(
            matches!(
                err,
                Error::NotFound {
                    what: Subject::Container,
                    ..
                }
            ),
            "{err}"
        );
        assert!(err.to_string().contains("no-such-container-here"), "{err}");
    }
    let deleted = wait(store.delete_many(vec!["a".into(), "b".into()])).unwrap();
    assert_eq!(deleted.len(), 2);
    for (path, result) in deleted {
        assert!(result.is_err(), "{path} cannot have been deleted");
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
    let mut options = AzureOptions::new("c").unwrap();
    options.account_url = Some(format!("http://127.0.0.1:{port}/acme"));
    options.account_key = Some(Secret::new("a2V5"));
    options.transport.retry.max_attempts = 1;
    let err = wait(over(options).ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    let said = err.to_string();
    assert!(said.contains(&format!("http://127.0.0.1:{port}")), "{err}");
    assert!(said.contains("account_url"), "{err}");
}

#[test]
fn a_dropped_writer_leaves_no_blob() {
    let Some(specimen) = fresh() else { return };
    let mut writer = wait(specimen.store.writer("x", &WriteOptions::create())).unwrap();
    wait(writer.write(bytes::Bytes::from(vec![7_u8; 9 << 20]))).unwrap();
    drop(writer);
    assert!(wait(specimen.store.list_level("")).unwrap().is_empty());
    // Blocks that nobody put together do not become part of another blob. (The
    // emulator, unlike Azure, refuses to create a blob beside them.)
    let overwrite = WriteOptions::overwrite();
    wait(specimen.store.write("x", "y".into(), &overwrite)).unwrap();
    assert_eq!(wait(specimen.store.read_bytes("x")).unwrap(), "y");
}

#[test]
fn metadata_under_any_name_comes_back() {
    let Some(specimen) = fresh() else { return };
    let pairs = [("run-id", "1"), ("a_b", "2"), ("a.b", "3"), ("9", "4")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = WriteOptions::create().with_user_metadata(pairs.clone().into());
    wait(specimen.store.write("x", "y".into(), &options)).unwrap();
    let info = wait(specimen.store.head("x")).unwrap();
    assert_eq!(info.user_metadata, pairs.into());
}

#[test]
fn writing_below_a_blob_is_refused_when_asked_for() {
    let Some(server) = server() else { return };
    let mut options = server.options(CONTAINER).unwrap();
    options.reject_write_under_file_ancestor = true;
    let backend = AzureBackend::new(options).unwrap();
    let store = Store::new(Arc::new(backend), Prefix::parse(&root()).unwrap());
    wait(store.write("a", "x".into(), &WriteOptions::create())).unwrap();
    for path in ["a/b", "a/b/c"] {
        let err = wait(store.write(path, "y".into(), &WriteOptions::overwrite())).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
}
