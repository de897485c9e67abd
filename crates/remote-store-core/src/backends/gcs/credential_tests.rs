//! Where tokens come from: options, files and services on this machine, no other.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use object_store::gcp::GoogleCloudStorage;

use super::*;
use crate::backends::cloud::configured::{self, environment};
use crate::backends::cloud::loopback::Loopback;
use crate::credential::{Credential, SharedCredentialSource};
use crate::error::ErrorKind;
use crate::runtime;

fn fixed(token: &'static str) -> SharedCredentialSource {
    configured::fixed(Credential::Bearer(token.into()))
}

fn bearer(client: &GoogleCloudStorage) -> String {
    let credential = runtime::block_on(crate::Driver::Tokio, async {
        client.credentials().get_credential().await
    });
    credential.unwrap().unwrap().bearer.clone()
}

fn options() -> GcsOptions {
    GcsOptions::new("lake").unwrap()
}

#[test]
fn a_public_bucket_needs_no_credential_and_asks_nobody() {
    let mut given = options();
    given.anonymous = true;
    let client = client::build(&given, &environment(&[("GOOGLE_BEARER_TOKEN", "own")])).unwrap();
    assert_eq!(bearer(&client), "");
    let server = Loopback::start(|_asked| (200, vec![], "hello".to_owned()));
    given.endpoint_url = Some(server.url.clone());
    let store = crate::Store::new(
        Arc::new(GcsBackend::new(given).unwrap()),
        crate::Prefix::root(),
    );
    let read = runtime::block_on(crate::Driver::Tokio, store.exists("a"));
    drop(read.unwrap());
    let sent = server.asked()[0].header("authorization").map(str::to_owned);
    assert!(sent.is_none_or(|sent| sent.trim() == "Bearer"));
}

#[test]
fn a_source_comes_before_the_environment() {
    let mut given = options();
    let variables = environment(&[("GOOGLE_BEARER_TOKEN", "env")]);
    assert_eq!(bearer(&client::build(&given, &variables).unwrap()), "env");
    given.credential = Some(fixed("own"));
    assert_eq!(bearer(&client::build(&given, &variables).unwrap()), "own");
    given.anonymous = true;
    let refused = GcsBackend::new(given).unwrap_err().to_string();
    assert!(
        refused.contains("'credential' and 'anonymous'"),
        "{refused}"
    );
}

#[test]
fn default_credentials_of_a_kind_unknown_here_are_read_by_who_knows_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("application_default_credentials.json");
    std::fs::write(&file, r#"{"type": "external_account", "x": "hunter2"}"#).unwrap();
    let folder = folder.path().display().to_string();
    let named = file.display().to_string();
    for variable in [
        ("CLOUDSDK_CONFIG", folder.as_str()),
        ("GOOGLE_APPLICATION_CREDENTIALS", named.as_str()),
    ] {
        let variables = environment(&[variable]);
        let mut given = options();
        let refused = client::build(&given, &variables).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfig);
        let text = refused.to_string();
        assert!(
            text.contains("'external_account'") && text.contains("google-auth"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        given.default_credential = Some(fixed("federated"));
        assert_eq!(
            bearer(&client::build(&given, &variables).unwrap()),
            "federated"
        );
    }
}

#[test]
fn a_file_that_is_named_and_cannot_be_used_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("adc.json");
    let named = file.display().to_string();
    let variables = environment(&[("GOOGLE_APPLICATION_CREDENTIALS", named.as_str())]);
    let text = || {
        client::build(&options(), &variables)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(text().contains("adc.json cannot be read"));
    std::fs::write(&file, "hunter2").unwrap();
    assert!(text().contains("no JSON"));
    assert!(!text().contains("hunter2"));
}

#[test]
fn the_login_of_a_user_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let user = r#"{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}"#;
    std::fs::write(
        folder.path().join("application_default_credentials.json"),
        user,
    )
    .unwrap();
    let folder = folder.path().display().to_string();
    let variables = environment(&[("CLOUDSDK_CONFIG", folder.as_str())]);
    // Built, and nobody was asked yet.
    client::build(&options(), &variables).unwrap();
}
