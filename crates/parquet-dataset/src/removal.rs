//! Removing datasets and what dead writers left, and nothing else.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use remote_store_core::{Error as StoreError, ListOptions, ObjectInfo};

use crate::error::Result;
use crate::layout::{Layout, MANIFEST, PartOrigin, SUCCESS, part_origin};
use crate::manifest::DatasetManifest;
use crate::store::{DatasetStore, manifest_bytes};

impl DatasetStore {
    /// Deletes a dataset: its marker, the parts that its manifest names, orphans
    /// of earlier writes, the manifest.
    ///
    /// Only files directly in the dataset's folder that a writer of datasets
    /// names so go with it: deleting `data` leaves `data/orders` as it is. The
    /// marker goes first, so that readers never take the rest for a dataset; the
    /// manifest last, so that a deletion that was cut off can be repeated.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`](crate::DatasetError::NotFound) when there is
    /// neither marker nor manifest; [`DatasetError::Store`](crate::DatasetError::Store).
    pub async fn delete(&self, key: &str) -> Result<()> {
        let layout = Layout::new(key)?;
        let (store, success, manifest) = (self.store(), layout.success(), layout.manifest());
        let json = manifest_bytes(store, &layout).await?;
        if json.is_none() && !store.is_file(&success).await? {
            return Err(self.not_found(&layout));
        }
        store.delete(&success, true).await?;
        let named = json
            .as_deref()
            .map(DatasetManifest::from_json)
            .and_then(Result::ok);
        let mut parts = match named {
            // A manifest that leads elsewhere is not followed.
            Some(named) => named
                .part_paths(&layout, self.backend())
                .unwrap_or_default(),
            None => Vec::new(),
        };
        for object in store.list_level(layout.key()).await?.objects {
            let path = object.key.as_str().to_owned();
            if part_origin(object.key.name()).is_some() && !parts.contains(&path) {
                parts.push(path);
            }
        }
        for (_, result) in store.delete_many(parts).await? {
            result?;
        }
        store.delete(&manifest, true).await?;
        self.remove_empty_folder(&layout).await
    }

    /// Where folders are real, the empty one goes; one with other things in it stays.
    async fn remove_empty_folder(&self, layout: &Layout) -> Result<()> {
        match self.store().delete_folder(layout.key(), false, true).await {
            Ok(()) | Err(StoreError::DirectoryNotEmpty { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes parts that no manifest names and that are older than
    /// `older_than`, in all datasets below `prefix` (`""` for the whole store);
    /// gives their paths.
    ///
    /// Choose `older_than` longer than any write takes: the parts of a running
    /// write are in no manifest yet. Where a folder has no manifest, only parts
    /// with a generation in their name count as orphans, since `data.parquet` may
    /// be anything there. Objects without a time are left.
    ///
    /// # Errors
    /// [`DatasetError::Store`](crate::DatasetError::Store) when listing or deleting fails.
    ///
    /// ```
    /// use std::time::Duration;
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// use remote_store_parquet_dataset::DatasetStore;
    ///
    /// let datasets = DatasetStore::new(Store::memory());
    /// runtime::block_on(datasets.store().driver(), async {
    ///     let orphan = "data/orders/data-0123abcd.parquet";
    ///     datasets.store().write(orphan, "PAR1".into(), &WriteOptions::create()).await?;
    ///     assert!(datasets.vacuum("", Duration::from_secs(3600)).await?.is_empty());
    ///     assert_eq!(datasets.vacuum("", Duration::ZERO).await?, [orphan]);
    ///     Ok::<(), remote_store_parquet_dataset::DatasetError>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn vacuum(&self, prefix: &str, older_than: Duration) -> Result<Vec<String>> {
        let before = TimeDelta::from_std(older_than)
            .ok()
            .and_then(|age| Utc::now().checked_sub_signed(age));
        // An age beyond the calendar: nothing is that old.
        let Some(before) = before else {
            return Ok(Vec::new());
        };
        let mut folders: BTreeMap<String, Folder> = BTreeMap::new();
        let mut objects = self.store().list(prefix, &ListOptions::recursive())?;
        while let Some(object) = objects.try_next().await? {
            let folder = object.key.parent();
            if folder.is_root() {
                continue;
            }
            folders
                .entry(folder.as_str().to_owned())
                .or_default()
                .note(&object, before);
        }
        let mut removed = Vec::new();
        for (key, folder) in folders {
            let orphans = self.orphans(&key, folder).await?;
            for (path, result) in self.store().delete_many(orphans).await? {
                result?;
                removed.push(path);
            }
        }
        Ok(removed)
    }

    async fn orphans(&self, key: &str, folder: Folder) -> Result<Vec<String>> {
        if folder.old_parts.is_empty() {
            return Ok(Vec::new());
        }
        let layout = Layout::new(key)?;
        // Read after the listing: what it names now was written before it.
        let named = match manifest_bytes(self.store(), &layout).await? {
            None if folder.has_manifest => return Ok(Vec::new()),
            None => None,
            Some(json) => match DatasetManifest::from_json(&json) {
                Ok(manifest) => Some(manifest.part_paths(&layout, self.backend())?),
                // What a broken manifest named may still be wanted.
                Err(_) => return Ok(Vec::new()),
            },
        };
        let orphans = folder
            .old_parts
            .into_iter()
            .filter(|(path, origin)| match &named {
                Some(named) => !named.contains(path),
                None => *origin == PartOrigin::Generation && !folder.has_marker,
            });
        Ok(orphans.map(|(path, _)| path).collect())
    }
}

/// What a listing found directly in one folder.
#[derive(Debug, Default)]
struct Folder {
    has_manifest: bool,
    has_marker: bool,
    old_parts: Vec<(String, PartOrigin)>,
}

impl Folder {
    fn note(&mut self, object: &ObjectInfo, before: DateTime<Utc>) {
        let name = object.key.name();
        self.has_manifest |= name == MANIFEST;
        self.has_marker |= name == SUCCESS;
        let is_old = object.modified.is_some_and(|modified| modified <= before);
        if let Some(origin) = part_origin(name).filter(|_| is_old) {
            self.old_parts
                .push((object.key.as_str().to_owned(), origin));
        }
    }
}
