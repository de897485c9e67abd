//! Pages that are written here, with headers and checksums, and what the footer says of them.

use std::sync::Arc;

use ::parquet::basic::{Encoding, PageType};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use ::parquet::file::statistics::Statistics as ChunkStatistics;
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;

use super::checksum::ChunkPages;
use super::codec::Compressor;
use super::levels::{Levels, Part};
use super::page_index;
use super::runs;
use super::{ParquetOptions, Statistics};

/// Entries of a data page.
pub(crate) const PAGE_ENTRIES: usize = 65_536;
/// Room that is made for a page before its length is known.
const SHORT_PAGE_BYTES: usize = 256;
/// Bytes of a data page, about.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// A finished column chunk.
pub(crate) struct FinishedChunk {
    pub(crate) pages: ChunkPages,
    pub(crate) close: ColumnCloseResult,
}

/// Compresses pages and puts headers before them.
pub(crate) struct PageWriter {
    compressor: Compressor,
    checksums: bool,
    pages: ChunkPages,
    uncompressed: usize,
    /// The page being made; used again and again.
    page: Vec<u8>,
    /// What the format calls the encoding of the data pages.
    encoding: Encoding,
}

impl PageWriter {
    pub(crate) fn new(options: &ParquetOptions) -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new(options.compression)?,
            checksums: options.checksums,
            pages: ChunkPages::default(),
            uncompressed: 0,
            page: Vec::with_capacity(SHORT_PAGE_BYTES),
            encoding: Encoding::PLAIN,
        })
    }

    /// The dictionary, before all data; these then are codes.
    pub(crate) fn dictionary(&mut self, words: usize, page: &[u8]) -> Result<()> {
        self.encoding = Encoding::RLE_DICTIONARY;
        // Fields 1 and 2 of the dictionary header (field 7): count, plain encoding.
        let (header, data) = self.framed(page, 2, |header| {
            header.push(0x3c);
            int_field(0x15, words, header)?;
            int_field(0x15, 0, header)
        })?;
        self.pages.set_dictionary(header, data);
        Ok(())
    }

    /// A data page; `write` gives what it holds.
    pub(crate) fn data(
        &mut self,
        entries: usize,
        write: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let mut page = std::mem::take(&mut self.page);
        page.clear();
        write(&mut page)?;
        let encoding = if self.encoding == Encoding::PLAIN {
            0
        } else {
            8
        };
        // Fields 1 to 4 of the data header (field 5): count, encoding, encodings of both levels.
        let (header, data) = self.framed(&page, 0, |header| {
            header.push(0x2c);
            int_field(0x15, entries, header)?;
            int_field(0x15, encoding, header)?;
            int_field(0x15, 3, header)?;
            int_field(0x15, 3, header)
        })?;
        self.pages.add_data(header, data);
        self.page = page;
        Ok(())
    }

    /// A page and its header in Thrift's compact form; `rest` writes the struct of its kind, whose
    /// field number counts from 3 and is made to count from the checksum's 4 where there is one.
    fn framed(
        &mut self,
        page: &[u8],
        kind: usize,
        rest: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<(Bytes, Bytes)> {
        let data = self.compressor.compress(page)?;
        let mut header = Vec::with_capacity(40);
        int_field(0x15, kind, &mut header)?;
        int_field(0x15, page.len(), &mut header)?;
        int_field(0x15, data.len(), &mut header)?;
        if self.checksums {
            let checksum = crc32fast::hash(&data).cast_signed();
            header.push(0x15);
            runs::varint(
                u64::from(((checksum << 1) ^ (checksum >> 31)).cast_unsigned()),
                &mut header,
            );
        }
        let at = header.len();
        // Dictionary pages: field 7 (delta 3 or 4); data pages: field 5 (delta 1 or 2).
        rest(&mut header)?;
        if let Some(field) = header.get_mut(at) {
            let last = if self.checksums { 4 } else { 3 };
            let own = if kind == 0 { 5 } else { 7 };
            *field = (own - last) << 4 | 0x0c;
        }
        header.extend_from_slice(&[0, 0]);
        self.uncompressed += header.len() + page.len();
        Ok((header.into(), data))
    }

    /// The chunk, when all pages are written: one for each part. `statistics` tells of a page,
    /// or of all of them.
    pub(crate) fn finish(
        self,
        levels: &Levels,
        parts: &[Part],
        statistics: impl Fn(Option<&Part>) -> ChunkStatistics,
        descriptor: &ColumnDescPtr,
        options: &ParquetOptions,
    ) -> Result<FinishedChunk> {
        self.compressor.keep();
        let pages = self.pages;
        let stats = |page_type, encoding, count: usize| PageEncodingStats {
            page_type,
            encoding,
            count: i32::try_from(count).unwrap_or(i32::MAX),
        };
        let is_coded = self.encoding != Encoding::PLAIN;
        let mut encodings = Vec::with_capacity(3);
        encodings.extend([Encoding::PLAIN, Encoding::RLE]);
        let mut page_stats = Vec::with_capacity(2);
        if is_coded {
            encodings.push(self.encoding);
            page_stats.push(stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1));
        }
        page_stats.push(stats(
            PageType::DATA_PAGE,
            self.encoding,
            pages.data_page_count(),
        ));
        let compression = options.compression.to_parquet();
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(descriptor))
            .set_compression(compression.map_err(|error| ParquetError::External(Box::new(error)))?)
            .set_encodings(encodings)
            .set_page_encoding_stats(page_stats)
            .set_num_values(signed(levels.entries)?)
            .set_total_compressed_size(signed(pages.byte_len())?)
            .set_total_uncompressed_size(signed(self.uncompressed)?)
            .set_dictionary_page_offset(is_coded.then_some(0))
            .set_data_page_offset(signed(pages.dictionary_byte_len())?);
        if options.statistics != Statistics::None {
            metadata = metadata.set_statistics(statistics(None));
        }
        let (mut column_index, mut offset_index) = (None, None);
        if options.statistics == Statistics::Page && !parts.is_empty() {
            let of_page = |part: &Part| statistics(Some(part));
            let physical_type = descriptor.physical_type();
            column_index = page_index::column_index(physical_type, parts, of_page)?;
            offset_index = Some(page_index::offset_index(&pages, levels, parts)?);
        }
        let close = ColumnCloseResult {
            bytes_written: pages.byte_len() as u64,
            rows_written: levels.rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index,
            offset_index,
        };
        Ok(FinishedChunk { pages, close })
    }
}

