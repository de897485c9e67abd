//! Partition columns as folders, `year=2013/month=1`, named as pyarrow names them.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "types that are not named here have no one text"
)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, LargeStringArray, PrimitiveArray,
    RecordBatch, StringArray, StringViewArray, UInt32Array, new_null_array,
};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::take::{take, take_record_batch};
use chrono::{NaiveDate, TimeDelta};
use remote_store_serializers::SerializeError;
use serde::{Deserialize, Serialize};

use crate::error::{DatasetError, Result};

/// What stands for a null in the name of a folder.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

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
                return Err(SerializeError::UnknownColumn {
                    name: name.clone(),
                    nearest: None,
                    available: schema.fields().iter().map(|f| f.name().clone()).collect(),
                }
                .into());
            };
            if columns.iter().any(|column| column.name == *name) {
                return Err(DatasetError::InvalidOption {
                    option: "partition_cols",
                    demand: "columns that are named once each",
                });
            }
            let text = if field.data_type() == &DataType::Null {
                None
            } else {
                texts(new_null_array(field.data_type(), 0).as_ref()).map(|_texts| ())
            };
            if text.is_none() {
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
                    Some(text) => percent_encode(&text, &mut folder),
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
            let data_type: DataType = column
                .data_type
                .parse()
                .map_err(|error| format!("partition column '{}': {error}", column.name))?;
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

/// Puts the partition columns where they were, with as many rows as the batch has.
pub(crate) fn restored(
    batch: &RecordBatch,
    columns: &[PartitionColumn],
    values: &[ArrayRef],
) -> Result<RecordBatch> {
    let rows = UInt32Array::from(vec![0; batch.num_rows()]);
    let mut arrays = batch.columns().to_vec();
    for (place, index) in insertions(columns, arrays.len()) {
        if let Some(value) = values.get(index) {
            arrays.insert(place, take(value, &rows, None).map_err(broken)?);
        }
    }
    let schema = restored_schema(batch.schema_ref(), columns)?;
    Ok(RecordBatch::try_new(schema, arrays).map_err(broken)?)
}

/// The schema with the partition columns where they were.
pub(crate) fn restored_schema(schema: &Schema, columns: &[PartitionColumn]) -> Result<SchemaRef> {
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    for (place, index) in insertions(columns, fields.len()) {
        if let Some(column) = columns.get(index) {
            let data_type: DataType = column.data_type.parse().map_err(broken)?;
            let field = arrow_schema::Field::new(&column.name, data_type, true);
            fields.insert(place, Arc::new(field));
        }
    }
    Ok(Arc::new(Schema::new_with_metadata(
        fields,
        schema.metadata().clone(),
    )))
}

/// Where each column goes, in the order in which they are put in.
fn insertions(columns: &[PartitionColumn], mut width: usize) -> Vec<(usize, usize)> {
    let mut order: Vec<(usize, usize)> = columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.position, index))
        .collect();
    order.sort_unstable();
    for (place, _) in &mut order {
        *place = (*place).min(width);
        width += 1;
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

/// The type that a value read from a name has: categories come back as their text.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        other => other,
    }
}

macro_rules! each_integer {
    ($data_type:expr, $do:ident) => {
        match $data_type {
            DataType::Int8 => $do!(Int8Type),
            DataType::Int16 => $do!(Int16Type),
            DataType::Int32 => $do!(Int32Type),
            DataType::Int64 => $do!(Int64Type),
            DataType::UInt8 => $do!(UInt8Type),
            DataType::UInt16 => $do!(UInt16Type),
            DataType::UInt32 => $do!(UInt32Type),
            DataType::UInt64 => $do!(UInt64Type),
            _ => None,
        }
    };
}

type TextAt<'a> = Box<dyn Fn(usize) -> Option<String> + 'a>;

