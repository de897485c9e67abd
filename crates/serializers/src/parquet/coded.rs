//! Words: coded into a dictionary, or written one after the other.
//!
//! The Parquet library orders a dictionary by first appearance and drops what does not appear.
//! Categories have an order and may be unused, so their dictionary page is written as it is, and
//! their codes are the keys that the array has. The same pages hold plain words of few values,
//! which [`words`](super::words) codes faster than the library does.

use std::collections::BTreeMap;

use ::parquet::data_type::ByteArray;
use ::parquet::errors::Result;
use ::parquet::file::statistics::{Statistics as ChunkStatistics, ValueStatistics};
use ::parquet::schema::types::ColumnDescPtr;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait};

use super::ParquetOptions;
use super::levels::{Levels, Part};
use super::page_index::page_entries;
use super::pages::{FinishedChunk, PAGE_BYTES, PageWriter, code_width, too_large, write_codes};

/// Longer extremes are left out of the statistics; readers then look at the data.
const LONGEST_EXTREME: usize = 64;

/// A column of codes into a dictionary of words.
pub(crate) struct CodedColumn<'a> {
    /// The dictionary, in its order.
    pub(crate) words: Vec<&'a [u8]>,
    /// A code for each value; rows without one have none.
    pub(crate) codes: Vec<u32>,
}

impl CodedColumn<'_> {
    /// Whether the dictionary and the codes take more than the words themselves.
    pub(crate) fn is_longer_than_plain(&self) -> bool {
        let words: usize = self.words.iter().map(|word| word.len() + 4).sum();
        let codes = self.codes.len() * usize::from(code_width(self.words.len())) / 8;
        // Words that do not repeat are not worth a page of their own.
        words + codes >= words / self.words.len().max(1) * self.codes.len()
    }

    /// Writes the pages of the chunk.
    pub(crate) fn encode(
        &self,
        levels: &Levels,
        descriptor: &ColumnDescPtr,
        options: &ParquetOptions,
    ) -> Result<FinishedChunk> {
        let mut writer = PageWriter::new(options)?;
        let bytes = self.words.iter().map(|word| word.len() + 4).sum();
        let mut dictionary = Vec::with_capacity(bytes);
        for word in &self.words {
            add_word(word, &mut dictionary)?;
        }
        writer.dictionary(self.words.len(), &dictionary)?;
        let parts = levels.parts(page_entries(options));
        write_codes(&mut writer, levels, &parts, self.words.len(), &self.codes)?;
        let of = |part: Option<&Part>| match part {
            None => statistics_of(self.extremes(&self.codes), levels.nulls()),
            Some(part) => {
                let codes = self.codes.get(part.values.clone()).unwrap_or_default();
                statistics_of(self.extremes(codes), part.nulls())
            }
        };
        writer.finish(levels, &parts, of, descriptor, options)
    }

    /// Extremes of the words that rows have; not of categories that no row has.
    fn extremes(&self, codes: &[u32]) -> Option<(&[u8], &[u8])> {
        if codes.len() < self.words.len() {
            let words = codes
                .iter()
                .filter_map(|code| self.words.get(*code as usize));
            return words.clone().min().copied().zip(words.max().copied());
        }
        let mut used = vec![false; self.words.len()];
        for code in codes {
            if let Some(place) = used.get_mut(*code as usize) {
                *place = true;
            }
        }
        let words = self.words.iter().zip(&used);
        let words = words.filter_map(|(word, used)| used.then_some(*word));
        words.clone().min().zip(words.max())
    }
}

/// Writes text as it is; none when it is of another type.
pub(crate) fn plain_words(
    arrays: &[ArrayRef],
    levels: &Levels,
    descriptor: &ColumnDescPtr,
    options: &ParquetOptions,
) -> Result<Option<FinishedChunk>> {
    let texts: Option<Vec<_>> = arrays.iter().map(|array| array.as_string_opt()).collect();
    if let Some(texts) = texts {
        return plain_texts::<i32>(&texts, levels, descriptor, options).map(Some);
    }
    let texts: Option<Vec<_>> = arrays.iter().map(|array| array.as_string_opt()).collect();
    let Some(texts) = texts else { return Ok(None) };
    plain_texts::<i64>(&texts, levels, descriptor, options).map(Some)
}

fn plain_texts<O: OffsetSizeTrait>(
    texts: &[&GenericStringArray<O>],
    levels: &Levels,
    descriptor: &ColumnDescPtr,
    options: &ParquetOptions,
) -> Result<FinishedChunk> {
    let bytes = texts.iter().map(|text| {
        let offsets = text.value_offsets();
        let ends = offsets.first().zip(offsets.last());
        ends.map_or(0, |(first, last)| last.as_usize() - first.as_usize())
    });
    let bytes: usize = bytes.sum();
    let each = bytes / levels.rows.max(1) + 4;
    let mut values = texts.iter().flat_map(|text| {
        let bounds = text.value_offsets().windows(2).enumerate();
        bounds.filter_map(|(row, bounds)| {
            let [start, end] = bounds else { return None };
            let word = text.value_data().get(start.as_usize()..end.as_usize());
            word.filter(|_| text.is_valid(row))
        })
    });
    let mut writer = PageWriter::new(options)?;
    let parts = levels.parts((PAGE_BYTES / each).clamp(1, page_entries(options)));
    // Of each page that has words, by the first of them.
    let mut extremes: BTreeMap<usize, (&[u8], &[u8])> = BTreeMap::new();
    for part in &parts {
        writer.data(part.entry_count(), |page| {
            levels.write(part, page)?;
            let mut of_page: Option<(&[u8], &[u8])> = None;
            for word in values.by_ref().take(part.values.len()) {
                add_word(word, page)?;
                match &mut of_page {
                    None => of_page = Some((word, word)),
                    Some((least, most)) => {
                        if word < *least {
                            *least = word;
                        } else if word > *most {
                            *most = word;
                        }
                    }
                }
            }
            extremes.extend(of_page.map(|of_page| (part.values.start, of_page)));
            Ok(())
        })?;
    }
    let of = |part: Option<&Part>| match part {
        None => {
            let least = extremes.values().map(|(least, _)| *least).min();
            let most = extremes.values().map(|(_, most)| *most).max();
            statistics_of(least.zip(most), levels.nulls())
        }
        Some(part) if part.values.is_empty() => statistics_of(None, part.nulls()),
        Some(part) => statistics_of(extremes.get(&part.values.start).copied(), part.nulls()),
    };
    writer.finish(levels, &parts, of, descriptor, options)
}

fn add_word(word: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let length = u32::try_from(word.len()).map_err(|_too_long| too_large(word.len()))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(word);
    Ok(())
}

fn statistics_of(extremes: Option<(&[u8], &[u8])>, nulls: usize) -> ChunkStatistics {
    let short = |word: &&[u8]| word.len() <= LONGEST_EXTREME;
    let extremes = extremes.filter(|(least, most)| short(least) && short(most));
    let bytes = |word: &[u8]| ByteArray::from(word.to_vec());
    ChunkStatistics::from(ValueStatistics::new(
        extremes.map(|(least, _)| bytes(least)),
        extremes.map(|(_, most)| bytes(most)),
        None,
        Some(nulls as u64),
        false,
    ))
}
