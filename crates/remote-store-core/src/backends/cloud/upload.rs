//! Objects on their way to the service: one request for small ones, parts for large ones.

use std::fmt;
use std::process;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use object_store::{
    Extensions, MultipartUpload, ObjectStoreExt, PutMultipartOptions, PutPayload, PutPayloadMut,
    PutResult,
};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::backend::ObjectWriter;
use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::{WriteMode, WriteOptions, WriteResult};

use super::Inner;
use super::creation::{Before, Fingerprint, Hidden, creating, is_refusal};
use super::failure::was_retried;
use super::service::Trait;

/// The size of a part: larger than the 5 MiB that services ask for at least.
pub(super) const PART_BYTES: usize = 8 << 20;
/// From this part on parts are larger, so that 10,000 of them reach 350 GB.
const LARGE_FROM_PART: usize = 5000;
const LARGE_PART_BYTES: usize = 64 << 20;

/// The most that a writer with a condition collects for its one request.
const UPDATE_BYTES: u64 = 256 << 20;

/// A multipart upload that is aborted unless it was completed.
struct Parts {
    inner: Arc<Inner>,
    key: ObjectKey,
    upload: Option<Box<dyn MultipartUpload>>,
    tasks: JoinSet<object_store::Result<()>>,
    sent: usize,
    bytes: u64,
    new: Option<New>,
    before: Before,
    pid: u32,
}

/// How the object is kept from replacing another one.
enum New {
    /// Put together on condition; what was sent is known again after a lost answer.
    OnCondition(Fingerprint),
    /// Put together under this name, then copied on condition.
    Beside(Hidden),
}

impl Parts {
    async fn begin(inner: &Arc<Inner>, key: &ObjectKey, options: &WriteOptions) -> Result<Self> {
        let target = inner.location(key)?;
        let attributes = inner.attributes(options)?;
        let new = match options.mode {
            WriteMode::Overwrite => None,
            WriteMode::Create if inner.words().has(Trait::CompletesConditionally) => {
                Some(New::OnCondition(Fingerprint::default()))
            }
            WriteMode::Create => Some(New::Beside(Hidden::beside(inner, key)?)),
        };
        let location = match &new {
            Some(New::Beside(hidden)) => &hidden.location,
            Some(New::OnCondition(_)) | None => &target,
        };
        let client = inner.client()?;
        let (upload, before) = tokio::join!(
            client.put_multipart_opts(location, PutMultipartOptions::from(attributes)),
            async {
                match &new {
                    None => Before::of(client.head(&target).await),
                    // What is there does not matter, or nothing is under a hidden name.
                    Some(_) => Before::Nothing,
                }
            }
        );
        let upload = upload.map_err(|err| inner.failure(key.as_str(), &err))?;
        Ok(Self {
            inner: Arc::clone(inner),
            key: key.clone(),
            upload: Some(upload),
            tasks: JoinSet::new(),
            sent: 0,
            bytes: 0,
            new,
            before,
            pid: process::id(),
        })
    }

    const fn part_bytes(&self) -> usize {
        if self.sent < LARGE_FROM_PART {
            PART_BYTES
        } else {
            LARGE_PART_BYTES
        }
    }

    async fn send(&mut self, payload: PutPayload) -> Result<()> {
        while self.tasks.len() >= self.inner.service.parts_in_flight() {
            self.wait_for_one().await?;
        }
        self.bytes += payload.content_length() as u64;
        if let Some(New::OnCondition(fingerprint)) = &mut self.new {
            fingerprint.add(&payload);
        }
        if let Some(upload) = &mut self.upload {
            self.tasks.spawn(upload.put_part(payload));
            self.sent += 1;
        }
        Ok(())
    }