/// How to tell the values of a column as text; none for a type that has no one form.
fn texts(column: &dyn Array) -> Option<TextAt<'_>> {
    fn text_of<T>(column: &dyn Array, text: fn(T::Native) -> Option<String>) -> Option<TextAt<'_>>
    where
        T: ArrowPrimitiveType,
    {
        let column = column.as_primitive_opt::<T>()?;
        let is_there = |row: usize| !column.is_null(row);
        Some(Box::new(move |row| {
            is_there(row).then(|| column.value(row)).and_then(text)
        }))
    }
    macro_rules! strings {
        ($array:expr) => {{
            let column = $array?;
            Some(Box::new(move |row| {
                (!column.is_null(row)).then(|| column.value(row).to_string())
            }))
        }};
    }
    macro_rules! integers {
        ($type:ty) => {
            text_of::<$type>(column, |value| Some(value.to_string()))
        };
    }
    match column.data_type() {
        DataType::Boolean => strings!(column.as_boolean_opt()),
        DataType::Utf8 => strings!(column.as_string_opt::<i32>()),
        DataType::LargeUtf8 => strings!(column.as_string_opt::<i64>()),
        DataType::Utf8View => strings!(column.as_string_view_opt()),
        DataType::Date32 => {
            text_of::<Date32Type>(column, |days| date(days).map(|date| date.to_string()))
        }
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary_opt()?;
            let keys = column.normalized_keys();
            let value_at = texts(column.values().as_ref())?;
            Some(Box::new(move |row| {
                let key = keys.get(row).filter(|_| !column.is_null(row))?;
                value_at(*key)
            }))
        }
        integer => each_integer!(integer, integers),
    }
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(days.into())?)
}

/// One value of a type from its text.
fn value(text: Option<&str>, data_type: &DataType) -> Option<ArrayRef> {
    let Some(text) = text else {
        return Some(new_null_array(data_type, 1));
    };
    macro_rules! parsed {
        ($type:ty) => {{
            let value: <$type as ArrowPrimitiveType>::Native = text.parse().ok()?;
            let array = PrimitiveArray::<$type>::from_iter_values([value]);
            Some(Arc::new(array) as ArrayRef)
        }};
    }
    match data_type {
        DataType::Boolean => Some(Arc::new(BooleanArray::from(vec![
            text.parse::<bool>().ok()?,
        ]))),
        DataType::Utf8 => Some(Arc::new(StringArray::from(vec![text]))),
        DataType::LargeUtf8 => Some(Arc::new(LargeStringArray::from(vec![text]))),
        DataType::Utf8View => Some(Arc::new(StringViewArray::from(vec![text]))),
        DataType::Date32 => {
            let days = text.parse::<NaiveDate>().ok()? - NaiveDate::default();
            let days = i32::try_from(days.num_days()).ok()?;
            Some(Arc::new(PrimitiveArray::<Date32Type>::from_iter_values([
                days,
            ])))
        }
        integer => each_integer!(integer, parsed),
    }
}

/// All but letters, digits and `-._~`, as pyarrow's `segment_encoding="uri"` does.
fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Written to memory, which does not fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use arrow_array::Int64Array;

    use super::*;

    #[test]
    fn names_of_folders_are_those_of_pyarrow() {
        // What pyarrow.parquet.write_to_dataset made of the same values.
        for (value, name) in [
            ("a b/c%é:=", "a%20b%2Fc%25%C3%A9%3A%3D"),
            ("x~y-_.!*'()", "x~y-_.%21%2A%27%28%29"),
            ("", ""),
            (".", "."),
        ] {
            let mut out = String::new();
            percent_encode(value, &mut out);
            assert_eq!(out, name);
            assert_eq!(percent_decode(name).as_deref(), Some(value));
        }
    }

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
                restored(rows, folders.columns(), &values).unwrap()
            })
            .collect();
        assert_eq!(rows[1], batch.slice(1, 1));
        assert_eq!(rows[0].num_rows(), 2);
        assert_eq!(rows[0].slice(0, 1), batch.slice(0, 1));
        assert!(values_of("word=x/day=soon/flag=true/p", folders.columns()).is_err());
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
