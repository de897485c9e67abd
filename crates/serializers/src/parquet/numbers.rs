//! Columns of numbers, coded into a dictionary or written as they are.
//!
//! What the Parquet library does value by value is done here over whole slices: the numbers of
//! lists and of columns that are not nested.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use ::parquet::basic::Type as PhysicalType;
use ::parquet::errors::Result;
use ::parquet::file::statistics::Statistics as ChunkStatistics;
use ::parquet::schema::types::ColumnDescPtr;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type, UInt32Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::ParquetOptions;
use super::extremes::{page_statistics, statistics};
use super::levels::{Levels, Part};
use super::page_index::page_entries;
use super::pages::{FinishedChunk, PageWriter, code_width, write_codes};
use super::words::{DICTIONARY_BYTES, LEAST_ROWS, Worth};

/// What the bits of a number mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
}

impl Kind {
    /// Of a type that is written here, after [`widened`]; none for others.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "types that are not named here are no numbers"
    )]
    pub(crate) fn of(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Date32
            | DataType::Time32(TimeUnit::Millisecond) => Some(Self::I32),
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(Self::U32),
            DataType::Timestamp(TimeUnit::Second, _) => None,
            DataType::Int64 | DataType::Time64(_) | DataType::Timestamp(_, _) => Some(Self::I64),
            DataType::UInt64 => Some(Self::U64),
            DataType::Float32 => Some(Self::F32),
            DataType::Float64 => Some(Self::F64),
            _ => None,
        }
    }

    fn width(self) -> usize {
        match self {
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    fn physical_type(self) -> PhysicalType {
        match self {
            Self::I32 | Self::U32 => PhysicalType::INT32,
            Self::I64 | Self::U64 => PhysicalType::INT64,
            Self::F32 => PhysicalType::FLOAT,
            Self::F64 => PhysicalType::DOUBLE,
        }
    }
}

/// Small whole numbers in the four bytes that Parquet has for them; others as they are.
fn widened(array: &ArrayRef) -> ArrayRef {
    if let Some(small) = array.as_primitive_opt::<Int8Type>() {
        return Arc::new(small.unary::<_, Int32Type>(i32::from));
    }
    if let Some(small) = array.as_primitive_opt::<Int16Type>() {
        return Arc::new(small.unary::<_, Int32Type>(i32::from));
    }
    if let Some(small) = array.as_primitive_opt::<UInt8Type>() {
        return Arc::new(small.unary::<_, UInt32Type>(u32::from));
    }
    if let Some(small) = array.as_primitive_opt::<UInt16Type>() {
        return Arc::new(small.unary::<_, UInt32Type>(u32::from));
    }
    Arc::clone(array)
}

/// Writes the numbers of a leaf; none when the library does that better, or does it at all.
pub(crate) fn encode(
    kind: Kind,
    arrays: &[ArrayRef],
    worth: Worth,
    levels: &Levels,
    descriptor: &ColumnDescPtr,
    options: &ParquetOptions,
) -> Result<Option<FinishedChunk>> {
    if descriptor.physical_type() != kind.physical_type()
        || descriptor.max_def_level() != i16::from(levels.most_defined())
    {
        return Ok(None);
    }
    let data: Vec<_> = arrays
        .iter()
        .map(|array| widened(array).to_data())
        .collect();
    let mut pieces = Vec::with_capacity(data.len());
    for data in &data {
        let start = data.offset() * kind.width();
        let bytes = data.buffers().first().map(|buffer| &**buffer);
        let bytes = bytes.and_then(|bytes| bytes.get(start..start + data.len() * kind.width()));
        let Some(bytes) = bytes else { return Ok(None) };
        pieces.push((bytes, data.nulls().filter(|nulls| nulls.null_count() > 0)));
    }
    let bytes = if let [(bytes, None)] = pieces.as_slice() {
        Cow::Borrowed(*bytes)
    } else {
        let mut values = Vec::with_capacity(pieces.iter().map(|(bytes, _)| bytes.len()).sum());
        for (bytes, nulls) in pieces {
            let Some(nulls) = nulls else {
                values.extend_from_slice(bytes);
                continue;
            };
            for (start, end) in nulls.valid_slices() {
                let run = bytes.get(start * kind.width()..end * kind.width());
                values.extend_from_slice(run.unwrap_or_default());
            }
        }
        Cow::Owned(values)
    };
    let numbers = Numbers {
        kind,
        bytes: &bytes,
        levels,
        descriptor,
        options,
    };
    if kind.width() == 4 {
        numbers.encode(worth, &narrow(&bytes))
    } else {
        numbers.encode(worth, &wide(&bytes))
    }
}

/// The values of a leaf, without what is missing.
struct Numbers<'a> {
    kind: Kind,
    bytes: &'a [u8],
    levels: &'a Levels,
    descriptor: &'a ColumnDescPtr,
    options: &'a ParquetOptions,
}

