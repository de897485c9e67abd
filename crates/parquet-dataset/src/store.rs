//! Datasets of a store: which are there, and what their manifests say.

use bytes::Bytes;
use futures_util::future::join;
use remote_store_core::{ObjectInfo, ReadRange, Store};

use crate::error::{DatasetError, Result};
use crate::layout::Layout;
use crate::manifest::DatasetManifest;

/// What is larger is no manifest, and is not read into memory.
const MANIFEST_BYTES: u64 = 256 << 20;

/// Parquet datasets in a [`Store`] (DAG-017).
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Int64Array, RecordBatch};
/// use remote_store_core::{Store, runtime};
/// use remote_store_parquet_dataset::{DatasetStore, WriteDatasetOptions};
/// use remote_store_serializers::Table;
///
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
/// let orders = Table::from(RecordBatch::try_from_iter([("id", ids)])?);
/// let datasets = DatasetStore::new(Store::memory());
/// runtime::block_on(datasets.store().driver(), async {
///     let options = WriteDatasetOptions::default().with_max_rows_per_file(2);
///     let manifest = datasets.write("data/orders", orders.reader(), options.clone()).await?;
///     assert_eq!(manifest.parts, ["part-00000.parquet", "part-00001.parquet"]);
///     assert_eq!(datasets.read("data/orders", None).await?.num_rows(), 3);
///
///     // A second write must say that it overwrites.
///     let again = datasets.write("data/orders", orders.reader(), options).await;
///     assert_eq!(again.unwrap_err().kind(), "already-exists");
///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DatasetStore {
    store: Store,
}

impl DatasetStore {
    /// Over a store, whose root the keys are relative to.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Reads the manifest alone, committed or not.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`] and [`DatasetError::ManifestCorrupted`].
    pub async fn read_manifest(&self, key: &str) -> Result<DatasetManifest> {
        let layout = Layout::new(key)?;
        let json = manifest_bytes(&self.store, &layout).await?;
        self.parsed(&layout, json)
    }

    /// Whether a committed dataset of that name exists: its marker does.
    ///
    /// # Errors
    /// [`DatasetError::Store`] when the store does not say.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        Ok(self.store.is_file(&Layout::new(key)?.success()).await?)
    }

    /// Marker first, then the manifest: the order of their meaning.
    pub(crate) async fn committed_manifest(&self, layout: &Layout) -> Result<DatasetManifest> {
        let success = layout.success();
        let (is_committed, json) = join(
            self.store.is_file(&success),
            manifest_bytes(&self.store, layout),
        )
        .await;
        if !is_committed? {
            let (key, backend) = (layout.key().to_owned(), self.backend().to_owned());
            return Err(DatasetError::Incomplete {
                key,
                missing: success,
                backend,
            });
        }
        self.parsed(layout, json?)
    }

    fn parsed(&self, layout: &Layout, json: Option<Bytes>) -> Result<DatasetManifest> {
        let Some(json) = json else {
            return Err(self.not_found(layout));
        };
        DatasetManifest::from_json(&json).map_err(|reason| self.corrupted(layout, reason))
    }

    pub(crate) fn backend(&self) -> &str {
        self.store.backend().name()
    }

    pub(crate) fn not_found(&self, layout: &Layout) -> DatasetError {
        DatasetError::NotFound {
            key: layout.key().to_owned(),
            backend: self.backend().to_owned(),
        }
    }

    pub(crate) fn corrupted(&self, layout: &Layout, reason: String) -> DatasetError {
        DatasetError::ManifestCorrupted {
            path: layout.manifest(),
            backend: self.backend().to_owned(),
            reason,
        }
    }
}

/// The bytes of the manifest, `None` without one.
pub(crate) async fn manifest_bytes(store: &Store, layout: &Layout) -> Result<Option<Bytes>> {
    Ok(opened_manifest(store, layout).await?.map(|(_, json)| json))
}

/// The manifest with what the store says about it, `None` without one.
pub(crate) async fn opened_manifest(
    store: &Store,
    layout: &Layout,
) -> Result<Option<(ObjectInfo, Bytes)>> {
    let opened = match store.open(&layout.manifest(), ReadRange::All).await {
        Ok(opened) => opened,
        Err(error) if error.is_missing_object() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let info = opened.info().clone();
    if info.size > MANIFEST_BYTES {
        return Err(DatasetError::ManifestCorrupted {
            path: layout.manifest(),
            backend: store.backend().name().to_owned(),
            reason: format!(
                "it has {} bytes; a manifest of a million parts has fewer than {MANIFEST_BYTES}",
                info.size
            ),
        });
    }
    Ok(Some((info, opened.bytes().await?)))
}
