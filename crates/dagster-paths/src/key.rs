//! The keys that Dagster gives: of assets, of partitions, of logs.

use std::fmt;

use crate::PathError;

/// The key of an asset: one segment or more, any text in each.
///
/// Dagster checks names given to `@asset(name=…)` but not keys given as lists, so
/// every string is accepted here; what is no safe path is escaped when the path is
/// built. Two keys are equal when their segments are: `["a/b"]` is not `["a", "b"]`.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::AssetKey;
///
/// let key = AssetKey::new(["ns", "group", "table"])?;
/// assert_eq!(key.segments().len(), 3);
/// assert_eq!(key.to_string(), "ns/group/table");
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AssetKey {
    segments: Vec<String>,
}

impl AssetKey {
    /// Takes the segments of Dagster's `AssetKey.path`.
    ///
    /// # Errors
    ///
    /// [`PathError::EmptyAssetKey`] when there is no segment.
    ///
    /// # Example
    ///
    /// ```
    /// use remote_store_dagster_paths::{AssetKey, PathError};
    ///
    /// assert!(AssetKey::new(["report"]).is_ok());
    /// assert_eq!(AssetKey::new([""; 0]), Err(PathError::EmptyAssetKey));
    /// ```
    pub fn new<I>(segments: I) -> Result<Self, PathError>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let segments: Vec<String> = segments.into_iter().map(Into::into).collect();
        if segments.is_empty() {
            return Err(PathError::EmptyAssetKey);
        }
        Ok(Self { segments })
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

impl fmt::Display for AssetKey {
    /// Joined with `/`, as people write asset keys. Not reversible when a segment
    /// holds a `/`; for storage use [`asset_path`](crate::asset_path).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("/"))
    }
}

/// The key of a partition: any text, the empty text too.
///
/// A multi-partition key is the text that Dagster makes of it, its dimensions sorted
/// by name: `us|2024-01-01`.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::PartitionKey;
///
/// let day = PartitionKey::new("2024-01-01");
/// assert_eq!(day.as_str(), "2024-01-01");
/// assert_eq!(day, PartitionKey::from("2024-01-01"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    key: String,
}

impl PartitionKey {
    /// Takes the key as Dagster gives it.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into() }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.key
    }
}

impl From<&str> for PartitionKey {
    fn from(key: &str) -> Self {
        Self::new(key)
    }
}

impl From<String> for PartitionKey {
    fn from(key: String) -> Self {
        Self::new(key)
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// The key of a captured log: the list that Dagster calls `log_key`.
///
/// For a step it is `[run_id, "compute_logs", file_key]`, for a tick
/// `[repository, name, timestamp]`, for a backfill `["backfill", id, timestamp]`.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::LogKey;
///
/// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
/// assert_eq!(key.to_string(), "run1/compute_logs/step_a");
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    folder: Vec<String>,
    name: String,
}

impl LogKey {
    /// Takes the segments of Dagster's `log_key`.
    ///
    /// # Errors
    ///
    /// [`PathError::EmptyLogKey`] when there is no segment.
    ///
    /// # Example
    ///
    /// ```
    /// use remote_store_dagster_paths::{LogKey, PathError};
    ///
    /// assert!(LogKey::new(["report"]).is_ok());
    /// assert_eq!(LogKey::new([""; 0]), Err(PathError::EmptyLogKey));
    /// ```
    pub fn new<I>(segments: I) -> Result<Self, PathError>
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut folder: Vec<String> = segments.into_iter().map(Into::into).collect();
        let name = folder.pop().ok_or(PathError::EmptyLogKey)?;
        Ok(Self { folder, name })
    }

    /// Every segment but the last: the folder that the log lies in.
    pub fn folder(&self) -> &[String] {
        &self.folder
    }

    /// The last segment: the log's own name, without extension.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All segments, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.folder
            .iter()
            .map(String::as_str)
            .chain(std::iter::once(self.name.as_str()))
    }

    /// All segments, in order, for handing back to Dagster (which wants a list).
    pub fn into_segments(self) -> Vec<String> {
        let mut segments = self.folder;
        segments.push(self.name);
        segments
    }
}

impl fmt::Display for LogKey {
    /// Joined with `/`, for messages. For storage use [`log_path`](crate::log_path).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in &self.folder {
            write!(f, "{segment}/")?;
        }
        f.write_str(&self.name)
    }
}
