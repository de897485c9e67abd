//! Writing, deleting, copying and moving objects.

use bytes::Bytes;

use crate::backend::ObjectWriter;
use crate::capability::Capability;
use crate::error::{Error, Result, Subject};
use crate::model::{WriteMode, WriteOptions, WriteResult};

use super::Store;
use super::whole_writer::WholeWriter;

impl Store {
    /// Writes an object, all or nothing.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] when the name is taken and the mode is
    /// [`WriteMode::Create`]; [`Error::InvalidMetadata`] and
    /// [`Error::CapabilityNotSupported`] for metadata that cannot be kept;
    /// [`Error::Conflict`] when [`WriteOptions::if_match`] names another content
    /// than is there, [`Error::Unsupported`] where that cannot be compared.
    pub async fn write(
        &self,
        path: &str,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        let key = self.full_key(path)?;
        self.check_options(options)?;
        Ok(self.relative_result(self.backend.write(&key, bytes, options).await?))
    }

    /// Writes an object piece by piece, holding a few parts in memory at most.
    /// Nothing is visible before [`ObjectWriter::finish`]; a writer that is
    /// dropped leaves nothing. After a write that failed or was cut off nothing
    /// can be finished any more, for the object would lack a part.
    ///
    /// # Errors
    /// As [`Store::write`]. The key in the writer's result is the full key.
    pub async fn writer(
        &self,
        path: &str,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        let key = self.full_key(path)?;
        self.check_options(options)?;
        let writer = self.backend.writer(&key, options).await?;
        Ok(Box::new(WholeWriter::new(key, self.backend.name(), writer)))
    }

    fn check_options(&self, options: &WriteOptions) -> Result<()> {
        options.validate()?;
        if options.if_match.is_some() && !self.supports_conditional_update() {
            return Err(Error::Unsupported {
                reason: "cannot replace an object on condition; write without 'if_match', or use local, \
                         memory, s3, azure or gcs"
                    .into(),
                backend: self.backend.name().to_owned(),
            });
        }
        if options.user_metadata.is_empty() {
            Ok(())
        } else {
            self.require(Capability::UserMetadata)
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist, unless `missing_ok`.
    pub async fn delete(&self, path: &str, missing_ok: bool) -> Result<()> {
        let key = self.full_key(path)?;
        if missing_ok {
            self.backend.delete_if_exists(&key).await
        } else {
            self.backend.delete(&key).await
        }
    }

    /// Deletes many objects in as few requests as the backend allows. Missing
    /// ones count as deleted; one result per path, in order.
    ///
    /// # Errors
    /// When a path is no name, or no request could be made at all.
    pub async fn delete_many(&self, paths: Vec<String>) -> Result<Vec<(String, Result<()>)>> {
        let keys = paths
            .iter()
            .map(|path| self.full_key(path))
            .collect::<Result<Vec<_>>>()?;
        let results = self.backend.delete_many(keys).await?;
        Ok(paths
            .into_iter()
            .zip(results)
            .map(|(path, (_, result))| (path, result))
            .collect())
    }

    /// Copies an object.
    ///
    /// # Errors
    /// [`Error::NotFound`] without a source, [`Error::AlreadyExists`] when the
    /// destination is taken and the mode is [`WriteMode::Create`].
    pub async fn copy(&self, from: &str, to: &str, mode: WriteMode) -> Result<()> {
        self.require(Capability::Copy)?;
        let (from, to) = (self.full_key(from)?, self.full_key(to)?);
        if from == to {
            return self.stay_in_place(&from).await;
        }
        self.backend.copy(&from, &to, mode).await
    }

    /// Moves an object.
    ///
    /// # Errors
    /// As [`Store::copy`].
    pub async fn rename(&self, from: &str, to: &str, mode: WriteMode) -> Result<()> {
        self.require(Capability::Move)?;
        let (from, to) = (self.full_key(from)?, self.full_key(to)?);
        if from == to {
            return self.stay_in_place(&from).await;
        }
        self.backend.rename(&from, &to, mode).await
    }

    /// Onto itself is a no-op, but the object has to exist.
    async fn stay_in_place(&self, key: &crate::key::ObjectKey) -> Result<()> {
        match self.backend.head(key).await {
            Ok(_) => Ok(()),
            Err(err) => Err(err.about(Subject::Source)),
        }
    }
}
