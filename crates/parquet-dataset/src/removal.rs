//! Removing a dataset, and nothing else.

use std::collections::BTreeSet;

use remote_store_core::Error as StoreError;

use crate::error::Result;
use crate::layout::{Layout, part_origin};
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
        let folders = folders_of(&parts, layout.key());
        for (_, result) in store.delete_many(parts).await? {
            result?;
        }
        store.delete(&manifest, true).await?;
        // Those below come first.
        for folder in folders.iter().rev() {
            self.remove_empty_folder(folder).await?;
        }
        self.remove_empty_folder(layout.key()).await
    }

    /// Where folders are real, the empty one goes; one with other things in it stays.
    async fn remove_empty_folder(&self, folder: &str) -> Result<()> {
        match self.store().delete_folder(folder, false, true).await {
            Ok(()) | Err(StoreError::DirectoryNotEmpty { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The folders below a dataset's own that parts lie in.
fn folders_of(parts: &[String], key: &str) -> BTreeSet<String> {
    let mut folders = BTreeSet::new();
    for part in parts {
        let mut path = part.as_str();
        while let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| *folder != key) {
            folders.insert(folder.to_owned());
            path = folder;
        }
    }
    folders
}
