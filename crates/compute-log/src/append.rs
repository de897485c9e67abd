//! Partial uploads that send only what was added: one segment for each.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use remote_store_core::WriteOptions;
use remote_store_dagster_paths::{IoType, LogKey};

use crate::progress::Appended;
use crate::segments::Segment;
use crate::upload::Captured;
use crate::{Error, LogStore, Result, Uploaded, frames};

/// Log in one segment at most; more than this between two uploads makes several.
pub(crate) const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

impl LogStore {
    /// Uploads what was added to `local` since the last time.
    ///
    /// Over the cap the segments between its first and its last half go, so that a running log
    /// takes no more room than the cap, and its head and newest lines can be read.
    pub(crate) async fn append(
        &self,
        key: &LogKey,
        io: IoType,
        local: &Path,
        captured: Captured,
    ) -> Result<Uploaded> {
        let Captured {
            mut file,
            size,
            fingerprint,
        } = captured;
        let (final_path, partial_path) = (self.path(key, io, false)?, self.path(key, io, true)?);
        let mut known = self.progress().appended(&final_path);
        if known.fingerprint == Some(fingerprint) {
            return Ok(Uploaded::SkippedUnchanged);
        }
        if size < known.segments.end() {
            // The file was begun anew: what the segments hold is of another capture.
            let stale = known
                .segments
                .iter()
                .map(|segment| segment.path(&final_path));
            self.delete_objects(stale.collect()).await?;
            self.progress().forget_appended(&final_path);
            known = Appended::default();
        }
        let (mut stored_bytes, mut removed_bytes) = (0, 0);
        let middle = middle(size, self.max_bytes);
        for piece in pieces(known.segments.end()..size, &middle) {
            let (segment, data) = self.segment(&mut file, piece, local)?;
            stored_bytes += data.len() as u64;
            let path = segment.path(&final_path);
            let options = WriteOptions::overwrite();
            self.store.write(&path, data, &options).await?;
            // A finish on another thread may have deleted the segments before this one arrived.
            if self.progress().is_finished(&partial_path) {
                self.store.delete(&path, true).await?;
                return Ok(Uploaded::SkippedFinished);
            }
            self.progress().append(&final_path, segment);
        }
        if !middle.is_empty() {
            removed_bytes = middle.end - middle.start;
            let surplus = self.progress().take_within(&final_path, &middle);
            let surplus = surplus.iter().map(|segment| segment.path(&final_path));
            self.delete_objects(surplus.collect()).await?;
        }
        self.progress().note_appended(&final_path, fingerprint);
        self.replace_final(key, io).await?;
        Ok(Uploaded::Stored {
            stored_bytes,
            removed_bytes,
        })
    }

    /// One piece of the file as it is stored.
    fn segment(
        &self,
        file: &mut File,
        piece: Range<u64>,
        local: &Path,
    ) -> Result<(Segment, Bytes)> {
        let raw = read(file, &piece).map_err(Error::local("read", local))?;
        let (data, compressed) = match self.level() {
            Some(level) => {
                let compressed = frames::compress(&raw, level);
                (compressed.map_err(Error::local("compress", local))?, true)
            }
            None => (raw, false),
        };
        let segment = Segment {
            start: piece.start,
            end: piece.end,
            compressed,
        };
        Ok((segment, data.into()))
    }
}

fn read(file: &mut File, piece: &Range<u64>) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(piece.start))?;
    let length = piece.end - piece.start;
    let mut raw = Vec::new();
    file.take(length).read_to_end(&mut raw)?;
    if raw.len() as u64 == length {
        return Ok(raw);
    }
    // The name would promise more bytes than there are.
    Err(std::io::ErrorKind::UnexpectedEof.into())
}

/// The bytes of a log of this size that the cap leaves out.
fn middle(size: u64, max_bytes: u64) -> Range<u64> {
    if size <= max_bytes {
        return size..size;
    }
    let half = max_bytes / 2;
    half..size - half
}

/// What is to be sent of `new`, in order: not what the cap would take away at once.
fn pieces(new: Range<u64>, middle: &Range<u64>) -> Vec<Range<u64>> {
    let head = new.start..new.end.min(middle.start);
    let tail = new.start.max(middle.end)..new.end;
    let both = if middle.is_empty() {
        [new, 0..0]
    } else {
        [head, tail]
    };
    let mut pieces = Vec::new();
    for part in both {
        let mut at = part.start;
        while at < part.end {
            let to = part.end.min(at.saturating_add(SEGMENT_BYTES));
            pieces.push(at..to);
            at = to;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cap_takes_away_is_not_sent() {
        assert_eq!(pieces(3..10, &middle(10, 10)), vec![3..10]);
        assert_eq!(pieces(0..100, &middle(100, 10)), [0..5, 95..100]);
        assert_eq!(pieces(50..100, &middle(100, 10)), vec![95..100]);
        assert_eq!(pieces(98..100, &middle(100, 10)), vec![98..100]);
        assert_eq!(pieces(7..7, &middle(7, 10)), Vec::<Range<u64>>::new());
        let large = SEGMENT_BYTES + 1;
        assert_eq!(
            pieces(0..large, &middle(large, u64::MAX)),
            [0..SEGMENT_BYTES, SEGMENT_BYTES..large]
        );
    }
}
