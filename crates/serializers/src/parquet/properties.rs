//! The properties of a file, from its schema and the options.

use ::parquet::arrow::add_encoded_arrow_schema_to_metadata;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::Schema;

use super::columns::unknown_column;
use super::{ParquetOptions, Statistics};
use crate::SerializeError;

/// What the Parquet library is told.
pub(crate) fn properties(
    schema: &Schema,
    parquet_schema: &SchemaDescriptor,
    options: &ParquetOptions,
) -> Result<WriterProperties, SerializeError> {
    // pyarrow reads pandas' index and types from the file's own metadata, not
    // from the embedded Arrow schema: both are written. Sorted, since a hash
    // map's order would make equal tables unequal files.
    let mut metadata: Vec<KeyValue> = schema
        .metadata()
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    metadata.sort_by(|left, right| left.key.cmp(&right.key));
    let statistics = match options.statistics {
        Statistics::None => EnabledStatistics::None,
        Statistics::Chunk => EnabledStatistics::Chunk,
        Statistics::Page => EnabledStatistics::Page,
    };
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("remote-store version ", env!("CARGO_PKG_VERSION")).to_owned())
        // The names that the Parquet format demands inside lists and maps, as
        // pyarrow writes them. (It also coerces Date64, which the gate refuses.)
        .set_coerce_types(true)
        .set_compression(options.compression.to_parquet()?)
        .set_dictionary_enabled(options.dictionary)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(options.statistics != Statistics::Page)
        .set_key_value_metadata((!metadata.is_empty()).then_some(metadata))
        .set_sorting_columns(sorting(parquet_schema, options)?)
        .build();
    add_encoded_arrow_schema_to_metadata(schema, &mut properties);
    Ok(properties)
}

fn sorting(
    parquet_schema: &SchemaDescriptor,
    options: &ParquetOptions,
) -> Result<Option<Vec<SortingColumn>>, SerializeError> {
    if options.sorting.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = parquet_schema
        .columns()
        .iter()
        .map(|column| column.path().string())
        .collect();
    let columns = options.sorting.iter().map(|column| {
        let position = names.iter().position(|name| *name == column.name);
        let column_idx = position
            .and_then(|position| i32::try_from(position).ok())
            .ok_or_else(|| unknown_column(&column.name, &names))?;
        Ok(SortingColumn {
            column_idx,
            descending: column.descending,
            nulls_first: column.nulls_first,
        })
    });
    columns
        .collect::<Result<Vec<_>, SerializeError>>()
        .map(Some)
}
