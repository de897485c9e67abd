//! The stable names of errors and of the things they are about.

use std::fmt;

/// The kind of an [`Error`](crate::Error); its kebab-case name is stable and
/// mirrored by the Python exception classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nothing of that name exists.
    NotFound,
    /// Something of that name exists.
    AlreadyExists,
    /// Credentials or file modes do not allow it.
    PermissionDenied,
    /// The name cannot be used.
    InvalidPath,
    /// The backend cannot do it.
    CapabilityNotSupported,
    /// A folder still holds something.
    DirectoryNotEmpty,
    /// The store cannot be reached or failed.
    BackendUnavailable,
    /// Somebody else holds a lock.
    ResourceLocked,
    /// Somebody else changed it in between.
    Conflict,
    /// User metadata that cannot be kept.
    InvalidMetadata,
    /// A bad option.
    InvalidConfig,
    /// A backend type that is not registered.
    UnknownBackend,
    /// The store was closed.
    Closed,
    /// An error of a backend written elsewhere.
    Foreign,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::InvalidPath,
        Self::CapabilityNotSupported,
        Self::DirectoryNotEmpty,
        Self::BackendUnavailable,
        Self::ResourceLocked,
        Self::Conflict,
        Self::InvalidMetadata,
        Self::InvalidConfig,
        Self::UnknownBackend,
        Self::Closed,
        Self::Foreign,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::PermissionDenied => "permission-denied",
            Self::InvalidPath => "invalid-path",
            Self::CapabilityNotSupported => "capability-not-supported",
            Self::DirectoryNotEmpty => "directory-not-empty",
            Self::BackendUnavailable => "backend-unavailable",
            Self::ResourceLocked => "resource-locked",
            Self::Conflict => "conflict",
            Self::InvalidMetadata => "invalid-metadata",
            Self::InvalidConfig => "invalid-config",
            Self::UnknownBackend => "unknown-backend",
            Self::Closed => "closed",
            Self::Foreign => "foreign",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The thing that a message names first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// An object.
    File,
    /// A folder.
    Folder,
    /// The object to copy or move from.
    Source,
    /// The object to copy or move to.
    Destination,
    /// The bucket or container of the whole store.
    Bucket,
    /// The container of an Azure account that holds everything.
    Container,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "File",
            Self::Folder => "Folder",
            Self::Source => "Source",
            Self::Destination => "Destination",
            Self::Bucket => "Bucket",
            Self::Container => "Container",
        })
    }
}
