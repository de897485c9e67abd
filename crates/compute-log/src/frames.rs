//! Compressed logs that can be read in the middle: zstd's seekable format, which any zstd decodes.
//!
//! The log is compressed in frames of 256 KiB each, and a table at the end, in a frame that
//! decoders skip, tells where they are. A chunk costs one ranged read once the table is known.

use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Bytes of log in a frame: what a chunk reads too much is less than two of these, compressed.
const FRAME_BYTES: usize = 256 * 1024;
/// Marks a frame that decoders skip, and the end of a table; both by the format's definition.
const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
const TABLE_MAGIC: u32 = 0x8F92_EAB1;
const HEADER_BYTES: usize = 8;
const FOOTER_BYTES: usize = 9;
const ENTRY_BYTES: usize = 8;
/// Frames with checksums have longer entries; ours have none.
const PLAIN_DESCRIPTOR: u8 = 0;

/// Where each frame begins: in the object, and in the log. The last entry is the end of both.
#[derive(Debug, Clone)]
pub(crate) struct FrameTable {
    starts: Arc<Vec<(u64, u64)>>,
}

/// What the end of an object says.
pub(crate) enum TableEnd {
    Whole(FrameTable),
    /// So many bytes of the end are needed.
    Longer(u64),
    /// It is no table of ours.
    Foreign,
}

impl FrameTable {
    fn new(sizes: &[(u32, u32)]) -> Self {
        let mut starts = Vec::with_capacity(sizes.len() + 1);
        let mut at = (0_u64, 0_u64);
        starts.push(at);
        for (stored, raw) in sizes {
            at = (at.0 + u64::from(*stored), at.1 + u64::from(*raw));
            starts.push(at);
        }
        Self {
            starts: Arc::new(starts),
        }
    }

    /// Reads the table from the end of an object of `object_bytes` bytes.
    pub(crate) fn parse(end: &[u8], object_bytes: u64) -> TableEnd {
        let Some(parsed) = Self::try_parse(end) else {
            return TableEnd::Foreign;
        };
        match parsed {
            TableEnd::Longer(needed) if needed > object_bytes => TableEnd::Foreign,
            TableEnd::Longer(_) | TableEnd::Whole(_) | TableEnd::Foreign => parsed,
        }
    }

    fn try_parse(end: &[u8]) -> Option<TableEnd> {
        let footer = end.len().checked_sub(FOOTER_BYTES)?;
        let (count, rest) = (number(end, footer)?, footer + 4);
        if *end.get(rest)? != PLAIN_DESCRIPTOR || number(end, rest + 1)? != TABLE_MAGIC {
            return None;
        }
        let entries = usize::try_from(count).ok()?.checked_mul(ENTRY_BYTES)?;
        let needed = entries.checked_add(HEADER_BYTES + FOOTER_BYTES)?;
        let Some(start) = end.len().checked_sub(needed) else {
            return Some(TableEnd::Longer(needed as u64));
        };
        let follows = u32::try_from(entries + FOOTER_BYTES).ok()?;
        if number(end, start)? != SKIPPABLE_MAGIC || number(end, start + 4)? != follows {
            return None;
        }
        let mut sizes = Vec::with_capacity(entries / ENTRY_BYTES);
        for at in (start + HEADER_BYTES..footer).step_by(ENTRY_BYTES) {
            let raw = number(end, at + 4)?;
            // Nothing larger is written, so nothing larger is believed and allocated.
            if usize::try_from(raw).ok()? > FRAME_BYTES {
                return None;
            }
            sizes.push((number(end, at)?, raw));
        }
        Some(TableEnd::Whole(Self::new(&sizes)))
    }

    /// Size of the log.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.starts.last().map_or(0, |end| end.1)
    }

    /// The part of the object that holds these bytes of the log.
    pub(crate) fn object_range(&self, log: &Range<u64>) -> Range<u64> {
        let frames = self.frames(log);
        let at = |frame: usize| self.starts.get(frame).map_or(0, |start| start.0);
        at(frames.start)..at(frames.end)
    }

    /// The frames that hold these bytes.
    fn frames(&self, log: &Range<u64>) -> Range<usize> {
        let first = self.starts.partition_point(|start| start.1 <= log.start);
        let last = self.starts.partition_point(|start| start.1 < log.end);
        let last = last.min(self.starts.len().saturating_sub(1));
        first.saturating_sub(1).min(last)..last
    }

    /// Decodes these bytes of the log from `object`, which begins where
    /// [`object_range`](Self::object_range) begins.
    pub(crate) fn decode(&self, object: &[u8], log: &Range<u64>) -> io::Result<Vec<u8>> {
        let frames = self.frames(log);
        let starts = self
            .starts
            .get(frames.start..=frames.end)
            .unwrap_or_default();
        let Some((base, log_base)) = starts.first().copied() else {
            return Ok(Vec::new());
        };
        let mut decoded = Vec::new();
        for pair in starts.windows(2) {
            let [from, to] = pair else { continue };
            let place = offset(from.0 - base)?..offset(to.0 - base)?;
            let frame = object.get(place).ok_or_else(damaged)?;
            let raw = offset(to.1 - from.1)?;
            let piece = decompress(frame, raw)?;
            if piece.len() != raw {
                return Err(damaged());
            }
            decoded.extend_from_slice(&piece);
        }
        let from = offset(log.start.saturating_sub(log_base))?.min(decoded.len());
        let to = offset(log.end.saturating_sub(log_base))?.min(decoded.len());
        decoded.truncate(to);
        Ok(decoded.split_off(from.min(to)))
    }
}

