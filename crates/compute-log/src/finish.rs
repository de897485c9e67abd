//! The end of a step: final objects for its streams, partial ones removed, whatever failed before.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::future;
use remote_store_core::WriteOptions;
use remote_store_dagster_paths::{IoType, LogKey};

use crate::error::{FailedStream, stream_name};
use crate::{Error, LogStore, Result, Uploaded};

/// What became of one stream.
#[derive(Debug)]
#[non_exhaustive]
pub struct StreamOutcome {
    /// Which stream.
    pub io: IoType,
    /// Its local file.
    pub local: PathBuf,
    /// Whether its final object is stored.
    pub result: Result<Uploaded>,
}

/// What became of a finished step.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// The log key, joined with `/`.
    pub key: String,
    /// The streams, in the order given.
    pub streams: Vec<StreamOutcome>,
    /// Whether what no longer counts was removed; logs are complete even if it was not.
    pub cleanup: Result<()>,
}

impl Finished {
    /// Whether every stream is stored; then the local files may go.
    pub fn is_stored(&self) -> bool {
        self.streams.iter().all(|stream| stream.result.is_ok())
    }

    /// The failures as one error that says where the local files are.
    ///
    /// # Errors
    /// [`Error::Unfinished`] when a stream is not stored. A failed clean-up is no error here: a
    /// left-over partial object is ignored once the final one exists.
    pub fn into_result(self) -> Result<()> {
        let failed: Vec<FailedStream> = self
            .streams
            .into_iter()
            .filter_map(|stream| {
                let error = Box::new(stream.result.err()?);
                Some(FailedStream {
                    io: stream.io,
                    local: stream.local,
                    error,
                })
            })
            .collect();
        if failed.is_empty() {
            Ok(())
        } else {
            Err(Error::Unfinished {
                key: self.key,
                failed,
            })
        }
    }
}

impl LogStore {
    /// Stores the final objects of a step's streams and removes its partial ones.
    ///
    /// Costs one PUT for each stream that is not empty (and for empty ones unless `skip_empty`)
    /// and one bulk delete. Streams are uploaded side by side and retried by the policy; one that
    /// fails keeps neither the other from being stored nor its own partial object from staying
    /// readable. From here on no partial upload of a stored stream can appear again.
    ///
    /// Safe to repeat.
    ///
    /// ```
    /// use remote_store_compute_log::LogStore;
    /// use remote_store_core::{Store, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// let dir = tempfile::tempdir()?;
    /// let (out, err) = (dir.path().join("step_a.out"), dir.path().join("step_a.err"));
    /// std::fs::write(&out, "hello\n")?;
    ///
    /// // stderr cannot be read, stdout is stored all the same
    /// let streams = [(IoType::Stdout, &out), (IoType::Stderr, &err)];
    /// let finished = runtime::block_on(logs.store().driver(), logs.finish(&key, &streams))?;
    /// assert!(finished.streams[0].result.is_ok());
    /// let message = finished.into_result().unwrap_err().to_string();
    /// assert!(message.contains("stderr") && message.contains("step_a.err"), "{message}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn finish<P: AsRef<Path> + Sync>(
        &self,
        key: &LogKey,
        streams: &[(IoType, P)],
    ) -> Finished {
        self.finish_and_sweep(key, streams, false).await
    }

    /// As [`finish`](Self::finish); with `sweep` the segments of a process that died are looked
    /// for, those of this one being known.
    pub(crate) async fn finish_and_sweep<P: AsRef<Path> + Sync>(
        &self,
        key: &LogKey,
        streams: &[(IoType, P)],
        sweep: bool,
    ) -> Finished {
        let uploads = streams
            .iter()
            .map(|(io, local)| self.finish_stream(key, *io, local.as_ref()));
        let streams = future::join_all(uploads).await;
        let cleanup = self.clean_up(key, &streams, sweep).await;
        if let Err(error) = &cleanup {
            tracing::warn!(key = %key, error = %error, "partial logs could not be removed; they are ignored from now on");
        }
        Finished {
            key: key.to_string(),
            streams,
            cleanup,
        }
    }

    async fn finish_stream(&self, key: &LogKey, io: IoType, local: &Path) -> StreamOutcome {
        let what = stream_name(io);
        let result = self
            .retry
            .run(what, || self.upload(key, io, local, false))
            .await;
        StreamOutcome {
            io,
            local: local.to_owned(),
            result,
        }
    }

    /// Removes the partial objects of the streams that are stored, in one bulk request, and
    /// leaves the marker of a step that wrote nothing at all.
    async fn clean_up(&self, key: &LogKey, streams: &[StreamOutcome], sweep: bool) -> Result<()> {
        let mut partials = Vec::new();
        for stream in streams.iter().filter(|stream| stream.result.is_ok()) {
            let path = self.path(key, stream.io, true)?;
            // Before the delete: an upload that arrives after it must notice and remove itself.
            self.progress().finished(&path);
            partials.push(path);
            if self.streaming.is_some() {
                self.streamed_leftovers(key, stream, sweep, &mut partials)
                    .await?;
            }
        }
        if partials.is_empty() {
            return Ok(());
        }
        let deleted = self.delete_objects(partials).await;
        let nothing_stored = streams
            .iter()
            .all(|stream| matches!(stream.result, Ok(Uploaded::SkippedEmpty)));
        if nothing_stored {
            let marker = Bytes::from_static(b"captured; both streams were empty\n");
            self.store
                .write(&self.marker_path(key)?, marker, &WriteOptions::overwrite())
                .await?;
        }
        deleted
    }

    /// Segments, and a final object of the form that this store no longer writes.
    async fn streamed_leftovers(
        &self,
        key: &LogKey,
        stream: &StreamOutcome,
        sweep: bool,
        leftovers: &mut Vec<String>,
    ) -> Result<()> {
        let final_path = self.path(key, stream.io, false)?;
        let segments = if sweep {
            self.seen().forget(&final_path);
            self.list_segments(&final_path).await?
        } else {
            self.progress().appended(&final_path).segments
        };
        self.progress().forget_appended(&final_path);
        leftovers.extend(segments.iter().map(|segment| segment.path(&final_path)));
        if matches!(stream.result, Ok(Uploaded::Stored { .. })) {
            let written = self.written_form();
            let others = self.final_forms().iter().filter(|form| **form != written);
            leftovers.extend(others.map(|form| form.path(&final_path)));
        }
        Ok(())
    }
}
