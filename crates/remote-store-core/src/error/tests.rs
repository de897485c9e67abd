#![allow(clippy::use_debug, reason = "what Debug shows is under test")]

use std::fmt::Write;

use super::*;

#[derive(Debug, thiserror::Error)]
#[error("GET /cause https://user:hunter2@host/b?X-Amz-Signature=abcdef failed")]
struct Leaky;

const LEAK: &str =
    "cannot reach https://user:hunter2@host/b?X-Amz-Signature=abcdef with password=hunter3";

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

/// An error of each kind with a credential in every text but its path.
fn leaky(kind: ErrorKind) -> Vec<Error> {
    let text = || LEAK.to_owned();
    let (path, backend) = ("a/b".to_owned(), "s3".to_owned());
    let made = match kind {
        ErrorKind::NotFound => vec![Error::not_found(path, backend)],
        ErrorKind::AlreadyExists => vec![Error::already_exists(Subject::File, path, backend)],
        ErrorKind::PermissionDenied => vec![Error::PermissionDenied {
            message: text(),
            path,
            backend,
            source: None,
        }],
        ErrorKind::InvalidPath => vec![
            Error::invalid_path(path, text()),
            Error::invalid_path("", text()),
        ],
        ErrorKind::CapabilityNotSupported => vec![
            Error::CapabilityNotSupported {
                capability: Capability::Write,
                backend: backend.clone(),
                supported: CapabilitySet::all(),
                source: None,
            },
            Error::Unsupported {
                reason: text(),
                backend,
            },
        ],
        ErrorKind::DirectoryNotEmpty => vec![Error::DirectoryNotEmpty {
            path,
            backend,
            source: None,
        }],
        ErrorKind::BackendUnavailable => vec![Error::unavailable(backend, text())],
        ErrorKind::ResourceLocked => vec![Error::ResourceLocked {
            path,
            backend,
            source: None,
        }],
        ErrorKind::Conflict => vec![Error::conflict(path, backend)],
        ErrorKind::InvalidMetadata => vec![Error::InvalidMetadata { reason: text() }],
        ErrorKind::InvalidConfig => vec![Error::invalid_config(text())],
        ErrorKind::UnknownBackend => vec![Error::UnknownBackend {
            name: text(),
            registered: vec!["local".into()],
            nearest: None,
        }],
        ErrorKind::Closed => vec![Error::Closed { backend }],
        ErrorKind::Foreign => vec![Error::Foreign {
            message: text(),
            path: Some(path),
            backend,
            source: Arc::new(Leaky),
        }],
    };
    let caused = made.iter().map(|err| err.clone().caused_by(&Leaky));
    let thrown = made
        .iter()
        .map(|err| err.clone().thrown_as(Arc::new(Leaky)));
    caused.chain(thrown).chain(made.iter().cloned()).collect()
}

#[test]
fn neither_display_nor_debug_nor_the_chain_shows_a_credential() {
    for kind in ErrorKind::ALL {
        for err in leaky(kind) {
            assert_eq!(err.kind(), kind);
            assert!(
                !err.to_string().contains("GET /cause"),
                "Display prints no source"
            );
            let mut text = format!("{err} {err:?} {err:#?}");
            // What was thrown belongs to whoever threw it; all others are our own.
            let mut source = StdError::source(&err).filter(|_| kind != ErrorKind::Foreign);
            while let Some(cause) = source {
                write!(text, " {cause} {cause:?}").unwrap();
                source = cause.source();
            }
            for secret in ["hunter2", "abcdef", "hunter3"] {
                assert!(!text.contains(secret), "{text}");
            }
            assert!(text.contains(kind.as_str()), "{text}");
        }
    }
}

#[test]
fn debug_shows_what_the_error_is_about_and_its_causes() {
    let err = Error::not_found("a/b", "s3").caused_by(&Leaky);
    let shown = format!("{err:?}");
    for wanted in ["not-found", "File not found: a/b", "s3", "GET /cause"] {
        assert!(shown.contains(wanted), "{shown}");
    }
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