impl Numbers<'_> {
    fn encode(
        &self,
        worth: Worth,
        values: &(impl Iterator<Item = u64> + Clone),
    ) -> Result<Option<FinishedChunk>> {
        let count = self.bytes.len() / self.kind.width();
        if self.options.dictionary && worth != Worth::Useless && count > 0 {
            let most = DICTIONARY_BYTES / self.kind.width();
            if let Some(coder) = Coder::code(values.clone(), count, most) {
                let coded = coder.values.len() * self.kind.width()
                    + count * usize::from(code_width(coder.values.len())) / 8;
                if coded < self.bytes.len() {
                    return self.coded(&coder).map(Some);
                }
            } else if self.levels.rows >= LEAST_ROWS {
                // The library begins with a dictionary and goes on without: smaller than without.
                return Ok(None);
            }
        }
        self.plain(values).map(Some)
    }

    fn coded(&self, coder: &Coder) -> Result<FinishedChunk> {
        let mut writer = PageWriter::new(self.options)?;
        let mut dictionary = Vec::with_capacity(coder.values.len() * self.kind.width());
        for value in &coder.values {
            let bytes = value.to_le_bytes();
            dictionary.extend(bytes.iter().take(self.kind.width()));
        }
        writer.dictionary(coder.values.len(), &dictionary)?;
        let parts = self.levels.parts(page_entries(self.options));
        let words = coder.values.len();
        write_codes(&mut writer, self.levels, &parts, words, &coder.codes)?;
        let of = |part: Option<&Part>| match part {
            None => statistics(
                self.kind,
                coder.values.iter().copied(),
                self.levels.nulls(),
                None,
            ),
            Some(part) => {
                let used = coder.codes.get(part.values.clone()).unwrap_or_default();
                let values = used
                    .iter()
                    .filter_map(|code| coder.values.get(*code as usize));
                page_statistics(self.kind, values.copied(), part.nulls())
            }
        };
        writer.finish(self.levels, &parts, of, self.descriptor, self.options)
    }

    fn plain(&self, values: &(impl Iterator<Item = u64> + Clone)) -> Result<FinishedChunk> {
        let mut writer = PageWriter::new(self.options)?;
        let width = self.kind.width();
        let parts = self.levels.parts(page_entries(self.options));
        for part in &parts {
            writer.data(part.entry_count(), |page| {
                self.levels.write(part, page)?;
                let values = part.values.start * width..part.values.end * width;
                page.extend_from_slice(self.bytes.get(values).unwrap_or_default());
                Ok(())
            })?;
        }
        let of = |part: Option<&Part>| match part {
            None => statistics(self.kind, values.clone(), self.levels.nulls(), None),
            Some(part) => self.of_page(part),
        };
        writer.finish(self.levels, &parts, of, self.descriptor, self.options)
    }

    /// Of the plain values of a page: taken from its bytes, not by counting from the first page.
    fn of_page(&self, part: &Part) -> ChunkStatistics {
        let width = self.kind.width();
        let bytes = part.values.start * width..part.values.end * width;
        let bytes = self.bytes.get(bytes).unwrap_or_default();
        if width == 4 {
            page_statistics(self.kind, narrow(bytes), part.nulls())
        } else {
            page_statistics(self.kind, wide(bytes), part.nulls())
        }
    }
}

fn narrow(bytes: &[u8]) -> impl Iterator<Item = u64> + Clone {
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|bytes| u32::from_le_bytes(*bytes).into())
}

fn wide(bytes: &[u8]) -> impl Iterator<Item = u64> + Clone {
    let values = bytes.as_chunks::<8>().0.iter();
    values.map(|bytes| u64::from_le_bytes(*bytes))
}

/// A dictionary of numbers, in the order of first appearance, and the codes into it.
struct Coder {
    /// Number and code; codes count from 1 here, 0 is free.
    slots: Vec<(u64, u32)>,
    factor: u64,
    values: Vec<u64>,
    codes: Vec<u32>,
}

impl Coder {
    /// Codes all values; none when there are more than so many different ones.
    fn code(values: impl Iterator<Item = u64>, count: usize, most: usize) -> Option<Self> {
        let slots = (count * 2).next_power_of_two().min(1 << 12);
        let mut coder = Self {
            slots: vec![(0, 0); slots],
            // Seeded, so that nobody can choose numbers that collide.
            factor: RandomState::new().hash_one(count) | 1,
            values: Vec::with_capacity(count.min(slots / 2)),
            codes: Vec::with_capacity(count),
        };
        for value in values {
            let code = coder.code_of(value)?;
            coder.codes.push(code);
            if coder.values.len() * 2 > coder.slots.len() {
                if coder.values.len() > most {
                    return None;
                }
                coder.grow();
            }
        }
        (coder.values.len() <= most).then_some(coder)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "parts of a hash are what is wanted"
    )]
    fn slot(&self, value: u64) -> usize {
        let product = u128::from(value ^ 0x9e37_79b9_7f4a_7c15) * u128::from(self.factor);
        ((product >> 64) as u64 ^ product as u64) as usize & (self.slots.len() - 1)
    }

    fn code_of(&mut self, value: u64) -> Option<u32> {
        let mut at = self.slot(value);
        loop {
            let slot = self.slots.get_mut(at)?;
            if slot.1 == 0 {
                self.values.push(value);
                let code = u32::try_from(self.values.len()).ok()?;
                *slot = (value, code);
                return Some(code - 1);
            }
            if slot.0 == value {
                return Some(slot.1 - 1);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![(0, 0); old.len() * 4];
        for entry in old.into_iter().filter(|(_, code)| *code != 0) {
            let mut at = self.slot(entry.0);
            while self.slots.get(at).is_some_and(|(_, code)| *code != 0) {
                at = (at + 1) & (self.slots.len() - 1);
            }
            if let Some(place) = self.slots.get_mut(at) {
                *place = entry;
            }
        }
    }
}
