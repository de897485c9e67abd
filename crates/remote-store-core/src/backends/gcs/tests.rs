#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use super::*;
use crate::backends::cloud::configured::{self, described, given, shown};
use crate::error::ErrorKind;
use crate::key::Prefix;
use crate::registry::{Options, build_backend};

const KEY: &str =
    r#"{"client_email": "a@b", "private_key": "hunter2hunter2", "private_key_id": "1"}"#;

fn refusal(options: &Options) -> String {
    configured::refusal("gcs", options)
}

#[test]
fn options_are_shown_without_the_key() {
    let options = given([
        ("bucket", "lake".into()),
        ("service_account_key", KEY.into()),
        ("endpoint", "storage.example/".into()),
    ]);
    let backend = build_backend("gcs", &options).unwrap();
    assert_eq!(
        described(&*backend),
        [
            "bucket=lake",
            "service_account_key=***",
            "endpoint_url=storage.example/"
        ]
    );
    assert!(!shown(&*backend).contains("hunter2"));
}

#[test]
fn bad_options_are_named() {
    let bucket = || ("bucket", "b".into());
    assert!(refusal(&given([])).contains("'bucket'"));
    assert!(refusal(&given([("bucket", "a/b".into())])).contains("root_path"));
    assert!(
        refusal(&given([bucket(), ("endpoint_url", "ftp://x".into())])).contains("'endpoint_url'")
    );
    for key in ["hunter2hunter2", r#"{"private_key": "hunter2hunter2"}"#] {
        let options = given([bucket(), ("service_account_key", key.into())]);
        assert!(refusal(&options).contains("'service_account_key'"));
    }
    let twice = given([
        bucket(),
        ("service_account_key", KEY.into()),
        ("service_account_path", "/k.json".into()),
    ]);
    assert!(refusal(&twice).contains("give one of them"));
}

#[test]
fn a_key_file_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let mut options = GcsOptions::new("b").unwrap();
    options.service_account_path = Some(path.clone());
    for content in [None, Some("{}")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let err = GcsBackend::new(options.clone()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidConfig);
        assert!(err.to_string().contains("key.json"), "{err}");
    }
    // A private key that is none is refused by the client, and not shown.
    std::fs::write(&path, KEY).unwrap();
    let err = GcsBackend::new(options)
        .unwrap()
        .inner
        .client()
        .unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidConfig);
    assert!(!err.to_string().contains("hunter2"), "{err}");
}

#[test]
fn nothing_is_opened_before_the_first_request() {
    let backend = GcsBackend::new(GcsOptions::new("b").unwrap()).unwrap();
    let paths = backend.native_path(&Prefix::parse("a b").unwrap()) + &backend.uri(&Prefix::root());
    assert_eq!(paths, "b/a bgs://b");
    assert!(backend.inner.clients.get().is_none());
    assert_eq!(backend.key_from_native("bb/a"), None);
}
