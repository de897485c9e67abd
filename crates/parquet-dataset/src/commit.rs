//! The commit: one atomic write of the manifest, of many writers one wins.
//!
//! New parts go under names that no manifest lists yet. Then one atomic write
//! swaps the manifest: before it readers see the old dataset whole, after it the
//! new one. Only then the old parts go, exactly those that the old manifest named.

use bytes::Bytes;
use remote_store_core::{Error as StoreError, Revision, Store, WriteOptions};
use sha2::{Digest, Sha256};

use crate::error::{DatasetError, Result};
use crate::layout::{Layout, hex};
use crate::manifest::DatasetManifest;
use crate::store::{manifest_bytes, opened_manifest};
use crate::writer::{DatasetWriter, remove_quietly};

const MARK_DIGITS: usize = 16;

/// The manifest that a write takes the place of.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) json: Bytes,
    /// What the store compares, where it does.
    pub(crate) revision: Option<Revision>,
}

impl Replaced {
    pub(crate) async fn read(store: &Store, layout: &Layout) -> Result<Option<Self>> {
        let Some((info, json)) = opened_manifest(store, layout).await? else {
            return Ok(None);
        };
        let revision = info
            .revision()
            .filter(|_| store.supports_conditional_update());
        Ok(Some(Self { json, revision }))
    }

    /// Stands in the manifest that follows.
    pub(crate) fn mark(&self) -> String {
        mark(&self.json)
    }

    /// Whether the writer of this manifest had that one before it, and replaced it.
    pub(crate) fn took_the_place_of(&self, json: &[u8]) -> bool {
        let manifest = DatasetManifest::from_json(&self.json).ok();
        let replaces = manifest.and_then(|manifest| manifest.replaces);
        replaces.is_some_and(|replaces| replaces == mark(json))
    }
}

fn mark(json: &[u8]) -> String {
    hex(&Sha256::digest(json), MARK_DIGITS)
}

/// Whether the store compared, and refused.
pub(crate) fn is_refusal(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::AlreadyExists { .. } | StoreError::Conflict { .. }
    )
}

impl DatasetWriter {
    pub(crate) async fn swap_manifest(&self, json: &Bytes) -> Result<()> {
        let options = match &self.replaced {
            // Without an old manifest the store itself lets only one writer win.
            None => WriteOptions::create(),
            Some(Replaced {
                revision: Some(revision),
                ..
            }) => WriteOptions::if_match(revision.clone()),
            Some(Replaced { json, .. }) => {
                self.look_for_others(json).await?;
                WriteOptions::overwrite()
            }
        };
        let path = self.layout.manifest();
        let options = options.with_content_type("application/json");
        match self.store.write(&path, json.clone(), &options).await {
            Ok(_) => Ok(()),
            Err(error) => self.after_failed_swap(json, error).await,
        }
    }

    /// Where the store cannot compare, a commit in between is looked for; the last of two writers
    /// that swap within one request of each other wins there.
    async fn look_for_others(&self, seen: &Bytes) -> Result<()> {
        let refusal = match manifest_bytes(&self.store, &self.layout).await {
            Ok(Some(now)) if now == *seen => return Ok(()),
            Ok(_) => self.conflict(),
            // What another writer may have committed is not overwritten unseen.
            Err(error) => error,
        };
        self.remove_written().await;
        Err(refusal)
    }

    /// An answer may be lost after the write has landed: what is there decides.
    async fn after_failed_swap(&self, json: &Bytes, error: StoreError) -> Result<()> {
        let Ok(found) = Replaced::read(&self.store, &self.layout).await else {
            // Not known: the parts stay, for the manifest may name them.
            return Err(error.into());
        };
        let is_committed = found.as_ref().is_some_and(|found| {
            // As it is, or replaced by another writer since.
            found.json == *json || found.took_the_place_of(json)
        });
        if is_committed {
            return Ok(());
        }
        self.remove_written().await;
        let json_of = |replaced: &Option<Replaced>| replaced.as_ref().map(|one| one.json.clone());
        let is_old = json_of(&found) == json_of(&self.replaced);
        Err(if is_old && !is_refusal(&error) {
            error.into()
        } else {
            self.conflict()
        })
    }

    /// Writes the marker, if it is missing.
    pub(crate) async fn mark_success(&self) -> Result<()> {
        let success = self.layout.success();
        let is_there = async || matches!(self.store.is_file(&success).await, Ok(true));
        if self.was_committed && is_there().await {
            return Ok(());
        }
        let options = WriteOptions::create();
        match self.store.write(&success, Bytes::new(), &options).await {
            Ok(_) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            // Its answer may be lost; and a store that refuses two writers at once may have
            // neither's.
            Err(_) if is_there().await => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn remove_replaced(&self, manifest: &DatasetManifest) {
        let old = self.replaced.as_ref().map(|replaced| &replaced.json);
        let Some(Ok(old)) = old.map(|json| DatasetManifest::from_json(json)) else {
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

    pub(crate) fn conflict(&self) -> DatasetError {
        let (key, backend) = (
            self.layout.key().to_owned(),
            self.store.backend().name().to_owned(),
        );
        DatasetError::Conflict { key, backend }
    }
}
