//! Partition columns as folders, `year=2013/month=1`, named as pyarrow names them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use remote_store_serializers::SerializeError;
use remote_store_serializers::parquet::unknown_column;
use serde::{Deserialize, Serialize};

use crate::error::{DatasetError, Result};

mod text;

use text::{NULL, encode_value, is_plain, percent_decode, percent_encode, plain, texts, value};

/// A column whose values are in the names of folders, not in the parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartitionColumn {
    /// Its name.
    pub name: String,
    /// Its Arrow type, as `arrow_schema::DataType` writes it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Which column of the table it is, counted from 0.
    pub position: usize,
}

/// Characters of the name of a type that folders can have, and more.
const LONGEST_TYPE: usize = 64;

/// How the rows of a table go to folders.
#[derive(Debug)]
pub(crate) struct Folders {
    columns: Vec<PartitionColumn>,
    part_schema: SchemaRef,
    part_columns: Vec<usize>,
}

impl Folders {
    /// # Errors
    /// [`DatasetError::InvalidOption`] and [`SerializeError`], naming the column.
    pub(crate) fn new(schema: &SchemaRef, partition_by: &[String]) -> Result<Self> {
        let mut columns: Vec<PartitionColumn> = Vec::new();
        for name in partition_by {
            let Some((position, field)) = schema.fields().find(name) else {
                let fields = schema.fields().iter();
                let there: Vec<String> = fields.map(|field| field.name().clone()).collect();
                let unknown = DatasetError::from(unknown_column(name, &there));
                return Err(unknown.at("partition_cols"));
            };
            if columns.iter().any(|column| column.name == *name) {
                return Err(DatasetError::InvalidOption {
                    option: "partition_cols",
                    demand: "columns that are named once each",
                });
            }
            if !is_told_by_folders(field.data_type()) {
                return Err(SerializeError::Unsupported {
                    format: "a dataset",
                    what: format!("partition column '{name}' of type {}", field.data_type()),
                    way_out: "cast it to text, an integer, a boolean or a date first".to_owned(),
                }
                .into());
            }
            columns.push(PartitionColumn {
                name: name.clone(),
                data_type: plain(field.data_type()).to_string(),
                position,
            });
        }
        let is_folder = |index: &usize| columns.iter().any(|column| column.position == *index);
        let part_columns: Vec<usize> = (0..schema.fields().len())
            .filter(|index| !is_folder(index))
            .collect();
        if part_columns.is_empty() {
            return Err(DatasetError::InvalidOption {
                option: "partition_cols",
                demand: "fewer than all columns of the table",
            });
        }
        let part_schema = schema.project(&part_columns).map_err(broken)?;
        Ok(Self {
            columns,
            part_schema: Arc::new(part_schema),
            part_columns,
        })
    }

    pub(crate) fn columns(&self) -> &[PartitionColumn] {
        &self.columns
    }

    pub(crate) fn part_schema(&self) -> &SchemaRef {
        &self.part_schema
    }

