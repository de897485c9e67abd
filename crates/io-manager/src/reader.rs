//! Assets for Rust services: read what Dagster wrote, by key instead of by path.

use bytes::Bytes;
use futures_util::TryStreamExt;
use remote_store_core::Store;
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use remote_store_serializers::Serializer;

use crate::{DEFAULT_WINDOW, Error, Layout, LoadPlan, MissingPolicy, Result, Target, load};

/// Reads assets from a store (DAG-008).
///
/// ```
/// # use remote_store_core::{Store, WriteOptions};
/// # use remote_store_dagster_paths::AssetKey;
/// # use remote_store_io_manager::AssetReader;
/// # use remote_store_serializers::JsonSerializer;
/// # let store = Store::memory();
/// # futures_executor::block_on(async {
/// store.write("report.json", "[1, 2]".into(), &WriteOptions::create()).await?;
/// let reader = AssetReader::new(store);
/// let report: Vec<u32> = reader.read_as(&AssetKey::new(["report"])?, None, &JsonSerializer::default()).await?;
/// assert_eq!(report, [1, 2]);
///
/// let absent = reader.read(&AssetKey::new(["other"])?, None, ".json").await.unwrap_err();
/// assert!(absent.to_string().starts_with("File not found: other.json"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AssetReader {
    store: Store,
    window: usize,
}

impl AssetReader {
    /// A reader over `store`, whose root is the root of the IO manager that wrote the assets.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            window: DEFAULT_WINDOW,
        }
    }

    /// How many partitions are fetched at a time; 0 means 1.
    #[must_use]
    pub fn with_window(mut self, window: usize) -> Self {
        self.window = window.max(1);
        self
    }

    /// The store that is read.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes of an asset or of one of its partitions.
    ///
    /// # Errors
    /// [`Error::Missing`] naming asset, partition and path when nothing is stored;
    /// [`Error::Store`] when the store fails.
    pub async fn read(
        &self,
        key: &AssetKey,
        partition: Option<&PartitionKey>,
        extension: &str,
    ) -> Result<Bytes> {
        let target = Target::Asset {
            key: key.clone(),
            partition: partition.cloned(),
        };
        self.read_target(&target, &Layout::object(extension)).await
    }

    /// The bytes of any target: an asset, a partition, the output of an op.
    ///
    /// # Errors
    /// As [`AssetReader::read`]; [`Error::NotAnObject`] for a dataset layout.
    pub async fn read_target(&self, target: &Target, layout: &Layout) -> Result<Bytes> {
        if matches!(layout, Layout::Dataset) {
            return Err(Error::NotAnObject {
                target: target.to_string(),
            });
        }
        let path = target.path(layout)?;
        self.store.read_bytes(&path).await.map_err(|error| {
            if !error.is_missing_object() {
                return Error::Store(error);
            }
            let partitioned = target.is_partition();
            Error::Missing {
                target: target.to_string(),
                path,
                partitioned,
                source: Some(Box::new(error)),
            }
        })
    }

    /// An asset or one of its partitions, decoded.
    ///
    /// # Errors
    /// As [`AssetReader::read`]; [`Error::Undecodable`] when the object is something else.
    pub async fn read_as<T, S: Serializer<T>>(
        &self,
        key: &AssetKey,
        partition: Option<&PartitionKey>,
        serializer: &S,
    ) -> Result<T> {
        let target = Target::Asset {
            key: key.clone(),
            partition: partition.cloned(),
        };
        let data = self
            .read_target(&target, &Layout::object(serializer.extension()))
            .await?;
        decode(serializer, &data, &target)
    }

    /// Several partitions, fetched concurrently, decoded and given in the order of `keys` (DAG-020).
    ///
    /// # Errors
    /// That of the first failing partition in order, whatever failed first in time; no partial
    /// results. With [`MissingPolicy::Skip`] missing partitions are left out.
    pub async fn read_partitions_as<T, S: Serializer<T>>(
        &self,
        key: &AssetKey,
        keys: impl IntoIterator<Item = PartitionKey>,
        serializer: &S,
        missing: MissingPolicy,
    ) -> Result<Vec<(PartitionKey, T)>> {
        let layout = Layout::object(serializer.extension());
        let plan = LoadPlan::new(key.clone(), keys, layout, missing)?;
        let mut stream = load(&self.store, &plan, self.window);
        let mut values = Vec::with_capacity(plan.len());
        while let Some((partition, data)) = stream.try_next().await? {
            let Some(data) = data else { continue };
            let target = Target::partition(key.clone(), partition.clone());
            values.push((partition, decode(serializer, &data, &target)?));
        }
        Ok(values)
    }
}

fn decode<T, S: Serializer<T>>(serializer: &S, data: &[u8], target: &Target) -> Result<T> {
    let decoded = serializer.deserialize(data);
    decoded.or_else(|source| {
        let path = target.path(&Layout::object(serializer.extension()))?;
        Err(Error::Undecodable {
            target: target.to_string(),
            path,
            source,
        })
    })
}
