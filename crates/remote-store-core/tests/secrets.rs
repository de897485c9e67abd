//! Secrets in every option that takes one: neither `Debug` nor `describe` of the
//! options, of their backend or of a store over it shows any.
#![cfg(all(
    feature = "s3",
    feature = "azure",
    feature = "gcs",
    feature = "http",
    feature = "sftp"
))]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::use_debug, reason = "what Debug shows is under test")]

use std::fmt::Debug;
use std::sync::Arc;

use remote_store_core::backend::Backend;
use remote_store_core::backends::{
    AzureBackend, AzureOptions, GcsBackend, GcsOptions, HttpBackend, HttpOptions, S3Backend,
    S3Options, SftpBackend, SftpOptions, TransportOptions,
};
use remote_store_core::{Prefix, Store};
use remote_store_credential_masking::Secret;

/// Stands in every planted secret.
const PLANTED: &str = "pl4nted";

/// A secret for the option of this name.
fn plant(option: &str) -> Secret {
    Secret::new(format!("{PLANTED}-{option}"))
}

/// The options that are there and the way to reach them are shown; no secret is.
fn check(options: &dyn Debug, backend: impl Backend, place: &str) {
    let described: Vec<String> = backend
        .describe()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let described = described.join(" ");
    let debug = format!("{backend:?}");
    let store = Store::new(Arc::new(backend), Prefix::root());
    let shown = [
        format!("{options:?} {options:#?}"),
        debug,
        described,
        format!("{store:?} {}", store.uri("a").unwrap()),
    ];
    for text in &shown {
        assert!(!text.contains(PLANTED), "{text}");
    }
    let [options, ..] = &shown;
    assert!(options.contains(place), "says what it is for: {options}");
}

fn fill(transport: &mut TransportOptions) {
    let proxy = format!("http://me:{PLANTED}-proxy@127.0.0.1:9/");
    transport.proxy_url = Some(Secret::new(proxy));
}

/// An address with a user and a password in it.
fn address() -> String {
    format!("http://me:{PLANTED}-address@127.0.0.1:9")
}

#[test]
fn s3_shows_no_secret() {
    let mut options = S3Options::new("the-place").unwrap();
    options.endpoint_url = Some(address());
    options.key = Some(plant("key"));
    options.secret = Some(plant("secret"));
    options.session_token = Some(plant("session_token"));
    fill(&mut options.transport);
    check(
        &options.clone(),
        S3Backend::new(options).unwrap(),
        "the-place",
    );
}

#[test]
fn azure_shows_no_secret() {
    let full = || {
        let mut options = AzureOptions::new("the-place").unwrap();
        fill(&mut options.transport);
        options.account_name = Some("acme".into());
        options
    };
    let mut by_key = full();
    by_key.account_url = Some(address());
    by_key.account_key = Some(plant("account_key"));
    let mut by_token = full();
    by_token.sas_token = Some(plant("sas_token"));
    let mut by_connection = full();
    by_connection.account_name = None;
    by_connection.connection_string = Some(Secret::new(format!(
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={PLANTED}"
    )));
    let mut by_credential = full();
    by_credential.credential = Some(plant("credential"));
    let mut by_application = full();
    by_application.tenant_id = Some("tenant".into());
    by_application.client_id = Some("client".into());
    by_application.client_secret = Some(plant("client_secret"));
    for options in [
        by_key,
        by_token,
        by_connection,
        by_credential,
        by_application,
    ] {
        check(
            &options.clone(),
            AzureBackend::new(options).unwrap(),
            "the-place",
        );
    }
}

#[test]
fn gcs_shows_no_secret() {
    let mut options = GcsOptions::new("the-place").unwrap();
    let key = format!(r#"{{"private_key": "{PLANTED}", "client_email": "a@b"}}"#);
    options.service_account_key = Some(Secret::new(key));
    options.endpoint_url = Some(address());
    fill(&mut options.transport);
    assert!(!format!("{options:?}").contains(PLANTED));
    // Only a real key makes a backend.
    options.service_account_key = None;
    options.anonymous = true;
    check(
        &options.clone(),
        GcsBackend::new(options).unwrap(),
        "the-place",
    );
}

#[test]
fn http_shows_no_secret() {
    let mut options = HttpOptions::new("http://127.0.0.1:9/the-place").unwrap();
    options.user = Some(Secret::new("someone"));
    options.password = Some(plant("password"));
    options.headers = vec![("X-Key".into(), Secret::new(format!("{PLANTED}-header")))];
    fill(&mut options.transport);
    check(
        &options.clone(),
        HttpBackend::new(options).unwrap(),
        "the-place",
    );
    let given = format!("{}/the-place", address());
    let options = HttpOptions::new(&given).unwrap();
    check(
        &options.clone(),
        HttpBackend::new(options).unwrap(),
        "the-place",
    );
}

#[test]
fn sftp_shows_no_secret() {
    let mut options = SftpOptions::new("the-place").unwrap();
    options.username = Some("me".into());
    options.password = Some(plant("password"));
    options.pkey = Some(plant("pkey"));
    options.passphrase = Some(plant("passphrase"));
    check(&options.clone(), SftpBackend::new(options), "the-place");
}
