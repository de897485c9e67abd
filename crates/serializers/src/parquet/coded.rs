//! Column chunks whose pages are written here: words of few values, as codes into a dictionary.
//!
//! The Parquet library orders a dictionary by first appearance and drops what does not appear.
//! Categories have an order and may be unused, so their dictionary page is written as it is, and
//! their codes are the keys that the array has. The same pages hold plain words of few values,
//! which [`words`](super::words) codes faster than the library does.

use std::sync::Arc;

use ::parquet::basic::{Encoding, PageType};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::data_type::ByteArray;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use ::parquet::file::statistics::{Statistics as ChunkStatistics, ValueStatistics};
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;

use super::checksum::ChunkPages;
use super::codec::Compressor;
use super::runs;
use super::{ParquetOptions, Statistics};

/// Rows of a data page.
const PAGE_ROWS: usize = 65_536;
/// Longer extremes are left out of the statistics; readers then look at the data.
const LONGEST_EXTREME: usize = 64;

/// A column of codes into a dictionary of words.
pub(crate) struct CodedColumn<'a> {
    /// The dictionary, in its order.
    pub(crate) words: Vec<&'a [u8]>,
    /// A code for each row; rows without a value have none.
    pub(crate) codes: Vec<Option<u32>>,
}

/// A finished column chunk.
pub(crate) struct CodedChunk {
    pub(crate) pages: ChunkPages,
    pub(crate) close: ColumnCloseResult,
}

impl CodedColumn<'_> {
    /// Writes the pages of the chunk.
    pub(crate) fn encode(
        &self,
        descriptor: &ColumnDescPtr,
        options: &ParquetOptions,
    ) -> Result<CodedChunk> {
        let mut writer = PageWriter::new(options)?;
        let mut dictionary = Vec::new();
        for word in &self.words {
            let length = u32::try_from(word.len()).map_err(|_too_long| too_large(word.len()))?;
            dictionary.extend_from_slice(&length.to_le_bytes());
            dictionary.extend_from_slice(word);
        }
        writer.dictionary(dictionary, self.words.len())?;
        for rows in self.codes.chunks(PAGE_ROWS) {
            writer.data(self.page(rows, descriptor.max_def_level() > 0)?, rows.len())?;
        }
        self.close(writer, descriptor, options)
    }

    /// Levels, when the column may have nulls, and codes.
    fn page(&self, rows: &[Option<u32>], nullable: bool) -> Result<Vec<u8>> {
        let mut page = Vec::with_capacity(rows.len() / 2);
        if nullable {
            page.extend_from_slice(&[0; 4]);
            if rows.iter().all(Option::is_some) {
                runs::repeat(1, rows.len(), 1, &mut page);
            } else {
                let levels: Vec<u32> = rows.iter().map(|code| u32::from(code.is_some())).collect();
                runs::encode(&levels, 1, &mut page);
            }
            let length =
                u32::try_from(page.len() - 4).map_err(|_too_long| too_large(page.len()))?;
            if let Some(place) = page.first_chunk_mut::<4>() {
                *place = length.to_le_bytes();
            }
        }
        let width = bits(self.words.len());
        page.push(width);
        let codes: Vec<u32> = rows.iter().copied().flatten().collect();
        runs::encode(&codes, width, &mut page);
        Ok(page)
    }

    fn close(
        &self,
        writer: PageWriter,
        descriptor: &ColumnDescPtr,
        options: &ParquetOptions,
    ) -> Result<CodedChunk> {
        let rows = self.codes.len();
        let pages = writer.pages;
        let stats = |page_type, encoding, count: usize| PageEncodingStats {
            page_type,
            encoding,
            count: i32::try_from(count).unwrap_or(i32::MAX),
        };
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(descriptor))
            .set_compression(
                options
                    .compression
                    .to_parquet()
                    .map_err(|error| ParquetError::External(Box::new(error)))?,
            )
            .set_encodings(vec![
                Encoding::PLAIN,
                Encoding::RLE,
                Encoding::RLE_DICTIONARY,
            ])
            .set_page_encoding_stats(vec![
                stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN, 1),
                stats(
                    PageType::DATA_PAGE,
                    Encoding::RLE_DICTIONARY,
                    pages.data_page_count(),
                ),
            ])
            .set_num_values(signed(rows)?)
            .set_total_compressed_size(signed(pages.byte_len())?)
            .set_total_uncompressed_size(signed(writer.uncompressed)?)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(signed(pages.dictionary_byte_len())?);
        if options.statistics != Statistics::None {
            metadata = metadata.set_statistics(self.statistics());
        }
        let close = ColumnCloseResult {
            bytes_written: pages.byte_len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Ok(CodedChunk { pages, close })
    }

    /// Extremes of the words that rows have; not of categories that no row has.
    fn statistics(&self) -> ChunkStatistics {
        let mut used = vec![false; self.words.len()];
        let mut nulls = 0_u64;
        for code in &self.codes {
            match code {
                Some(code) => {
                    if let Some(place) = used.get_mut(*code as usize) {
                        *place = true;
                    }
                }
                None => nulls += 1,
            }
        }
        let words = self.words.iter().zip(&used);
        let words = words.filter_map(|(word, used)| used.then_some(*word));
        let least = words
            .clone()
            .min()
            .filter(|word| word.len() <= LONGEST_EXTREME);
        let most = words.max().filter(|word| word.len() <= LONGEST_EXTREME);
        let extremes = least.zip(most);
        let bytes = |word: &[u8]| ByteArray::from(word.to_vec());
        ChunkStatistics::from(ValueStatistics::new(
            extremes.map(|(least, _)| bytes(least)),
            extremes.map(|(_, most)| bytes(most)),
            None,
            Some(nulls),
            false,
        ))
    }
}

