//! What an error was caused by, and the error that a foreign backend threw.

use std::error::Error as StdError;
use std::sync::Arc;

use super::{Cause, Error, Subject};

impl Error {
    /// The same error with what the backend said attached (redacted); errors
    /// that have no place for a cause are left as they are.
    #[must_use]
    pub fn caused_by(mut self, cause: &(dyn StdError + 'static)) -> Self {
        if let Some(source) = self.source_mut() {
            *source = Some(Cause::new(cause));
        }
        self
    }

    /// The same error with the error that a backend outside this crate threw, for
    /// [`Error::thrown`]; its redacted text is the cause.
    ///
    /// ```
    /// use remote_store_core::Error;
    ///
    /// #[derive(Debug, thiserror::Error)]
    /// #[error("tape {0} is not in the drive")]
    /// struct NoTape(u32);
    ///
    /// let error = Error::not_found("a/b", "tapes").thrown_as(std::sync::Arc::new(NoTape(7)));
    /// assert!(error.is_not_found());
    /// let thrown = error.thrown().and_then(|thrown| thrown.downcast_ref::<NoTape>());
    /// assert_eq!(thrown.map(|tape| tape.0), Some(7));
    /// // An error of this crate's own has none.
    /// assert!(Error::not_found("a/b", "tapes").thrown().is_none());
    /// ```
    #[must_use]
    pub fn thrown_as(mut self, thrown: Arc<dyn StdError + Send + Sync>) -> Self {
        if let Some(source) = self.source_mut() {
            *source = Some(Cause::keeping(thrown));
        }
        self
    }

    /// The error as a backend outside this crate threw it; whoever wrote the backend
    /// can downcast it.
    pub fn thrown(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        match self {
            Self::Foreign { source, .. } => Some(&**source),
            Self::NotFound { source, .. }
            | Self::AlreadyExists { source, .. }
            | Self::PermissionDenied { source, .. }
            | Self::InvalidPath { source, .. }
            | Self::CapabilityNotSupported { source, .. }
            | Self::DirectoryNotEmpty { source, .. }
            | Self::BackendUnavailable { source, .. }
            | Self::ResourceLocked { source, .. }
            | Self::Conflict { source, .. }
            | Self::InvalidConfig { source, .. } => {
                source.as_ref().and_then(Cause::thrown).map(|kept| &**kept)
            }
            Self::Unsupported { .. }
            | Self::InvalidMetadata { .. }
            | Self::UnknownBackend { .. }
            | Self::Closed { .. } => None,
        }
    }

    /// The same error, where it is [`Error::NotFound`], about another kind of thing: what is
    /// missing is the source of a copy, or a folder.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        if let Self::NotFound { what, .. } = &mut self {
            *what = subject;
        }
        self
    }

    const fn source_mut(&mut self) -> Option<&mut Option<Cause>> {
        match self {
            Self::NotFound { source, .. }
            | Self::AlreadyExists { source, .. }
            | Self::PermissionDenied { source, .. }
            | Self::InvalidPath { source, .. }
            | Self::CapabilityNotSupported { source, .. }
            | Self::DirectoryNotEmpty { source, .. }
            | Self::BackendUnavailable { source, .. }
            | Self::ResourceLocked { source, .. }
            | Self::Conflict { source, .. }
            | Self::InvalidConfig { source, .. } => Some(source),
            Self::Unsupported { .. }
            | Self::InvalidMetadata { .. }
            | Self::UnknownBackend { .. }
            | Self::Closed { .. }
            | Self::Foreign { .. } => None,
        }
    }
}
