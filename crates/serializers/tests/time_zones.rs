//! Time zones of columns that the file has in another unit than the table had.
#![cfg(feature = "parquet")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use std::sync::Arc;

use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    Array, ArrayRef, ListArray, RecordBatch, StructArray, TimestampMillisecondArray,
};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use remote_store_serializers::ParquetFile;

const ZONE: &str = "Europe/Berlin";

fn instants(unit: TimeUnit, zone: &str) -> Vec<Field> {
    let instant = DataType::Timestamp(unit, Some(zone.into()));
    let plain = Field::new("at", instant.clone(), true);
    let list = Field::new_list("all", Field::new("element", instant.clone(), true), true);
    let within = Field::new_struct("in", vec![Field::new("at", instant, true)], true);
    vec![plain, list, within]
}

/// A file of milliseconds in UTC, whose embedded Arrow schema is another.
fn file(stored: &Schema) -> Bytes {
    let at = TimestampMillisecondArray::from(vec![Some(1_600_000_000_000), None]);
    let at: ArrayRef = Arc::new(at.with_timezone("UTC"));
    let fields: Fields = instants(TimeUnit::Millisecond, "UTC").into();
    let (DataType::List(element), DataType::Struct(inner)) =
        (fields[1].data_type(), fields[2].data_type())
    else {
        unreachable!("these are their types");
    };
    let lists = (0..2).map(|_row| Some([Some(0)]));
    let list = ListArray::from_iter_primitive::<TimestampMillisecondType, _, _>(lists).to_data();
    let list = list.into_builder().child_data(vec![at.to_data()]);
    let list = list.data_type(DataType::List(Arc::clone(element)));
    let list = ListArray::from(list.build().unwrap());
    let within = StructArray::new(inner.clone(), vec![Arc::clone(&at)], None);
    let schema = Arc::new(Schema::new(fields));
    let columns: Vec<ArrayRef> = vec![at, Arc::new(list), Arc::new(within)];
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let stored = KeyValue::new(
        ARROW_SCHEMA_META_KEY.to_owned(),
        encode_arrow_schema(stored),
    );
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![stored]));
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(&mut out, schema, options).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    out.into()
}

#[test]
fn the_zone_of_the_table_is_kept_whatever_its_unit_was() {
    for unit in [
        TimeUnit::Second,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ] {
        let file = ParquetFile::open(file(&Schema::new(instants(unit, ZONE)))).unwrap();
        assert_eq!(file.read_support().fallback_reason(), None);
        let table = file.decode(None).unwrap();
        let expected = Schema::new(instants(TimeUnit::Millisecond, ZONE));
        assert_eq!(table.schema().fields(), expected.fields());
        let values = table.batches()[0].column(0).to_data();
        let first = values.buffers()[0].typed_data::<i64>()[0];
        assert_eq!(first, 1_600_000_000_000);
    }
}

#[test]
fn a_table_in_utc_stays_in_utc() {
    let schema = Schema::new(instants(TimeUnit::Nanosecond, "UTC"));
    let file = ParquetFile::open(file(&schema)).unwrap();
    let expected = Schema::new(instants(TimeUnit::Millisecond, "UTC"));
    assert_eq!(file.schema().fields(), expected.fields());
}
