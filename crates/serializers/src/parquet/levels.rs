//! Levels: which rows have values, and where lists begin, in the terms of the Parquet format.

use std::ops::Range;

use ::parquet::errors::{ParquetError, Result};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, OffsetSizeTrait};
use arrow_schema::Field;

use super::runs;

/// The levels of one leaf column; entries are values and what stands for missing ones.
pub(crate) struct Levels {
    pub(crate) rows: usize,
    pub(crate) entries: usize,
    most_defined: u8,
    /// None when all entries are values.
    definitions: Option<Vec<u8>>,
    /// None when there are no lists; 1 goes on with the list of the entry before.
    repetitions: Option<Vec<u8>>,
}

/// A page's part of a column.
pub(crate) struct Part {
    entries: Range<usize>,
    /// Which of the values that there are.
    pub(crate) values: Range<usize>,
}

impl Part {
    pub(crate) fn entry_count(&self) -> usize {
        self.entries.len()
    }

    /// Entries that are no values.
    pub(crate) fn nulls(&self) -> usize {
        self.entries.len() - self.values.len()
    }
}

impl Levels {
    /// Of a column that is not nested; none when it has nulls and must not.
    pub(crate) fn flat(arrays: &[ArrayRef], most_defined: i16) -> Option<Self> {
        let rows = arrays.iter().map(Array::len).sum();
        let has_nulls = arrays.iter().any(|array| array.null_count() > 0);
        if has_nulls && most_defined != 1 {
            return None;
        }
        let mut definitions = has_nulls.then(|| Vec::with_capacity(rows));
        if let Some(definitions) = &mut definitions {
            for array in arrays {
                add_validity(array, 1, definitions);
            }
        }
        Some(Self {
            rows,
            entries: rows,
            most_defined: u8::try_from(most_defined).ok()?,
            definitions,
            repetitions: None,
        })
    }

    /// Of lists of values that are not nested, with those values; none for lists of another kind.
    pub(crate) fn of_lists(
        field: &Field,
        element: &Field,
        arrays: &[ArrayRef],
    ) -> Option<(Self, Vec<ArrayRef>)> {
        let mut lists = Lists {
            empty: u8::from(field.is_nullable()),
            value: u8::from(field.is_nullable()) + 1 + u8::from(element.is_nullable()),
            definitions: Vec::new(),
            repetitions: Vec::new(),
        };
        let mut values = Vec::with_capacity(arrays.len());
        for array in arrays {
            let elements = if let Some(list) = array.as_list_opt::<i32>() {
                lists.add(list)?
            } else {
                lists.add(array.as_list_opt::<i64>()?)?
            };
            values.push(elements);
        }
        let levels = Self {
            rows: arrays.iter().map(Array::len).sum(),
            entries: lists.definitions.len(),
            most_defined: lists.value,
            definitions: Some(lists.definitions),
            repetitions: Some(lists.repetitions),
        };
        Some((levels, values))
    }

    pub(crate) fn most_defined(&self) -> u8 {
        self.most_defined
    }

    /// How many entries are values.
    fn count(&self, entries: &Range<usize>) -> usize {
        let Some(definitions) = &self.definitions else {
            return entries.len();
        };
        let part = definitions.get(entries.clone()).unwrap_or_default();
        let is_value = |level: &u8| usize::from(*level == self.most_defined);
        part.iter().map(is_value).sum()
    }

    pub(crate) fn nulls(&self) -> usize {
        self.entries - self.count(&(0..self.entries))
    }

    /// Parts of about so many entries, cut where rows begin.
    pub(crate) fn parts(&self, most: usize) -> Vec<Part> {
        let mut parts = Vec::with_capacity(self.entries.div_ceil(most.max(1)));
        let (mut start, mut values) = (0, 0);
        while start < self.entries {
            let mut end = (start + most.max(1)).min(self.entries);
            if let Some(repetitions) = &self.repetitions {
                let rest = repetitions.get(end..).unwrap_or_default();
                end += rest.iter().take_while(|level| **level == 1).count();
            }
            let count = self.count(&(start..end));
            parts.push(Part {
                entries: start..end,
                values: values..values + count,
            });
            (start, values) = (end, values + count);
        }
        parts
    }

    /// How many rows begin in a part.
    pub(crate) fn rows_in(&self, part: &Part) -> usize {
        let Some(repetitions) = &self.repetitions else {
            return part.entries.len();
        };
        let levels = repetitions.get(part.entries.clone()).unwrap_or_default();
        levels.iter().map(|level| usize::from(*level == 0)).sum()
    }

    /// What stands at the begin of a page.
    pub(crate) fn write(&self, part: &Part, out: &mut Vec<u8>) -> Result<()> {
        if let Some(repetitions) = &self.repetitions {
            let levels = repetitions.get(part.entries.clone()).unwrap_or_default();
            with_length(out, |out| runs::encode(levels, 1, out))?;
        }
        if self.most_defined == 0 {
            return Ok(());
        }
        let width = if self.most_defined == 1 { 1 } else { 2 };
        with_length(out, |out| match &self.definitions {
            Some(levels) => {
                let levels = levels.get(part.entries.clone()).unwrap_or_default();
                runs::encode(levels, width, out);
            }
            None => runs::repeat(self.most_defined.into(), part.entries.len(), width, out),
        })
    }
}

struct Lists {
    /// The level of an empty list; a missing one is below.
    empty: u8,
    value: u8,
    definitions: Vec<u8>,
    repetitions: Vec<u8>,
}

impl Lists {
    /// Adds the levels of some lists and gives their elements; none when a missing list hides some.
    fn add<O: OffsetSizeTrait>(
        &mut self,
        lists: &arrow_array::GenericListArray<O>,
    ) -> Option<ArrayRef> {
        let offsets = lists.value_offsets();
        let (first, last) = (offsets.first()?.as_usize(), offsets.last()?.as_usize());
        let elements = lists.values().slice(first, last - first);
        let has_nulls = lists.null_count() > 0;
        if (has_nulls && self.empty == 0)
            || (elements.null_count() > 0 && self.value - self.empty < 2)
        {
            return None;
        }
        self.definitions.reserve(elements.len() + lists.len());
        self.repetitions.reserve(elements.len() + lists.len());
        let validity = elements.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut at = 0;
        for (row, pair) in offsets.windows(2).enumerate() {
            let [start, end] = pair else { continue };
            let count = end.as_usize() - start.as_usize();
            self.repetitions.push(0);
            if count == 0 {
                let missing = has_nulls && lists.is_null(row);
                self.definitions.push(self.empty - u8::from(missing));
                continue;
            }
            if has_nulls && lists.is_null(row) {
                return None;
            }
            for _ in 1..count {
                self.repetitions.push(1);
            }
            for element in at..at + count {
                let missing = validity.is_some_and(|validity| validity.is_null(element));
                self.definitions.push(self.value - u8::from(missing));
            }
            at += count;
        }
        Some(elements)
    }
}

fn add_validity(array: &ArrayRef, value: u8, out: &mut Vec<u8>) {
    match array.nulls() {
        Some(nulls) => out.extend(nulls.iter().map(|valid| value - u8::from(!valid))),
        None => out.resize(out.len() + array.len(), value),
    }
}

/// Writes something after its length in four bytes.
fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = out.len() - start - 4;
    let length = u32::try_from(length).map_err(|_large| {
        ParquetError::General(format!("{length} bytes of levels are too many"))
    })?;
    let place = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut::<4>);
    if let Some(place) = place {
        *place = length.to_le_bytes();
    }
    Ok(())
}
