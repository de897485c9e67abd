//! Which schemas this crate writes and reads as pyarrow would.
//!
//! For most types files written here and by pyarrow read back equal in both.
//! Where they do not, a caller that has pyarrow hands the table to it
//! ([`write_support`], [`read_support`]); a caller that has not gets an error
//! for those columns whose values would change their meaning, and plain
//! treatment of dictionaries, whose values stay right and whose category order
//! does not.
//!
//! | type | writing | reading |
//! |---|---|---|
//! | dictionary of text (categorical) as a column | equal, unused categories and their order too | equal, if the file has it as a dictionary |
//! | other dictionaries, and inside other types | pyarrow keeps unused categories and their order; here first-appearance order | the same |
//! | dictionary of booleans or decimals | error here | error here |
//! | `timestamp[s]`, `time32[s]`, `date64` as a column | cast as pyarrow does, to milliseconds and `date32` | error here |
//! | the same inside other types | would be plain integers for others: error here | error here |
//! | union, interval, run-end encoded, list view, `decimal32`, `decimal64`, `fixed_size_binary[0]`, empty struct, negative decimal scale | error here | – |
//! | INT96 with a stored Arrow schema | – | the stored unit here, nanoseconds in pyarrow |
//! | INTERVAL of other writers | – | error here |
//! | metadata of the file without values, or with one key twice | – | these entries are lost here |
//! | everything else | equal | equal |

use std::sync::Arc;

use ::parquet::basic::{Encoding, Type as PhysicalType};
use ::parquet::file::metadata::{FileMetaData, RowGroupMetaData};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::{DataType, Field, Schema, TimeUnit};

use super::{FORMAT, foreign, precast, zones};
use crate::SerializeError;

/// Whether this crate's own Parquet code may be used for a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// The result equals pyarrow's.
    Native,
    /// pyarrow should do it.
    Fallback {
        /// The column and what would differ.
        reason: String,
    },
}

impl Support {
    /// The reason for a fallback, if there is one.
    pub fn fallback_reason(&self) -> Option<&str> {
        match self {
            Self::Native => None,
            Self::Fallback { reason } => Some(reason),
        }
    }
}

/// How far a type here is from what pyarrow does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Difference {
    /// Values are right, the order of categories is not.
    Categories,
    /// Values change their meaning or cannot be handled.
    Wrong(&'static str),
}

impl Difference {
    fn text(self) -> &'static str {
        match self {
            Self::Categories => {
                "categories would come back in the order of first appearance, unused ones dropped"
            }
            Self::Wrong(reason) => reason,
        }
    }
}

/// Whether a table of this schema, written here, reads back in pyarrow as if
/// pyarrow had written it (DAG-004).
///
/// ```
/// use arrow_schema::{DataType, Field, Schema, TimeUnit};
/// use remote_store_serializers::parquet_gate::{Support, write_support};
///
/// let plain = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
/// assert_eq!(write_support(&plain), Support::Native);
///
/// let seconds = Field::new_list_field(DataType::Timestamp(TimeUnit::Second, None), true);
/// let schema = Schema::new(vec![Field::new_list("at", seconds, true)]);
/// let support = write_support(&schema);
/// assert!(support.fallback_reason().unwrap().starts_with("column 'at'"));
/// ```
pub fn write_support(schema: &Schema) -> Support {
    support(
        schema.fields().iter().filter(|field| !is_written(field)),
        write_difference,
    )
}

/// Whether a column is written as pyarrow does although its type inside others is not.
fn is_written(field: &Field) -> bool {
    precast::target(field.data_type()).is_some() || is_categorical(field.data_type())
}

/// Categories of text, whose order and unused ones are kept.
pub(crate) fn is_categorical(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Dictionary(_, values)
        if matches!(values.as_ref(), DataType::Utf8 | DataType::LargeUtf8))
}

/// Whether a file with these schemas, read here, gives what pyarrow gives (DAG-004).
///
/// [`ParquetFile::read_support`](super::ParquetFile::read_support) passes both; `file` is the file's own metadata.
pub fn read_support(schema: &Schema, file: &FileMetaData) -> Support {
    read_support_of(schema, file, None, &|_all| true)
}