/// Compresses a log piece by piece.
#[derive(Debug)]
pub(crate) struct FrameEncoder {
    level: i32,
    sizes: Vec<(u32, u32)>,
}

impl FrameEncoder {
    pub(crate) fn new(level: i32) -> Self {
        Self {
            level,
            sizes: Vec::new(),
        }
    }

    /// Appends the frames of a piece of the log to `object`.
    pub(crate) fn push(&mut self, log: &[u8], object: &mut Vec<u8>) -> io::Result<()> {
        for raw in log.chunks(FRAME_BYTES) {
            let frame = compress(raw, self.level)?;
            self.sizes.push((size(frame.len())?, size(raw.len())?));
            object.extend_from_slice(&frame);
        }
        Ok(())
    }

    /// Appends the table.
    pub(crate) fn finish(self, object: &mut Vec<u8>) -> io::Result<()> {
        let follows = self.sizes.len() * ENTRY_BYTES + FOOTER_BYTES;
        object.extend_from_slice(&SKIPPABLE_MAGIC.to_le_bytes());
        object.extend_from_slice(&size(follows)?.to_le_bytes());
        for (stored, raw) in &self.sizes {
            object.extend_from_slice(&stored.to_le_bytes());
            object.extend_from_slice(&raw.to_le_bytes());
        }
        object.extend_from_slice(&size(self.sizes.len())?.to_le_bytes());
        object.push(PLAIN_DESCRIPTOR);
        object.extend_from_slice(&TABLE_MAGIC.to_le_bytes());
        Ok(())
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}

fn size(length: usize) -> io::Result<u32> {
    u32::try_from(length).map_err(|_too_large| damaged())
}

fn offset(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(|_too_large| damaged())
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the compressed log is damaged")
}

/// One frame, compressed by itself.
#[cfg(feature = "zstd")]
pub(crate) fn compress(raw: &[u8], level: i32) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(raw, level)
}

/// The content of one frame, which is at most `most_bytes` long.
#[cfg(feature = "zstd")]
pub(crate) fn decompress(frame: &[u8], most_bytes: usize) -> io::Result<Vec<u8>> {
    zstd::bulk::decompress(frame, most_bytes)
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn compress(_raw: &[u8], _level: i32) -> io::Result<Vec<u8>> {
    Err(without_zstd())
}

#[cfg(not(feature = "zstd"))]
pub(crate) fn decompress(_frame: &[u8], _most_bytes: usize) -> io::Result<Vec<u8>> {
    Err(without_zstd())
}

#[cfg(not(feature = "zstd"))]
fn without_zstd() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "this build cannot read zstd; enable the feature `zstd`",
    )
}

#[cfg(all(test, feature = "zstd"))]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may fail loudly"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(log: &[u8], piece: usize) -> Vec<u8> {
        let (mut encoder, mut object) = (FrameEncoder::new(1), Vec::new());
        for piece in log.chunks(piece) {
            encoder.push(piece, &mut object).unwrap();
        }
        encoder.finish(&mut object).unwrap();
        object
    }

    fn table(object: &[u8]) -> FrameTable {
        match FrameTable::parse(object, object.len() as u64) {
            TableEnd::Whole(table) => table,
            TableEnd::Longer(_) | TableEnd::Foreign => panic!("no table"),
        }
    }

    #[test]
    fn any_zstd_decodes_what_is_written() {
        let log = b"a line\n".repeat(100_000);
        let object = encoded(&log, 300_000);
        assert_eq!(zstd::stream::decode_all(&object[..]).unwrap(), log);
        assert_eq!(table(&object).log_bytes(), log.len() as u64);
    }

    #[test]
    fn a_short_end_says_how_much_is_needed_and_no_table_is_none() {
        let object = encoded(&vec![b'x'; 3 * FRAME_BYTES], FRAME_BYTES);
        let end = &object[object.len() - 10..];
        let whole = object.len() as u64;
        assert!(matches!(
            FrameTable::parse(end, whole),
            TableEnd::Longer(41)
        ));
        assert!(matches!(FrameTable::parse(end, 20), TableEnd::Foreign));
        assert!(matches!(
            FrameTable::parse(b"plain text", 10),
            TableEnd::Foreign
        ));
        let mut broken = object.clone();
        broken[0] ^= 0xff;
        assert!(table(&broken).decode(&broken, &(0..5)).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_part_is_what_it_was(
            length in 0_usize..800_000,
            piece in 1_usize..600_000,
            from in 0_u64..900_000,
            wanted in 0_u64..500_000,
        ) {
            let log: Vec<u8> = (0..=250).cycle().take(length).collect();
            let object = encoded(&log, piece);
            let table = table(&object);
            let range = from..(from + wanted).min(table.log_bytes()).max(from);
            let part = table.object_range(&range);
            let at = |position: u64| usize::try_from(position).unwrap();
            let part = &object[at(part.start)..at(part.end)];
            let expected = log.get(at(range.start)..at(range.end)).unwrap_or_default();
            prop_assert_eq!(table.decode(part, &range).unwrap(), expected);
        }
    }
}
