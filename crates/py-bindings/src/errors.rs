//! Errors of the core as the Python classes of `remote_store._errors`: one match.

use std::error::Error as StdError;

use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule};
use remote_store_core::{Cause, Error, ErrorKind};
use remote_store_dagster_paths::PathError;
use remote_store_parquet_dataset::DatasetError;
use remote_store_serializers::SerializeError;

/// The class for each kind; `None` for a plain `ValueError`. What Python threw is raised
/// again itself, and `Foreign` only lands here when its source is lost.
pub(crate) fn class_name(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::NotFound => Some("NotFound"),
        ErrorKind::AlreadyExists => Some("AlreadyExists"),
        ErrorKind::PermissionDenied => Some("PermissionDenied"),
        ErrorKind::InvalidPath => Some("InvalidPath"),
        ErrorKind::CapabilityNotSupported => Some("CapabilityNotSupported"),
        ErrorKind::DirectoryNotEmpty => Some("DirectoryNotEmpty"),
        ErrorKind::BackendUnavailable | ErrorKind::Closed => Some("BackendUnavailable"),
        ErrorKind::ResourceLocked => Some("ResourceLocked"),
        ErrorKind::Conflict => Some("Conflict"),
        ErrorKind::InvalidMetadata | ErrorKind::InvalidConfig | ErrorKind::UnknownBackend => None,
        // The kinds are non-exhaustive: one that is newer than this list is still a store's error.
        ErrorKind::Foreign | _ => Some("RemoteStoreError"),
    }
}

/// An error that Python can raise.
pub(crate) trait ToPyErr {
    /// The exception, with path, backend and cause where there are any.
    fn to_py_err(&self, py: Python<'_>) -> PyErr;
}

impl ToPyErr for PyErr {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        self.clone_ref(py)
    }
}

impl ToPyErr for Error {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        let thrown = self.thrown().and_then(|thrown| thrown.downcast_ref());
        if let Some(thrown) = thrown {
            return PyErr::clone_ref(thrown, py);
        }
        let capability = if let Self::CapabilityNotSupported { capability, .. } = self {
            Some(capability.as_str())
        } else {
            None
        };
        let raised = Raised {
            kind: self.kind(),
            path: self.path(),
            backend: self.backend(),
            capability,
        };
        if let Self::InvalidPath {
            reason,
            backend: None,
            ..
        } = self
        {
            // A name that no backend was asked about: the words of `remote_store._path`.
            return raised.with_message(py, reason.clone());
        }
        raised.with(py, self)
    }
}

impl ToPyErr for PathError {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        Raised {
            kind: ErrorKind::InvalidPath,
            path: None,
            backend: None,
            capability: None,
        }
        .with(py, self)
    }
}

impl ToPyErr for SerializeError {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        Raised {
            kind: ErrorKind::InvalidConfig,
            path: None,
            backend: None,
            capability: None,
        }
        .with(py, self)
    }
}

impl ToPyErr for remote_store_io_manager::Error {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        if let Self::Store(error) = self {
            return error.to_py_err(py);
        }
        let (path, backend) = (self.path(), None);
        Raised {
            kind: self.kind(),
            path,
            backend,
            capability: None,
        }
        .with(py, self)
    }
}

impl ToPyErr for remote_store_compute_log::Error {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        if let Self::Store(error) = self {
            return error.to_py_err(py);
        }
        Raised {
            kind: self.kind(),
            path: None,
            backend: None,
            capability: None,
        }
        .with(py, self)
    }
}

impl ToPyErr for DatasetError {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        let (class, path, backend, reason) = match self {
            Self::Store(error) => return error.to_py_err(py),
            Self::Serialize(error) => return error.to_py_err(py),
            Self::At(located) => {
                let raised = Raised {
                    kind: ErrorKind::InvalidConfig,
                    path: None,
                    backend: None,
                    capability: None,
                };
                return raised.with(py, located);
            }
            Self::NotFound { key, backend } => ("NotFound", key, backend, None),
            Self::AlreadyExists { key, backend } => ("AlreadyExists", key, backend, None),
            Self::Conflict { key, backend } | Self::Replaced { key, backend } => {
                ("Conflict", key, backend, None)
            }
            Self::Incomplete {
                missing, backend, ..
            } => ("DatasetIncomplete", missing, backend, None),
            Self::ManifestCorrupted {
                path,
                backend,
                reason,
            } => ("ManifestCorrupted", path, backend, Some(reason)),
            // Non-exhaustive: what is newer than this list is told as a bad value, with its own words.
            Self::InvalidOption { .. } | _ => return PyValueError::new_err(self.to_string()),
        };
        let build = || {
            let fields = PyDict::new(py);
            fields.set_item("path", path)?;
            fields.set_item("backend", backend)?;
            if let Some(reason) = reason {
                fields.set_item("reason", reason)?;
            }
            // Its own classes there, beside those of the core, which it imports by name.
            let class = py.import("remote_store.ext._manifest")?.getattr(class)?;
            Ok(PyErr::from_value(
                class.call((self.to_string(),), Some(&fields))?,
            ))
        };
        build().unwrap_or_else(|failed: PyErr| failed)
    }
}