/// The same for a file whose row groups are known: categories that it has as dictionaries
/// come back as they are, and so do those of a file without rows. Only columns whose positions are wanted count.
pub(crate) fn read_support_of(
    schema: &Schema,
    file: &FileMetaData,
    row_groups: Option<&[RowGroupMetaData]>,
    wanted: &dyn Fn(usize) -> bool,
) -> Support {
    let found = int96_difference(schema, file, wanted)
        .or_else(|| zone_difference(schema, file, wanted))
        .or_else(|| foreign::metadata_difference(file))
        .or_else(|| foreign::json_difference(file, wanted));
    if let Some(reason) = found {
        return Support::Fallback { reason };
    }
    let is_coded = |position: usize| {
        row_groups.is_some_and(|row_groups| {
            row_groups.iter().all(|row_group| {
                has_dictionary_pages_only(row_group, file.schema_descr(), position)
            })
        })
    };
    let fields = schema.fields().iter().enumerate();
    let fields = fields
        .filter(|(position, _)| wanted(*position))
        .filter(|(position, field)| !(is_categorical(field.data_type()) && is_coded(*position)));
    support(fields.map(|(_, field)| field), read_difference)
}

fn has_dictionary_pages_only(
    row_group: &RowGroupMetaData,
    schema: &SchemaDescriptor,
    root: usize,
) -> bool {
    let mut columns = row_group.columns().iter().enumerate();
    let column = columns.find(|(leaf, _)| schema.get_column_root_idx(*leaf) == root);
    column.is_some_and(|(_, column)| {
        column.dictionary_page_offset().is_some()
            && column.page_encoding_stats_mask().is_some_and(|mask| {
                mask.is_only(Encoding::RLE_DICTIONARY) || mask.is_only(Encoding::PLAIN_DICTIONARY)
            })
    })
}

/// Refuses columns that would be wrong in the file.
pub(crate) fn refuse_wrong_for_writing(schema: &Schema) -> Result<(), SerializeError> {
    let fields = schema.fields().iter();
    refuse_wrong(fields.filter(|field| !is_written(field)), write_difference)
}

/// Refuses columns that would come back wrong.
pub(crate) fn refuse_wrong_for_reading(schema: &Schema) -> Result<(), SerializeError> {
    refuse_wrong(schema.fields(), read_difference)
}

fn support<'a>(
    fields: impl IntoIterator<Item = &'a Arc<Field>>,
    difference: fn(&DataType) -> Option<Difference>,
) -> Support {
    let found = fields
        .into_iter()
        .find_map(|field| find(field, difference).map(|found| (field, found)));
    found.map_or(Support::Native, |(field, found)| Support::Fallback {
        reason: format!(
            "column '{}' of type {}: {}",
            field.name(),
            field.data_type(),
            found.text()
        ),
    })
}

fn refuse_wrong<'a>(
    fields: impl IntoIterator<Item = &'a Arc<Field>>,
    difference: fn(&DataType) -> Option<Difference>,
) -> Result<(), SerializeError> {
    let wrong = |data_type: &DataType| {
        difference(data_type).filter(|found| *found != Difference::Categories)
    };
    for field in fields {
        if let Some(Difference::Wrong(reason)) = find_with(field, &wrong) {
            return Err(SerializeError::Unsupported {
                format: FORMAT,
                what: format!("column '{}' of type {}", field.name(), field.data_type()),
                way_out: reason.to_owned(),
            });
        }
    }
    Ok(())
}

fn find(field: &Field, difference: fn(&DataType) -> Option<Difference>) -> Option<Difference> {
    find_with(field, &difference)
}

/// What `seek` finds first in a type or, for nested types, in what it is made of.
pub(crate) fn find_with<T>(field: &Field, seek: &dyn Fn(&DataType) -> Option<T>) -> Option<T> {
    seek(field.data_type()).or_else(|| {
        children(field.data_type())
            .into_iter()
            .find_map(|child| find_with(child, seek))
    })
}

