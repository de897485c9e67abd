//! Reading final objects, whatever form they have.

use std::ops::Range;

use bytes::Bytes;
use remote_store_core::{ObjectReader, ReadRange};

use crate::chunk::{Chunk, LogSource};
use crate::frames::{FrameTable, TableEnd};
use crate::streaming::Form;
use crate::{Error, LogStore, Result, utf8};

/// Enough for the table of a log of 2 GB, and for the whole of a small log.
const TABLE_GUESS_BYTES: u64 = 64 * 1024;

impl LogStore {
    /// The final log from `range.start` on; none when there is no final object.
    pub(crate) async fn read_final(
        &self,
        final_path: &str,
        range: &Range<u64>,
    ) -> Result<Option<Chunk>> {
        for form in self.forms_to_try(final_path) {
            let found = match form {
                Form::Plain => self.read_plain(final_path, range).await?,
                Form::Compressed => self.read_compressed(final_path, range).await?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The end of the final log; none when there is no final object.
    pub(crate) async fn tail_final(&self, final_path: &str, length: u64) -> Result<Option<Chunk>> {
        for form in self.forms_to_try(final_path) {
            let (data, size) = match form {
                Form::Plain => {
                    let range = ReadRange::Suffix(length);
                    let Some(reader) = self.open_if_there(final_path, range).await? else {
                        continue;
                    };
                    let size = reader.info().size;
                    (reader.bytes().await?, size)
                }
                Form::Compressed => {
                    let Some((table, whole)) = self.table(final_path).await? else {
                        continue;
                    };
                    let size = table.log_bytes();
                    let range = size.saturating_sub(length)..size;
                    let data = self.decode(final_path, &table, whole, &range).await?;
                    (data, size)
                }
            };
            self.seen().note_end(final_path, size);
            let from = if data.len() as u64 == size {
                0
            } else {
                utf8::orphaned_head(&data).min(data.len())
            };
            return Ok(Some(Chunk {
                data: data.slice(from..),
                next_offset: size,
                complete: true,
                source: LogSource::Final,
            }));
        }
        Ok(None)
    }

    /// Size of the log in the final object; none when there is none.
    pub(crate) async fn final_size(&self, final_path: &str) -> Result<Option<u64>> {
        for form in self.final_forms() {
            match form {
                Form::Plain => match self.store.head(final_path).await {
                    Ok(info) => return Ok(Some(info.size)),
                    Err(error) if error.is_missing_object() => {}
                    Err(error) => return Err(error.into()),
                },
                Form::Compressed => {
                    // Asked by those who write: what was seen before may be out of date.
                    self.seen().forget(final_path);
                    if let Some((table, _)) = self.table(final_path).await? {
                        return Ok(Some(table.log_bytes()));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The form in which the final object is there, if it is.
    pub(crate) async fn final_form(&self, final_path: &str) -> Result<Option<Form>> {
        for form in self.forms_to_try(final_path) {
            if self.store.is_file(&form.path(final_path)).await? {
                return Ok(Some(form));
            }
        }
        Ok(None)
    }

    /// A form that was seen is the only one to look for.
    fn forms_to_try(&self, final_path: &str) -> Vec<Form> {
        let forms = self.final_forms();
        if forms.len() > 1 {
            let mut seen = self.seen();
            if seen.table(final_path).is_some() {
                return vec![Form::Compressed, Form::Plain];
            }
            if seen.end(final_path).is_some() {
                return vec![Form::Plain, Form::Compressed];
            }
        }
        forms.to_vec()
    }

    async fn read_plain(&self, final_path: &str, range: &Range<u64>) -> Result<Option<Chunk>> {
        let wanted = bounded(range);
        let Some(reader) = self.open_if_there(final_path, wanted).await? else {
            return Ok(None);
        };
        let size = reader.info().size;
        let data = reader.bytes().await?;
        self.seen().note_end(final_path, size);
        Ok(Some(final_chunk(data, range.start, size)))
    }

    async fn read_compressed(&self, final_path: &str, range: &Range<u64>) -> Result<Option<Chunk>> {
        let Some((table, whole)) = self.table(final_path).await? else {
            return Ok(None);
        };
        let size = table.log_bytes();
        let wanted = range.start..range.end.min(size).max(range.start);
        let data = match self.decode(final_path, &table, whole, &wanted).await {
            Ok(data) => data,
            // Deleted since its table was read.
            Err(error) if error.is_not_found() => {
                self.seen().forget(final_path);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(Some(final_chunk(data, range.start, size)))
    }

    /// The table of a compressed log, and its whole object when that came along.
    async fn table(&self, final_path: &str) -> Result<Option<(FrameTable, Option<Bytes>)>> {
        if let Some(table) = self.seen().table(final_path) {
            return Ok(Some((table, None)));
        }
        let path = Form::Compressed.path(final_path);
        let mut wanted = TABLE_GUESS_BYTES;
        // The first end says how long the table is, the second one holds it.
        for _ in 0..2 {
            let range = ReadRange::Suffix(wanted);
            let Some(reader) = self.open_if_there(&path, range).await? else {
                return Ok(None);
            };
            let size = reader.info().size;
            let end = reader.bytes().await?;
            match FrameTable::parse(&end, size) {
                TableEnd::Whole(table) => {
                    self.seen().note_table(final_path, table.clone());
                    let whole = (end.len() as u64 == size).then_some(end);
                    return Ok(Some((table, whole)));
                }
                TableEnd::Longer(needed) => wanted = needed,
                TableEnd::Foreign => break,
            }
        }
        Err(Error::Damaged {
            path,
            source: std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "it ends in no table of frames",
            ),
        })
    }

    async fn decode(
        &self,
        final_path: &str,
        table: &FrameTable,
        whole: Option<Bytes>,
        log: &Range<u64>,
    ) -> Result<Bytes> {
        if log.is_empty() {
            return Ok(Bytes::new());
        }
        let path = Form::Compressed.path(final_path);
        let range = table.object_range(log);
        let object = if let Some(whole) = whole {
            let length = whole.len();
            let at = |position: u64| usize::try_from(position).map_or(length, |at| at.min(length));
            whole.slice(at(range.start)..at(range.end))
        } else {
            let reader = self.store.open(&path, ReadRange::Bounded(range)).await?;
            reader.bytes().await?
        };
        let decoded = table.decode(&object, log).map_err(Error::damaged(&path))?;
        Ok(decoded.into())
    }

    pub(crate) async fn open_if_there(
        &self,
        path: &str,
        range: ReadRange,
    ) -> Result<Option<ObjectReader>> {
        match self.store.open(path, range).await {
            Ok(reader) => Ok(Some(reader)),
            Err(error) if error.is_missing_object() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Servers read range headers as signed numbers; "all there is" needs no end.
pub(crate) fn bounded(range: &Range<u64>) -> ReadRange {
    if i64::try_from(range.end).is_ok() {
        ReadRange::Bounded(range.clone())
    } else {
        ReadRange::From(range.start)
    }
}

fn final_chunk(mut data: Bytes, offset: u64, size: u64) -> Chunk {
    let complete = offset.saturating_add(data.len() as u64) >= size;
    if !complete {
        data.truncate(data.len() - utf8::incomplete_tail(&data));
    }
    Chunk {
        next_offset: offset.saturating_add(data.len() as u64),
        data,
        complete,
        source: LogSource::Final,
    }
}
