//! CRC-32 checksums in page headers.
//!
//! The Parquet library verifies checksums but does not write them. It hands
//! each finished page to a store as two blobs, header and data, and that is
//! where the field is added. Headers grow by it, so the offsets of the column
//! chunk are computed anew when the chunk joins its row group.

use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::arrow::arrow_writer::ArrowColumnChunk;
use ::parquet::column::page_store::{PageKey, PageStore, PageStoreArgs, PageStoreFactory};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::OffsetIndexBuilder;
use ::parquet::file::page_index::offset_index::OffsetIndexMetaData;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

use super::pages::FinishedChunk;

/// The pages of one column chunk, as the writer produced them.
type SharedPages = Arc<Mutex<Vec<Bytes>>>;

/// Gives every column chunk of a row group a store whose pages can be taken out.
#[derive(Debug, Default, Clone)]
pub(crate) struct ChecksumPages {
    columns: Arc<Mutex<Vec<(usize, SharedPages)>>>,
}

impl ChecksumPages {
    /// A finished chunk with checksums in the headers of its pages.
    pub(crate) fn finish(&self, column: usize, chunk: &ArrowColumnChunk) -> Result<FinishedChunk> {
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        let position = columns
            .iter()
            .position(|(index, _)| *index == column)
            .ok_or_else(|| ParquetError::General(format!("no pages of column {column}")))?;
        let (_, pages) = columns.swap_remove(position);
        drop(columns);
        let blobs = std::mem::take(&mut *pages.lock().unwrap_or_else(PoisonError::into_inner));
        let pages = ChunkPages::with_checksums(blobs)?;
        let close = pages.adjusted(chunk.close().clone())?;
        Ok(FinishedChunk { pages, close })
    }
}

