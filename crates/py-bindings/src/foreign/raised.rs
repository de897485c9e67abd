//! What a Python store raises, as the core's errors: `errors` the other way round.

use std::sync::Arc;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use remote_store_core::{Capability, CapabilitySet, Error, ErrorKind, Subject};

use crate::{call, errors};

/// The error of the core for an exception about `path`: its kind for the core, and the exception
/// itself for the caller, who gets the very object that was raised.
pub(super) fn error(store: &Bound<'_, PyAny>, backend: &str, path: &str, raised: &PyErr) -> Error {
    let py = store.py();
    if !raised.is_instance_of::<PyException>(py) {
        call::interrupted(raised.clone_ref(py));
    }
    let thrown = Arc::new(raised.clone_ref(py));
    let told = kind(py, raised)
        .and_then(|kind| Raised::read(store, backend, path, raised).into_kind(kind));
    match told {
        Some(error) => error.thrown_as(thrown),
        None => Error::Foreign {
            message: raised.to_string(),
            path: Some(path.to_owned()),
            backend: backend.to_owned(),
            source: thrown,
        },
    }
}

/// The kind whose class the exception has. The base class is no kind.
fn kind(py: Python<'_>, raised: &PyErr) -> Option<ErrorKind> {
    let module = errors::module(py).ok()?;
    ErrorKind::ALL.into_iter().find(|kind| {
        *kind != ErrorKind::Foreign
            && errors::class_name(*kind)
                .and_then(|name| module.getattr(name).ok())
                .is_some_and(|class| raised.is_instance(py, &class))
    })
}

/// The parts of an exception of `remote_store._errors`.
struct Raised<'a, 'py> {
    store: &'a Bound<'py, PyAny>,
    asked: &'a str,
    message: String,
    path: String,
    backend: String,
    capability: Option<Capability>,
}

impl<'a, 'py> Raised<'a, 'py> {
    fn read(store: &'a Bound<'py, PyAny>, backend: &str, asked: &'a str, raised: &PyErr) -> Self {
        let value = raised.value(store.py());
        let text = |name: &str| -> Option<String> { value.getattr(name).ok()?.extract().ok() };
        Self {
            store,
            asked,
            message: text("message").unwrap_or_else(|| raised.to_string()),
            path: text("path").unwrap_or_else(|| asked.to_owned()),
            backend: text("backend").unwrap_or_else(|| backend.to_owned()),
            capability: text("capability").and_then(|name| name.parse().ok()),
        }
    }

    fn into_kind(self, kind: ErrorKind) -> Option<Error> {
        let what = self.subject();
        let Self {
            store,
            message,
            path,
            backend,
            capability,
            ..
        } = self;
        let source = None;
        Some(match kind {
            ErrorKind::NotFound => Error::missing(what, path, backend),
            // A part of a dataset that is in the way gets another name; a manifest is a conflict.
            ErrorKind::AlreadyExists => Error::already_exists(Subject::File, path, backend),
            ErrorKind::PermissionDenied => Error::PermissionDenied {
                message,
                path,
                backend,
                source,
            },
            ErrorKind::InvalidPath => Error::InvalidPath {
                reason: without_path(message, &path),
                path,
                backend: Some(backend),
                source,
            },
            ErrorKind::CapabilityNotSupported => Error::CapabilityNotSupported {
                capability: capability?,
                backend,
                supported: supported(store)?,
                source,
            },
            ErrorKind::DirectoryNotEmpty => Error::DirectoryNotEmpty {
                path,
                backend,
                source,
            },
            ErrorKind::BackendUnavailable => Error::BackendUnavailable {
                message,
                path: (!path.is_empty()).then_some(path),
                backend,
                source,
            },
            ErrorKind::ResourceLocked => Error::ResourceLocked {
                path,
                backend,
                source,
            },
            ErrorKind::Conflict => Error::Conflict {
                path,
                backend,
                source,
            },
            // A closed store raises BackendUnavailable; the others have no class of their own.
            ErrorKind::InvalidMetadata
            | ErrorKind::InvalidConfig
            | ErrorKind::UnknownBackend
            | ErrorKind::Closed
            | ErrorKind::Foreign
            | _ => return None,
        })
    }

    /// A missing bucket is no missing file: nobody may leave its partitions out.
    fn subject(&self) -> Subject {
        if self.path == self.asked || self.path.ends_with(&format!("/{}", self.asked)) {
            Subject::File
        } else {
            Subject::Bucket
        }
    }
}

/// The reason alone: the core's messages end with the path themselves.
fn without_path(message: String, path: &str) -> String {
    message
        .strip_suffix(path)
        .and_then(|reason| reason.strip_suffix(": "))
        .map_or_else(|| message.clone(), str::to_owned)
}

/// What the store says that it can do.
fn supported(store: &Bound<'_, PyAny>) -> Option<CapabilitySet> {
    let names = store.getattr("_core").ok()?.call_method0("capabilities");
    let names: Vec<String> = names.ok()?.extract().ok()?;
    names.iter().map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::without_path;

    #[test]
    fn the_path_stands_once_in_a_message() {
        assert_eq!(without_path("Not a file: a/b".into(), "a/b"), "Not a file");
        assert_eq!(without_path("Not a file".into(), "a/b"), "Not a file");
        assert_eq!(without_path("a/b".into(), "a/b"), "a/b");
    }
}