/// How many bits a code needs.
fn bits(words: usize) -> u8 {
    let most = u32::try_from(words.saturating_sub(1)).unwrap_or(u32::MAX);
    let needed = 32 - most.leading_zeros();
    // One word still gets a bit, as in pyarrow: some readers refuse a width of nothing.
    u8::try_from(needed.max(u32::from(words > 0))).unwrap_or(32)
}

/// Compresses pages and puts headers before them.
struct PageWriter {
    compressor: Compressor,
    checksums: bool,
    pages: ChunkPages,
    uncompressed: usize,
}

impl PageWriter {
    fn new(options: &ParquetOptions) -> Result<Self> {
        Ok(Self {
            compressor: Compressor::new(options.compression)?,
            checksums: options.checksums,
            pages: ChunkPages::default(),
            uncompressed: 0,
        })
    }

    fn dictionary(&mut self, page: Vec<u8>, words: usize) -> Result<()> {
        // Fields 1 and 2 of the dictionary header (field 7): count, plain encoding.
        let (header, data) = self.framed(page, 2, |header| {
            header.push(0x3c);
            int_field(0x15, words, header)?;
            int_field(0x15, 0, header)
        })?;
        self.pages.set_dictionary(header, data);
        Ok(())
    }

    fn data(&mut self, page: Vec<u8>, rows: usize) -> Result<()> {
        // Fields 1 to 4 of the data header (field 5): count, encoding, encodings of both levels.
        let (header, data) = self.framed(page, 0, |header| {
            header.push(0x2c);
            int_field(0x15, rows, header)?;
            int_field(0x15, 8, header)?;
            int_field(0x15, 3, header)?;
            int_field(0x15, 3, header)
        })?;
        self.pages.add_data(header, data);
        Ok(())
    }

    /// A page and its header in Thrift's compact form; `rest` writes the struct of its kind, whose
    /// field number counts from 3 and is made to count from the checksum's 4 where there is one.
    fn framed(
        &mut self,
        page: Vec<u8>,
        kind: usize,
        rest: impl FnOnce(&mut Vec<u8>) -> Result<()>,
    ) -> Result<(Bytes, Bytes)> {
        let uncompressed = page.len();
        let data = self.compressor.compress(page)?;
        let mut header = Vec::with_capacity(40);
        int_field(0x15, kind, &mut header)?;
        int_field(0x15, uncompressed, &mut header)?;
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
        self.uncompressed += header.len() + uncompressed;
        Ok((header.into(), data.into()))
    }
}

/// A whole number as a field of a struct: its byte, then zigzag.
fn int_field(field: u8, number: usize, out: &mut Vec<u8>) -> Result<()> {
    let number = i32::try_from(number).map_err(|_too_large| too_large(number))?;
    out.push(field);
    runs::varint((i64::from(number) << 1).cast_unsigned(), out);
    Ok(())
}

fn too_large(length: usize) -> ParquetError {
    ParquetError::General(format!("a page of {length} bytes is too large"))
}

fn signed(length: usize) -> Result<i64> {
    i64::try_from(length).map_err(|_too_large| too_large(length))
}
