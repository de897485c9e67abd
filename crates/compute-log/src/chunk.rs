//! Reading a log at a cursor: what a viewer polls while a step runs, and after.

use bytes::Bytes;
use remote_store_core::{ObjectReader, ReadRange};
use remote_store_dagster_paths::{IoType, LogKey};

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
    /// Where the next chunk begins, in bytes.
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
}

impl LogStore {
    /// The log from byte `offset` on, at most `max_bytes` of it.
    ///
    /// One ranged request for a finished log, two while the step runs (the final object is looked
    /// for first); never more bytes than the chunk has. A UTF-8 character is not split between
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
        let end = offset.saturating_add(max_bytes.max(LEAST_CHUNK_BYTES));
        // Servers read range headers as signed numbers; "all there is" needs no end.
        let range = if i64::try_from(end).is_ok() {
            ReadRange::Bounded(offset..end)
        } else {
            ReadRange::From(offset)
        };
        let Some((reader, source)) = self.open(key, io, range, offset > 0).await? else {
            return Ok(Chunk::absent(offset));
        };
        let size = reader.info().size;
        let mut data = reader.bytes().await?;
        let at_end = offset.saturating_add(data.len() as u64) >= size;
        if source == LogSource::Partial || !at_end {
            data.truncate(data.len() - utf8::incomplete_tail(&data));
        }
        let next_offset = offset.saturating_add(data.len() as u64);
        Ok(Chunk {
            data,
            next_offset,
            complete: source == LogSource::Final && at_end,
            source,
        })
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
        let Some((reader, source)) = self.open(key, io, ReadRange::Suffix(length), false).await?
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
        let mut next_offset = size;
        if source == LogSource::Partial {
            let unfinished = utf8::incomplete_tail(&data);
            data.truncate(data.len() - unfinished);
            next_offset -= unfinished as u64;
        }
        let data = data.slice(cut_off.min(data.len())..);
        Ok(Chunk {
            data,
            next_offset,
            complete: source == LogSource::Final,
            source,
        })
    }

    /// Opens the final object, else the partial one.
    ///
    /// With `was_there` a log that seems to be gone is looked for once more: between the two
    /// requests the step may have ended, its partial object replaced by the final one.
    async fn open(
        &self,
        key: &LogKey,
        io: IoType,
        range: ReadRange,
        was_there: bool,
    ) -> Result<Option<(ObjectReader, LogSource)>> {
        let final_path = self.path(key, io, false)?;
        if let Some(reader) = self.open_if_there(&final_path, range.clone()).await? {
            return Ok(Some((reader, LogSource::Final)));
        }
        if let Some(reader) = self
            .open_if_there(&self.path(key, io, true)?, range.clone())
            .await?
        {
            return Ok(Some((reader, LogSource::Partial)));
        }
        if !was_there {
            return Ok(None);
        }
        Ok(self
            .open_if_there(&final_path, range)
            .await?
            .map(|reader| (reader, LogSource::Final)))
    }

    async fn open_if_there(&self, path: &str, range: ReadRange) -> Result<Option<ObjectReader>> {
        match self.store.open(path, range).await {
            Ok(reader) => Ok(Some(reader)),
            Err(error) if error.is_missing_object() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
