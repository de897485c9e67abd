//! What is read of a dataset.

use remote_store_serializers::parquet::Filter;

#[cfg(doc)]
use crate::error::DatasetError;

/// What to read of a dataset: everything, unless said otherwise.
///
/// ```
/// use remote_store_parquet_dataset::ReadDatasetOptions;
/// use remote_store_serializers::parquet::{Comparison, Condition, Filter, FilterValue};
///
/// let late = Condition::new("delay", Comparison::Greater, FilterValue::Int(60));
/// let options = ReadDatasetOptions::default()
///     .with_columns(["carrier", "delay"])
///     .with_filter(Filter::all([late]));
/// assert!(options.columns.is_some());
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReadDatasetOptions {
    /// The columns to give, in the order of the table; `None` for all.
    pub columns: Option<Vec<String>>,
    /// Which rows to give. Folders and row groups that cannot hold one are not fetched.
    pub filter: Filter,
    /// Leaves out folders and row groups, but does not filter the rows of those that are left.
    pub prune_only: bool,
    /// Refuses parts that pyarrow would read otherwise, with [`DatasetError::NeedsPyarrow`].
    pub as_pyarrow: bool,
}

impl ReadDatasetOptions {
    /// The columns to give.
    #[must_use]
    pub fn with_columns(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Which rows to give.
    #[must_use]
    pub fn with_filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Whether the rows of what is left are not filtered.
    #[must_use]
    pub fn with_prune_only(mut self, prune_only: bool) -> Self {
        self.prune_only = prune_only;
        self
    }

    /// Whether parts that pyarrow would read otherwise are refused.
    #[must_use]
    pub fn with_as_pyarrow(mut self, as_pyarrow: bool) -> Self {
        self.as_pyarrow = as_pyarrow;
        self
    }
}