fn children(data_type: &DataType) -> Vec<&Field> {
    if let DataType::Struct(fields) = data_type {
        return fields.iter().map(AsRef::as_ref).collect();
    }
    if let DataType::List(field)
    | DataType::LargeList(field)
    | DataType::FixedSizeList(field, _)
    | DataType::ListView(field)
    | DataType::LargeListView(field)
    | DataType::Map(field, _) = data_type
    {
        return vec![field];
    }
    Vec::new()
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "types are native unless listed; the test over all types guards it"
)]
fn write_difference(data_type: &DataType) -> Option<Difference> {
    let wrong = match data_type {
        DataType::Dictionary(_, values) => return Some(dictionary_difference(values)),
        DataType::Timestamp(TimeUnit::Second, _) => {
            "Parquet has no seconds; cast it to milliseconds"
        }
        DataType::Time32(TimeUnit::Second) => "Parquet has no seconds; cast it to time32[ms]",
        DataType::Date64 => "other readers would see plain integers; cast it to date32",
        DataType::Interval(_) => {
            "Parquet readers disagree on intervals; use a duration or whole numbers"
        }
        DataType::Union(_, _) => "Parquet has no unions; write one column for each alternative",
        DataType::RunEndEncoded(_, _) => {
            "run-end encoding is no Parquet type; cast it to the type of its values"
        }
        DataType::ListView(_) | DataType::LargeListView(_) => {
            "list views are no Parquet type; cast it to a list"
        }
        DataType::FixedSizeBinary(0) => "values of no bytes cannot be written; drop the column",
        DataType::Struct(fields) if fields.is_empty() => {
            "Parquet has no empty structs; drop the column"
        }
        DataType::Decimal32(_, _) | DataType::Decimal64(_, _) => "cast it to decimal128",
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale < 0 => {
            "Parquet has no negative scales; cast it to scale 0"
        }
        _ => return None,
    };
    Some(Difference::Wrong(wrong))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "types are native unless listed; the test over all types guards it"
)]
fn read_difference(data_type: &DataType) -> Option<Difference> {
    match data_type {
        DataType::Dictionary(_, values) => Some(dictionary_difference(values)),
        DataType::Timestamp(TimeUnit::Second, _)
        | DataType::Time32(TimeUnit::Second)
        | DataType::Date64 => Some(Difference::Wrong(
            "its unit or zone would be lost; read it with pyarrow, or write it in milliseconds",
        )),
        DataType::Interval(_) => Some(Difference::Wrong(
            "parts of it would be lost; pyarrow gives its 12 bytes as they are",
        )),
        _ => None,
    }
}

fn dictionary_difference(values: &DataType) -> Difference {
    let text = matches!(
        values,
        DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
    );
    if text || values.is_integer() || values.is_floating() {
        Difference::Categories
    } else {
        Difference::Wrong(
            "dictionaries of this type are not handled; cast it to the type of its values",
        )
    }
}

/// INT96 timestamps are nanoseconds to pyarrow whatever the stored schema says.
fn int96_difference(
    schema: &Schema,
    file: &FileMetaData,
    wanted: &dyn Fn(usize) -> bool,
) -> Option<String> {
    if !foreign::has_arrow_schema(file) {
        return None;
    }
    let parquet_schema = file.schema_descr();
    parquet_schema
        .columns()
        .iter()
        .enumerate()
        .find_map(|(leaf, column)| {
            if column.physical_type() != PhysicalType::INT96 {
                return None;
            }
            let root = parquet_schema.get_column_root_idx(leaf);
            let field = schema.fields().get(root).filter(|_| wanted(root))?;
            let plain = matches!(
                field.data_type(),
                DataType::Timestamp(TimeUnit::Nanosecond, None)
            );
            (!plain).then(|| {
                format!(
                    "column '{}' holds INT96 timestamps, which pyarrow reads as nanoseconds",
                    field.name()
                )
            })
        })
}

/// Zones are taken from the embedded Arrow schema when the file is opened; here it is seen where
/// that could not be done.
fn zone_difference(
    schema: &Schema,
    file: &FileMetaData,
    wanted: &dyn Fn(usize) -> bool,
) -> Option<String> {
    let mut fields = schema.fields().iter().enumerate();
    if !fields.any(|(position, field)| wanted(position) && zones::may_have_another(field))
        || !foreign::has_arrow_schema(file)
    {
        return None;
    }
    if zones::stored_schema(file).is_none() {
        return Some("the embedded Arrow schema cannot be read".to_owned());
    }
    let restored = zones::restored(schema, file)?;
    let mut fields = schema.fields().iter().zip(&restored).enumerate();
    let lost = |(position, (field, restored))| wanted(position) && field != restored;
    let (_, (field, restored)) = fields.find(|field| lost(*field))?;
    Some(format!(
        "column '{}' of type {}: its time zone would come back as UTC",
        field.name(),
        restored.data_type()
    ))
}
