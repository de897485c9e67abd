//! One error type with stable kinds.
//!
//! Display gives the message alone: never the source, never a credential; Debug
//! adds kind, path, backend and causes, and shows no credential either. The chain of causes is kept as text that was redacted when it was taken over.

use std::error::Error as StdError;
use std::sync::Arc;

use remote_store_credential_masking::redact_text;

use self::shown::redact_but_path;
use crate::capability::{Capability, CapabilitySet};

mod cause;
mod kind;
mod shown;
mod thrown;

pub use cause::Cause;
pub use kind::{ErrorKind, Subject};

/// The result of everything that a store does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the thing it went wrong with.
///
/// ```
/// use remote_store_core::{Error, ErrorKind, Store, runtime};
///
/// let store = Store::memory();
/// let err = runtime::block_on(store.driver(), store.read_bytes("no/such.json"))?.unwrap_err();
/// assert_eq!(err.kind(), ErrorKind::NotFound);
/// assert_eq!(err.kind().as_str(), "not-found");
/// assert_eq!(err.to_string(), "File not found: no/such.json");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing of that name exists.
    #[error("{what} not found: {path}")]
    NotFound {
        /// What was looked for.
        what: Subject,
        /// Its full name in the backend.
        path: String,
        /// The backend that was asked.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// Something of that name exists and may not be replaced.
    #[error("{what} already exists: {path}")]
    AlreadyExists {
        /// What exists.
        what: Subject,
        /// Its full name in the backend.
        path: String,
        /// The backend that was asked.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// The credentials or the file modes do not allow it.
    #[error("{}", redact_but_path(message, Some(path)))]
    PermissionDenied {
        /// What was refused and the way out.
        message: String,
        /// The full name in the backend.
        path: String,
        /// The backend that refused.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// The name cannot be used, or not for this.
    #[error("{}", invalid_path_text(path, reason))]
    InvalidPath {
        /// The name as given.
        path: String,
        /// Why it is refused.
        reason: String,
        /// The backend that refused; `None` when no backend was asked.
        backend: Option<String>,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// The backend cannot do it at all.
    #[error("Capability '{capability}' is not supported. Supported: {supported}")]
    CapabilityNotSupported {
        /// What was needed.
        capability: Capability,
        /// The backend that lacks it.
        backend: String,
        /// What it has.
        supported: CapabilitySet,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// The backend cannot do it this way; no [`Capability`] stands for it.
    #[error("Backend '{backend}' {}", redact_text(reason))]
    Unsupported {
        /// What it cannot do and the way out, as the rest of a sentence.
        reason: String,
        /// The backend that lacks it.
        backend: String,
    },
    /// A folder that still holds something was to be deleted.
    #[error("Folder not empty: {path}")]
    DirectoryNotEmpty {
        /// The folder.
        path: String,
        /// The backend that refused.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// The store cannot be reached, or failed.
    #[error("{}", redact_but_path(message, path.as_deref()))]
    BackendUnavailable {
        /// What happened and the way out.
        message: String,
        /// The full name in the backend, where one was involved.
        path: Option<String>,
        /// The backend.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// Somebody else holds a lock on the thing.
    #[error("Resource is locked: {path}")]
    ResourceLocked {
        /// The full name in the backend.
        path: String,
        /// The backend.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// Somebody else changed the thing in between.
    #[error("{path} was changed by another writer; read it again and retry")]
    Conflict {
        /// The full name in the backend.
        path: String,
        /// The backend.
        backend: String,
        /// What the backend said.
        #[source]
        source: Option<Cause>,
    },
    /// User metadata that no backend would keep unchanged.
    #[error("{}", redact_text(reason))]
    InvalidMetadata {
        /// The rule that was broken.
        reason: String,
    },
    /// An option is unknown, missing or of the wrong type.
    #[error("{}", redact_text(message))]
    InvalidConfig {
        /// Which option and the way out; never its value.
        message: String,
        /// The backend type that was configured, where known.
        backend: Option<String>,
        /// What the underlying library said.
        #[source]
        source: Option<Cause>,
    },
    /// No backend of that type is registered.
    #[error("Unknown backend type '{}'. Registered types: {}{}", redact_text(name), bracketed(registered), suggestion(nearest.as_deref()))]
    UnknownBackend {
        /// The type asked for.
        name: String,
        /// The types there are.
        registered: Vec<String>,
        /// The nearest of them, when one is near.
        nearest: Option<String>,
    },
    /// The store was closed before.
    #[error("{backend} backend is closed")]
    Closed {
        /// The backend.
        backend: String,
    },
    /// An error of a backend that was written outside this crate; the source
    /// can be downcast by whoever wrote it.
    #[error("{}", redact_but_path(message, path.as_deref()))]
    Foreign {
        /// What happened.
        message: String,
        /// The full name in the backend, where one was involved.
        path: Option<String>,
        /// The backend.
        backend: String,
        /// The error as it was thrown.
        #[source]
        source: Arc<dyn StdError + Send + Sync>,
    },
}

fn invalid_path_text(path: &str, reason: &str) -> String {
    let reason = redact_text(reason);
    if path.is_empty() {
        reason
    } else {
        format!("{reason}: {}", path.escape_debug())
    }
}

fn bracketed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    format!("[{}]", quoted.join(", "))
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(". Did you mean '{name}'?"))
}

impl Error {
    /// A file that does not exist.
    pub fn not_found(path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::missing(Subject::File, path, backend)
    }

    /// A thing of any kind that does not exist.
    pub fn missing(what: Subject, path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::NotFound {
            what,
            path: path.into(),
            backend: backend.into(),
            source: None,
        }
    }

    /// A thing that exists and may not be replaced.
    pub fn already_exists(
        what: Subject,
        path: impl Into<String>,
        backend: impl Into<String>,
    ) -> Self {
        Self::AlreadyExists {
            what,
            path: path.into(),
            backend: backend.into(),
            source: None,
        }
    }

    /// A name that cannot be used.
    pub fn invalid_path(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidPath {
            path: path.into(),
            reason: reason.into(),
            backend: None,
            source: None,
        }
    }

    /// An object that is no longer what the caller saw.
    pub fn conflict(path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::Conflict {
            path: path.into(),
            backend: backend.into(),
            source: None,
        }
    }

    /// A folder where a file was wanted.
    pub fn not_a_file(path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::InvalidPath {
            path: path.into(),
            reason: "Not a file".into(),
            backend: Some(backend.into()),
            source: None,
        }
    }

    /// A folder as the source of a copy or move.
    pub fn source_is_directory(path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::InvalidPath {
            path: path.into(),
            reason: "Source is a directory".into(),
            backend: Some(backend.into()),
            source: None,
        }
    }

    /// An object above the path, where only a folder can be.
    pub fn below_file(path: impl Into<String>, file: &str, backend: impl Into<String>) -> Self {
        Self::InvalidPath {
            path: path.into(),
            reason: format!("Cannot write below the file '{file}'"),
            backend: Some(backend.into()),
            source: None,
        }
    }

    /// A file where a folder was wanted.
    pub fn not_a_folder(path: impl Into<String>, backend: impl Into<String>) -> Self {
        Self::InvalidPath {
            path: path.into(),
            reason: "Not a folder".into(),
            backend: Some(backend.into()),
            source: None,
        }
    }

    /// A configuration that cannot work.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::InvalidConfig {
            message: message.into(),
            backend: None,
            source: None,
        }
    }

    /// A store that cannot be reached or failed.
    pub fn unavailable(backend: impl Into<String>, message: impl Into<String>) -> Self {
        Self::BackendUnavailable {
            message: message.into(),
            path: None,
            backend: backend.into(),
            source: None,
        }
    }

    /// The kind, for matching and for mapping to other languages.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::AlreadyExists { .. } => ErrorKind::AlreadyExists,
            Self::PermissionDenied { .. } => ErrorKind::PermissionDenied,
            Self::InvalidPath { .. } => ErrorKind::InvalidPath,
            Self::CapabilityNotSupported { .. } | Self::Unsupported { .. } => {
                ErrorKind::CapabilityNotSupported
            }
            Self::DirectoryNotEmpty { .. } => ErrorKind::DirectoryNotEmpty,
            Self::BackendUnavailable { .. } => ErrorKind::BackendUnavailable,
            Self::ResourceLocked { .. } => ErrorKind::ResourceLocked,
            Self::Conflict { .. } => ErrorKind::Conflict,
            Self::InvalidMetadata { .. } => ErrorKind::InvalidMetadata,
            Self::InvalidConfig { .. } => ErrorKind::InvalidConfig,
            Self::UnknownBackend { .. } => ErrorKind::UnknownBackend,
            Self::Closed { .. } => ErrorKind::Closed,
            Self::Foreign { .. } => ErrorKind::Foreign,
        }
    }

    /// The full name in the backend that the error is about.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::NotFound { path, .. }
            | Self::AlreadyExists { path, .. }
            | Self::PermissionDenied { path, .. }
            | Self::InvalidPath { path, .. }
            | Self::DirectoryNotEmpty { path, .. }
            | Self::ResourceLocked { path, .. }
            | Self::Conflict { path, .. } => Some(path),
            Self::BackendUnavailable { path, .. } | Self::Foreign { path, .. } => path.as_deref(),
            Self::CapabilityNotSupported { .. }
            | Self::Unsupported { .. }
            | Self::InvalidMetadata { .. }
            | Self::InvalidConfig { .. }
            | Self::UnknownBackend { .. }
            | Self::Closed { .. } => None,
        }
    }

    /// The backend that the error comes from.
    pub fn backend(&self) -> Option<&str> {
        match self {
            Self::NotFound { backend, .. }
            | Self::AlreadyExists { backend, .. }
            | Self::PermissionDenied { backend, .. }
            | Self::CapabilityNotSupported { backend, .. }
            | Self::Unsupported { backend, .. }
            | Self::DirectoryNotEmpty { backend, .. }
            | Self::BackendUnavailable { backend, .. }
            | Self::ResourceLocked { backend, .. }
            | Self::Conflict { backend, .. }
            | Self::Closed { backend }
            | Self::Foreign { backend, .. } => Some(backend),
            Self::InvalidPath { backend, .. } | Self::InvalidConfig { backend, .. } => {
                backend.as_deref()
            }
            Self::InvalidMetadata { .. } | Self::UnknownBackend { .. } => None,
        }
    }

    /// True when one object is missing, as opposed to the whole bucket.
    pub const fn is_missing_object(&self) -> bool {
        matches!(
            self,
            Self::NotFound {
                what: Subject::File | Subject::Source,
                ..
            }
        )
    }

    /// True when the thing asked for does not exist.
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

#[cfg(test)]
mod tests;