/// What an exception is made of.
struct Raised<'a> {
    kind: ErrorKind,
    path: Option<&'a str>,
    backend: Option<&'a str>,
    capability: Option<&'a str>,
}

impl Raised<'_> {
    fn with_message(&self, py: Python<'_>, message: String) -> PyErr {
        match class_name(self.kind) {
            None => PyValueError::new_err(message),
            // An exception while an exception is made is the one to see.
            Some(name) => self
                .build(py, name, message)
                .unwrap_or_else(|failed| failed),
        }
    }

    fn with(&self, py: Python<'_>, error: &dyn StdError) -> PyErr {
        let raised = self.with_message(py, error.to_string());
        if let Some(cause) = error.source() {
            raised.set_cause(py, Some(PyOSError::new_err(chain_text(cause))));
        }
        raised
    }

    fn build(&self, py: Python<'_>, name: &str, message: String) -> PyResult<PyErr> {
        let fields = PyDict::new(py);
        fields.set_item("path", self.path)?;
        fields.set_item("backend", self.backend)?;
        if let Some(capability) = self.capability {
            fields.set_item("capability", capability)?;
        }
        let class = module(py)?.getattr(name)?;
        Ok(PyErr::from_value(class.call((message,), Some(&fields))?))
    }
}

/// The causes, outermost first, without credentials.
fn chain_text(cause: &(dyn StdError + 'static)) -> String {
    let mut text = shown(cause);
    let mut next = cause.source();
    while let Some(error) = next {
        let inner = shown(error);
        if !text.contains(&inner) {
            text.push_str(": ");
            text.push_str(&inner);
        }
        next = error.source();
    }
    text
}

/// One cause as text. The core's own words are redacted already, and show the caller's paths, which
/// may look like credentials (`key=5/x.parquet`); all others are strangers' words.
fn shown(error: &(dyn StdError + 'static)) -> String {
    let text = error.to_string();
    if error.is::<Error>() || error.is::<Cause>() {
        return text;
    }
    remote_store_credential_masking::redact_text(&text)
}

/// The module of the error classes.
///
/// # Errors
/// What importing it raises.
pub(crate) fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    MODULE
        .get_or_try_init(py, || py.import("remote_store._errors").map(Bound::unbind))
        .map(|module| module.bind(py))
}

#[cfg(test)]
mod tests {
    use super::{chain_text, class_name};
    use remote_store_core::{Error, ErrorKind};

    #[test]
    fn causes_show_the_paths_of_the_core_and_hide_the_credentials_of_strangers() {
        let missing = Error::not_found("key=5/x.parquet", "memory");
        assert_eq!(chain_text(&missing), "File not found: key=5/x.parquet");
        let stranger = std::io::Error::other("refused: password=hunter2");
        assert_eq!(chain_text(&stranger), "refused: password=***");
    }

    /// `not-found` as `NotFound`.
    fn pascal_case(kebab: &str) -> String {
        let mut upper = true;
        kebab.chars().fold(String::new(), |mut name, letter| {
            if letter == '-' {
                upper = true;
            } else {
                name.extend(upper.then(|| letter.to_ascii_uppercase()).or(Some(letter)));
                upper = false;
            }
            name
        })
    }

    #[test]
    fn each_kind_has_the_class_of_its_name() {
        for kind in ErrorKind::ALL {
            let plain = [
                ErrorKind::InvalidMetadata,
                ErrorKind::InvalidConfig,
                ErrorKind::UnknownBackend,
            ];
            let expected = if plain.contains(&kind) {
                None
            } else if kind == ErrorKind::Closed {
                Some("BackendUnavailable".to_owned())
            } else if kind == ErrorKind::Foreign {
                Some("RemoteStoreError".to_owned())
            } else {
                Some(pascal_case(kind.as_str()))
            };
            assert_eq!(class_name(kind).map(str::to_owned), expected, "{kind}");
        }
    }

    #[test]
    fn the_python_module_defines_every_class_that_is_raised() {
        let module = include_str!("../python/remote_store/_errors.py");
        for class in ErrorKind::ALL.into_iter().filter_map(class_name) {
            assert!(
                module.contains(&format!("\nclass {class}(")),
                "{class} is not in _errors.py"
            );
        }
    }
}