    async fn wait_for_one(&mut self) -> Result<()> {
        match self.tasks.join_next().await {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(err))) => Err(self.inner.failure(self.key.as_str(), &err)),
            Some(Err(err)) => {
                Err(Error::unavailable(self.inner.name(), "An upload was cut off").caused_by(&err))
            }
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        while !self.tasks.is_empty() {
            self.wait_for_one().await?;
        }
        let Some(upload) = &mut self.upload else {
            return Err(Error::Closed {
                backend: self.inner.name().into(),
            });
        };
        let completed = match &self.new {
            Some(New::OnCondition(_)) => creating(upload.complete()).await,
            Some(New::Beside(_)) | None => upload.complete().await,
        };
        match completed {
            Ok(result) => {
                self.upload = None;
                self.place(result).await
            }
            Err(err) => self.was_taken(err).await,
        }
    }

    /// Gives the object its name, where it has another one until now.
    async fn place(&mut self, result: PutResult) -> Result<PutResult> {
        match self.new.take() {
            Some(New::Beside(mut hidden)) => {
                hidden.written();
                hidden.place(&self.key).await?;
                // The tag is that of the hidden object; the copy has its own.
                Ok(unknown())
            }
            Some(New::OnCondition(_)) | None => Ok(result),
        }
    }

    /// A refused completion; when the answer to a first try was lost, the
    /// object that is in the way may be the one that was sent.
    async fn was_taken(&mut self, err: object_store::Error) -> Result<PutResult> {
        let failure = self.inner.failure(self.key.as_str(), &err);
        let Some(New::OnCondition(sent)) = &self.new else {
            return if was_retried(&err) && self.is_there(&failure).await {
                self.upload = None;
                self.place(unknown()).await
            } else {
                Err(failure)
            };
        };
        // The upload itself is gone once it was completed.
        let refused = is_refusal(&failure) || failure.is_missing_object();
        if refused && was_retried(&err) && sent.is_of(&self.inner, &self.key, self.bytes).await {
            self.upload = None;
            return Ok(unknown());
        }
        if matches!(failure, Error::Conflict { .. }) {
            let name = self.inner.name();
            return Err(
                Error::already_exists(Subject::File, self.key.as_str(), name).caused_by(&err),
            );
        }
        Err(failure)
    }

    /// True when the upload is gone and an object of its size is in its place
    /// that was not there before: it was completed, and the answer was lost.
    /// Without that an upload that somebody aborted would pass for its predecessor.
    async fn is_there(&mut self, failure: &Error) -> bool {
        let location = match &self.new {
            Some(New::Beside(hidden)) => Ok(hidden.location.clone()),
            Some(New::OnCondition(_)) | None => self.inner.location(&self.key),
        };
        let (true, Ok(location), Ok(client)) =
            (failure.is_missing_object(), location, self.inner.client())
        else {
            return false;
        };
        let found = client.head(&location).await;
        found.is_ok_and(|found| {
            found.size == self.bytes
                && self.before != Before::Unsaid
                && self.before != Before::of(Ok(found))
        })
    }

    async fn abort(&mut self) -> Result<()> {
        self.tasks.shutdown().await;
        match self.upload.take() {
            Some(mut upload) => upload
                .abort()
                .await
                .map_err(|err| self.inner.failure(self.key.as_str(), &err)),
            None => Ok(()),
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else {
            return;
        };
        let mut tasks = std::mem::take(&mut self.tasks);
        if self.pid != process::id() {
            // The parent still uploads; its tasks do not exist here.
            std::mem::forget((upload, tasks));
            return;
        }
        // Nobody waits any more: what was sent is cleaned up beside.
        if let Ok(runtime) = Handle::try_current().or_else(|_outside| crate::runtime::handle()) {
            runtime.spawn(async move {
                tasks.shutdown().await;
                if let Err(err) = upload.abort().await {
                    let said = remote_store_credential_masking::redact_text(&err.to_string());
                    tracing::warn!(error = %said, "an unfinished upload could not be removed");
                }
            });
        }
    }
}

/// An answer that tells nothing.
fn unknown() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
        extensions: Extensions::default(),
    }
}

