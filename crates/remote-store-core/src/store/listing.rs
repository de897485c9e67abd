//! Listings: everything below, one level, page by page.

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::error::Result;
use crate::key::Prefix;
use crate::model::{Level, ListOptions, ObjectInfo, Page, PageToken};

use super::Store;

impl Store {
    /// The objects below a folder; nothing when there is no such folder.
    /// Sorted by key when recursive without a depth, else folder by folder.
    ///
    /// # Errors
    /// [`Error::InvalidPath`](crate::Error::InvalidPath) when `path` is no
    /// name; the stream reports what the backend reports.
    pub fn list(
        &self,
        path: &str,
        options: &ListOptions,
    ) -> Result<BoxStream<'static, Result<ObjectInfo>>> {
        let prefix = self.full_prefix(path)?;
        let store = self.clone();
        let full = match options.depth() {
            None => self.backend.list(&prefix, None),
            Some(depth) => self.walk(prefix, depth),
        };
        Ok(full.map_ok(move |info| store.relative_info(info)).boxed())
    }

    /// Level by level: the cost is the folders looked into, not the objects below.
    fn walk(&self, prefix: Prefix, depth: usize) -> BoxStream<'static, Result<ObjectInfo>> {
        let backend = std::sync::Arc::clone(&self.backend);
        stream::try_unfold(vec![(prefix, 0)], move |mut pending| {
            let backend = std::sync::Arc::clone(&backend);
            async move {
                let Some((prefix, level)) = pending.pop() else {
                    return Ok(None);
                };
                let Level { objects, folders } = backend.list_level(&prefix).await?;
                if level < depth {
                    pending.extend(folders.into_iter().rev().map(|folder| (folder, level + 1)));
                }
                Ok(Some((stream::iter(objects.into_iter().map(Ok)), pending)))
            }
        })
        .try_flatten()
        .boxed()
    }

    /// The objects and folders directly in a folder, each sorted.
    ///
    /// # Errors
    /// [`Error::InvalidPath`](crate::Error::InvalidPath) when `path` is no
    /// name, and what the backend reports.
    pub async fn list_level(&self, path: &str) -> Result<Level> {
        let prefix = self.full_prefix(path)?;
        let level = self.backend.list_level(&prefix).await?;
        let objects = level
            .objects
            .into_iter()
            .map(|info| self.relative_info(info))
            .collect();
        let folders = level
            .folders
            .iter()
            .filter_map(|folder| self.root.relative_prefix(folder))
            .collect();
        Ok(Level { objects, folders })
    }

    /// At most `limit` objects below a folder, sorted by key, from where the
    /// last page ended. At least one is returned while there are any.
    ///
    /// ```
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// let store = Store::memory();
    /// runtime::block_on(store.driver(), async {
    ///     for name in ["a", "b", "c"] {
    ///         store.write(name, "".into(), &WriteOptions::create()).await?;
    ///     }
    ///     let first = store.list_page("", None, 2).await?;
    ///     assert_eq!(first.objects.len(), 2);
    ///     let second = store.list_page("", first.next.as_ref(), 2).await?;
    ///     assert_eq!(second.objects[0].key.as_str(), "c");
    ///     assert!(second.next.is_none());
    ///     Ok::<(), remote_store_core::Error>(())
    /// })??;
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Store::list_level`].
    pub async fn list_page(
        &self,
        path: &str,
        token: Option<&PageToken>,
        limit: usize,
    ) -> Result<Page> {
        let prefix = self.full_prefix(path)?;
        let limit = limit.max(1);
        let after = token.map(|token| self.root.join_key(&token.0));
        let stream = self.backend.list(&prefix, after.as_ref());
        let mut objects: Vec<ObjectInfo> = stream
            .take(limit.saturating_add(1))
            .map_ok(|info| self.relative_info(info))
            .try_collect()
            .await?;
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next = objects
            .last()
            .filter(|_| more)
            .map(|info| PageToken(info.key.clone()));
        Ok(Page { objects, next })
    }
}
