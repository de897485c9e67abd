#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use super::*;
use crate::backends::cloud::configured::{self, described, given, shown};
use crate::error::ErrorKind;
use crate::key::Prefix;
use crate::registry::{OptionValue, Options, build_backend};
use remote_store_credential_masking::Secret;

fn refusal(options: &Options) -> String {
    configured::refusal("azure", options)
}

#[test]
fn options_have_the_names_that_users_know() {
    let retry = OptionValue::Map(given([("max_attempts", 5.into())]));
    let options = given([
        ("container", "lake".into()),
        ("account_name", "acme".into()),
        (
            "account_url",
            "https://acme.blob.core.windows.net?sv=1&sig=hunter2".into(),
        ),
        ("hns", true.into()),
        ("max_concurrency", 2.into()),
        ("retry", retry),
        ("sas_token", OptionValue::Null),
        ("reject_write_under_file_ancestor", true.into()),
    ]);
    let backend = build_backend("azure", &options).unwrap();
    assert_eq!(
        described(&*backend),
        [
            "container=lake",
            "account_name=acme",
            "account_url=https://acme.blob.core.windows.net",
            "hns=true"
        ]
    );
    let read = AzureOptions::from_options(&options).unwrap();
    assert_eq!(read.max_concurrency, Some(2));
    assert_eq!(read.transport.retry.max_attempts, 5);
    assert!(read.reject_write_under_file_ancestor && read.hns);
}

#[test]
fn bad_options_are_named() {
    let container = || ("container", "c".into());
    assert!(refusal(&given([])).contains("'container'"));
    assert!(refusal(&given([("container", "".into())])).contains("name a container"));
    assert!(refusal(&given([("container", "a/b".into())])).contains("root_path"));
    assert!(refusal(&given([container(), ("acount_key", "x".into())])).contains("'account_key'"));
    assert!(refusal(&given([container(), ("max_concurrency", 0.into())])).contains("at least 1"));
    assert!(
        refusal(&given([container(), ("connection_string", "x".into())])).contains("without '='")
    );
    let twice = given([
        container(),
        ("account_key", "x".into()),
        ("sas_token", "y".into()),
    ]);
    assert!(refusal(&twice).contains("give one of them"));
}

#[test]
fn neither_options_nor_backend_show_a_credential() {
    for name in [
        "account_key",
        "sas_token",
        "credential",
        "connection_string",
    ] {
        let value = "AccountName=acme;AccountKey=hunter2hunter2";
        let options = given([("container", "c".into()), (name, Secret::new(value).into())]);
        let backend = build_backend("azure", &options).unwrap();
        let text = shown(&*backend);
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn nothing_is_opened_before_the_first_request() {
    let mut options = AzureOptions::new("c").unwrap();
    options.account_name = Some("acme".into());
    let backend = AzureBackend::new(options).unwrap();
    let paths = backend.native_path(&Prefix::parse("a b").unwrap()) + &backend.uri(&Prefix::root());
    assert_eq!(paths, "c/a baz://c");
    assert!(backend.inner.clients.get().is_none());
    assert_eq!(backend.key_from_native("cc/a"), None);
}

#[test]
fn a_key_that_is_none_is_refused_and_not_shown() {
    let mut options = AzureOptions::new("c").unwrap();
    options.account_name = Some("acme".into());
    options.account_key = Some("no base64: hunter2".into());
    let err = AzureBackend::new(options)
        .unwrap()
        .inner
        .client()
        .unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidConfig);
    assert!(err.to_string().contains("'azure'"), "{err}");
    assert!(!err.to_string().contains("hunter2"), "{err}");
}
