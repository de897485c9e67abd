//! The Azure backend against a real server: every promise of the suite, a
//! model, and what goes wrong with real services.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use remote_store_core::backends::AzureOptions;
use remote_store_core::testkit::Specimen;
use remote_store_core::{ErrorKind, Store, WriteOptions};
use remote_store_credential_masking::Secret;
use remote_store_tests::azure_server::{AzureServer, CONTAINER};
use remote_store_tests::cloud::Cloud;
use remote_store_tests::faults::{everything, failures};
use remote_store_tests::found::{Found, fresh_root};
use remote_store_tests::{cloud_tests, wait};

static SERVER: Found<AzureServer> = Found::new();

fn fresh() -> Option<Specimen> {
    let store = SERVER.get()?.store(&fresh_root("azure")).unwrap();
    Some(Specimen::new(store))
}

cloud_tests!(SERVER: AzureServer, fresh);

fn over(options: AzureOptions) -> Store {
    AzureServer::over(options, "").unwrap()
}

#[test]
fn a_wrong_credential_is_permission_denied_and_never_shown() {
    let Some(server) = SERVER.get() else { return };
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
    let Some(server) = SERVER.get() else { return };
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