/// How many bits a code needs.
pub(crate) fn code_width(words: usize) -> u8 {
    let most = u32::try_from(words.saturating_sub(1)).unwrap_or(u32::MAX);
    let needed = 32 - most.leading_zeros();
    // One word still gets a bit, as in pyarrow: some readers refuse a width of nothing.
    u8::try_from(needed.max(u32::from(words > 0))).unwrap_or(32)
}

/// Data pages of codes into a dictionary that was written.
pub(crate) fn write_codes(
    writer: &mut PageWriter,
    levels: &Levels,
    parts: &[Part],
    words: usize,
    codes: &[u32],
) -> Result<()> {
    let width = code_width(words);
    for part in parts {
        writer.data(part.entry_count(), |page| {
            levels.write(part, page)?;
            page.push(width);
            let codes = codes.get(part.values.clone()).unwrap_or_default();
            runs::encode(codes, width, page);
            Ok(())
        })?;
    }
    Ok(())
}

/// A whole number as a field of a struct: its byte, then zigzag.
fn int_field(field: u8, number: usize, out: &mut Vec<u8>) -> Result<()> {
    let number = i32::try_from(number).map_err(|_too_large| too_large(number))?;
    out.push(field);
    runs::varint((i64::from(number) << 1).cast_unsigned(), out);
    Ok(())
}

pub(crate) fn too_large(length: usize) -> ParquetError {
    ParquetError::General(format!(
        "a page of {length} bytes is too large for Parquet; write smaller values or smaller row groups"
    ))
}

pub(crate) fn signed(length: usize) -> Result<i64> {
    i64::try_from(length).map_err(|_too_large| too_large(length))
}
