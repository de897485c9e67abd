//! A log on its way out: in one request when it is small, else in parts that fit in memory.

use std::io::{self, Read};

use bytes::Bytes;

use crate::cut::CutReader;
use crate::frames::FrameEncoder;

/// Up to this size a log goes out in one request; above, in parts of about this size.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// How much is compressed at a time: whole frames.
const PIECE_BYTES: u64 = 1024 * 1024;

/// Gives one part after the other; only one is in memory here.
#[derive(Debug)]
pub(crate) struct Parts {
    source: CutReader,
    encoder: Option<FrameEncoder>,
    /// What was read beyond the last part, to know whether there is more.
    ahead: Vec<u8>,
    last: bool,
}

impl Parts {
    pub(crate) fn new(source: CutReader, level: Option<i32>) -> Self {
        Self {
            source,
            encoder: level.map(FrameEncoder::new),
            ahead: Vec::new(),
            last: false,
        }
    }

    /// Whether the part that was given last is the last one.
    pub(crate) fn is_last(&self) -> bool {
        self.last
    }

    pub(crate) fn next_part(&mut self) -> io::Result<Bytes> {
        let mut part = std::mem::take(&mut self.ahead);
        while part.len() <= PART_BYTES {
            let raw = self.piece()?;
            if raw.is_empty() {
                self.last = true;
                if let Some(encoder) = self.encoder.take() {
                    encoder.finish(&mut part)?;
                }
                return Ok(part.into());
            }
            match &mut self.encoder {
                Some(encoder) => encoder.push(&raw, &mut part)?,
                None => part.extend_from_slice(&raw),
            }
        }
        self.ahead = part.split_off(PART_BYTES);
        Ok(part.into())
    }

    /// The next bytes of the log: as many as asked for, but at its end.
    fn piece(&mut self) -> io::Result<Vec<u8>> {
        let mut raw = Vec::new();
        (&mut self.source).take(PIECE_BYTES).read_to_end(&mut raw)?;
        Ok(raw)
    }
}
