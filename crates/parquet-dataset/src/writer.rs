//! The parts of one write, under names that no manifest lists yet.

use arrow_array::RecordBatchReader;
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use futures_util::future::join;
use remote_store_core::{Error as StoreError, Store, WriteOptions};

use crate::commit::Replaced;
use crate::error::{DatasetError, Result};
use crate::hive::PartitionColumn;
use crate::layout::{Layout, PartNames};
use crate::manifest::DatasetManifest;
use crate::options::WriteDatasetOptions;
use crate::store::DatasetStore;
use crate::tables::TableWriter;

/// Tries at a free name for a part: eight random hex digits are rarely taken twice.
const NAME_TRIES: usize = 4;

/// Takes the parts of one write and commits them together; for callers that
/// encode Parquet themselves. [`DatasetStore::write`] does it for Arrow batches.
///
/// A writer that is dropped leaves the old dataset as it was; its parts stay as
/// orphans, which [`DatasetStore::vacuum`] removes. [`abort`](Self::abort)
/// removes them at once.
#[derive(Debug)]
pub struct DatasetWriter {
    pub(crate) store: Store,
    pub(crate) layout: Layout,
    pub(crate) options: WriteDatasetOptions,
    /// Whether there was a marker in the beginning.
    pub(crate) was_committed: bool,
    names: PartNames,
    /// The manifest that this write replaces.
    pub(crate) replaced: Option<Replaced>,
    /// The first part waits: its name depends on whether another one follows.
    waiting: Option<Bytes>,
    /// Names given so far.
    given: usize,
    written: Vec<String>,
    row_count: u64,
    partition_columns: Option<Vec<PartitionColumn>>,
}

impl DatasetWriter {
    pub(crate) async fn begin(
        store: Store,
        layout: Layout,
        options: WriteDatasetOptions,
    ) -> Result<Self> {
        options.validate()?;
        let success = layout.success();
        let (is_committed, replaced) =
            join(store.is_file(&success), Replaced::read(&store, &layout)).await;
        let (is_committed, replaced) = (is_committed?, replaced?);
        if is_committed && !options.overwrite {
            let (key, backend) = (layout.key().to_owned(), store.backend().name().to_owned());
            return Err(DatasetError::AlreadyExists { key, backend });
        }
        let is_first = !is_committed && replaced.is_none();
        Ok(Self {
            names: if is_first {
                PartNames::first_write()
            } else {
                PartNames::new_generation()
            },
            store,
            layout,
            options,
            was_committed: is_committed,
            replaced,
            waiting: None,
            given: 0,
            written: Vec::new(),
            row_count: 0,
            partition_columns: None,
        })
    }

    /// Adds a part: a whole Parquet file of `rows` rows.
    ///
    /// # Errors
    /// [`DatasetError::Store`] when it cannot be written; the old dataset stands.
    pub async fn add_part(&mut self, part: Bytes, rows: u64) -> Result<()> {
        if self.given == 0 && self.waiting.is_none() {
            self.row_count = self.row_count.saturating_add(rows);
            self.waiting = Some(part);
            return Ok(());
        }
        self.name_waiting().await?;
        self.put(part, false).await?;
        self.row_count = self.row_count.saturating_add(rows);
        Ok(())
    }

    /// Swaps the manifest, which makes the parts the dataset, and removes the old ones.
    ///
    /// Old parts that cannot be removed stay as orphans for
    /// [`DatasetStore::vacuum`]; that is no error, since the dataset is committed.
    ///
    /// # Errors
    /// [`DatasetError::Conflict`] when another writer committed in between, and
    /// [`DatasetError::AlreadyExists`] when that was seen without `overwrite`;
    /// [`DatasetError::InvalidOption`] without any part; [`DatasetError::Store`]
    /// when the store fails. The old dataset stands then, unless the manifest was
    /// swapped and only the marker of a first write is missing.
    pub async fn commit(mut self) -> Result<DatasetManifest> {
        if let Some(only) = self.waiting.take()
            && let Err(error) = self.put(only, true).await
        {
            self.remove_written().await;
            return Err(error);
        }
        if self.written.is_empty() {
            return Err(DatasetError::InvalidOption {
                option: "parts",
                demand: "at least one; an empty table is one too",
            });
        }
        self.claim().await?;
        let manifest = self.manifest();
        let json = manifest.to_json();
        self.swap_manifest(&json).await?;
        self.mark_success().await?;
        if !self.was_committed {
            self.confirm(&json).await?;
        }
        self.remove_replaced(&manifest).await;
        Ok(manifest)
    }

    /// Gives up and removes the parts written so far.
    pub async fn abort(self) {
        self.remove_written().await;
    }

