//! Writing a dataset so that a crash at any instant loses nothing.
//!
//! New parts go under names that no manifest lists yet. Then one atomic write
//! swaps the manifest: before it readers see the old dataset whole, after it the
//! new one. Only then the old parts go, exactly those that the old manifest named.

use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use futures_util::future::join;
use remote_store_core::{Error as StoreError, Store, WriteOptions};

use crate::error::{DatasetError, Result};
use crate::layout::{Layout, PartNames};
use crate::manifest::DatasetManifest;
use crate::options::WriteDatasetOptions;
use crate::store::{DatasetStore, manifest_bytes};

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
    store: Store,
    layout: Layout,
    options: WriteDatasetOptions,
    names: PartNames,
    /// The bytes of the manifest that this write replaces.
    replaced: Option<Bytes>,
    /// The first part waits: its name depends on whether another one follows.
    waiting: Option<Bytes>,
    written: Vec<String>,
    row_count: u64,
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
            join(store.is_file(&success), manifest_bytes(&store, &layout)).await;
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
            replaced,
            waiting: None,
            written: Vec::new(),
            row_count: 0,
        })
    }

    /// Adds a part: a whole Parquet file of `rows` rows.
    ///
    /// # Errors
    /// [`DatasetError::Store`] when it cannot be written; the old dataset stands.
    pub async fn add_part(&mut self, part: Bytes, rows: u64) -> Result<()> {
        self.row_count += rows;
        if self.written.is_empty() && self.waiting.is_none() {
            self.waiting = Some(part);
            return Ok(());
        }
        if let Some(first) = self.waiting.take() {
            self.put(first, |names| names.numbered(0)).await?;
        }
        let index = self.written.len();
        self.put(part, move |names| names.numbered(index)).await
    }

    /// Swaps the manifest, which makes the parts the dataset, and removes the old ones.
    ///
    /// Old parts that cannot be removed stay as orphans for
    /// [`DatasetStore::vacuum`]; that is no error, since the dataset is committed.
    ///
    /// # Errors
    /// [`DatasetError::Conflict`] when another writer committed in between;
    /// [`DatasetError::InvalidOption`] without any part; [`DatasetError::Store`]
    /// when the store fails. The old dataset stands then, unless the manifest was
    /// swapped and only the marker of a first write is missing.
    pub async fn commit(mut self) -> Result<DatasetManifest> {
        if let Some(only) = self.waiting.take() {
            let put = self.put(only, PartNames::single).await;
            if let Err(error) = put {
                self.remove_written().await;
                return Err(error);
            }
        }
        if self.written.is_empty() {
            return Err(DatasetError::InvalidOption {
                option: "parts",
                demand: "at least one; an empty table is one too",
            });
        }
        let manifest = self.manifest();
        self.swap_manifest(&manifest).await?;
        self.mark_success().await?;
        self.remove_replaced(&manifest).await;
        Ok(manifest)
    }

    /// Gives up and removes the parts written so far.
    pub async fn abort(self) {
        self.remove_written().await;
    }

    async fn put(&mut self, part: Bytes, name: impl Fn(&PartNames) -> String) -> Result<()> {
        let mut tries = 0;
        loop {
            let file = name(&self.names);
            match self
                .store
                .write(
                    &self.layout.path(&file),
                    part.clone(),
                    &WriteOptions::create(),
                )
                .await
            {
                Ok(_) => {
                    self.written.push(file);
                    return Ok(());
                }
                // An orphan of a dead writer, or another writer's part.
                Err(StoreError::AlreadyExists { .. }) if tries < NAME_TRIES => {
                    self.names = PartNames::new_generation();
                    tries += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn manifest(&self) -> DatasetManifest {
        DatasetManifest {
            dataset_key: self.layout.key().to_owned(),
            parts: self.written.clone(),
            row_count: self.row_count,
            schema_hash: self.options.schema_hash.clone().unwrap_or_default(),
            compression: self.options.compression.name().to_owned(),
            created_at_utc: Utc::now().to_rfc3339_opts(SecondsFormat::Micros, false),
            run_id: self.options.run_id.clone(),
            metadata: self.options.metadata.clone(),
        }
    }

    async fn swap_manifest(&self, manifest: &DatasetManifest) -> Result<()> {
        let refusal = match manifest_bytes(&self.store, &self.layout).await {
            Ok(now) if now == self.replaced => None,
            Ok(_) => Some(self.conflict()),
            // What another writer may have committed is not overwritten unseen.
            Err(error) => Some(error),
        };
        if let Some(refusal) = refusal {
            self.remove_written().await;
            return Err(refusal);
        }
        // Without an old manifest the store itself lets only one writer win.
        let mode = if self.replaced.is_none() {
            WriteOptions::create()
        } else {
            WriteOptions::overwrite()
        };
        let json = manifest.to_json();
        let path = self.layout.manifest();
        let Err(error) = self
            .store
            .write(
                &path,
                json.clone(),
                &mode.with_content_type("application/json"),
            )
            .await
        else {
            return Ok(());
        };
        // An answer may be lost after the write has landed: what is there decides.
        match manifest_bytes(&self.store, &self.layout).await {
            Ok(Some(found)) if found == json => Ok(()),
            Ok(_) => {
                self.remove_written().await;
                let is_taken = matches!(error, StoreError::AlreadyExists { .. });
                Err(if is_taken {
                    self.conflict()
                } else {
                    error.into()
                })
            }
            // Not known: the parts stay, for the manifest may name them.
            Err(_) => Err(error.into()),
        }
    }

    async fn mark_success(&self) -> Result<()> {
        let success = self.layout.success();
        if !matches!(self.store.is_file(&success).await, Ok(true)) {
            self.store
                .write(&success, Bytes::new(), &WriteOptions::overwrite())
                .await?;
        }
        Ok(())
    }

    async fn remove_replaced(&self, manifest: &DatasetManifest) {
        let Some(Ok(old)) = self.replaced.as_deref().map(DatasetManifest::from_json) else {
            return;
        };
        let Ok(paths) = old.part_paths(&self.layout, self.store.backend().name()) else {
            return;
        };
        let kept: Vec<String> = manifest
            .parts
            .iter()
            .map(|part| self.layout.path(part))
            // A broken manifest may have named these as its parts.
            .chain([self.layout.manifest(), self.layout.success()])
            .collect();
        let paths: Vec<String> = paths
            .into_iter()
            .filter(|path| !kept.contains(path))
            .collect();
        remove_quietly(&self.store, paths).await;
    }

    async fn remove_written(&self) {
        let paths = self
            .written
            .iter()
            .map(|part| self.layout.path(part))
            .collect();
        remove_quietly(&self.store, paths).await;
    }

    fn conflict(&self) -> DatasetError {
        let (key, backend) = (
            self.layout.key().to_owned(),
            self.store.backend().name().to_owned(),
        );
        DatasetError::Conflict { key, backend }
    }

    pub(crate) fn set_schema_hash(&mut self, hash: impl FnOnce() -> String) {
        self.options.schema_hash.get_or_insert_with(hash);
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
}