    /// The rows of each folder, folders in the order of their first row.
    pub(crate) fn split(&self, batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>> {
        let values: Option<Vec<_>> = self
            .columns
            .iter()
            .map(|column| texts(batch.column(column.position).as_ref()))
            .collect();
        let values = values.unwrap_or_default();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut rows: Vec<(String, Vec<u32>)> = Vec::new();
        let mut folder = String::new();
        let total =
            u32::try_from(batch.num_rows()).map_err(|_more| DatasetError::InvalidOption {
                option: "a record batch",
                demand: "of fewer rows than 4 thousand million",
            })?;
        for row in 0..total {
            folder.clear();
            for (column, value_of) in self.columns.iter().zip(&values) {
                let separator = if folder.is_empty() { "" } else { "/" };
                folder.push_str(separator);
                percent_encode(&column.name, &mut folder);
                folder.push('=');
                match value_of(row as usize) {
                    Some(text) => encode_value(&text, &mut folder),
                    None => folder.push_str(NULL),
                }
            }
            let place = places.get(&folder).copied().unwrap_or_else(|| {
                places.insert(folder.clone(), rows.len());
                rows.push((folder.clone(), Vec::new()));
                rows.len() - 1
            });
            if let Some((_, rows)) = rows.get_mut(place) {
                rows.push(row);
            }
        }
        let stored = batch.project(&self.part_columns).map_err(broken)?;
        if let [(folder, _)] = rows.as_slice() {
            return Ok(vec![(folder.clone(), stored)]);
        }
        rows.into_iter()
            .map(|(folder, rows)| {
                let rows = take_record_batch(&stored, &UInt32Array::from(rows)).map_err(broken)?;
                Ok((folder, rows))
            })
            .collect()
    }
}

/// The one value of each partition column that a part's path tells, in the order of `columns`.
///
/// # Errors
/// What is wrong with the path.
pub(crate) fn values_of(part: &str, columns: &[PartitionColumn]) -> Result<Vec<ArrayRef>, String> {
    let folders: Vec<&str> = part.split('/').collect();
    columns
        .iter()
        .map(|column| {
            let data_type = type_of(column)?;
            let text = folders.iter().find_map(|folder| {
                let (name, value) = folder.split_once('=')?;
                (percent_decode(name)? == column.name).then_some(value)
            });
            let Some(text) = text else {
                // A dataset without rows has no folders either.
                return Ok(new_null_array(&data_type, 1));
            };
            let text = (text != NULL).then(|| percent_decode(text)).flatten();
            value(text.as_deref(), &data_type).ok_or_else(|| {
                format!(
                    "the part '{part}' does not tell column '{}' as {data_type}",
                    column.name
                )
            })
        })
        .collect()
}

fn is_told_by_folders(data_type: &DataType) -> bool {
    // Without rows: a type may be of any width.
    *data_type != DataType::Null && texts(new_null_array(data_type, 0).as_ref()).is_some()
}

/// The type of a column, if folders can tell values of it.
fn type_of(column: &PartitionColumn) -> Result<DataType, String> {
    let PartitionColumn {
        name, data_type, ..
    } = column;
    // Those of folders are short; what is nested deeply would be read deeply. No array is made of
    // one that is not known: the Arrow library panics for types that contradict themselves.
    let known = (data_type.len() <= LONGEST_TYPE)
        .then(|| data_type.parse::<DataType>())
        .and_then(Result::ok)
        .filter(is_plain);
    known.ok_or_else(|| {
        let data_type: String = data_type.chars().take(LONGEST_TYPE).collect();
        format!("partition column '{name}' has the type '{data_type}', which folders do not have")
    })
}

/// The values of a part's folders, for as many rows as a batch has.
#[derive(Debug)]
pub(crate) struct Repeated<'a> {
    columns: &'a [PartitionColumn],
    values: &'a [ArrayRef],
    /// The values for the largest batch so far, which others share.
    arrays: Vec<ArrayRef>,
    rows: usize,
}

impl<'a> Repeated<'a> {
    pub(crate) fn new(columns: &'a [PartitionColumn], values: &'a [ArrayRef]) -> Self {
        Self {
            columns,
            values,
            arrays: Vec::new(),
            rows: 0,
        }
    }

    /// Puts the partition columns where they were.
    ///
    /// The batch has the columns `kept` of its part, counted from 0 and in order.
    pub(crate) fn restored(&mut self, batch: &RecordBatch, kept: &[usize]) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        if rows > self.rows || self.arrays.is_empty() {
            let all = UInt32Array::from(vec![0; rows]);
            let arrays = self.values.iter().map(|value| take(value, &all, None));
            self.arrays = arrays.collect::<Result<_, _>>().map_err(broken)?;
            self.rows = rows;
        }
        let mut arrays = batch.columns().to_vec();
        let mut fields: Vec<_> = batch.schema_ref().fields().iter().cloned().collect();
        for (place, index) in insertions(self.columns, kept) {
            if let Some((column, values)) = self.columns.get(index).zip(self.arrays.get(index)) {
                let field = Field::new(&column.name, values.data_type().clone(), true);
                fields.insert(place, Arc::new(field));
                arrays.insert(place, values.slice(0, rows));
            }
        }
        let metadata = batch.schema_ref().metadata().clone();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        // The rows are told for batches without columns too.
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(schema, arrays, &options).map_err(broken)?)
    }
}

/// As [`Repeated::restored`], for one batch.
pub(crate) fn restored(
    batch: &RecordBatch,
    kept: &[usize],
    columns: &[PartitionColumn],
    values: &[ArrayRef],
) -> Result<RecordBatch> {
    Repeated::new(columns, values).restored(batch, kept)
}

/// Where each column goes, in the order in which they are put in.
fn insertions(columns: &[PartitionColumn], kept: &[usize]) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.position, index))
        .collect();
    order.sort_unstable();
    for (earlier, (place, _)) in order.iter_mut().enumerate() {
        // So many columns of the part stood before it in the table.
        let before = place.saturating_sub(earlier);
        *place = kept.iter().filter(|column| **column < before).count() + earlier;
    }
    order
}