impl ChecksumPages {
    /// Forgets the chunks that were begun and not finished.
    pub(crate) fn clear(&self) {
        self.columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl PageStoreFactory for ChecksumPages {
    fn create(&self, args: &PageStoreArgs<'_>) -> Result<Box<dyn PageStore>> {
        let pages = SharedPages::default();
        let entry = (args.column_index(), Arc::clone(&pages));
        self.columns
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
        Ok(Box::new(PageBuffer(pages)))
    }
}

struct PageBuffer(SharedPages);

impl PageStore for PageBuffer {
    fn put(&mut self, value: Bytes) -> Result<PageKey> {
        let mut blobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blobs.push(value);
        Ok(PageKey::new(blobs.len() as u64))
    }

    fn take(&mut self, key: PageKey) -> Result<Bytes> {
        Err(ParquetError::General(format!(
            "page {} is taken out by the checksum writer only",
            key.get()
        )))
    }
}

/// A column chunk ready to be written: dictionary page first, then data pages.
#[derive(Default)]
pub(crate) struct ChunkPages {
    /// Headers and data in file order.
    blobs: Vec<Bytes>,
    /// Length of the dictionary page with its header, 0 without one.
    dictionary_len: usize,
    /// Length of each data page with its header.
    data_lens: Vec<usize>,
    /// By how many bytes the headers grew.
    growth: usize,
}

impl ChunkPages {
    /// The dictionary page, before any data page.
    pub(crate) fn set_dictionary(&mut self, header: Bytes, data: Bytes) {
        self.dictionary_len = header.len() + data.len();
        self.blobs.extend([header, data]);
    }

    /// The next data page.
    pub(crate) fn add_data(&mut self, header: Bytes, data: Bytes) {
        self.data_lens.push(header.len() + data.len());
        self.blobs.extend([header, data]);
    }

    pub(crate) fn data_page_count(&self) -> usize {
        self.data_lens.len()
    }

    pub(crate) fn dictionary_byte_len(&self) -> usize {
        self.dictionary_len
    }

    /// Length of each data page with its header.
    pub(crate) fn data_byte_lens(&self) -> &[usize] {
        &self.data_lens
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.dictionary_len + self.data_lens.iter().sum::<usize>()
    }

    fn with_checksums(blobs: Vec<Bytes>) -> Result<Self> {
        let mut pages = Self {
            blobs: Vec::with_capacity(blobs.len()),
            dictionary_len: 0,
            data_lens: Vec::new(),
            growth: 0,
        };
        let mut data_pages = Vec::with_capacity(blobs.len());
        let mut blobs = blobs.into_iter();
        while let Some(header) = blobs.next() {
            let data = blobs
                .next()
                .ok_or_else(|| ParquetError::General("a page without data".to_owned()))?;
            let (header, kind, growth) = with_checksum(&header, crc32fast::hash(&data))?;
            let length = header.len() + data.len();
            pages.growth += growth;
            if kind == PageKind::Dictionary {
                pages.dictionary_len = length;
                pages.blobs.extend([header, data]);
            } else {
                pages.data_lens.push(length);
                data_pages.extend([header, data]);
            }
        }
        pages.blobs.append(&mut data_pages);
        Ok(pages)
    }

    /// The close result with sizes and offsets of the grown pages.
    fn adjusted(&self, mut close: ColumnCloseResult) -> Result<ColumnCloseResult> {
        let growth = signed(self.growth)?;
        let dictionary_len = signed(self.dictionary_len)?;
        let (compressed, uncompressed) = (
            close.metadata.compressed_size(),
            close.metadata.uncompressed_size(),
        );
        close.bytes_written += self.growth as u64;
        close.metadata = close
            .metadata
            .into_builder()
            .set_total_compressed_size(compressed + growth)
            .set_total_uncompressed_size(uncompressed + growth)
            .set_dictionary_page_offset((dictionary_len > 0).then_some(0))
            .set_data_page_offset(dictionary_len)
            .build()?;
        close.offset_index = close
            .offset_index
            .map(|index| self.offset_index(&index))
            .transpose()?;
        Ok(close)
    }

    fn offset_index(&self, old: &OffsetIndexMetaData) -> Result<OffsetIndexMetaData> {
        let mut index = OffsetIndexBuilder::new();
        let mut offset = signed(self.dictionary_len)?;
        let first_rows: Vec<i64> = old
            .page_locations()
            .iter()
            .map(|page| page.first_row_index)
            .collect();
        for (position, length) in self.data_lens.iter().enumerate() {
            let size = i32::try_from(*length).map_err(|error| {
                ParquetError::General(format!("a page of {length} bytes is too large: {error}"))
            })?;
            index.append_offset_and_size(offset, size);
            offset += i64::from(size);
            // The builder adds up row counts; the last page's own is never asked for.
            let first = first_rows.get(position).copied().unwrap_or_default();
            let next = first_rows.get(position + 1).copied().unwrap_or(first);
            index.append_row_count(next - first);
            let unencoded = old
                .unencoded_byte_array_data_bytes()
                .and_then(|sizes| sizes.get(position))
                .copied();
            index.append_unencoded_byte_array_data_bytes(unencoded);
        }
        Ok(index.build())
    }
}

impl Length for ChunkPages {
    fn len(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.len() as u64).sum()
    }
}

impl ChunkReader for ChunkPages {
    type T = PagesRead;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        if start != 0 {
            return Err(ParquetError::General(format!(
                "column chunks are read from their start, not from {start}"
            )));
        }
        let mut blobs = self.blobs.clone();
        blobs.reverse();
        Ok(PagesRead {
            current: Cursor::new(Bytes::new()),
            rest_reversed: blobs,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        Err(ParquetError::General(format!(
            "column chunks are streamed, not read at {start}+{length}"
        )))
    }
}

/// Reads one blob after the other.
pub(crate) struct PagesRead {
    current: Cursor<Bytes>,
    rest_reversed: Vec<Bytes>,
}

impl Read for PagesRead {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.rest_reversed.pop() {
                Some(blob) => self.current = Cursor::new(blob),
                None => return Ok(0),
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageKind {
    Dictionary,
    Data,
}

/// Adds field 4, the checksum, to a page header in Thrift's compact form.
///
/// The header starts with fields 1 to 3 (kind, uncompressed size, compressed
/// size), each a byte `0x15` (next field, 32-bit integer) and a varint. The byte
/// of the field after them counts from field 3; with field 4 between, from 4.
fn with_checksum(header: &Bytes, checksum: u32) -> Result<(Bytes, PageKind, usize)> {
    const INT_FIELD: u8 = 0x15;
    /// Zigzag of page type 2.
    const DICTIONARY_PAGE: u8 = 4;
    let odd = || ParquetError::General("a page header has an unknown form".to_owned());
    let mut at = 0;
    for _ in 0..3 {
        if header.get(at) != Some(&INT_FIELD) {
            return Err(odd());
        }
        let varint = header.get(at + 1..).ok_or_else(odd)?;
        at += 2 + varint
            .iter()
            .position(|byte| byte & 0x80 == 0)
            .ok_or_else(odd)?;
    }
    let kind = if header.get(1) == Some(&DICTIONARY_PAGE) {
        PageKind::Dictionary
    } else {
        PageKind::Data
    };
    let (start, rest) = header.split_at_checked(at).ok_or_else(odd)?;
    let (field, rest) = rest.split_first().ok_or_else(odd)?;
    if field >> 4 < 2 {
        return Err(odd());
    }
    let mut grown = Vec::with_capacity(header.len() + 6);
    grown.extend_from_slice(start);
    grown.push(INT_FIELD);
    let signed = checksum.cast_signed();
    let mut zigzag = ((signed << 1) ^ (signed >> 31)).cast_unsigned();
    while zigzag >= 0x80 {
        grown.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    grown.push((zigzag & 0x7f) as u8);
    grown.push(field - 0x10);
    grown.extend_from_slice(rest);
    let growth = grown.len() - header.len();
    Ok((grown.into(), kind, growth))
}

fn signed(length: usize) -> Result<i64> {
    i64::try_from(length)
        .map_err(|error| ParquetError::General(format!("{length} bytes are too many: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_goes_between_the_sizes_and_the_page_kind() {
        // DataPage, sizes 300 and 5, then field 5 (delta 2, struct).
        let header = Bytes::from_static(&[
            0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x2c, 0x15, 0x02, 0x00, 0x00,
        ]);
        let (grown, kind, growth) = with_checksum(&header, 1).unwrap();
        assert_eq!(kind, PageKind::Data);
        assert_eq!(growth, 2);
        assert_eq!(
            &grown[..],
            &[
                0x15, 0x00, 0x15, 0xd8, 0x04, 0x15, 0x0a, 0x15, 0x02, 0x1c, 0x15, 0x02, 0x00, 0x00
            ]
        );
    }

    #[test]
    fn a_header_of_unknown_form_is_an_error() {
        assert!(with_checksum(&Bytes::from_static(b"\x15"), 1).is_err());
        assert!(with_checksum(&Bytes::from_static(b"PAR1"), 1).is_err());
    }
}
