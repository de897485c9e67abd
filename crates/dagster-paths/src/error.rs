//! What can be wrong with a key, an extension or a path.

use thiserror::Error;

/// Why a path could not be built or read back.
///
/// Every message names the thing that is wrong and the way out. Names are shown
/// with their control characters escaped, so that a hostile key cannot forge log
/// lines.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, PathError};
///
/// let refused = AssetKey::new(Vec::<String>::new());
/// assert_eq!(refused, Err(PathError::EmptyAssetKey));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// An asset key without segments names no asset.
    #[error("an asset key needs at least one segment: give the segments of `AssetKey.path`")]
    EmptyAssetKey,

    /// The identifier of an op output is an empty list.
    #[error(
        "an op output needs an identifier: give run id, step key and output name, as \
         `context.get_identifier()` does"
    )]
    EmptyIdentifier,

    /// A log key without segments names no log.
    #[error("a log key needs at least one segment: give the list that Dagster calls `log_key`")]
    EmptyLogKey,

    /// A serializer's extension that cannot end a file name.
    #[error(
        "the extension `{}` {reason}: use a dot and a short name, such as `.pkl`",
        extension.escape_debug()
    )]
    #[non_exhaustive]
    InvalidExtension {
        /// The extension as it was given.
        extension: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A log prefix that would leave its folder or is no folder name.
    #[error(
        "the log prefix `{}` {reason}: use folder names separated by `/`, such as `dagster`, \
         or an empty prefix",
        prefix.escape_debug()
    )]
    #[non_exhaustive]
    InvalidPrefix {
        /// The prefix as it was given.
        prefix: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// A path that should end in the serializer's extension and does not.
    #[error(
        "the path `{}` does not end in `{}`: parse it with the extension it was written with",
        path.escape_debug(),
        extension.escape_debug()
    )]
    #[non_exhaustive]
    WrongExtension {
        /// The path that was to be parsed.
        path: String,
        /// The extension that was expected.
        extension: String,
    },

    /// A path that no key maps to.
    #[error(
        "the path `{}` was not made from a key: its segment `{}` is one that this scheme never \
         writes; leave the object alone, it belongs to something else",
        path.escape_debug(),
        segment.escape_debug()
    )]
    #[non_exhaustive]
    Foreign {
        /// The path that was to be parsed.
        path: String,
        /// The segment that no key gives.
        segment: String,
    },

    /// A path that lies in another folder than the one asked about.
    #[error(
        "the path `{}` does not lie in the folder `{}`: parse it with the key or prefix it was \
         written with",
        path.escape_debug(),
        folder.escape_debug()
    )]
    #[non_exhaustive]
    OutsideFolder {
        /// The path that was to be parsed.
        path: String,
        /// The folder that it should lie in.
        folder: String,
    },

    /// A name that was cut and hashed because its key was too long.
    #[error(
        "the path `{}` holds `{}`, the shortened name of a key over 255 bytes, which cannot be \
         turned back: compute the paths of the keys you know and compare",
        path.escape_debug(),
        segment.escape_debug()
    )]
    #[non_exhaustive]
    Irreversible {
        /// The path that was to be parsed.
        path: String,
        /// The shortened segment.
        segment: String,
    },
}
