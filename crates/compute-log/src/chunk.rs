//! Reading a log at a cursor: what a viewer polls while a step runs, and after.

use std::ops::Range;

use bytes::Bytes;
use remote_store_core::ReadRange;
use remote_store_dagster_paths::{IoType, LogKey};

use crate::finals::bounded;
use crate::{LogStore, Result, utf8};

/// A chunk is at least this long, so that every UTF-8 character fits and a cursor never stalls.
const LEAST_CHUNK_BYTES: u64 = 4;

/// Which object a chunk was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// The final object: nothing will be added.
    Final,
    /// The partial object of a running, or killed, step.
    Partial,
    /// Neither is there (yet).
    Absent,
}

/// A piece of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Chunk {
    /// The bytes as they were written; bytes that are no UTF-8 are the reader's to replace.
    pub data: Bytes,
    /// Where the next chunk begins, in bytes. Usually `data` further; not so behind the line that
    /// tells how much of a running, streamed log the cap has taken away.
    pub next_offset: u64,
    /// True when this is the end of a final log: no need to ask again.
    pub complete: bool,
    /// Which object it came from.
    pub source: LogSource,
}

impl Chunk {
    fn absent(offset: u64) -> Self {
        Self {
            data: Bytes::new(),
            next_offset: offset,
            complete: false,
            source: LogSource::Absent,
        }
    }

    /// The end of a final log that was seen before.
    fn end(offset: u64) -> Self {
        Self {
            data: Bytes::new(),
            next_offset: offset,
            complete: true,
            source: LogSource::Final,
        }
    }
}

