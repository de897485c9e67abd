#![allow(clippy::use_debug, reason = "what Debug shows is under test")]

use std::fmt::Write;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("GET https://user:hunter2@host/b?X-Amz-Signature=abcdef failed")]
struct Leaky;

#[test]
fn messages_are_those_that_users_match_on() {
    let missing = |what| Error::missing(what, "p", "memory").to_string();
    assert_eq!(missing(Subject::File), "File not found: p");
    assert_eq!(missing(Subject::Folder), "Folder not found: p");
    assert_eq!(missing(Subject::Source), "Source not found: p");
    let exists = |what| Error::already_exists(what, "p", "memory").to_string();
    assert_eq!(exists(Subject::File), "File already exists: p");
    assert_eq!(
        exists(Subject::Destination),
        "Destination already exists: p"
    );
    assert_eq!(Error::not_a_file("p", "m").to_string(), "Not a file: p");
    assert_eq!(Error::not_a_folder("p", "m").to_string(), "Not a folder: p");
    assert_eq!(
        Error::UnknownBackend {
            name: "x".into(),
            registered: vec!["local".into(), "memory".into()],
            nearest: None
        }
        .to_string(),
        "Unknown backend type 'x'. Registered types: ['local', 'memory']"
    );
    assert_eq!(
        Error::Closed {
            backend: "s3".into()
        }
        .to_string(),
        "s3 backend is closed"
    );
}

#[test]
fn neither_display_nor_debug_nor_the_chain_shows_a_credential() {
    let err = Error::unavailable("s3", "cannot reach https://user:hunter2@host/").caused_by(&Leaky);
    let mut text = format!("{err} {err:?}");
    let mut source = StdError::source(&err);
    assert!(source.is_some(), "the chain is kept");
    while let Some(cause) = source {
        write!(text, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    assert!(
        !err.to_string().contains("GET"),
        "Display must not print its source"
    );
    let shown = text.replace("cannot reach https://user:hunter2@host/", "");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(!shown.contains("abcdef"), "{shown}");
}

#[test]
fn kinds_are_kebab_case_and_distinct() {
    let names: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|k| k.as_str()).collect();
    assert_eq!(names.len(), ErrorKind::ALL.len());
    assert!(
        names
            .iter()
            .all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
    );
}

#[test]
fn what_a_foreign_backend_threw_is_kept_by_every_kind_that_it_can_have() {
    let (path, backend) = (String::from("a"), String::from("tapes"));
    let errors = [
        Error::not_found("a", "tapes"),
        Error::already_exists(Subject::File, "a", "tapes"),
        Error::not_a_file("a", "tapes"),
        Error::unavailable("tapes", "rewinding"),
        Error::conflict("a", "tapes"),
        Error::invalid_config("no tape"),
        Error::DirectoryNotEmpty {
            path,
            backend: backend.clone(),
            source: None,
        },
        Error::CapabilityNotSupported {
            capability: Capability::Write,
            backend,
            supported: CapabilitySet::all(),
            source: None,
        },
    ];
    for error in errors {
        assert!(error.thrown().is_none(), "{error}");
        let (kind, text) = (error.kind(), error.to_string());
        let error = error.thrown_as(Arc::new(Leaky)).clone();
        assert!(
            error
                .thrown()
                .is_some_and(<dyn StdError + Send + Sync>::is::<Leaky>)
        );
        assert_eq!((error.kind(), error.to_string()), (kind, text));
        let shown = format!(
            "{error:?} {:?}",
            StdError::source(&error).map(ToString::to_string)
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
