#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use super::*;
use crate::backends::cloud::Service;
use crate::backends::cloud::configured::{self, described, given, shown};
use crate::error::{Error, ErrorKind};
use crate::key::Prefix;
use crate::registry::{OptionValue, Options, build_backend};
use remote_store_credential_masking::Secret;

fn nested<const N: usize>(pairs: [(&str, OptionValue); N]) -> OptionValue {
    OptionValue::Map(given(pairs))
}

fn refusal(options: &Options) -> String {
    configured::refusal("s3", options)
}

#[test]
fn options_have_the_names_that_users_know() {
    let options = given([
        ("bucket", "lake".into()),
        ("endpoint_url", "http://127.0.0.1:8333".into()),
        ("key", "AKIAEXAMPLE".into()),
        ("secret", Secret::new("hunter2hunter2").into()),
        ("region_name", "eu-central-1".into()),
        (
            "client_options",
            nested([("connect_timeout", 2.into()), ("timeout", 2.5.into())]),
        ),
        (
            "retry",
            nested([
                ("max_attempts", 5.into()),
                ("backoff_base", 0.5.into()),
                ("jitter", 1.0.into()),
            ]),
        ),
        ("tls_ca_bundle", OptionValue::Null),
        ("reject_write_under_file_ancestor", true.into()),
    ]);
    for name in ["s3", "s3-pyarrow"] {
        let backend = build_backend(name, &options).unwrap();
        assert_eq!(
            described(&*backend),
            [
                "bucket=lake",
                "endpoint_url=http://127.0.0.1:8333",
                "key=***",
                "secret=***",
                "region_name=eu-central-1"
            ]
        );
    }
    let mut options = options;
    options.insert(
        "client_options".into(),
        nested([("connect_timeout", 2.into()), ("read_timeout", 2.5.into())]),
    );
    let read = S3Options::from_options(&options).unwrap();
    assert_eq!(read.transport.connect_timeout.as_secs(), 2);
    assert_eq!(read.transport.read_timeout.as_millis(), 2500);
    assert_eq!(read.transport.retry.max_attempts, 5);
    assert!(read.reject_write_under_file_ancestor);
}

#[test]
fn bad_options_are_named() {
    let bucket = || ("bucket", "b".into());
    assert!(refusal(&given([])).contains("'bucket'"));
    assert!(refusal(&given([("bucket", "".into())])).contains("'bucket'"));
    assert!(refusal(&given([("bucket", "a/b".into())])).contains("root_path"));
    assert!(refusal(&given([bucket(), ("regoin_name", "x".into())])).contains("'region_name'"));
    assert!(refusal(&given([bucket(), ("key", "x".into())])).contains("'secret'"));
    assert!(refusal(&given([bucket(), ("secret", "x".into())])).contains("'key'"));
    assert!(
        refusal(&given([bucket(), ("endpoint_url", "ftp://x".into())])).contains("'endpoint_url'")
    );
    assert!(
        refusal(&given([bucket(), ("endpoint_url", "http://".into())])).contains("'endpoint_url'")
    );
    let retry = |name: &'static str, value: OptionValue| {
        given([bucket(), ("retry", nested([(name, value)]))])
    };
    assert!(refusal(&retry("max_attempts", 0.into())).contains("at least 1"));
    assert!(refusal(&retry("backoff_max", (-1.0).into())).contains("'retry.backoff_max'"));
    assert!(refusal(&retry("max_atempts", 1.into())).contains("'retry.max_attempts'"));
}

#[test]
fn an_endpoint_without_a_scheme_gets_https() {
    let mut options = S3Options::new("b").unwrap();
    options.endpoint_url = Some("minio.example:9000/".into());
    assert_eq!(
        options.endpoint().as_deref(),
        Some("https://minio.example:9000")
    );
    options.validate().unwrap();
}

#[test]
fn neither_options_nor_backend_show_a_credential() {
    let options = given([
        ("bucket", "b".into()),
        ("key", "AKIAHUNTER2".into()),
        ("secret", "hunter2hunter2".into()),
        ("session_token", "tokentoken".into()),
        (
            "client_options",
            nested([("proxy_url", "http://u:hunter2@proxy".into())]),
        ),
    ]);
    let backend = build_backend("s3", &options).unwrap();
    let text = shown(&*backend);
    for secret in ["AKIAHUNTER2", "hunter2", "tokentoken"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_ca_bundle_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let mut options = S3Options::new("b").unwrap();
    options.anonymous = true;
    options.transport.tls_ca_bundle = Some(path.clone());
    for content in [None, Some("no certificate in here")] {
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let err = S3Backend::new(options.clone()).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidConfig);
        let said = err.to_string();
        assert!(
            said.contains("'tls_ca_bundle'") && said.contains("ca.pem"),
            "{said}"
        );
    }
}

#[test]
fn nothing_is_opened_before_the_first_request() {
    let backend = S3Backend::new(S3Options::new("b").unwrap()).unwrap();
    let paths = backend.native_path(&Prefix::parse("a b").unwrap()) + &backend.uri(&Prefix::root());
    assert_eq!(paths, "b/a bs3://b");
    assert!(backend.inner.clients.get().is_none());
    assert_eq!(backend.key_from_native("bb/a"), None);
}

#[test]
fn credentials_in_an_endpoint_are_in_no_form_of_an_error() {
    let mut options = S3Options::new("lake").unwrap();
    options.endpoint_url = Some("ftp://user:hunter2hunter2@minio".into());
    let err = S3Backend::new(options).unwrap_err();
    let Error::InvalidConfig { message, .. } = &err else {
        panic!("{err}");
    };
    assert!(message.contains("minio"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn links_are_signed_without_a_request_and_never_hold_the_secret() {
    use crate::{Store, UrlMethod, runtime};
    use std::time::Duration;

    let options = given([
        ("bucket", "lake".into()),
        ("endpoint_url", "http://127.0.0.1:9".into()),
        ("key", "AKIAEXAMPLE".into()),
        ("secret", Secret::new("hunter2hunter2").into()),
    ]);
    let store = Store::new(build_backend("s3", &options).unwrap(), Prefix::root());
    assert!(store.supports_signed_urls());
    let sign = |life| {
        let link = store.signed_url("a b.txt", UrlMethod::Get, Duration::from_secs(life));
        runtime::block_on(store.driver(), link).unwrap()
    };
    let link = sign(60).unwrap();
    assert!(
        link.starts_with("http://127.0.0.1:9/lake/a%20b.txt?"),
        "{link}"
    );
    assert!(link.contains("X-Amz-Expires=60") && link.contains("X-Amz-Signature="));
    assert!(!link.contains("hunter2"));
    for life in [0, 7 * 24 * 3600 + 1] {
        assert_eq!(sign(life).unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}

#[test]
fn without_a_credential_no_link_is_signed_and_none_is_looked_for() {
    let options = given([("bucket", "lake".into()), ("anonymous", true.into())]);
    let backend = build_backend("s3", &options).unwrap();
    assert!(!backend.supports_signed_urls());
}
