//! Removing what dead writers left, and nothing else.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use remote_store_core::{ListOptions, WriteOptions};

use crate::error::Result;
use crate::layout::{Layout, PartNames, PartOrigin, part_origin};
use crate::manifest::DatasetManifest;
use crate::store::{DatasetStore, manifest_bytes};

/// Old parts that are looked into together; what is in memory at a time.
const CANDIDATES: usize = 1000;

impl DatasetStore {
    /// Removes parts that no manifest names and that are older than
    /// `older_than`, in all datasets below `prefix` (`""` for the whole store);
    /// gives their paths.
    ///
    /// Choose `older_than` longer than any write takes: the parts of a running
    /// write are in no manifest yet. Ages are told by the store's own clock, for
    /// which one empty object is written and removed when there is any part at all.
    /// Where a folder has no manifest, only parts with a generation in their name
    /// count as orphans, since `data.parquet` may be anything there. Objects without
    /// a time are left. The listing is not held in memory.
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
        // An age beyond the calendar: nothing is that old.
        let Ok(age) = TimeDelta::from_std(older_than) else {
            return Ok(Vec::new());
        };
        let mut removed = Vec::new();
        let probe = PartNames::new_generation().single();
        let mut before: Option<DateTime<Utc>> = None;
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut objects = self.store().list(prefix, &ListOptions::recursive())?;
        while let Some(object) = objects.try_next().await? {
            let folder = object.key.parent();
            let (Some(origin), Some(modified)) = (part_origin(object.key.name()), object.modified)
            else {
                continue;
            };
            if folder.is_root() || object.key.name() == probe {
                continue;
            }
            let limit = if let Some(before) = before {
                before
            } else {
                let now = self.store_time(folder.as_str(), &probe).await?;
                let Some(limit) = now.checked_sub_signed(age) else {
                    return Ok(Vec::new());
                };
                *before.insert(limit)
            };
            if modified > limit {
                continue;
            }
            candidates.push(Candidate {
                folder: folder.as_str().to_owned(),
                path: object.key.as_str().to_owned(),
                origin,
            });
            if candidates.len() == CANDIDATES {
                self.remove_orphans(std::mem::take(&mut candidates), &mut removed)
                    .await?;
            }
        }
        self.remove_orphans(candidates, &mut removed).await?;
        Ok(removed)
    }

    /// What time it is for the store: that of an object written now. Its name is that of an
    /// orphan, so that one that stays behind is removed as such.
    async fn store_time(&self, folder: &str, probe: &str) -> Result<DateTime<Utc>> {
        let path = Layout::new(folder)?.path(probe);
        let store = self.store();
        let written = store
            .write(&path, Bytes::new(), &WriteOptions::create())
            .await?;
        let told = match written.modified {
            Some(told) => Ok(Some(told)),
            None => store.head(&path).await.map(|info| info.modified),
        };
        store.delete(&path, true).await?;
        Ok(told?.unwrap_or_else(Utc::now))
    }

    async fn remove_orphans(
        &self,
        candidates: Vec<Candidate>,
        removed: &mut Vec<String>,
    ) -> Result<()> {
        // Read after the listing: what they name now was written before it.
        let mut seen: HashMap<String, Known> = HashMap::new();
        let mut orphans = Vec::new();
        for candidate in candidates {
            if self.is_orphan(&candidate, &mut seen).await? {
                orphans.push(candidate.path);
            }
        }
        if orphans.is_empty() {
            return Ok(());
        }
        for (path, result) in self.store().delete_many(orphans).await? {
            result?;
            removed.push(path);
        }
        Ok(())
    }

    async fn is_orphan(
        &self,
        candidate: &Candidate,
        seen: &mut HashMap<String, Known>,
    ) -> Result<bool> {
        let mut is_own = true;
        let mut folder = candidate.folder.as_str();
        loop {
            if !seen.contains_key(folder) {
                seen.insert(folder.to_owned(), self.known(folder).await?);
            }
            match seen.get(folder) {
                None | Some(Known::Unclear) => return Ok(false),
                Some(Known::Names(named)) if named.contains(&candidate.path) => return Ok(false),
                Some(Known::Nothing) if candidate.origin == PartOrigin::FirstWrite && is_own => {
                    return Ok(false);
                }
                Some(Known::Names(_) | Known::Nothing) => {}
            }
            is_own = false;
            // A folder `year=2013` may be one of a dataset above it.
            match folder.rsplit_once('/') {
                Some((above, name)) if name.contains('=') => folder = above,
                _ => return Ok(true),
            }
        }
    }

    async fn known(&self, folder: &str) -> Result<Known> {
        let layout = Layout::new(folder)?;
        let Some(json) = manifest_bytes(self.store(), &layout).await? else {
            // A marker without a manifest is a dataset that somebody may still repair.
            let is_marked = self.store().is_file(&layout.success()).await?;
            return Ok(if is_marked {
                Known::Unclear
            } else {
                Known::Nothing
            });
        };
        // What a broken manifest named may still be wanted.
        Ok(DatasetManifest::from_json(&json)
            .ok()
            .and_then(|manifest| manifest.part_paths(&layout, self.backend()).ok())
            .map_or(Known::Unclear, Known::Names))
    }
}

/// An old object with the name of a part.
#[derive(Debug)]
struct Candidate {
    folder: String,
    path: String,
    origin: PartOrigin,
}

/// What the manifest of a folder says.
#[derive(Debug)]
enum Known {
    /// There is none.
    Nothing,
    /// It cannot be understood, or is being removed.
    Unclear,
    /// These are its parts.
    Names(Vec<String>),
}
