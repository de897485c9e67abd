//! Assets that would overwrite each other, found before anything is written.

use std::collections::HashMap;
use std::fmt;

use remote_store_dagster_paths::{AssetKey, PartitionKey};

use crate::{Layout, Result, Target};

/// An asset with its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AssetPartitions {
    /// The asset.
    pub key: AssetKey,
    /// Its partitions; `None` when it has none by definition, empty when none exists so far.
    pub partitions: Option<Vec<PartitionKey>>,
}

impl AssetPartitions {
    /// An asset without partitions.
    pub fn unpartitioned(key: AssetKey) -> Self {
        Self {
            key,
            partitions: None,
        }
    }

    /// An asset with these partitions.
    pub fn partitioned(key: AssetKey, partitions: impl IntoIterator<Item = PartitionKey>) -> Self {
        Self {
            key,
            partitions: Some(partitions.into_iter().collect()),
        }
    }
}

/// Two targets with one path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collision {
    /// The path that both would write, relative to the store's root.
    pub path: String,
    /// The target that came first.
    pub first: Target,
    /// The target that would overwrite it.
    pub second: Target,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} and {} are both stored at '{}' and would overwrite each other; rename one of the assets, or give them IO managers with different root paths",
            self.first, self.second, self.path
        )
    }
}

/// Finds the targets that share a path, in the order of `assets`.
///
/// The specification lets asset `["foo"]`, partition `bar`, and asset `["foo", "bar"]` share
/// `foo/bar.<ext>` (DAG-005): whoever is written last wins silently. Give all assets that one
/// IO manager stores; an asset listed twice does not collide with itself.
///
/// # Errors
/// [`crate::Error::Path`] when a key has no path.
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, PartitionKey};
/// use remote_store_io_manager::{AssetPartitions, Layout, collisions};
///
/// let foo = AssetPartitions::partitioned(AssetKey::new(["foo"])?, [PartitionKey::new("bar")]);
/// let foo_bar = AssetPartitions::unpartitioned(AssetKey::new(["foo", "bar"])?);
/// let found = collisions(&[foo, foo_bar], &Layout::object(".pkl"))?;
/// assert_eq!(found.len(), 1);
/// assert!(found[0].to_string().contains("asset foo, partition 'bar' and asset foo/bar"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn collisions(assets: &[AssetPartitions], layout: &Layout) -> Result<Vec<Collision>> {
    let mut owners: HashMap<String, Target> = HashMap::new();
    let mut found = Vec::new();
    for target in assets.iter().flat_map(targets) {
        let path = target.path(layout)?;
        match owners.get(&path) {
            None => {
                owners.insert(path, target);
            }
            Some(first) if *first == target => {}
            Some(first) => found.push(Collision {
                path,
                first: first.clone(),
                second: target,
            }),
        }
    }
    Ok(found)
}

fn targets(asset: &AssetPartitions) -> Vec<Target> {
    match &asset.partitions {
        None => vec![Target::asset(asset.key.clone())],
        Some(keys) => keys
            .iter()
            .map(|key| Target::partition(asset.key.clone(), key.clone()))
            .collect(),
    }
}
