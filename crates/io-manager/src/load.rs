//! Loading many partitions at once, in order, with a bounded window (DAG-020).

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use remote_store_core::Store;
use remote_store_dagster_paths::{AssetKey, PartitionKey};

use crate::{Error, Layout, Result, Target};

/// How many partitions are fetched at a time when the caller has no opinion.
///
/// At 20 ms a request, 64 in flight hide the latency; more only costs memory.
pub const DEFAULT_WINDOW: usize = 64;

/// What a partition without an object means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MissingPolicy {
    /// The first missing partition, in the order of the keys, is the error of the whole load.
    #[default]
    Fail,
    /// It is reported as absent and the load goes on (`allow_missing_partitions`).
    Skip,
}

/// The partitions that one input loads: which, in which order, from where.
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, PartitionKey};
/// use remote_store_io_manager::{Layout, LoadPlan, MissingPolicy};
///
/// let plan = LoadPlan::new(
///     AssetKey::new(["events"])?,
///     ["2024-01-02", "2024-01-01"].map(PartitionKey::new),
///     Layout::object(".json"),
///     MissingPolicy::Fail,
/// )?;
/// let paths: Vec<&str> = plan.entries().iter().map(|(_, path)| path.as_str()).collect();
/// assert_eq!(paths, ["events/2024-01-02.json", "events/2024-01-01.json"]); // the caller's order
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LoadPlan {
    asset: AssetKey,
    layout: Layout,
    entries: Vec<(PartitionKey, String)>,
    missing: MissingPolicy,
}

impl LoadPlan {
    /// Plans the load of `keys` in their order; a key given twice is loaded once, at its first place.
    ///
    /// # Errors
    /// [`Error::Path`] when a key has no path.
    pub fn new(
        asset: AssetKey,
        keys: impl IntoIterator<Item = PartitionKey>,
        layout: Layout,
        missing: MissingPolicy,
    ) -> Result<Self> {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        for key in keys {
            let target = Target::partition(asset.clone(), key.clone());
            if seen.insert(key.as_str().to_owned()) {
                entries.push((key, target.path(&layout)?));
            }
        }
        Ok(Self {
            asset,
            layout,
            entries,
            missing,
        })
    }

    /// The asset that is loaded.
    pub fn asset(&self) -> &AssetKey {
        &self.asset
    }

    /// Each partition with its path, in the order of loading.
    pub fn entries(&self) -> &[(PartitionKey, String)] {
        &self.entries
    }

    /// What a partition without an object means.
    pub fn missing(&self) -> MissingPolicy {
        self.missing
    }

    /// How the partitions are stored.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of partitions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// No partition at all, as for the first partition of an asset that depends on itself.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The error for a partition of this plan that is not stored: asset key, partition and path.
    pub fn missing_error(&self, partition: &PartitionKey, path: &str) -> Error {
        Error::Missing {
            target: Target::partition(self.asset.clone(), partition.clone()).to_string(),
            path: path.to_owned(),
            partitioned: true,
            source: None,
        }
    }
}

/// One loaded partition; `None` where the object is missing and the plan allows it.
pub type Loaded = (PartitionKey, Option<Bytes>);

/// Fetches the partitions of `plan`, up to `window` at a time, and gives them in the plan's order.
///
/// Which error is reported does not depend on timing: it is that of the first failing key in
/// order, and the stream ends with it. At most `window` objects are held beside the one just given.
/// A window of 0 means 1.
///
/// # Errors
/// The items are errors when a partition is missing ([`Error::Missing`], unless the plan skips
/// those), when the store fails ([`Error::Store`]), or when the plan is one of datasets
/// ([`Error::NotAnObject`]).
///
/// ```
/// # use futures_util::TryStreamExt;
/// # use remote_store_core::Store;
/// # use remote_store_dagster_paths::{AssetKey, PartitionKey};
/// # use remote_store_io_manager::{Layout, LoadPlan, MissingPolicy, load};
/// # let store = Store::memory();
/// # let keys = ["2024-01-01", "2024-01-02"].map(PartitionKey::new);
/// let plan = LoadPlan::new(AssetKey::new(["events"])?, keys, Layout::object(".json"), MissingPolicy::Fail)?;
/// let nothing_stored = futures_executor::block_on(load(&store, &plan, 64).try_collect::<Vec<_>>());
/// let message = nothing_stored.unwrap_err().to_string();
/// assert!(message.contains("events/2024-01-01.json"), "{message}"); // the first in order
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn load(store: &Store, plan: &LoadPlan, window: usize) -> BoxStream<'static, Result<Loaded>> {
    if matches!(plan.layout, Layout::Dataset) {
        let error = Error::NotAnObject {
            target: format!("asset {}", plan.asset),
        };
        return stream::once(async { Err(error) }).boxed();
    }
    let paths = plan.entries.iter().map(|(_, path)| path.clone()).collect();
    let fetched = store.read_many_or_missing(paths, window.max(1));
    let plan = plan.clone();
    let state = (plan, 0_usize, fetched);
    stream::try_unfold(state, |(plan, index, mut fetched)| async move {
        let Some((key, path)) = plan.entries.get(index).cloned() else {
            return Ok(None);
        };
        let Some(found) = fetched.try_next().await? else {
            return Ok(None);
        };
        if found.is_none() && plan.missing == MissingPolicy::Fail {
            return Err(plan.missing_error(&key, &path));
        }
        Ok(Some(((key, found), (plan, index + 1, fetched))))
    })
    .boxed()
}
