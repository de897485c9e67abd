//! Which partitions an output must fill, and where each goes.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use remote_store_core::{Store, WriteOptions};
use remote_store_dagster_paths::{AssetKey, PartitionKey};

use crate::{Error, Layout, Result, Target};

/// What an output leaves behind: the two entries of DAG-007's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Path of the object, relative to the store's root.
    pub path: String,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Writes the encoded value of `target` and replaces what was there before (DAG-007).
///
/// The old object stays readable until the new one is complete.
///
/// # Errors
/// [`Error::Path`] when the target has no path, [`Error::NotAnObject`] for a dataset layout, and
/// [`Error::Store`] when the store fails; then the old object is still there.
///
/// ```
/// # use remote_store_core::Store;
/// # use remote_store_dagster_paths::AssetKey;
/// # use remote_store_io_manager::{Layout, Target, write_output};
/// # let store = Store::memory();
/// let report = Target::asset(AssetKey::new(["report"])?);
/// let json = Layout::object(".json");
/// let written = futures_executor::block_on(write_output(&store, &report, &json, "{}".into()))?;
/// assert_eq!((written.path.as_str(), written.size_bytes), ("report.json", 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn write_output(
    store: &Store,
    target: &Target,
    layout: &Layout,
    data: Bytes,
) -> Result<Written> {
    if matches!(layout, Layout::Dataset) {
        return Err(Error::NotAnObject {
            target: target.to_string(),
        });
    }
    let path = target.path(layout)?;
    let size_bytes = data.len() as u64;
    let _receipt = store.write(&path, data, &WriteOptions::overwrite()).await?;
    Ok(Written { path, size_bytes })
}

/// The partitions that one run writes for an asset.
///
/// A run over several partitions (a single-run backfill) must hand over one value for each of
/// them: no more, no fewer, and never the bare path of the asset.
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, PartitionKey};
/// use remote_store_io_manager::{Layout, OutputPlan};
///
/// let run = ["2024-01-01", "2024-01-02"].map(PartitionKey::new);
/// let plan = OutputPlan::new(AssetKey::new(["events"])?, run, Layout::object(".json"))?;
/// assert!(plan.check(["2024-01-02", "2024-01-01"]).is_ok());
///
/// let refused = plan.check(["2024-01-01", "2024-01-03"]).unwrap_err().to_string();
/// assert!(refused.contains("missing: '2024-01-02'"), "{refused}");
/// assert!(refused.contains("not in this run: '2024-01-03'"), "{refused}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct OutputPlan {
    asset: AssetKey,
    layout: Layout,
    entries: Vec<(PartitionKey, String)>,
    by_key: HashMap<String, usize>,
}

impl OutputPlan {
    /// Plans the partitions of a run, in the run's order; repeated keys count once.
    ///
    /// # Errors
    /// [`Error::NoPartitions`] when there is no key, [`Error::Path`] when a key has no path.
    pub fn new(
        asset: AssetKey,
        run_keys: impl IntoIterator<Item = PartitionKey>,
        layout: Layout,
    ) -> Result<Self> {
        let mut entries = Vec::new();
        let mut by_key = HashMap::new();
        for key in run_keys {
            if by_key.contains_key(key.as_str()) {
                continue;
            }
            by_key.insert(key.as_str().to_owned(), entries.len());
            let path = Target::partition(asset.clone(), key.clone()).path(&layout)?;
            entries.push((key, path));
        }
        if entries.is_empty() {
            return Err(Error::NoPartitions {
                asset: asset.to_string(),
            });
        }
        Ok(Self {
            asset,
            layout,
            entries,
            by_key,
        })
    }

    /// How the partitions are stored.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Each partition of the run with its path, in the run's order.
    pub fn entries(&self) -> &[(PartitionKey, String)] {
        &self.entries
    }

    /// The path of a run over exactly one partition, whose value needs no mapping.
    pub fn single(&self) -> Option<&str> {
        match self.entries.as_slice() {
            [(_, path)] => Some(path),
            _ => None,
        }
    }

    /// Checks that the keys of a mapping are exactly the partitions of the run.
    ///
    /// # Errors
    /// [`Error::PartitionMismatch`] naming the missing and the surplus keys.
    pub fn check<K: AsRef<str>>(&self, value_keys: impl IntoIterator<Item = K>) -> Result<()> {
        let mut given = HashSet::new();
        let mut surplus = Vec::new();
        for key in value_keys {
            let key = key.as_ref();
            if self.by_key.contains_key(key) {
                given.insert(key.to_owned());
            } else {
                surplus.push(key.to_owned());
            }
        }
        self.verdict(&given, surplus)
    }

    /// Starts taking pairs one at a time, for values that do not fit into memory together.
    ///
    /// ```
    /// # use remote_store_dagster_paths::{AssetKey, PartitionKey};
    /// # use remote_store_io_manager::{Layout, OutputPlan};
    /// # let run = ["a", "b"].map(PartitionKey::new);
    /// # let plan = OutputPlan::new(AssetKey::new(["events"])?, run, Layout::object(".json"))?;
    /// let mut filling = plan.filling();
    /// assert_eq!(filling.accept("b")?, "events/b.json");
    /// assert!(filling.accept("b").is_err()); // twice
    /// assert!(filling.accept("c").is_err()); // not in this run
    /// assert!(filling.finish().unwrap_err().to_string().contains("missing: 'a'"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn filling(&self) -> Filling<'_> {
        Filling {
            plan: self,
            given: HashSet::new(),
        }
    }

    fn verdict(&self, given: &HashSet<String>, surplus: Vec<String>) -> Result<()> {
        let missing: Vec<String> = self
            .entries
            .iter()
            .map(|(key, _)| key.as_str())
            .filter(|key| !given.contains(*key))
            .map(str::to_owned)
            .collect();
        if missing.is_empty() && surplus.is_empty() {
            return Ok(());
        }
        Err(Error::PartitionMismatch {
            asset: self.asset.to_string(),
            expected: self.entries.len(),
            missing,
            surplus,
        })
    }
}

/// An output that is being handed over pair by pair; see [`OutputPlan::filling`].
#[derive(Debug)]
pub struct Filling<'plan> {
    plan: &'plan OutputPlan,
    given: HashSet<String>,
}

impl<'plan> Filling<'plan> {
    /// The path for the next pair's value.
    ///
    /// # Errors
    /// [`Error::PartitionMismatch`] when the key is no partition of the run,
    /// [`Error::PartitionRepeated`] when it was given before.
    pub fn accept(&mut self, key: &str) -> Result<&'plan str> {
        let entry = self
            .plan
            .by_key
            .get(key)
            .and_then(|index| self.plan.entries.get(*index));
        let Some((_, path)) = entry else {
            return Err(Error::PartitionMismatch {
                asset: self.plan.asset.to_string(),
                expected: self.plan.entries.len(),
                missing: Vec::new(),
                surplus: vec![key.to_owned()],
            });
        };
        if self.given.insert(key.to_owned()) {
            return Ok(path);
        }
        Err(Error::PartitionRepeated {
            asset: self.plan.asset.to_string(),
            partition: key.to_owned(),
        })
    }

    /// Ends the output.
    ///
    /// # Errors
    /// [`Error::PartitionMismatch`] naming the partitions that got no value.
    pub fn finish(self) -> Result<()> {
        self.plan.verdict(&self.given, Vec::new())
    }
}
