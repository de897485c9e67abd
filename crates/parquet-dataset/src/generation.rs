//! The generation that a reader has begun with: whether it is still there, and was whole.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{self, BoxStream, StreamExt};
use remote_store_core::Error as StoreError;

use crate::error::{DatasetError, Result};
use crate::layout::Layout;
use crate::manifest::DatasetManifest;
use crate::run::has_a_name_of_its_own;
use crate::store::{DatasetStore, manifest_bytes};

/// The generation that a reader has begun with.
#[derive(Debug, Clone)]
pub(crate) struct Generation {
    pub(crate) datasets: DatasetStore,
    pub(crate) layout: Layout,
    pub(crate) manifest: DatasetManifest,
}

impl Generation {
    /// The same items, with what they cannot tell themselves at the end: whether the parts had the
    /// rows that the manifest says, and were of one write.
    pub(crate) fn checked<T: Send + 'static>(
        self,
        items: BoxStream<'static, Result<T>>,
        rows: Option<Arc<AtomicU64>>,
    ) -> BoxStream<'static, Result<T>> {
        let at_end = self.clone();
        let end = stream::once(async move { at_end.check(rows).await });
        let end = end.filter_map(|checked| std::future::ready(checked.err().map(Err)));
        let items = items.chain(end).boxed();
        // After an error nothing follows.
        let items = stream::unfold(Some((items, self)), |state| async move {
            let (mut items, generation) = state?;
            match items.next().await? {
                Ok(item) => Some((Ok(item), Some((items, generation)))),
                Err(error) => Some((Err(generation.explained(error).await), None)),
            }
        });
        items.boxed()
    }

    async fn check(&self, rows: Option<Arc<AtomicU64>>) -> Result<()> {
        let may_mix = self.manifest.parts.len() > 1 && self.may_be_overwritten();
        if may_mix && self.is_replaced().await? {
            return Err(self.replaced());
        }
        let rows = rows.map(|rows| rows.load(Ordering::SeqCst));
        if let Some(rows) = rows.filter(|rows| *rows != self.manifest.row_count) {
            let said = self.manifest.row_count;
            let reason = format!("it says {said} rows, the parts hold {rows}");
            return Err(self.datasets.corrupted(&self.layout, reason));
        }
        Ok(())
    }

    /// What an error comes from: another writer replaced the dataset, or it is damaged.
    pub(crate) async fn explained(&self, error: DatasetError) -> DatasetError {
        let looks_damaged = matches!(
            error,
            DatasetError::At(_)
                | DatasetError::Serialize(_)
                | DatasetError::PartsDiffer { .. }
                | DatasetError::ManifestCorrupted { .. }
        );
        if looks_damaged && self.may_be_overwritten() {
            // It may be whole, and a part of another generation.
            return match self.is_replaced().await {
                Ok(true) => self.replaced(),
                Ok(false) | Err(_) => error,
            };
        }
        let DatasetError::Store(cause) = &error else {
            return error;
        };
        if matches!(cause, StoreError::Conflict { .. }) {
            // A part was overwritten in place while its pieces arrived.
            return self.replaced();
        }
        if !cause.is_missing_object() {
            return error;
        }
        let missing = cause.path().unwrap_or(self.layout.key()).to_owned();
        match self.is_replaced().await {
            Ok(true) => self.replaced(),
            Ok(false) => DatasetError::Incomplete {
                key: self.layout.key().to_owned(),
                missing,
                backend: self.datasets.backend().to_owned(),
            },
            Err(error) => error,
        }
    }

    /// Whether other generations have parts of the same names.
    fn may_be_overwritten(&self) -> bool {
        let mut names = self.manifest.parts.iter();
        !names.all(|name| has_a_name_of_its_own(name))
    }

    async fn is_replaced(&self) -> Result<bool> {
        let now = manifest_bytes(self.datasets.store(), &self.layout).await?;
        let now = now.and_then(|json| DatasetManifest::from_json(&json).ok());
        Ok(now.as_ref() != Some(&self.manifest))
    }

    fn replaced(&self) -> DatasetError {
        DatasetError::Replaced {
            key: self.layout.key().to_owned(),
            backend: self.datasets.backend().to_owned(),
        }
    }
}
