//! Datasets of a store: write, read, ask, delete.

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::SchemaRef;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::future::join;
use remote_store_core::Store;
use remote_store_serializers::{ParquetFile, Table};

use crate::error::{DatasetError, Result};
use crate::layout::{Layout, PartOrigin, part_origin};
use crate::manifest::DatasetManifest;
use crate::options::{WriteDatasetOptions, schema_hash};
use crate::parts::Parts;

/// Parts fetched at once.
const READ_WINDOW: usize = 16;
/// How often a reader that meets a removed part starts over with the new
/// manifest; more than that many commits during one read are not waited for.
const READ_TRIES: usize = 5;

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

    /// Writes a dataset (DAG-017): crash-safe, readers see the old or the new one whole.
    ///
    /// Encoding runs on the calling thread and on threads of its own, not in the
    /// background; one part is held in memory.
    ///
    /// # Errors
    /// [`DatasetError::AlreadyExists`] for an existing dataset without
    /// `overwrite`; [`DatasetError::InvalidOption`] for `max_rows_per_file` 0;
    /// [`DatasetError::Conflict`] when another writer was faster;
    /// [`DatasetError::Serialize`] and [`DatasetError::Store`]. The old dataset
    /// stands then, and parts written so far are removed.
    pub async fn write(
        &self,
        key: &str,
        reader: impl RecordBatchReader + Send,
        options: WriteDatasetOptions,
    ) -> Result<DatasetManifest> {
        let parquet_options = options.parquet();
        let max_rows = options.max_rows_per_file;
        let mut writer = self.begin(key, options).await?;
        let schema = reader.schema();
        writer.set_schema_hash(|| schema_hash(&schema));
        let mut parts = Parts::new(reader, max_rows);
        loop {
            let added = match parts.encode_next(&parquet_options) {
                Ok(None) => return writer.commit().await,
                Ok(Some(part)) => writer.add_part(part.bytes, part.rows).await,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = added {
                writer.abort().await;
                return Err(error);
            }
        }
    }

    /// Reads a whole dataset, or the named columns of it (DAG-017).
    ///
    /// # Errors
    /// [`DatasetError::Incomplete`] when the marker or a part is missing;
    /// [`DatasetError::NotFound`] when the manifest is;
    /// [`DatasetError::ManifestCorrupted`] when it cannot be used or its row count
    /// is wrong; [`DatasetError::Serialize`] for an unknown column or a damaged part.
    pub async fn read(&self, key: &str, columns: Option<&[String]>) -> Result<Table> {
        let (manifest, parts) = self.read_parts(key).await?;
        let mut schema: Option<SchemaRef> = None;
        let mut batches: Vec<RecordBatch> = Vec::new();
        let mut rows: u64 = 0;
        for part in parts {
            let file = ParquetFile::open(part)?;
            rows = rows.saturating_add(file.num_rows() as u64);
            let table = file.decode(columns)?;
            schema.get_or_insert_with(|| SchemaRef::clone(table.schema()));
            batches.extend(table.into_batches());
        }
        if rows != manifest.row_count {
            let reason = format!("it says {} rows, the parts hold {rows}", manifest.row_count);
            return Err(self.corrupted(&Layout::new(key)?, reason));
        }
        let Some(schema) = schema else {
            return Err(self.corrupted(&Layout::new(key)?, "it names no parts".to_owned()));
        };
        Ok(Table::try_new(schema, batches)?)
    }

    /// The manifest and the bytes of its parts, in order and of one generation.
    ///
    /// # Errors
    /// As [`read`](Self::read), but nothing is decoded.
    pub async fn read_parts(&self, key: &str) -> Result<(DatasetManifest, Vec<Bytes>)> {
        let layout = Layout::new(key)?;
        let mut missing = layout.success();
        let mut seen: Option<DatasetManifest> = None;
        for _ in 0..READ_TRIES {
            let manifest = self.committed_manifest(&layout).await?;
            // The part is gone and no newer manifest explains it.
            if seen.as_ref() == Some(&manifest) {
                break;
            }
            let paths = manifest.part_paths(&layout, self.backend())?;
            let parts: Result<Vec<Bytes>, _> =
                self.store.read_many(paths, READ_WINDOW).try_collect().await;
            match parts {
                Ok(parts) if self.is_one_generation(&layout, &manifest).await? => {
                    return Ok((manifest, parts));
                }
                Ok(_) => missing = layout.manifest(),
                Err(error) if error.is_missing_object() => {
                    missing = error.path().unwrap_or(layout.key()).to_owned();
                    seen = Some(manifest);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let (key, backend) = (layout.key().to_owned(), self.backend().to_owned());
        Err(DatasetError::Incomplete {
            key,
            missing,
            backend,
        })
    }

    /// Names of a first write come again after a deletion, and with every
    /// overwrite of the pure-Python package: several such parts are of one write
    /// only if the manifest is still the same after reading them.
    async fn is_one_generation(&self, layout: &Layout, manifest: &DatasetManifest) -> Result<bool> {
        let may_come_again = |part: &String| part_origin(part) != Some(PartOrigin::Generation);
        if manifest.parts.len() < 2 || !manifest.parts.iter().any(may_come_again) {
            return Ok(true);
        }
        let now = manifest_bytes(&self.store, layout).await?;
        Ok(now.is_some_and(|json| DatasetManifest::from_json(&json).as_ref() == Ok(manifest)))
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
    async fn committed_manifest(&self, layout: &Layout) -> Result<DatasetManifest> {
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

    fn corrupted(&self, layout: &Layout, reason: String) -> DatasetError {
        DatasetError::ManifestCorrupted {
            path: layout.manifest(),
            backend: self.backend().to_owned(),
            reason,
        }
    }
}

/// The bytes of the manifest, `None` without one.
pub(crate) async fn manifest_bytes(store: &Store, layout: &Layout) -> Result<Option<Bytes>> {
    match store.read_bytes(&layout.manifest()).await {
        Ok(json) => Ok(Some(json)),
        Err(error) if error.is_missing_object() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