/// Puts an object that is in memory already, in parts without copying it.
pub(super) async fn put_in_parts(
    inner: &Arc<Inner>,
    key: &ObjectKey,
    mut bytes: Bytes,
    options: &WriteOptions,
) -> Result<PutResult> {
    inner.check_free(key, options.mode, Subject::File).await?;
    let mut parts = Parts::begin(inner, key, options).await?;
    let sent = async {
        while !bytes.is_empty() {
            let part = bytes.split_to(parts.part_bytes().min(bytes.len()));
            parts.send(part.into()).await?;
        }
        inner.check_free(key, options.mode, Subject::File).await?;
        parts.complete().await
    }
    .await;
    settle(parts, sent).await
}

/// Cleans up before an error is told, so that nothing is left when it is seen.
async fn settle(mut parts: Parts, outcome: Result<PutResult>) -> Result<PutResult> {
    if outcome.is_err()
        && let Err(err) = parts.abort().await
    {
        tracing::warn!(error = %err, "an unfinished upload could not be removed");
    }
    outcome
}

/// Collects a part at a time.
pub(super) struct CloudWriter {
    inner: Arc<Inner>,
    key: ObjectKey,
    options: WriteOptions,
    buffer: PutPayloadMut,
    parts: Option<Parts>,
    size: u64,
}

impl CloudWriter {
    pub(super) fn new(inner: Arc<Inner>, key: ObjectKey, options: WriteOptions) -> Self {
        Self {
            inner,
            key,
            options,
            buffer: PutPayloadMut::new(),
            parts: None,
            size: 0,
        }
    }

    fn too_large_to_update(&self) -> Error {
        Error::Unsupported {
            reason: format!(
                "replaces {} on condition only up to {} MiB when it is written piece by piece; write it at once, \
                 or write it under a name of its own",
                self.key,
                UPDATE_BYTES >> 20
            ),
            backend: self.inner.name().into(),
        }
    }

    async fn send_buffer(&mut self) -> Result<()> {
        let payload = std::mem::take(&mut self.buffer).freeze();
        if let Some(parts) = &mut self.parts {
            return parts.send(payload).await;
        }
        let parts = Parts::begin(&self.inner, &self.key, &self.options).await?;
        self.parts.insert(parts).send(payload).await
    }
}

impl fmt::Debug for CloudWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudWriter")
            .field("key", &self.key)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ObjectWriter for CloudWriter {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let part = self.parts.as_ref().map_or(PART_BYTES, Parts::part_bytes);
            let room = part.saturating_sub(self.buffer.content_length() % part);
            // Copied: the caller's buffer may be a small slice of a large one.
            self.buffer
                .extend_from_slice(&bytes.split_to(room.min(bytes.len())));
            if self.options.if_match.is_some() {
                // One request at the end compares and replaces.
                if self.size > UPDATE_BYTES {
                    return Err(self.too_large_to_update());
                }
            } else if self.buffer.content_length() >= part {
                self.send_buffer().await?;
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<WriteResult> {
        let Some(mut parts) = self.parts.take() else {
            let payload = std::mem::take(&mut self.buffer).freeze();
            let result = self.inner.put(&self.key, payload, &self.options).await?;
            return Ok(Inner::write_result(&self.key, self.size, result));
        };
        let rest = std::mem::take(&mut self.buffer);
        let (inner, key, mode) = (&self.inner, &self.key, self.options.mode);
        let sent = async {
            if rest.content_length() > 0 {
                parts.send(rest.freeze()).await?;
            }
            // Not every server that speaks S3 refuses a taken name by itself.
            inner.check_free(key, mode, Subject::File).await?;
            parts.complete().await
        }
        .await;
        let result = settle(parts, sent).await?;
        Ok(Inner::write_result(&self.key, self.size, result))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        match &mut self.parts {
            Some(parts) => parts.abort().await,
            None => Ok(()),
        }
    }
}

impl Inner {
    /// In create mode: refuses a taken name before bytes are sent.
    pub(super) async fn check_free(
        &self,
        key: &ObjectKey,
        mode: WriteMode,
        what: Subject,
    ) -> Result<()> {
        if mode != WriteMode::Create {
            return Ok(());
        }
        match self.head(key).await {
            Ok(_) => Err(Error::already_exists(what, key.as_str(), self.name())),
            Err(err) if err.is_missing_object() => Ok(()),
            Err(err) => Err(err),
        }
    }
}
