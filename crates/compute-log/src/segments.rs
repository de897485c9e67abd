//! The segments of a running log: one object for what was added between two uploads.
//!
//! They lie in the folder `{final object}.seg`, named by the bytes of the log that they hold, so
//! that a listing tells everything and never has to be read from its beginning again.

/// Behind the path of the final object.
pub(crate) const FOLDER_SUFFIX: &str = ".seg";
/// Behind the name of whatever is compressed.
pub(crate) const COMPRESSED_SUFFIX: &str = ".zst";
/// Digits of an offset, so that names sort as numbers do.
const DIGITS: usize = 20;

/// Bytes `start..end` of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) compressed: bool,
}

impl Segment {
    pub(crate) fn length(self) -> u64 {
        self.end - self.start
    }

    pub(crate) fn path(self, final_path: &str) -> String {
        let suffix = if self.compressed {
            COMPRESSED_SUFFIX
        } else {
            ""
        };
        let (start, end) = (self.start, self.end);
        format!("{final_path}{FOLDER_SUFFIX}/{start:0DIGITS$}-{end:0DIGITS$}{suffix}")
    }

    /// None for what is no segment.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (numbers, compressed) = match name.strip_suffix(COMPRESSED_SUFFIX) {
            Some(numbers) => (numbers, true),
            None => (name, false),
        };
        let (start, end) = numbers.split_once('-')?;
        if start.len() != DIGITS || end.len() != DIGITS {
            return None;
        }
        let (start, end) = (start.parse().ok()?, end.parse().ok()?);
        (start < end).then_some(Self {
            start,
            end,
            compressed,
        })
    }
}

/// The segments of one stream, sorted by their start.
#[derive(Debug, Clone, Default)]
pub(crate) struct Segments(Vec<Segment>);

impl Segments {
    pub(crate) fn add(&mut self, segment: Segment) {
        let at = self.0.partition_point(|known| *known < segment);
        if self.0.get(at) != Some(&segment) {
            self.0.insert(at, segment);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn last(&self) -> Option<Segment> {
        self.0.last().copied()
    }

    pub(crate) fn end(&self) -> u64 {
        self.0.iter().map(|segment| segment.end).max().unwrap_or(0)
    }

    /// The segment that holds this byte; of two writers of one log, the one that wrote further.
    pub(crate) fn holding(&self, offset: u64) -> Option<Segment> {
        let behind = self.0.partition_point(|segment| segment.start <= offset);
        let before = self.0.get(..behind)?.iter().rev();
        // Segments overlap only when one log was captured twice at once.
        before.take(8).find(|segment| segment.end > offset).copied()
    }

    /// The first segment behind this byte.
    pub(crate) fn after(&self, offset: u64) -> Option<Segment> {
        let behind = self.0.partition_point(|segment| segment.start <= offset);
        self.0.get(behind).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Segment> + '_ {
        self.0.iter().copied()
    }

    /// Takes out the segments that lie wholly within these bytes.
    pub(crate) fn take_within(&mut self, from: u64, to: u64) -> Vec<Segment> {
        let within = |segment: &Segment| segment.start >= from && segment.end <= to;
        let (taken, left) = self.0.iter().copied().partition(within);
        self.0 = left;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: u64, end: u64) -> Segment {
        Segment {
            start,
            end,
            compressed: true,
        }
    }

    #[test]
    fn a_name_says_which_bytes_and_how_they_are_stored() {
        for compressed in [false, true] {
            let segment = Segment {
                start: 7,
                end: u64::MAX,
                compressed,
            };
            let path = segment.path("a/b.out");
            let (folder, name) = path.rsplit_once('/').unwrap();
            assert_eq!(folder, "a/b.out.seg");
            assert_eq!(Segment::parse(name), Some(segment));
        }
        for name in [
            "",
            "1-2",
            "notes.txt",
            "00000000000000000002-00000000000000000001",
        ] {
            assert_eq!(Segment::parse(name), None);
        }
    }

    #[test]
    fn bytes_are_found_also_behind_gaps() {
        let mut segments = Segments::default();
        for (start, end) in [(20, 30), (0, 10), (10, 15), (0, 10)] {
            segments.add(segment(start, end));
        }
        assert_eq!(segments.iter().count(), 3);
        assert_eq!(segments.holding(9), Some(segment(0, 10)));
        assert_eq!(segments.holding(16), None);
        assert_eq!(segments.after(16), Some(segment(20, 30)));
        assert_eq!(segments.take_within(5, 25), [segment(10, 15)]);
        assert_eq!(
            (segments.end(), segments.last()),
            (30, Some(segment(20, 30)))
        );
    }
}