fn broken(error: arrow_schema::ArrowError) -> SerializeError {
    SerializeError::Encode {
        format: "a dataset",
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Date32Type, Int8Type, Int64Type};
    use arrow_array::{BooleanArray, Int64Array, PrimitiveArray, StringArray};
    use std::sync::Arc;

    use super::*;

    #[test]
    fn values_come_back_with_their_types_and_places() {
        let words: ArrayRef = Arc::new(StringArray::from(vec![Some("é/"), None, Some("é/")]));
        let days: ArrayRef = Arc::new(PrimitiveArray::<Date32Type>::from(vec![-1, 20_454, -1]));
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true]));
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("day", days, true),
            ("id", ids, true),
            ("word", words, true),
            ("flag", flags, true),
        ])
        .unwrap();
        let by = ["word", "day", "flag"].map(str::to_owned);
        let folders = Folders::new(&batch.schema(), &by).unwrap();
        let split = folders.split(&batch).unwrap();
        let names: Vec<&str> = split.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "word=%C3%A9%2F/day=1969-12-31/flag=true",
                "word=__HIVE_DEFAULT_PARTITION__/day=2026-01-01/flag=false"
            ]
        );
        let rows: Vec<RecordBatch> = split
            .iter()
            .map(|(name, rows)| {
                let values = values_of(&format!("{name}/part.parquet"), folders.columns()).unwrap();
                restored(rows, &[0], folders.columns(), &values).unwrap()
            })
            .collect();
        assert_eq!(rows[1], batch.slice(1, 1));
        assert_eq!(rows[0].num_rows(), 2);
        assert_eq!(rows[0].slice(0, 1), batch.slice(0, 1));
        assert!(values_of("word=x/day=soon/flag=true/p", folders.columns()).is_err());
    }

    #[test]
    fn categories_odd_dates_and_text_like_a_null_come_back() {
        let categories = |keys: Vec<Option<i8>>, words: Vec<&str>| -> ArrayRef {
            let words = Arc::new(StringArray::from(words));
            let keys = PrimitiveArray::<Int8Type>::from(keys);
            Arc::new(arrow_array::DictionaryArray::try_new(keys, words).unwrap())
        };
        let days = vec![
            Some(i32::MAX),
            None,
            Some(i32::MIN),
            Some(-719_529),
            Some(2_932_897),
        ];
        let columns: [(ArrayRef, ArrayRef); 4] = [
            (
                categories(vec![Some(1), None, Some(0)], vec!["a", "b"]),
                Arc::new(StringArray::from(vec![Some("b"), None, Some("a")])),
            ),
            (
                categories(vec![None, None], vec![]),
                Arc::new(StringArray::from(vec![None::<&str>, None])),
            ),
            (
                Arc::new(StringArray::from(vec![Some(NULL), None, Some("")])),
                Arc::new(StringArray::from(vec![Some(NULL), None, Some("")])),
            ),
            (
                Arc::new(PrimitiveArray::<Date32Type>::from(days.clone())),
                Arc::new(PrimitiveArray::<Date32Type>::from(days)),
            ),
        ];
        for (column, expected) in columns {
            let ids: ArrayRef =
                Arc::new(Int64Array::from_iter_values([0, 1, 2, 3, 4]).slice(0, column.len()));
            let batch =
                RecordBatch::try_from_iter_with_nullable([("c", column, true), ("id", ids, true)])
                    .unwrap();
            let folders = Folders::new(&batch.schema(), &["c".to_owned()]).unwrap();
            for (folder, rows) in folders.split(&batch).unwrap() {
                let values = values_of(&format!("{folder}/part.parquet"), folders.columns());
                let whole = restored(&rows, &[0], folders.columns(), &values.unwrap()).unwrap();
                for row in 0..whole.num_rows() {
                    let id = whole.column(1).as_primitive::<Int64Type>().value(row);
                    let expected = expected.slice(usize::try_from(id).unwrap(), 1);
                    assert_eq!(&whole.column(0).slice(row, 1), &expected, "{folder}");
                }
            }
        }
    }

    #[test]
    fn types_without_one_text_and_unknown_columns_are_refused_by_name() {
        let numbers: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![1.5]));
        let batch =
            RecordBatch::try_from_iter([("x", Arc::clone(&numbers)), ("y", numbers)]).unwrap();
        let refused = |name: &str| {
            let refused = Folders::new(&batch.schema(), &[name.to_owned()]);
            refused.unwrap_err().to_string()
        };
        assert!(refused("x").contains("partition column 'x' of type Float64"));
        assert!(refused("z").contains('z'));
    }
}
