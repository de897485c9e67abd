//! Codes for words: what a dictionary of a column is, and whether it is worth having.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_schema::DataType;

use super::coded::CodedColumn;

/// Fewer rows are not worth looking at.
pub(crate) const LEAST_ROWS: usize = 20_000;
/// How many rows say what the column is like.
const SAMPLE: usize = 4_096;
/// The Parquet library gives up a dictionary of more bytes, and so do others.
pub(crate) const DICTIONARY_BYTES: usize = 1 << 20;
/// Room that is made for words before any is seen.
const FEW_WORDS: usize = 64;
/// More words than that are left to the library.
const MOST_WORDS: usize = 1 << 15;

/// What a sample of a column says about a dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Few words: coded here.
    Few,
    /// So many values that the library would give the dictionary up after a megabyte.
    Useless,
    /// Whatever the library makes of it.
    Unknown,
}

/// Looks at a sample of a column.
///
/// In a sample of `s` values out of `d` equally frequent ones about `s²/2d` repeat; more repeat
/// when some are more frequent, for which a dictionary is good.
pub(crate) fn worth(arrays: &[ArrayRef]) -> Worth {
    let rows: usize = arrays.iter().map(Array::len).sum();
    let Some(first) = arrays.first() else {
        return Worth::Unknown;
    };
    if rows < LEAST_ROWS {
        return Worth::Unknown;
    }
    let step = rows.div_ceil(SAMPLE);
    let hasher = RandomState::new();
    let (mut seen, mut values, mut bytes) = (HashSet::new(), 0_usize, 0_usize);
    let mut skip = 0;
    for array in arrays {
        let fixed = array
            .data_type()
            .primitive_width()
            .map(|width| (array.to_data(), width));
        while skip < array.len() {
            let value = if array.is_null(skip) {
                None
            } else if let Some((data, width)) = &fixed {
                let start = (data.offset() + skip) * width;
                let values = data.buffers().first();
                values.and_then(|values| values.as_slice().get(start..start + width))
            } else {
                word(array, skip)
            };
            if let Some(value) = value {
                values += 1;
                bytes += value.len();
                seen.insert(hasher.hash_one(value));
            }
            skip += step;
        }
        skip -= array.len();
    }
    if values < SAMPLE / 8 {
        return Worth::Unknown;
    }
    let is_text = matches!(first.data_type(), DataType::Utf8 | DataType::LargeUtf8);
    if is_text && seen.len() * 8 < values {
        return Worth::Few;
    }
    let repeated = (values - seen.len()).max(1);
    let distinct = values.saturating_mul(values) / (2 * repeated);
    let each = bytes / values + if is_text { 4 } else { 0 };
    if distinct.saturating_mul(each) > 4 * DICTIONARY_BYTES {
        Worth::Useless
    } else {
        Worth::Unknown
    }
}

fn word(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if let Some(text) = array.as_string_opt::<i32>() {
        return Some(text.value(row).as_bytes());
    }
    Some(array.as_string_opt::<i64>()?.value(row).as_bytes())
}

/// The categories of a dictionary column in their order, used or not; none when they are not text,
/// not all there, or not the same in all arrays.
pub(crate) fn categories(arrays: &[ArrayRef]) -> Option<CodedColumn<'_>> {
    let dictionary = arrays.first()?.as_any_dictionary_opt()?.values();
    if dictionary.null_count() > 0 {
        return None;
    }
    let words: Vec<&[u8]> = if let Some(text) = dictionary.as_string_opt::<i32>() {
        text.iter().flatten().map(str::as_bytes).collect()
    } else {
        let text = dictionary.as_string_opt::<i64>()?;
        text.iter().flatten().map(str::as_bytes).collect()
    };
    let (words, places) = without_repeats(words);
    let mut codes = Vec::with_capacity(arrays.iter().map(Array::len).sum());
    for array in arrays {
        let array = array.as_any_dictionary_opt()?;
        if !Arc::ptr_eq(array.values(), dictionary) && array.values() != dictionary {
            return None;
        }
        if words.is_empty() {
            continue;
        }
        let keys = array.normalized_keys().into_iter().enumerate();
        let validity = array.keys().nulls();
        codes.extend(keys.filter_map(|(row, key)| {
            let is_value = validity.is_none_or(|validity| validity.is_valid(row));
            let key = places
                .as_ref()
                .map_or(Some(key), |places| places.get(key).copied());
            let code = key.and_then(|key| u32::try_from(key).ok());
            is_value.then_some(code.unwrap_or(u32::MAX))
        }));
    }
    Some(CodedColumn { words, codes })
}

