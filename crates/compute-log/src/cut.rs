//! How a log over the cap is cut: head and tail stay, one line between says what is gone.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::utf8;

/// A UTF-8 character has at most this many bytes, so a cut moves by at most one less.
const MAX_CHAR_BYTES: u64 = 4;

/// The parts of a file that are uploaded, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The first bytes of the file, up to here.
    pub(crate) head_end: u64,
    /// What stands between head and tail; empty when nothing is cut.
    pub(crate) marker: Vec<u8>,
    /// The last bytes of the file, from here to `size`.
    pub(crate) tail_start: u64,
    /// The size that the plan is for; what is appended later waits for the next upload.
    pub(crate) size: u64,
}

impl Cut {
    /// Plans the upload of the first `size` bytes of `file` with at most `max_bytes`.
    ///
    /// Reads a few bytes around both cuts, so that no UTF-8 character is split by them.
    pub(crate) fn plan(
        file: &mut (impl Read + Seek),
        size: u64,
        max_bytes: u64,
    ) -> io::Result<Self> {
        if size <= max_bytes {
            return Ok(Self {
                head_end: size,
                marker: Vec::new(),
                tail_start: size,
                size,
            });
        }
        // The marker is longest when everything is cut and a line break must be added.
        let longest_marker = marker(size, max_bytes, true).len() as u64;
        let has_room = longest_marker <= max_bytes / 2;
        let half = if has_room {
            (max_bytes - longest_marker) / 2
        } else {
            max_bytes / 2
        };
        let head_end = char_start_before(file, half)?;
        let tail_start = char_start_after(file, size - half)?;
        let ends_line = head_end == 0 || byte_at(file, head_end - 1)? == Some(b'\n');
        let marker = if has_room {
            marker(tail_start - head_end, max_bytes, !ends_line).into_bytes()
        } else {
            // A cap of less than two such lines: what was printed matters more.
            Vec::new()
        };
        Ok(Self {
            head_end,
            marker,
            tail_start,
            size,
        })
    }

    /// Bytes of the file that are left out.
    pub(crate) fn removed(&self) -> u64 {
        self.tail_start - self.head_end
    }

    /// Size of the object that this plan makes.
    pub(crate) fn stored(&self) -> u64 {
        self.head_end + self.marker.len() as u64 + (self.size - self.tail_start)
    }

    /// A reader over head, marker and tail that never holds more than the caller's buffer.
    pub(crate) fn reader(self, file: File) -> io::Result<CutReader> {
        let mut reader = CutReader {
            file,
            left: self.head_end,
            marker: io::Cursor::new(self.marker),
            tail: None,
        };
        reader.file.seek(SeekFrom::Start(0))?;
        if self.tail_start < self.size {
            reader.tail = Some((self.tail_start, self.size - self.tail_start));
        }
        Ok(reader)
    }
}

/// Reads the parts of a [`Cut`] one after the other.
#[derive(Debug)]
pub(crate) struct CutReader {
    file: File,
    left: u64,
    marker: io::Cursor<Vec<u8>>,
    tail: Option<(u64, u64)>,
}

impl Read for CutReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left > 0 {
            let got = (&mut self.file).take(self.left).read(buffer)?;
            // A file that shrank meanwhile ends this part early; the rest is still worth keeping.
            self.left = if got == 0 { 0 } else { self.left - got as u64 };
            if got > 0 || buffer.is_empty() {
                return Ok(got);
            }
        }
        let got = self.marker.read(buffer)?;
        if got > 0 {
            return Ok(got);
        }
        if let Some((start, length)) = self.tail.take() {
            self.file.seek(SeekFrom::Start(start))?;
            self.left = length;
            return self.read(buffer);
        }
        Ok(0)
    }
}

/// One line, and a line break before it when the head does not end with one.
pub(crate) fn marker(removed: u64, max_bytes: u64, break_first: bool) -> String {
    let lead = if break_first { "\n" } else { "" };
    format!(
        "{lead}[remote-store: {removed} bytes cut here, the log is over the cap of {max_bytes} bytes]\n"
    )
}

/// The nearest start of a character at or before `at`.
fn char_start_before(file: &mut (impl Read + Seek), at: u64) -> io::Result<u64> {
    let from = at.saturating_sub(MAX_CHAR_BYTES - 1);
    let head = read_at(file, from, at - from)?;
    Ok(at - utf8::incomplete_tail(&head) as u64)
}

/// The nearest start of a character at or after `at`.
fn char_start_after(file: &mut (impl Read + Seek), at: u64) -> io::Result<u64> {
    let from = at.saturating_sub(MAX_CHAR_BYTES - 1);
    let before = read_at(file, from, at - from)?;
    let after = read_at(file, at, MAX_CHAR_BYTES - 1)?;
    Ok(at + utf8::rest_of_char(&before, &after) as u64)
}

fn byte_at(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<u8>> {
    Ok(read_at(file, at, 1)?.first().copied())
}

fn read_at(file: &mut (impl Read + Seek), at: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_log_within_the_cap_is_not_touched() {
        let cut = Cut::plan(&mut Cursor::new(vec![b'x'; 2000]), 2000, 2000).unwrap();
        assert_eq!(
            (cut.head_end, cut.removed(), cut.marker.len()),
            (2000, 0, 0)
        );
    }

    #[test]
    fn one_byte_over_the_cap_is_cut_to_within_it() {
        let cut = Cut::plan(&mut Cursor::new(vec![b'x'; 2001]), 2001, 2000).unwrap();
        assert!(cut.stored() <= 2000 && cut.removed() > 0);
        assert!(cut.marker.starts_with(b"\n[") && cut.marker.ends_with(b"]\n"));
    }

    #[test]
    fn a_cap_below_the_length_of_the_line_keeps_head_and_tail_alone() {
        for cap in 1..90 {
            let cut = Cut::plan(&mut Cursor::new(vec![b'x'; 500]), 500, cap).unwrap();
            assert!(cut.stored() <= cap && cut.removed() > 0, "{cap}");
            assert!(cut.marker.is_empty(), "{cap}");
        }
    }

    #[test]
    fn no_empty_line_is_added_after_a_head_that_ends_its_own() {
        let cut = Cut::plan(&mut Cursor::new(vec![b'\n'; 5000]), 5000, 2000).unwrap();
        assert!(cut.marker.starts_with(b"["));
    }
}
