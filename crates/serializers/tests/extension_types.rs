//! Columns that other programs know by more than the type of their values.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeBinaryArray, RecordBatch, StringArray};
use arrow_schema::extension::{EXTENSION_TYPE_NAME_KEY, Json, Uuid};
use arrow_schema::{DataType, Field, Schema};
use parquet::basic::LogicalType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use remote_store_serializers::parquet::encode_table;
use remote_store_serializers::{ParquetFile, ParquetOptions, Table};

#[test]
fn uuid_and_json_are_written_and_read_as_what_they_are() {
    let id = Field::new("id", DataType::FixedSizeBinary(16), true).with_extension_type(Uuid);
    let note = Field::new("note", DataType::Utf8, true).with_extension_type(Json::default());
    let ids: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_iter([[7_u8; 16], [8; 16]].iter()).unwrap());
    let notes: ArrayRef = Arc::new(StringArray::from(vec![Some("{}"), None]));
    let schema = Arc::new(Schema::new(vec![id, note]));
    let table = Table::from(RecordBatch::try_new(schema, vec![ids, notes]).unwrap());

    let content = encode_table(&table, &ParquetOptions::default()).unwrap();
    let file = SerializedFileReader::new(content.clone()).unwrap();
    let schema = file.metadata().file_metadata().schema_descr();
    assert_eq!(
        schema.column(0).logical_type_ref(),
        Some(&LogicalType::Uuid)
    );
    assert_eq!(
        schema.column(1).logical_type_ref(),
        Some(&LogicalType::Json)
    );

    let back = ParquetFile::open(content).unwrap().decode(None).unwrap();
    assert_eq!(back, table);
    let schema = back.schema();
    let name = |field: &Field| field.metadata().get(EXTENSION_TYPE_NAME_KEY).cloned();
    assert_eq!(name(schema.field(0)).as_deref(), Some("arrow.uuid"));
    assert_eq!(name(schema.field(1)).as_deref(), Some("arrow.json"));
}
