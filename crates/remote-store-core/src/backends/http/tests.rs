//! What needs no server: options, names, and what is refused before anything is sent.

use super::*;
use crate::backends::cloud::configured::{given, refusal};
use crate::error::ErrorKind;
use crate::registry::{self, OptionValue, Options};
use crate::runtime;
use crate::store::Store;

fn refused(options: &Options) -> String {
    refusal("http", options)
}

#[test]
fn what_cannot_be_configured_is_named_and_no_password_is_shown() {
    for (url, expected) in [
        ("", "is no URL"),
        ("data.example/lake", "is no URL"),
        ("ftp://u:hunter2@h/", "must begin with http://"),
        ("https://u:hunter2@h/x?sig=hunter2", "has a query"),
        ("https://u:hunter2@[/", "is no URL"),
    ] {
        let message = refused(&given([("base_url", url.into())]));
        assert!(message.contains(expected), "{url}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let with = |name: &str, value: OptionValue| {
        refused(&given([("base_url", "http://h".into()), (name, value)]))
    };
    assert!(with("timeout", 0.0.into()).contains("'timeout'"));
    assert!(with("timeout", "soon".into()).contains("takes float"));
    assert!(with("max_redirects", (-1).into()).contains("must not be negative"));
    assert!(with("verify_tls", true.into()).contains("no option 'verify_tls'"));
    let header = |name: &str, value: OptionValue| {
        let headers = OptionValue::Map(given([(name, value)]));
        with("headers", headers)
    };
    assert!(header("no name", "x".into()).contains("is no name of a header"));
    assert!(header("Range", "bytes=0-1".into()).contains("is the backend's own"));
    assert!(header("X", 1.into()).contains("takes str"));
    let split = header("X-Api-Key", "hunter2\r\nX: y".into());
    assert!(split.contains("no header can have") && !split.contains("hunter2"));
}

#[test]
fn two_ways_to_say_who_one_is_are_one_too_many() {
    let headers = OptionValue::Map(given([("Authorization", "Bearer hunter2".into())]));
    let both = given([
        ("base_url", "http://u:hunter2@h".into()),
        ("headers", headers),
    ]);
    let message = refused(&both);
    assert!(message.contains("keep one of them"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn no_credential_is_shown() {
    let headers = OptionValue::Map(given([("X-Api-Key", "hunter3".into())]));
    let options = given([
        ("base_url", "https://u:hunter2@h/x".into()),
        ("headers", headers),
    ]);
    let backend = registry::build_backend("http", &options).unwrap();
    let native = backend.native_path(&Prefix::parse("a").unwrap());
    let shown = format!("{backend:?} {:?} {native}", backend.describe());
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("X-Api-Key"), "{shown}");
    assert_eq!(native, "https://h/x/a");
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    // Nothing listens there: whatever was sent would fail otherwise.
    let options = HttpOptions::new("http://127.0.0.1:9/").unwrap();
    let store = Store::new(Arc::new(HttpBackend::new(options).unwrap()), Prefix::root());
    let refused = runtime::block_on(store.driver(), async {
        vec![
            store
                .write("a", "x".into(), &WriteOptions::create())
                .await
                .unwrap_err(),
            store
                .writer("a", &WriteOptions::create())
                .await
                .err()
                .unwrap(),
            store.delete("a", false).await.unwrap_err(),
            store.list_level("").await.unwrap_err(),
            store.list_page("", None, 1).await.unwrap_err(),
            store.delete_folder("a", true, false).await.unwrap_err(),
            store.copy("a", "b", WriteMode::Create).await.unwrap_err(),
            store.rename("a", "b", WriteMode::Create).await.unwrap_err(),
        ]
    })
    .unwrap();
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::CapabilityNotSupported, "{error}");
    }
}

#[test]
fn a_closed_backend_says_so() {
    let options = HttpOptions::new("http://127.0.0.1:9/").unwrap();
    let store = Store::new(Arc::new(HttpBackend::new(options).unwrap()), Prefix::root());
    let error = runtime::block_on(store.driver(), async {
        store.close().await;
        store.read_bytes("a").await.unwrap_err()
    });
    assert_eq!(error.unwrap().kind(), ErrorKind::Closed);
}

#[test]
fn pauses_grow_to_their_limit_and_not_beyond() {
    let mut options = HttpOptions::new("http://h/").unwrap();
    options.transport.retry.backoff_base = std::time::Duration::from_millis(100);
    options.transport.retry.backoff_max = std::time::Duration::from_secs(1);
    let backend = HttpBackend::new(options).unwrap();
    for attempt in [1, 2, 5, 1000] {
        let pause = backend.inner.pause(attempt).as_millis();
        let whole = 100_u128
            .saturating_mul(1 << (attempt - 1).min(20))
            .min(1000);
        assert!((whole / 2..=whole).contains(&pause), "{attempt}: {pause}");
    }
}
