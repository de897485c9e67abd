//! From the local file that captures a stream to its object in the store (DAG-025).

use std::fs::File;
use std::path::Path;

use remote_store_core::WriteOptions;
use remote_store_dagster_paths::{IoType, LogKey};

use crate::cut::Cut;
use crate::parts::Parts;
use crate::progress::Fingerprint;
use crate::{Error, LogStore, Result};

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Uploaded {
    /// The object was written.
    Stored {
        /// Its size.
        stored_bytes: u64,
        /// How many bytes of the local file were left out because of the cap.
        removed_bytes: u64,
    },
    /// The local file is empty, and empty files are not stored (DAG-025).
    SkippedEmpty,
    /// Nothing was added since the last partial upload.
    SkippedUnchanged,
    /// The final object is there, or the local file is gone: too late for a partial one.
    SkippedFinished,
}

impl Uploaded {
    /// Whether an object was written.
    pub fn is_stored(self) -> bool {
        matches!(self, Self::Stored { .. })
    }
}

impl LogStore {
    /// Uploads the captured stream in `local`, streamed from the file (DAG-025).
    ///
    /// A *partial* upload, made while the step runs, is left out when the file is empty, when
    /// nothing changed since the last one, or when the step was finished meanwhile. A *final*
    /// upload is always made, whatever was uploaded before; only an empty file is left out with
    /// `skip_empty`. It is tried once: [`finish`](Self::finish) retries.
    ///
    /// With [`with_streaming`](Self::with_streaming) a partial upload sends only what was added.
    ///
    /// A file over the cap is stored as its head and its tail with one line between them that
    /// says how many bytes are gone; together they stay within the cap.
    ///
    /// # Errors
    /// [`Error::LocalFile`] when a final upload finds no readable file, [`Error::Store`] when the
    /// store fails. The object that was there before then is still there.
    ///
    /// ```
    /// use remote_store_compute_log::{LogStore, Uploaded};
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// let dir = tempfile::tempdir()?;
    /// let local = dir.path().join("step_a.out");
    /// std::fs::write(&local, "hello\n")?;
    ///
    /// let upload = logs.upload(&key, IoType::Stdout, &local, true);
    /// assert!(runtime::block_on(logs.store().driver(), upload)??.is_stored());
    /// let again = logs.upload(&key, IoType::Stdout, &local, true);
    /// assert_eq!(runtime::block_on(logs.store().driver(), again)??, Uploaded::SkippedUnchanged);
    ///
    /// let nowhere = dir.path().join("no-such-file");
    /// let gone = logs.upload(&key, IoType::Stdout, &nowhere, false);
    /// assert!(runtime::block_on(logs.store().driver(), gone)?.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn upload(
        &self,
        key: &LogKey,
        io: IoType,
        local: &Path,
        partial: bool,
    ) -> Result<Uploaded> {
        if partial {
            self.upload_partial(key, io, local).await
        } else {
            self.upload_final(key, io, local).await
        }
    }

    async fn upload_final(&self, key: &LogKey, io: IoType, local: &Path) -> Result<Uploaded> {
        let (file, metadata) = open(local)?;
        if metadata.len() == 0 && self.skip_empty {
            return Ok(Uploaded::SkippedEmpty);
        }
        let final_path = self.path(key, io, false)?;
        self.seen().forget(&final_path);
        let path = self.written_form().path(&final_path);
        self.put(&path, file, metadata.len(), local, self.level())
            .await
    }

    async fn upload_partial(&self, key: &LogKey, io: IoType, local: &Path) -> Result<Uploaded> {
        let path = self.path(key, io, true)?;
        if self.progress().is_finished(&path) {
            return Ok(Uploaded::SkippedFinished);
        }
        let (file, metadata) = match open(local) {
            // The capture ended and its files were cleaned up: nothing may be created again.
            Err(error) if error.is_not_found() => return Ok(Uploaded::SkippedFinished),
            opened => opened?,
        };
        // Taken before reading: what is appended meanwhile counts as a change next time.
        let fingerprint = Fingerprint::of(&metadata);
        if metadata.len() == 0 {
            return Ok(Uploaded::SkippedEmpty);
        }
        if self.streaming.is_some() {
            let captured = Captured {
                file,
                size: metadata.len(),
                fingerprint,
            };
            return self.append(key, io, local, captured).await;
        }
        if self.progress().is_unchanged(&path, fingerprint) {
            return Ok(Uploaded::SkippedUnchanged);
        }
        let uploaded = self.put(&path, file, metadata.len(), local, None).await?;
        // A finish on another thread may have deleted the partials before this one arrived.
        if self.progress().is_finished(&path) {
            self.store.delete(&path, true).await?;
            return Ok(Uploaded::SkippedFinished);
        }
        self.progress().uploaded(&path, fingerprint);
        self.replace_final(key, io).await?;
        Ok(uploaded)
    }

    /// Writes the first `size` bytes of `file`, cut to the cap, as one object.
    async fn put(
        &self,
        path: &str,
        mut file: File,
        size: u64,
        local: &Path,
        level: Option<i32>,
    ) -> Result<Uploaded> {
        let cut =
            Cut::plan(&mut file, size, self.max_bytes).map_err(Error::local("read", local))?;
        let removed_bytes = cut.removed();
        let source = cut.reader(file).map_err(Error::local("read", local))?;
        let mut parts = Parts::new(source, level);
        let options = WriteOptions::overwrite();
        let mut part = parts.next_part().map_err(Error::local("read", local))?;
        let mut stored_bytes = part.len() as u64;
        if parts.is_last() {
            self.store.write(path, part, &options).await?;
            return Ok(Uploaded::Stored {
                stored_bytes,
                removed_bytes,
            });
        }
        let mut writer = self.store.writer(path, &options).await?;
        loop {
            if let Err(error) = writer.write(part).await {
                discard(writer, path).await;
                return Err(error.into());
            }
            if parts.is_last() {
                break;
            }
            part = match parts.next_part() {
                Ok(part) => part,
                Err(error) => {
                    discard(writer, path).await;
                    return Err(Error::local("read", local)(error));
                }
            };
            stored_bytes += part.len() as u64;
        }
        writer.finish().await?;
        Ok(Uploaded::Stored {
            stored_bytes,
            removed_bytes,
        })
    }
}

/// A local file as it was when its upload began.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) file: File,
    pub(crate) size: u64,
    pub(crate) fingerprint: Fingerprint,
}

fn open(local: &Path) -> Result<(File, std::fs::Metadata)> {
    let file = File::open(local).map_err(Error::local("read", local))?;
    let metadata = file.metadata().map_err(Error::local("read", local))?;
    Ok((file, metadata))
}

/// Gives up an upload; the error that led here is the one worth reporting.
async fn discard(writer: Box<dyn remote_store_core::ObjectWriter>, path: &str) {
    if let Err(error) = writer.abort().await {
        tracing::debug!(path, error = %error, "could not clean up an unfinished upload");
    }
}
