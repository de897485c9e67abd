//! Ranges of a text that are to be masked: collected, merged, rendered.

use std::ops::Range;

use crate::MASK;

/// Byte ranges on character boundaries, in any order, overlapping or not.
#[derive(Default)]
pub(crate) struct Spans {
    ranges: Vec<Range<usize>>,
}

impl Spans {
    pub(crate) fn push(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.ranges.push(range);
        }
    }

    /// The text with one mask in the place of each run of overlapping or touching
    /// ranges. Merging first is what keeps the rest of a longer secret from showing
    /// beside the mask of a shorter one.
    pub(crate) fn mask(mut self, text: &str) -> String {
        if self.ranges.is_empty() {
            return text.to_owned();
        }
        self.ranges.sort_unstable_by_key(|range| range.start);
        let mut masked = String::with_capacity(text.len());
        let mut shown_to = 0;
        for range in self.ranges {
            if range.start > shown_to || masked.is_empty() && shown_to == 0 {
                masked.push_str(text.get(shown_to..range.start).unwrap_or_default());
                masked.push_str(MASK);
            }
            shown_to = shown_to.max(range.end);
        }
        masked.push_str(text.get(shown_to..).unwrap_or_default());
        masked
    }
}
