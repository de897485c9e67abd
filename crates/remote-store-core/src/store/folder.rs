//! Folders: do they exist, what do they hold, away with them.

use futures_util::TryStreamExt;

use crate::error::{Error, Result, Subject};
use crate::model::{FolderInfo, ListOptions};

use super::Store;

impl Store {
    /// True when there is a folder of that name; the root always is one.
    ///
    /// # Errors
    /// Whatever keeps the backend from knowing.
    pub async fn is_folder(&self, path: &str) -> Result<bool> {
        let prefix = self.full_prefix(path)?;
        if prefix == self.root {
            return Ok(true);
        }
        self.backend.is_folder(&prefix).await
    }

    /// The sum of everything below a folder.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such folder.
    pub async fn folder_info(&self, path: &str, max_depth: Option<usize>) -> Result<FolderInfo> {
        let prefix = self.full_prefix(path)?;
        let relative = self.root.relative_prefix(&prefix).unwrap_or_default();
        let options = ListOptions {
            recursive: true,
            max_depth,
        };
        let sum = self
            .list(path, &options)?
            .try_fold(FolderInfo::new(relative), |mut sum, info| async move {
                sum.add(&info);
                Ok(sum)
            })
            .await?;
        if sum.object_count == 0 && !self.is_folder(path).await? {
            return Err(Error::missing(
                Subject::Folder,
                prefix.as_str(),
                self.backend.name(),
            ));
        }
        Ok(sum)
    }

    /// Deletes a folder.
    ///
    /// # Errors
    /// [`Error::InvalidPath`] for the root; [`Error::NotFound`] when there is
    /// none, unless `missing_ok`; [`Error::DirectoryNotEmpty`] when it holds
    /// something and `recursive` is false.
    pub async fn delete_folder(&self, path: &str, recursive: bool, missing_ok: bool) -> Result<()> {
        let prefix = self.full_prefix(path)?;
        if prefix == self.root {
            return Err(Error::invalid_path("", "Cannot delete the store root"));
        }
        match self.backend.delete_folder(&prefix, recursive).await {
            Err(Error::NotFound {
                what: Subject::Folder,
                ..
            }) if missing_ok => Ok(()),
            other => other,
        }
    }
}
