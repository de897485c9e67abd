//! Copies inside a bucket: by the service, or through this machine when the
//! object is too large for one copy of the service.

use std::sync::Arc;

use object_store::{CopyMode, CopyOptions};

use crate::backend::ObjectWriter;
use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::{ReadRange, WriteMode, WriteOptions};

use super::Inner;
use super::creation::is_refusal;
use super::failure::is_too_large_to_copy;
use super::service::Trait;
use super::upload::CloudWriter;

impl Inner {
    pub(super) async fn copy(
        self: &Arc<Self>,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        self.check_ancestors(to).await?;
        if let Err(taken) = self.check_free(to, mode, Subject::Destination).await {
            // A missing source is told first, as other backends do.
            return self.source(from).await.and(Err(taken));
        }
        let (source, target) = (self.location(from)?, self.location(to)?);
        let mut options = CopyOptions::new();
        let refuses = mode == WriteMode::Create && self.words().has(Trait::CopiesConditionally);
        if refuses {
            options = options.with_mode(CopyMode::Create);
        }
        let copied = self.client()?.copy_opts(&source, &target, options).await;
        let err = match copied {
            Ok(()) => return Ok(()),
            Err(err) if is_too_large_to_copy(&err) => {
                return self.copy_through(from, to, mode).await;
            }
            Err(err) => err,
        };
        let failure = self.failure(from.as_str(), &err);
        if failure.is_missing_object() {
            return Err(self.no_source(from).caused_by(&err));
        }
        if refuses && is_refusal(&failure) {
            let taken = Error::already_exists(Subject::Destination, to.as_str(), self.name());
            return Err(taken.caused_by(&err));
        }
        Err(failure)
    }

    /// The bytes come here and go out again, in pieces on both ways: a copy of the
    /// service by parts needs headers that its client cannot sign. The media type
    /// and the user metadata go along; of two contents nothing is mixed.
    async fn copy_through(
        self: &Arc<Self>,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        let mut reader = match self.get(from, ReadRange::All).await {
            Err(err) if err.is_missing_object() => {
                return Err(self.no_source(from).caused_by(&err));
            }
            opened => opened?,
        };
        let info = reader.info();
        let options = WriteOptions {
            mode,
            user_metadata: info.user_metadata.clone(),
            content_type: info.content_type.clone(),
            if_match: None,
        };
        let mut writer = Box::new(CloudWriter::new(Arc::clone(self), to.clone(), options));
        let sent = async {
            while let Some(chunk) = reader.next_chunk().await? {
                writer.write(chunk).await?;
            }
            Ok(())
        }
        .await;
        if let Err(err) = sent {
            if let Err(left) = writer.abort().await {
                tracing::warn!(error = %left, "an unfinished copy could not be removed");
            }
            return Err(err);
        }
        match writer.finish().await {
            Err(Error::AlreadyExists { .. }) => {
                let name = self.name();
                Err(Error::already_exists(
                    Subject::Destination,
                    to.as_str(),
                    name,
                ))
            }
            finished => finished.map(drop),
        }
    }

    fn no_source(&self, from: &ObjectKey) -> Error {
        Error::missing(Subject::Source, from.as_str(), self.name())
    }
}
