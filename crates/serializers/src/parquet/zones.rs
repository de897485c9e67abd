//! Time zones that stand only in the embedded Arrow schema.
//!
//! A writer may store instants in another unit than the table had: pyarrow has no seconds, and its
//! older versions no nanoseconds. The column then says only that it is in UTC, and the Parquet
//! library leaves it at that, while pyarrow takes the zone from the embedded schema.

use std::sync::Arc;

use ::parquet::arrow::ARROW_SCHEMA_META_KEY;
use ::parquet::file::metadata::FileMetaData;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::gate::find_with;

/// The schema of the table that was written; none when the file tells none that can be read.
pub(crate) fn stored_schema(file: &FileMetaData) -> Option<Schema> {
    let mut entries = file.key_value_metadata()?.iter();
    let stored = entries.find(|entry| entry.key == ARROW_SCHEMA_META_KEY)?;
    let message = BASE64_STANDARD.decode(stored.value.as_deref()?).ok()?;
    arrow_ipc::convert::try_schema_from_ipc_buffer(&message).ok()
}

/// Whether a type has instants whose zone may stand elsewhere.
pub(crate) fn may_have_another(field: &Field) -> bool {
    let in_utc = |data_type: &DataType| {
        let DataType::Timestamp(_, Some(zone)) = data_type else {
            return None;
        };
        (zone.as_ref() == "UTC").then_some(())
    };
    find_with(field, &in_utc).is_some()
}

/// The fields with the zones that the table had; none when they have them.
pub(crate) fn restored(schema: &Schema, file: &FileMetaData) -> Option<Fields> {
    let fields = schema.fields();
    if !fields.iter().any(|field| may_have_another(field)) {
        return None;
    }
    with_zones(fields, stored_schema(file)?.fields())
}

fn with_zones(fields: &Fields, stored: &Fields) -> Option<Fields> {
    if fields.len() != stored.len() {
        return None;
    }
    let pairs = || fields.iter().zip(stored);
    if !pairs().any(|(field, stored)| with_zone(field, stored).is_some()) {
        return None;
    }
    let fields = pairs().map(|(field, stored)| {
        with_zone(field, stored).map_or_else(|| Arc::clone(field), Arc::new)
    });
    Some(fields.collect())
}

fn with_zone(field: &FieldRef, stored: &FieldRef) -> Option<Field> {
    let child = |own: &FieldRef, stored: &FieldRef| with_zone(own, stored).map(Arc::new);
    let data_type = match (field.data_type(), stored.data_type()) {
        (DataType::Timestamp(unit, Some(own)), DataType::Timestamp(_, Some(zone))) => {
            (own != zone).then(|| DataType::Timestamp(*unit, Some(Arc::clone(zone))))
        }
        (DataType::List(own), DataType::List(stored)) => child(own, stored).map(DataType::List),
        (DataType::LargeList(own), DataType::LargeList(stored)) => {
            child(own, stored).map(DataType::LargeList)
        }
        (DataType::FixedSizeList(own, length), DataType::FixedSizeList(stored, _)) => {
            child(own, stored).map(|field| DataType::FixedSizeList(field, *length))
        }
        (DataType::Map(own, sorted), DataType::Map(stored, _)) => {
            child(own, stored).map(|field| DataType::Map(field, *sorted))
        }
        (DataType::Struct(own), DataType::Struct(stored)) => {
            with_zones(own, stored).map(DataType::Struct)
        }
        _ => None,
    };
    data_type.map(|data_type| field.as_ref().clone().with_data_type(data_type))
}
