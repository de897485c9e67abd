//! Files of other writers: what is encrypted and says so, offsets that mean nothing, and what of
//! the footer pyarrow tells otherwise.

use ::parquet::arrow::ARROW_SCHEMA_META_KEY;
use ::parquet::basic::ConvertedType;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_schema::ArrowError;

use super::FORMAT;
use super::source::Source;
use crate::SerializeError;

/// What a file begins and ends with.
const MAGIC: &[u8] = b"PAR1";
/// Of a file that does not end as it must.
pub(crate) const CUT_OFF: &str =
    "it does not end with the bytes PAR1: it is cut off, or is no Parquet file";
/// Length and magic, after the footer.
const TAIL_LEN: usize = 8;
/// What follows a footer that is signed since columns are encrypted: a nonce and a tag.
const SIGNATURE_LEN: usize = 28;

/// Whether the file ends as one whose footer is encrypted does.
pub(crate) fn is_encrypted(tail: &[u8]) -> bool {
    tail.ends_with(b"PARE")
}

/// A file of which nothing can be read without its keys.
pub(crate) fn encrypted() -> SerializeError {
    SerializeError::decode(
        FORMAT,
        "its footer is encrypted, and keys are not taken here; read it with pyarrow, which takes \
         them as decryption_properties",
    )
}

/// Whether the footer can be read and columns are encrypted.
///
/// The library does not tell what it cannot decrypt; but such a footer is followed by a signature.
pub(crate) fn has_signature(source: &Source) -> bool {
    let footer = || -> Result<_> {
        let end = source.len().saturating_sub(TAIL_LEN as u64);
        let tail = source.get_bytes(end, TAIL_LEN)?;
        let length = tail.first_chunk().map(|length| u32::from_le_bytes(*length));
        let length = u64::from(length.unwrap_or_default());
        let start = end.saturating_sub(length);
        source.get_bytes(start, usize::try_from(length).unwrap_or_default())
    };
    let Ok(footer) = footer() else {
        return false;
    };
    // A footer itself ends with a zero.
    if footer.last().is_none_or(|last| *last == 0) {
        return false;
    }
    let signed = footer.len().checked_sub(SIGNATURE_LEN);
    let signed = signed.and_then(|length| footer.get(..length));
    signed.is_some_and(|signed| {
        signed.last() == Some(&0) && ParquetMetaDataReader::decode_metadata(signed).is_ok()
    })
}

/// The same footer without dictionaries that are not there: some writers say that one starts at
/// 0, or after the data.
///
/// # Errors
/// When the footer does not fit together.
pub(crate) fn mended(metadata: &ParquetMetaData) -> Result<Option<ParquetMetaData>> {
    let is_odd = |chunk: &ColumnChunkMetaData| {
        // A chunk without rows may have a dictionary and no data, which is then said to be at 0.
        let data = chunk.data_page_offset();
        let dictionary = chunk.dictionary_page_offset();
        dictionary.is_some_and(|offset| offset <= 0 || (data > 0 && offset >= data))
    };
    let mut row_groups = metadata.row_groups().iter();
    if !row_groups.any(|row_group| row_group.columns().iter().any(is_odd)) {
        return Ok(None);
    }
    let mend = |chunk: &ColumnChunkMetaData| {
        let is_odd = is_odd(chunk);
        let chunk = chunk.clone();
        if !is_odd {
            return Ok(chunk);
        }
        chunk
            .into_builder()
            .set_dictionary_page_offset(None)
            .build()
    };
    let row_groups = metadata.row_groups().iter().map(|row_group| {
        let columns = row_group.columns().iter().map(mend);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let row_group = row_group.clone().into_builder();
        row_group.set_column_metadata(columns).build()
    });
    let row_groups = row_groups.collect::<Result<Vec<RowGroupMetaData>>>()?;
    let metadata = metadata.clone().into_builder();
    Ok(Some(metadata.set_row_groups(row_groups).build()))
}

/// Whether the Arrow schema of the table that was written is in the file.
pub(crate) fn has_arrow_schema(file: &FileMetaData) -> bool {
    let entries = file.key_value_metadata();
    entries.is_some_and(|entries| {
        entries
            .iter()
            .any(|entry| entry.key == ARROW_SCHEMA_META_KEY)
    })
}

/// Metadata of the file that pyarrow gives and an Arrow schema here cannot hold: keys without a
/// value, and several of one name.
pub(crate) fn metadata_difference(file: &FileMetaData) -> Option<String> {
    let entries = file.key_value_metadata()?;
    if let Some(entry) = entries.iter().find(|entry| entry.value.is_none()) {
        return Some(format!("metadata '{}' has no value", entry.key));
    }
    let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(*one),
        _ => None,
    })?;
    Some(format!("metadata '{twice}' is there more than once"))
}

/// JSON as writers from before 2019 mark it: text here, and pyarrow's type of JSON there.
pub(crate) fn json_difference(
    file: &FileMetaData,
    wanted: &dyn Fn(usize) -> bool,
) -> Option<String> {
    let schema = file.schema_descr();
    let found = schema.columns().iter().enumerate().find(|(leaf, column)| {
        column.converted_type() == ConvertedType::JSON
            && column.logical_type_ref().is_none()
            && wanted(schema.get_column_root_idx(*leaf))
    });
    found.map(|(_, column)| {
        format!(
            "column '{}' is JSON, which would be plain text",
            column.path()
        )
    })
}

/// Why columns could not be decoded.
pub(crate) fn unread(error: ArrowError, columns: &str, is_encrypted: bool) -> SerializeError {
    if is_encrypted {
        return SerializeError::Decode {
            format: FORMAT,
            reason: format!(
                "columns {columns}: {error}. Columns of this file are encrypted, and keys are not \
                 taken here: read those with pyarrow, which takes keys as decryption_properties"
            ),
            source: Some(Box::new(error)),
        };
    }
    let text = error.to_string();
    // The library's only error about it has no type of its own.
    if text.contains("non UTF-8 data") {
        return SerializeError::Unsupported {
            format: FORMAT,
            what: format!("text that is not UTF-8, in columns {columns}"),
            way_out: "read it with pyarrow, and cast the column to binary".to_owned(),
        };
    }
    SerializeError::Decode {
        format: FORMAT,
        reason: format!("columns {columns}: {text}"),
        source: Some(Box::new(error)),
    }
}

/// Why a file could not be opened.
pub(crate) fn unopened(source: &Source, error: ParquetError) -> SerializeError {
    let end = source.len().saturating_sub(4);
    let magic = source.get_bytes(end, 4);
    if magic.is_ok_and(|magic| is_encrypted(&magic)) {
        return encrypted();
    }
    SerializeError::Decode {
        format: FORMAT,
        reason: no_parquet(source).map_or_else(|| error.to_string(), str::to_owned),
        source: Some(Box::new(error)),
    }
}

/// What is wrong with a file that does not end as Parquet does; none for one that does.
fn no_parquet(source: &Source) -> Option<&'static str> {
    let magic = source.len().checked_sub(MAGIC.len() as u64);
    let has_magic = |start: u64| {
        let magic = source.get_bytes(start, MAGIC.len());
        // What was not fetched tells nothing.
        magic.map_or(true, |magic| magic.as_ref() == MAGIC)
    };
    match magic {
        Some(end) if has_magic(end) => None,
        Some(_) if has_magic(0) => Some(CUT_OFF),
        _ => Some("this is no Parquet file: it neither begins nor ends with the bytes PAR1"),
    }
}
