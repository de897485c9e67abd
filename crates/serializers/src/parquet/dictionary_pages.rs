//! Dictionary pages that the Parquet library does not read as they are.
//!
//! It refuses a dictionary that fills the type of its keys to the last (128 words and keys of
//! eight bits), and makes a dictionary of one empty word of one without words. Where the page
//! says that it is such a one, the column is read with wider keys or gets its dictionary back.

use std::ops::Range;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::column::page::{Page, PageReader};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::serialized_reader::SerializedPageReader;
use ::parquet::file::statistics::Statistics;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowDictionaryKeyType, Int8Type, Int16Type, Int32Type, UInt8Type, UInt16Type,
};
use arrow_array::{Array, ArrayRef, DictionaryArray, PrimitiveArray, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::assembly::inconsistent;
use super::decode::{ParquetFile, damaged};
use super::gate::is_categorical;
use crate::SerializeError;

/// What is to be done with columns after they were read, by their places in the batch.
#[derive(Debug, Default)]
pub(crate) struct OddDictionaries {
    full: Vec<(usize, Arc<Field>)>,
    empty: Vec<usize>,
}

/// How many words keys of this type can count, if that is few.
pub(crate) fn key_count(keys: &DataType) -> Option<usize> {
    let widths = [
        (DataType::Int8, 1 << 7),
        (DataType::UInt8, 1 << 8),
        (DataType::Int16, 1 << 15),
        (DataType::UInt16, 1 << 16),
    ];
    let mut widths = widths.into_iter();
    widths.find_map(|(known, count)| (known == *keys).then_some(count))
}

impl ParquetFile {
    /// The metadata to read these columns of a row group by, and what is to be done then.
    pub(crate) fn with_odd_dictionaries(
        &self,
        columns: &[usize],
        row_groups: Option<&Range<usize>>,
    ) -> Result<(ArrowReaderMetadata, OddDictionaries), SerializeError> {
        let mut odd = OddDictionaries::default();
        let row_group = row_groups.filter(|run| run.len() == 1).map(|run| run.start);
        let Some(row_group) = row_group else {
            return Ok((self.metadata.clone(), odd));
        };
        let mut fields = self.schema().fields().to_vec();
        for (place, column) in columns.iter().enumerate() {
            let Some(field) = fields.get_mut(*column) else {
                continue;
            };
            let DataType::Dictionary(keys, words) = field.data_type() else {
                continue;
            };
            let (most, words) = (key_count(keys), words.clone());
            if !is_categorical(field.data_type()) {
                continue;
            }
            match self.word_count(row_group, *column, most.is_some()) {
                Some(0) => odd.empty.push(place),
                Some(count) if most == Some(count) => {
                    odd.full.push((place, Arc::clone(field)));
                    let wide = DataType::Dictionary(Box::new(DataType::Int32), words);
                    *field = Arc::new(field.as_ref().clone().with_data_type(wide));
                }
                _ => {}
            }
        }
        if odd.full.is_empty() {
            return Ok((self.metadata.clone(), odd));
        }
        let schema = Schema::new_with_metadata(fields, self.schema().metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(self.metadata.metadata()), options);
        Ok((metadata.map_err(damaged)?, odd))
    }

    /// How many words the dictionary of a column has, where that matters; none where there is
    /// no such page, or none that can be read: decoding says so.
    fn word_count(&self, row_group: usize, column: usize, always: bool) -> Option<usize> {
        let schema = self.metadata.parquet_schema();
        let mut leaves = 0..schema.num_columns();
        let leaf = leaves.find(|leaf| schema.get_column_root_idx(*leaf) == column)?;
        let row_group = self.metadata.metadata().row_groups().get(row_group)?;
        let chunk = row_group.columns().get(leaf)?;
        chunk.dictionary_page_offset()?;
        if !(always || may_be_all_null(chunk)) {
            return None;
        }
        let rows = usize::try_from(row_group.num_rows()).ok()?;
        let source = Arc::new(self.source.clone());
        let mut pages = SerializedPageReader::new(source, chunk, rows, None).ok()?;
        match pages.get_next_page().ok()?? {
            Page::DictionaryPage { num_values, .. } => usize::try_from(num_values).ok(),
            Page::DataPage { .. } | Page::DataPageV2 { .. } => None,
        }
    }
}

fn may_be_all_null(chunk: &ColumnChunkMetaData) -> bool {
    let nulls = chunk.statistics().and_then(Statistics::null_count_opt);
    nulls.is_none_or(|nulls| i64::try_from(nulls) == Ok(chunk.num_values()))
}

impl OddDictionaries {
    /// The batch with the keys and dictionaries that the file has.
    pub(crate) fn restored(&self, batch: RecordBatch) -> Result<RecordBatch, SerializeError> {
        if self.full.is_empty() && self.empty.is_empty() {
            return Ok(batch);
        }
        let mut fields = batch.schema_ref().fields().to_vec();
        let mut columns = batch.columns().to_vec();
        for (place, field) in &self.full {
            let (Some(column), Some(as_read)) = (columns.get_mut(*place), fields.get_mut(*place))
            else {
                continue;
            };
            *column = with_keys(column, field.data_type()).map_err(inconsistent)?;
            *as_read = Arc::clone(field);
        }
        for place in &self.empty {
            if let Some(column) = columns.get_mut(*place) {
                *column = without_words(column).map_err(inconsistent)?;
            }
        }
        let schema = Schema::new_with_metadata(fields, batch.schema_ref().metadata().clone());
        RecordBatch::try_new(Arc::new(schema), columns).map_err(inconsistent)
    }
}

/// The same categories with keys of their own type, into which they fit.
fn with_keys(column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    let too_many = || ArrowError::DictionaryKeyOverflowError;
    let (Some(wide), DataType::Dictionary(keys, _)) =
        (column.as_dictionary_opt::<Int32Type>(), wanted)
    else {
        return Ok(Arc::clone(column));
    };
    if keys.as_ref() == &DataType::Int8 {
        return narrow::<Int8Type>(wide, |key| key.try_into().map_err(|_large| too_many()));
    }
    if keys.as_ref() == &DataType::UInt8 {
        return narrow::<UInt8Type>(wide, |key| key.try_into().map_err(|_large| too_many()));
    }
    if keys.as_ref() == &DataType::Int16 {
        return narrow::<Int16Type>(wide, |key| key.try_into().map_err(|_large| too_many()));
    }
    narrow::<UInt16Type>(wide, |key| key.try_into().map_err(|_large| too_many()))
}

fn narrow<K: ArrowDictionaryKeyType>(
    wide: &DictionaryArray<Int32Type>,
    key: impl Fn(i32) -> Result<K::Native, ArrowError>,
) -> Result<ArrayRef, ArrowError> {
    let keys: PrimitiveArray<K> = wide.keys().try_unary(key)?;
    Ok(Arc::new(DictionaryArray::try_new(
        keys,
        Arc::clone(wide.values()),
    )?))
}

/// A column without categories; all its rows are null.
fn without_words(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let DataType::Dictionary(_, words) = column.data_type() else {
        return Ok(Arc::clone(column));
    };
    if column.null_count() < column.len() {
        return Err(ArrowError::InvalidArgumentError(
            "there are values and no dictionary for them".to_owned(),
        ));
    }
    let words = arrow_array::new_empty_array(words).to_data();
    let data = column.to_data().into_builder().child_data(vec![words]);
    Ok(arrow_array::make_array(data.build()?))
}
