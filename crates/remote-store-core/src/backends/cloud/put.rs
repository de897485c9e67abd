//! One object in one request, what is kept beside it, and on which condition.

use std::sync::Arc;

use object_store::{
    Attribute, AttributeValue, Attributes, Extensions, PutMode, PutOptions, PutPayload, PutResult,
    UpdateVersion,
};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::model::{ReadRange, Revision, WriteMode, WriteOptions, WriteResult};

use super::Inner;
use super::failure::was_retried;
use super::service::Trait;

impl Inner {
    pub(super) async fn put(
        self: &Arc<Self>,
        key: &ObjectKey,
        payload: PutPayload,
        options: &WriteOptions,
    ) -> Result<PutResult> {
        let location = self.location(key)?;
        let mode = match (&options.if_match, options.mode) {
            (Some(wanted), _) => PutMode::Update(self.update_version(key, wanted).await?),
            (None, WriteMode::Create) => PutMode::Create,
            (None, WriteMode::Overwrite) => PutMode::Overwrite,
        };
        let request = PutOptions {
            mode,
            attributes: self.attributes(options)?,
            ..PutOptions::default()
        };
        match self
            .client()?
            .put_opts(&location, payload.clone(), request)
            .await
        {
            Ok(result) => Ok(self.seen(result)),
            Err(err) => {
                let failure = self.failure(key.as_str(), &err);
                let refused = matches!(
                    failure,
                    Error::AlreadyExists { .. } | Error::Conflict { .. }
                );
                if refused
                    && was_retried(&err)
                    && let Some(result) = self.holds(key, &payload).await
                {
                    return Ok(result);
                }
                Err(failure)
            }
        }
    }

    /// How the service is told which content may be replaced.
    async fn update_version(&self, key: &ObjectKey, wanted: &Revision) -> Result<UpdateVersion> {
        if self.words().has(Trait::ComparesVersions) && wanted.version.is_none() {
            // Its requests name a generation; the one that has the tag is looked up.
            let found = match self.head(key).await {
                Err(err) if err.is_missing_object() => None,
                found => Some(found?),
            };
            let found = found.filter(|info| wanted.is(info.etag.as_deref()));
            return match found.and_then(|info| info.version) {
                Some(version) => Ok(UpdateVersion {
                    e_tag: None,
                    version: Some(version),
                }),
                None => Err(Error::conflict(key.as_str(), self.name())),
            };
        }
        let etag = &wanted.etag;
        // A tag travels in quotes, which some listings leave out. A bare `*`
        // would match whatever is there.
        let quoted = etag.ends_with('"') && etag.len() > 1;
        Ok(UpdateVersion {
            e_tag: Some(if quoted {
                etag.clone()
            } else {
                format!("\"{etag}\"")
            }),
            version: wanted.version.clone(),
        })
    }

    /// A retried creation or update may meet its own object, when the first
    /// answer was lost. Equal content is taken as that.
    async fn holds(self: &Arc<Self>, key: &ObjectKey, payload: &PutPayload) -> Option<PutResult> {
        let reader = self.get(key, ReadRange::All).await.ok()?;
        if reader.info().size != payload.content_length() as u64 {
            return None;
        }
        let info = reader.info().clone();
        let stored = reader.bytes().await.ok()?;
        let sent = payload.iter().flat_map(|chunk| chunk.iter());
        stored.iter().eq(sent).then(|| PutResult {
            e_tag: info.etag,
            version: info.version,
            extensions: Extensions::default(),
        })
    }

    /// What is kept beside an object.
    pub(super) fn attributes(&self, options: &WriteOptions) -> Result<Attributes> {
        let service = self.words().service;
        let mut attributes = Attributes::new();
        if let Some(content_type) = &options.content_type {
            check_header(service, "content_type", content_type)?;
            attributes.insert(
                Attribute::ContentType,
                AttributeValue::from(content_type.clone()),
            );
        }
        for (name, value) in &options.user_metadata {
            check_header(service, name, value)?;
            if !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
            {
                return Err(Error::InvalidMetadata {
                    reason: format!(
                        "User metadata key '{}' cannot be kept on {service}; use letters, digits, '-', '_', '.'",
                        name.escape_debug()
                    ),
                });
            }
            attributes.insert(
                Attribute::Metadata(self.service.stored_name(name).into_owned().into()),
                AttributeValue::from(value.clone()),
            );
        }
        Ok(attributes)
    }

    pub(super) fn write_result(key: &ObjectKey, size: u64, result: PutResult) -> WriteResult {
        WriteResult {
            etag: result.e_tag,
            version: result.version,
            native: true,
            ..WriteResult::new(key.clone(), size)
        }
    }
}

/// Headers carry printable ASCII only.
fn check_header(service: &str, name: &str, value: &str) -> Result<()> {
    if value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    Err(Error::InvalidMetadata {
        reason: format!(
            "The value of '{}' cannot be kept on {service}; use printable ASCII",
            name.escape_debug()
        ),
    })
}
