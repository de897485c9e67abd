//! What can go wrong with a dataset.

use std::error::Error as StdError;
use std::fmt;

use remote_store_core::Error as StoreError;
use remote_store_serializers::SerializeError;
use thiserror::Error;

/// Shorthand for results of this crate.
pub type Result<T, E = DatasetError> = std::result::Result<T, E>;

/// A dataset could not be written, read or deleted.
///
/// ```
/// use remote_store_core::{Store, runtime};
/// use remote_store_parquet_dataset::DatasetStore;
///
/// let datasets = DatasetStore::new(Store::memory());
/// let read = runtime::block_on(datasets.store().driver(), datasets.read("data/orders", None))?;
/// let error = read.unwrap_err();
/// assert_eq!(error.kind(), "dataset-incomplete");
/// assert!(error.to_string().contains("data/orders/_SUCCESS is missing"));
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// There is nothing of that name: no marker, no manifest, no part.
    #[error("Dataset not found: {key}")]
    NotFound {
        /// The dataset's key.
        key: String,
        /// The store's backend.
        backend: String,
    },
    /// A dataset of that name exists and was not to be overwritten.
    #[error("Dataset already exists: {key}; write it with overwrite, or delete it first")]
    AlreadyExists {
        /// The dataset's key.
        key: String,
        /// The store's backend.
        backend: String,
    },
    /// The marker or a part that the manifest names is missing.
    #[error(
        "Dataset is incomplete: {missing} is missing; it was never committed, or was partly removed. Write it again"
    )]
    Incomplete {
        /// The dataset's key.
        key: String,
        /// The path that is missing.
        missing: String,
        /// The store's backend.
        backend: String,
    },
    /// The manifest exists and cannot be used.
    #[error("Dataset manifest is corrupted: {path}: {reason}")]
    ManifestCorrupted {
        /// The manifest's path.
        path: String,
        /// The store's backend.
        backend: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another writer committed the same dataset in between; its rows stand.
    #[error(
        "Dataset {key} was committed by another writer in the meantime; nothing of this write is left. Read it again and retry"
    )]
    Conflict {
        /// The dataset's key.
        key: String,
        /// The store's backend.
        backend: String,
    },
    /// Another writer replaced the dataset while it was read part by part.
    #[error(
        "Dataset {key} was replaced while it was read; the parts of the old one are removed. Read it again"
    )]
    Replaced {
        /// The dataset's key.
        key: String,
        /// The store's backend.
        backend: String,
    },
    /// A part has other columns than the parts before it.
    #[error(
        "{path} does not fit the parts before it: {reason}. Write the dataset again from tables of one schema; until then its parts can be read one by one, as single files"
    )]
    PartsDiffer {
        /// The part's path.
        path: String,
        /// Which column it is, and how it differs.
        reason: String,
    },
    /// The parts hold something that only pyarrow reads as pyarrow does.
    #[error("{path} is read by pyarrow only: {reason}")]
    NeedsPyarrow {
        /// The part's path.
        path: String,
        /// What it is that is read otherwise here.
        reason: String,
    },
    /// An option has a value that makes no sense.
    #[error("{option} must be {demand}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// What it must be.
        demand: &'static str,
    },
    /// A part or an object could not be decoded, or something asked for is not there; with where.
    #[error(transparent)]
    At(Located),
    /// The rows could not be encoded or decoded.
    #[error(transparent)]
    Serialize(#[from] SerializeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DatasetError {
    /// A stable name of the kind of error, in kebab case.
    ///
    /// ```
    /// use remote_store_parquet_dataset::DatasetError;
    /// let error = DatasetError::InvalidOption { option: "max_rows_per_file", demand: "at least 1" };
    /// assert_eq!(error.kind(), "invalid-option");
    /// assert_eq!(error.to_string(), "max_rows_per_file must be at least 1");
    /// ```
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not-found",
            Self::AlreadyExists { .. } => "already-exists",
            Self::Incomplete { .. } => "dataset-incomplete",
            Self::ManifestCorrupted { .. } => "manifest-corrupted",
            Self::Conflict { .. } => "conflict",
            Self::Replaced { .. } => "replaced",
            Self::PartsDiffer { .. } => "parts-differ",
            Self::NeedsPyarrow { .. } => "needs-pyarrow",
            Self::InvalidOption { .. } => "invalid-option",
            Self::At(located) => located.error.kind(),
            Self::Serialize(error) => error.kind(),
            Self::Store(error) => error.kind().as_str(),
        }
    }

    /// The same with the place; an error of a store has its own.
    pub(crate) fn at(self, place: impl Into<String>) -> Self {
        let is_of_a_stream = matches!(self, Self::Serialize(SerializeError::Io(_)));
        if is_of_a_stream {
            return self;
        }
        let Self::Serialize(error) = self else {
            return self;
        };
        let place = place.into();
        Self::At(Located { place, error })
    }
}

/// What is wrong, and in which part, object, dataset or option.
///
/// ```
/// use remote_store_core::{Store, WriteOptions, runtime};
/// use remote_store_parquet_dataset::{DatasetError, object};
///
/// let store = Store::memory();
/// let error = runtime::block_on(store.driver(), async {
///     store.write("a/b.parquet", "year,delay".into(), &WriteOptions::create()).await?;
///     Ok::<_, remote_store_core::Error>(object::load(&store, "a/b.parquet", None).await.unwrap_err())
/// })??;
/// assert!(error.to_string().starts_with("a/b.parquet: cannot read Parquet: this is no Parquet file"));
/// assert!(matches!(error, DatasetError::At(located) if located.place() == "a/b.parquet"));
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Located {
    place: String,
    error: SerializeError,
}

impl Located {
    /// The path of the part or object, or what else was asked.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is wrong there.
    pub fn error(&self) -> &SerializeError {
        &self.error
    }
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.error)
    }
}

impl StdError for Located {
    /// That of the error, whose own text stands in this one's.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