/// Each word once, and where each of the words went if that is another place: readers that keep
/// words in a table of their own take the codes of repeated ones for others.
fn without_repeats(words: Vec<&[u8]>) -> (Vec<&[u8]>, Option<Vec<usize>>) {
    let mut places = HashMap::with_capacity(words.len());
    let (mut once, mut moved) = (Vec::with_capacity(words.len()), Vec::new());
    for word in &words {
        let place = *places.entry(*word).or_insert_with(|| {
            once.push(*word);
            once.len() - 1
        });
        moved.push(place);
    }
    if once.len() == words.len() {
        return (words, None);
    }
    (once, Some(moved))
}

/// Codes text in the order of first appearance; none when the words are too many after all.
pub(crate) fn coded(arrays: &[ArrayRef]) -> Option<CodedColumn<'_>> {
    let mut coder = Coder::new(arrays.iter().map(Array::len).sum());
    for array in arrays {
        if let Some(text) = array.as_string_opt::<i32>() {
            coder.add(text)?;
        } else {
            coder.add(array.as_string_opt::<i64>()?)?;
        }
    }
    Some(CodedColumn {
        words: coder.words,
        codes: coder.codes,
    })
}

/// A table of words with open addressing.
struct Coder<'a> {
    seed: u64,
    /// Hash and code, 0 when free (codes count from 1 here).
    slots: Vec<(u32, u32)>,
    words: Vec<&'a [u8]>,
    bytes: usize,
    codes: Vec<u32>,
}

impl<'a> Coder<'a> {
    fn new(rows: usize) -> Self {
        Self {
            seed: RandomState::new().hash_one(rows),
            slots: vec![(0, 0); (rows * 2).next_power_of_two().min(MOST_WORDS * 2)],
            words: Vec::with_capacity(rows.min(FEW_WORDS)),
            bytes: 0,
            codes: Vec::with_capacity(rows),
        }
    }

    fn add<O: OffsetSizeTrait>(
        &mut self,
        text: &'a arrow_array::GenericStringArray<O>,
    ) -> Option<()> {
        if text.null_count() == 0 {
            let offsets = text.value_offsets();
            let data = text.value_data();
            for pair in offsets.windows(2) {
                let [start, end] = pair else { continue };
                let code = self.code(data.get(start.as_usize()..end.as_usize())?)?;
                self.codes.push(code);
            }
        } else {
            for word in text.iter().flatten() {
                let code = self.code(word.as_bytes())?;
                self.codes.push(code);
            }
        }
        Some(())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "parts of a hash are what is wanted"
    )]
    fn code(&mut self, word: &'a [u8]) -> Option<u32> {
        let hash = hash(word, self.seed);
        let mask = self.slots.len() - 1;
        let short = (hash >> 32) as u32;
        let mut at = (hash & mask as u64) as usize;
        loop {
            let (known, code) = self.slots.get(at).copied()?;
            if code == 0 {
                break;
            }
            if known == short && self.words.get(code as usize - 1) == Some(&word) {
                return Some(code - 1);
            }
            at = (at + 1) & mask;
        }
        self.bytes += word.len() + 4;
        if self.words.len() >= MOST_WORDS || self.bytes > DICTIONARY_BYTES {
            return None;
        }
        self.words.push(word);
        let code = u32::try_from(self.words.len()).ok()?;
        *self.slots.get_mut(at)? = (short, code);
        Some(code - 1)
    }
}

/// Multiplies and folds eight bytes at a time; seeded, so that nobody can choose words that collide.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both halves of the product are folded"
)]
fn hash(word: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |state: u64, part: u64| {
        let product = u128::from(state ^ part) * u128::from(FACTOR ^ seed.rotate_left(32) | 1);
        (product as u64) ^ (product >> 64) as u64
    };
    let (parts, rest) = word.as_chunks::<8>();
    let mut state = parts.iter().fold(seed ^ word.len() as u64, |state, part| {
        fold(state, u64::from_le_bytes(*part))
    });
    let last = rest
        .iter()
        .rev()
        .fold(0, |last, byte| last << 8 | u64::from(*byte));
    state = fold(state, last);
    fold(state, FACTOR)
}
