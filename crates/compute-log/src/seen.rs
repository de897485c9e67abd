//! What a viewer has seen of a log, so that the next poll asks for nothing that is known.

use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;

use crate::LogStore;
use crate::frames::FrameTable;
use crate::lru::Lru;
use crate::segments::Segments;

/// Streams whose end, or running state, is remembered.
const MAX_STREAMS: usize = 1024;
/// Streams of which the segments are remembered: some hundred bytes for each minute of a step.
const MAX_SEGMENTED: usize = 256;
/// Tables of compressed logs: eight bytes for each 256 KiB of log.
const MAX_TABLES: usize = 256;

/// What is known of streams, by the path of their final object.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Size of a final object. It is there, and it does not grow.
    ends: Lru<u64>,
    /// The last look found the partial object, so that is where to look first.
    partial: Lru<()>,
    /// Segments of running logs.
    segments: Lru<Segments>,
    /// Where the frames of compressed final objects are.
    tables: Lru<FrameTable>,
    /// The segment that was decoded last: chunks are often smaller than segments.
    decoded: Option<(String, Bytes)>,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            ends: Lru::new(MAX_STREAMS),
            partial: Lru::new(MAX_STREAMS),
            segments: Lru::new(MAX_SEGMENTED),
            tables: Lru::new(MAX_TABLES),
            decoded: None,
        }
    }
}

impl Seen {
    pub(crate) fn end(&mut self, final_path: &str) -> Option<u64> {
        self.ends.get(final_path).copied()
    }

    pub(crate) fn note_end(&mut self, final_path: &str, size: u64) {
        self.partial.remove(final_path);
        self.segments.remove(final_path);
        self.ends.insert(final_path, size);
    }

    pub(crate) fn is_partial(&mut self, final_path: &str) -> bool {
        self.partial.get(final_path).is_some()
    }

    pub(crate) fn note_partial(&mut self, final_path: &str) {
        self.partial.insert(final_path, ());
    }

    pub(crate) fn segments(&mut self, final_path: &str) -> Option<Segments> {
        self.segments.get(final_path).cloned()
    }

    pub(crate) fn note_segments(&mut self, final_path: &str, segments: Segments) {
        self.segments.insert(final_path, segments);
    }

    pub(crate) fn table(&mut self, final_path: &str) -> Option<FrameTable> {
        self.tables.get(final_path).cloned()
    }

    pub(crate) fn note_table(&mut self, final_path: &str, table: FrameTable) {
        self.note_end(final_path, table.log_bytes());
        self.tables.insert(final_path, table);
    }

    pub(crate) fn decoded(&self, segment_path: &str) -> Option<Bytes> {
        let (path, bytes) = self.decoded.as_ref()?;
        (path == segment_path).then(|| bytes.clone())
    }

    pub(crate) fn note_decoded(&mut self, segment_path: &str, bytes: Bytes) {
        self.decoded = Some((segment_path.to_owned(), bytes));
    }

    /// Forgets a stream: its objects changed, or are not where they were.
    pub(crate) fn forget(&mut self, final_path: &str) {
        self.ends.remove(final_path);
        self.partial.remove(final_path);
        self.segments.remove(final_path);
        self.tables.remove(final_path);
        // A later capture of the same log gives its segments the same names.
        self.decoded = None;
    }
}

impl LogStore {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        // Every update is a single insert or remove, so a panicking holder left nothing half-done.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