impl LogStore {
    /// The log from byte `offset` on, at most `max_bytes` of it.
    ///
    /// One ranged request for a finished log, and none once its end was seen; one while a step
    /// runs and prints, two when nothing was added (the step may have ended). Never more bytes
    /// than the chunk has. With [`with_streaming`](Self::with_streaming) a running log costs one
    /// listing of what is new and one request for each segment of the chunk, a compressed one
    /// one request more for the first chunk. A UTF-8 character is not split between
    /// two chunks: its beginning waits for the rest, unless the log ends there. Bytes that are no
    /// UTF-8 pass through. A `max_bytes` below 4 counts as 4, so that every character fits;
    /// `u64::MAX` asks for all there is.
    ///
    /// A log that is not there is no error: the chunk says [`LogSource::Absent`] and keeps the
    /// offset.
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the store fails or refuses.
    ///
    /// ```
    /// use remote_store_compute_log::{LogSource, LogStore};
    /// use remote_store_core::{Store, WriteOptions, runtime};
    /// use remote_store_dagster_paths::{IoType, LogKey};
    ///
    /// let logs = LogStore::new(Store::memory(), "dagster");
    /// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// runtime::block_on(logs.store().driver(), async {
    ///     let absent = logs.read_chunk(&key, IoType::Stdout, 0, 1024).await?;
    ///     assert_eq!(absent.source, LogSource::Absent);
    ///
    ///     let path = logs.path(&key, IoType::Stdout, false)?;
    ///     logs.store().write(&path, "für".into(), &WriteOptions::create()).await?;
    ///     let first = logs.read_chunk(&key, IoType::Stdout, 0, 4).await?;
    ///     assert_eq!((&first.data[..], first.next_offset, first.complete), ("für".as_bytes(), 4, true));
    ///     Ok::<(), remote_store_compute_log::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn read_chunk(
        &self,
        key: &LogKey,
        io: IoType,
        offset: u64,
        max_bytes: u64,
    ) -> Result<Chunk> {
        let range = offset..offset.saturating_add(max_bytes.max(LEAST_CHUNK_BYTES));
        let final_path = self.path(key, io, false)?;
        let (end, was_running) = {
            let mut seen = self.seen();
            (seen.end(&final_path), seen.is_partial(&final_path))
        };
        if end.is_some_and(|end| offset >= end) {
            return Ok(Chunk::end(offset));
        }
        let mut running = None;
        if was_running {
            running = self.read_running(key, io, &final_path, &range).await?;
            // Nothing new may mean that the step has ended.
            if let Some(chunk) = running.take_if(|chunk| !chunk.data.is_empty()) {
                return Ok(chunk);
            }
        }
        if let Some(chunk) = self.read_final(&final_path, &range).await? {
            return Ok(chunk);
        }
        if end.is_some() {
            // It was there, and is no more.
            self.seen().forget(&final_path);
        }
        if running.is_none() {
            running = self.read_running(key, io, &final_path, &range).await?;
        }
        if let Some(chunk) = running {
            self.seen().note_partial(&final_path);
            return Ok(chunk);
        }
        // Between the two looks the step may have ended, its partial object replaced by the final one.
        if offset > 0
            && let Some(chunk) = self.read_final(&final_path, &range).await?
        {
            return Ok(chunk);
        }
        Ok(Chunk::absent(offset))
    }

    /// The last bytes of a log, at most `max_bytes`, from the start of a character on.
    ///
    /// Costs what [`read_chunk`](Self::read_chunk) costs, however long the log is. Follow on with
    /// `read_chunk` at [`Chunk::next_offset`].
    ///
    /// # Errors
    /// [`crate::Error::Store`] when the store fails or refuses.
    ///
    /// ```
    /// # use remote_store_compute_log::LogStore;
    /// # use remote_store_core::{Store, WriteOptions, runtime};
    /// # use remote_store_dagster_paths::{IoType, LogKey};
    /// # let logs = LogStore::new(Store::memory(), "dagster");
    /// # let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
    /// # runtime::block_on(logs.store().driver(), async {
    /// let path = logs.path(&key, IoType::Stderr, false)?;
    /// logs.store().write(&path, "…\nValueError: 3".into(), &WriteOptions::create()).await?;
    /// let tail = logs.tail(&key, IoType::Stderr, 13).await?;
    /// assert_eq!(&tail.data[..], b"ValueError: 3");
    /// # Ok::<(), remote_store_compute_log::Error>(())
    /// # })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn tail(&self, key: &LogKey, io: IoType, max_bytes: u64) -> Result<Chunk> {
        let length = max_bytes.max(LEAST_CHUNK_BYTES);
        let final_path = self.path(key, io, false)?;
        if let Some(chunk) = self.tail_final(&final_path, length).await? {
            return Ok(chunk);
        }
        if self.streaming.is_some()
            && let Some(chunk) = self.tail_segments(&final_path, length).await?
        {
            return Ok(chunk);
        }
        let partial = self.path(key, io, true)?;
        let Some(reader) = self
            .open_if_there(&partial, ReadRange::Suffix(length))
            .await?
        else {
            return Ok(Chunk::absent(0));
        };
        let size = reader.info().size;
        let mut data = reader.bytes().await?;
        let cut_off = if data.len() as u64 == size {
            0
        } else {
            utf8::orphaned_head(&data)
        };
        let unfinished = utf8::incomplete_tail(&data);
        data.truncate(data.len() - unfinished);
        Ok(Chunk {
            data: data.slice(cut_off.min(data.len())..),
            next_offset: size - unfinished as u64,
            complete: false,
            source: LogSource::Partial,
        })
    }

    /// What a running step has uploaded so far: its segments, else its partial object.
    pub(crate) async fn read_running(
        &self,
        key: &LogKey,
        io: IoType,
        final_path: &str,
        range: &Range<u64>,
    ) -> Result<Option<Chunk>> {
        if self.streaming.is_some() {
            let chunk = self
                .read_segments(final_path, range.start, range.end)
                .await?;
            if chunk.is_some() {
                return Ok(chunk);
            }
        }
        let partial = self.path(key, io, true)?;
        let Some(reader) = self.open_if_there(&partial, bounded(range)).await? else {
            return Ok(None);
        };
        let mut data = reader.bytes().await?;
        data.truncate(data.len() - utf8::incomplete_tail(&data));
        Ok(Some(Chunk {
            next_offset: range.start.saturating_add(data.len() as u64),
            data,
            complete: false,
            source: LogSource::Partial,
        }))
    }
}
