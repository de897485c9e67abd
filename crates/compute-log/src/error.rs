//! What can go wrong between a step's output and its log in the store.

use std::io;
use std::path::PathBuf;

use remote_store_core::ErrorKind;
use remote_store_dagster_paths::{IoType, PathError};
use thiserror::Error as ThisError;

/// A log that cannot be kept, found or read.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The log key has no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The store refused or failed; a refusal is never reported as "no logs".
    #[error(transparent)]
    Store(#[from] remote_store_core::Error),
    /// A local file could not be read or written.
    #[error("cannot {action} '{}'; check that the folder exists, is writable and has space", path.display())]
    LocalFile {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A cap of nothing, which would store nothing.
    #[error("a log cap of 0 bytes would store nothing; use at least 1, or u64::MAX for no cap")]
    NoRoom,
    /// A compressed object that is not as it was written.
    #[error(
        "the compressed log '{path}' cannot be read; it is damaged, or was written by another tool"
    )]
    Damaged {
        /// The object.
        path: String,
        /// What is wrong with it.
        source: io::Error,
    },
    /// A deletion by prefix without a prefix, which would delete every log there is.
    #[error(
        "deleting logs by prefix needs at least one segment; an empty prefix would delete all logs"
    )]
    EmptyPrefix,
    /// A key whose local file would lie outside the staging folder.
    #[error("log key {} has a segment that is no file name; its files cannot be staged locally", key.escape_debug())]
    UnsafeLocalName {
        /// The log key, joined with `/`.
        key: String,
    },
    /// Some streams of a step could not be stored; their local files are still there.
    #[error("logs of {key} were not all stored: {}; the local files are kept, and `recover` uploads them later", failures(.failed))]
    Unfinished {
        /// The log key, joined with `/`.
        key: String,
        /// The streams that failed, in the order given.
        failed: Vec<FailedStream>,
    },
}

/// A stream whose final upload failed.
#[derive(Debug)]
#[non_exhaustive]
pub struct FailedStream {
    /// Which stream.
    pub io: IoType,
    /// The local file that still holds it.
    pub local: PathBuf,
    /// Why the last attempt failed.
    pub error: Box<Error>,
}

/// Result of the operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The stable kind of this error, as in the store below.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Path(_) | Self::UnsafeLocalName { .. } => ErrorKind::InvalidPath,
            Self::LocalFile { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorKind::NotFound
            }
            Self::LocalFile { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ErrorKind::PermissionDenied
            }
            Self::LocalFile { .. } | Self::Damaged { .. } => ErrorKind::BackendUnavailable,
            Self::NoRoom | Self::EmptyPrefix => ErrorKind::InvalidConfig,
            Self::Unfinished { failed, .. } => failed
                .first()
                .map_or(ErrorKind::BackendUnavailable, |stream| stream.error.kind()),
        }
    }

    /// Whether the object, or the local file, is simply not there.
    pub fn is_not_found(&self) -> bool {
        self.kind() == ErrorKind::NotFound
    }

    pub(crate) fn damaged(path: &str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Damaged { path, source }
    }

    pub(crate) fn local(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::LocalFile {
            action,
            path,
            source,
        }
    }
}

fn failures(failed: &[FailedStream]) -> String {
    failed
        .iter()
        .map(|stream| {
            format!(
                "{} ({}): {}",
                stream_name(stream.io),
                stream.local.display(),
                stream.error
            )
        })
        .collect::<Vec<_>>()
        .join("; ")
}

/// The name a person knows the stream by.
pub(crate) fn stream_name(io: IoType) -> &'static str {
    if io.extension() == "err" {
        "stderr"
    } else {
        "stdout"
    }
}
