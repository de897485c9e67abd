//! What is known of each page, for readers that skip pages.

use ::parquet::basic::Type as PhysicalType;
use ::parquet::errors::Result;
use ::parquet::file::metadata::{ColumnIndexBuilder, OffsetIndexBuilder};
use ::parquet::file::page_index::column_index::ColumnIndexMetaData;
use ::parquet::file::page_index::offset_index::OffsetIndexMetaData;
use ::parquet::file::statistics::Statistics as ChunkStatistics;

use super::checksum::ChunkPages;
use super::levels::{Levels, Part};
use super::{ParquetOptions, Statistics};

/// Entries of a data page at most, when pages have statistics: what is skipped is whole pages.
/// As many as the Parquet library and pyarrow put into one.
const INDEXED_PAGE_ENTRIES: usize = 20_000;

/// Entries of a data page at most.
pub(crate) fn page_entries(options: &ParquetOptions) -> usize {
    match options.statistics {
        Statistics::Page => INDEXED_PAGE_ENTRIES,
        Statistics::None | Statistics::Chunk => super::pages::PAGE_ENTRIES,
    }
}

/// The smallest and the largest value of each page; none when those of one are not known or too long.
pub(crate) fn column_index(
    physical_type: PhysicalType,
    parts: &[Part],
    statistics: impl Fn(&Part) -> ChunkStatistics,
) -> Result<Option<ColumnIndexMetaData>> {
    let mut index = ColumnIndexBuilder::new(physical_type);
    for part in parts {
        let nulls = i64::try_from(part.nulls()).unwrap_or(i64::MAX);
        let statistics = statistics(part);
        // The library demands the count for floats, and for nothing else.
        let is_float = matches!(physical_type, PhysicalType::FLOAT | PhysicalType::DOUBLE);
        let nans = statistics.nan_count_opt().unwrap_or_default();
        let nans = is_float.then(|| i64::try_from(nans).unwrap_or(i64::MAX));
        if part.values.is_empty() {
            index.append(true, Vec::new(), Vec::new(), nulls, nans);
            continue;
        }
        let least = statistics.min_bytes_opt();
        let Some((least, most)) = least.zip(statistics.max_bytes_opt()) else {
            return Ok(None);
        };
        index.append(false, least.to_vec(), most.to_vec(), nulls, nans);
    }
    index.build().map(Some)
}

/// Where each page begins in its chunk, and with which row.
pub(crate) fn offset_index(
    pages: &ChunkPages,
    levels: &Levels,
    parts: &[Part],
) -> Result<OffsetIndexMetaData> {
    let mut index = OffsetIndexBuilder::new();
    let mut offset = super::pages::signed(pages.dictionary_byte_len())?;
    for (part, length) in parts.iter().zip(pages.data_byte_lens()) {
        let size = i32::try_from(*length).map_err(|_large| super::pages::too_large(*length))?;
        index.append_offset_and_size(offset, size);
        offset += i64::from(size);
        index.append_row_count(super::pages::signed(levels.rows_in(part))?);
        index.append_unencoded_byte_array_data_bytes(None);
    }
    Ok(index.build())
}