    /// A name for a part in a folder of the dataset, `""` for the dataset's own; the caller
    /// writes it, and says so with [`note_part`](Self::note_part).
    pub(crate) async fn reserve(&mut self, folder: &str, is_only: bool) -> Result<String> {
        self.name_waiting().await?;
        if !folder.is_empty() {
            // Folders of a first write have names of a generation too: nothing else tells
            // orphans in them from a dataset's parts.
            self.names.make_generation();
            let name = format!("{folder}/{}", self.next_name(false));
            self.given += 1;
            return Ok(name);
        }
        let mut name = self.next_name(is_only);
        // An orphan of a dead first writer may have the name.
        if !self.names.is_generation() && self.store.is_file(&self.layout.path(&name)).await? {
            self.names.make_generation();
            name = self.next_name(is_only);
        }
        self.given += 1;
        Ok(name)
    }

    pub(crate) fn note_part(&mut self, name: String, rows: u64) {
        self.written.push(name);
        self.row_count = self.row_count.saturating_add(rows);
    }

    /// What a failed upload of a part means: that its name was free in the beginning and is not
    /// any more comes from another first writer, to whom this one has lost.
    pub(crate) fn lost(&self, error: DatasetError) -> DatasetError {
        if matches!(error, DatasetError::Store(StoreError::AlreadyExists { .. })) {
            self.conflict()
        } else {
            error
        }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.layout.path(name)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn has_parts(&self) -> bool {
        self.given > 0 || self.waiting.is_some()
    }

    fn next_name(&self, is_only: bool) -> String {
        if is_only {
            self.names.single()
        } else {
            self.names.numbered(self.given)
        }
    }

    async fn name_waiting(&mut self) -> Result<()> {
        match self.waiting.take() {
            Some(first) => self.put(first, false).await,
            None => Ok(()),
        }
    }

    async fn put(&mut self, part: Bytes, is_only: bool) -> Result<()> {
        let mut tries = 0;
        loop {
            let file = self.next_name(is_only);
            let path = self.layout.path(&file);
            let created = WriteOptions::create();
            match self.store.write(&path, part.clone(), &created).await {
                Ok(_) => {
                    self.written.push(file);
                    self.given += 1;
                    return Ok(());
                }
                // An orphan of a dead writer, or another writer's part.
                Err(StoreError::AlreadyExists { .. }) if tries < NAME_TRIES => {
                    self.names = PartNames::new_generation();
                    tries += 1;
                }
                Err(error) => {
                    // It may have landed all the same; no other writer has such a name.
                    if self.names.is_generation() {
                        self.written.push(file);
                    }
                    return Err(error.into());
                }
            }
        }
    }

    fn manifest(&self) -> DatasetManifest {
        let mut parts = self.written.clone();
        if self.partition_columns.is_some() {
            // Folder by folder, however the parts were closed.
            parts.sort();
        }
        DatasetManifest {
            dataset_key: self.layout.key().to_owned(),
            parts,
            row_count: self.row_count,
            schema_hash: self.options.schema_hash.clone().unwrap_or_default(),
            compression: self.options.compression.name().to_owned(),
            created_at_utc: Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false),
            run_id: self.options.run_id.clone(),
            metadata: self.options.metadata.clone(),
            partition_columns: self.partition_columns.clone(),
            replaces: self.replaced.as_ref().map(Replaced::mark),
        }
    }

    pub(crate) async fn remove_written(&self) {
        let paths = self
            .written
            .iter()
            .map(|part| self.layout.path(part))
            .collect();
        remove_quietly(&self.store, paths).await;
    }

    pub(crate) fn set_schema_hash(&mut self, hash: impl FnOnce() -> String) {
        self.options.schema_hash.get_or_insert_with(hash);
    }

    pub(crate) fn set_partition_columns(&mut self, columns: &[PartitionColumn]) {
        self.partition_columns = Some(columns.to_vec());
    }
}

/// Removes what nothing refers to any more; what stays is an orphan for `vacuum`.
pub(crate) async fn remove_quietly(store: &Store, paths: Vec<String>) {
    if !paths.is_empty() {
        // Each result is left aside on purpose, see above.
        let _results = store.delete_many(paths).await;
    }
}

impl DatasetStore {
    /// Begins a write whose parts the caller encodes.
    ///
    /// # Errors
    /// [`DatasetError::AlreadyExists`] for an existing dataset without
    /// `overwrite`; [`DatasetError::InvalidOption`] for an option out of range.
    pub async fn begin(&self, key: &str, options: WriteDatasetOptions) -> Result<DatasetWriter> {
        DatasetWriter::begin(self.store().clone(), Layout::new(key)?, options).await
    }

    /// Writes a dataset (DAG-017): crash-safe, readers see the old or the new one whole.
    ///
    /// Parts go to the store while they are encoded: beside the reader's batches, a row group and
    /// a few megabytes of each open part are in memory. With
    /// [`partition_by`](WriteDatasetOptions::with_partition_by) rows go to folders.
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
        let writer = self.begin(key, options.clone()).await?;
        let mut tables = TableWriter::new(writer, &reader.schema(), &options)?;
        if let Err(error) = tables.write(reader).await {
            tables.abort().await;
            return Err(error);
        }
        tables.into_writer().commit().await
    }
}
