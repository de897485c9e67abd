//! Parts of an opened object, one after the other.

use bytes::Bytes;

use super::{MAX_RESERVE, ObjectReader, ended};
use crate::error::{Error, Result};

/// Takes the bytes of an [`ObjectReader`] in pieces of the lengths that are asked for, and leaves
/// others out; always forwards.
///
/// ```
/// use remote_store_core::{PartsInOrder, Store, WriteOptions, runtime};
///
/// let store = Store::memory();
/// runtime::block_on(store.driver(), async {
///     store.write("a.txt", "hello, you".into(), &WriteOptions::create()).await?;
///     let mut parts = PartsInOrder::new(store.read("a.txt").await?);
///     assert_eq!(parts.next(5).await?, "hello");
///     parts.skip(2).await?;
///     assert_eq!(parts.next(3).await?, "you");
///     assert!(parts.next(1).await.is_err());
///     Ok::<(), remote_store_core::Error>(())
/// })??;
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug)]
pub struct PartsInOrder {
    reader: ObjectReader,
    /// What came with the last part and belongs to the next.
    pending: Bytes,
    /// How many bytes were taken or left out.
    passed: u64,
}

impl PartsInOrder {
    /// From the first byte of the reader's range on.
    pub fn new(reader: ObjectReader) -> Self {
        Self {
            reader,
            pending: Bytes::new(),
            passed: 0,
        }
    }

    /// The next `length` bytes.
    ///
    /// # Errors
    /// What the backend reports while the bytes move, as [`ObjectReader::next_chunk`] tells, and
    /// [`Error::BackendUnavailable`](crate::Error::BackendUnavailable) when fewer are left.
    pub async fn next(&mut self, length: usize) -> Result<Bytes> {
        let part = self.collect(length).await?;
        self.passed += part.len() as u64;
        if part.len() < length {
            return Err(self.ended());
        }
        Ok(part)
    }

    /// Leaves out the next `length` bytes.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn skip(&mut self, length: u64) -> Result<()> {
        let mut left = length;
        while left > 0 {
            if self.pending.is_empty() && !self.fetch().await? {
                return Err(self.ended());
            }
            let here = usize::try_from(left).unwrap_or(usize::MAX);
            let here = here.min(self.pending.len());
            drop(self.pending.split_to(here));
            self.passed += here as u64;
            left -= here as u64;
        }
        Ok(())
    }

    /// So many bytes of what arrives; fewer at the end.
    async fn collect(&mut self, length: usize) -> Result<Bytes> {
        if self.pending.is_empty() {
            let _more = self.fetch().await?;
        }
        if self.pending.len() >= length {
            return Ok(self.pending.split_to(length));
        }
        let mut part = Vec::with_capacity(length.min(MAX_RESERVE));
        while part.len() < length && (!self.pending.is_empty() || self.fetch().await?) {
            let here = self.pending.len().min(length - part.len());
            part.extend_from_slice(&self.pending.split_to(here));
        }
        Ok(part.into())
    }

    /// Waits for more bytes; whether there were any.
    async fn fetch(&mut self) -> Result<bool> {
        // An empty chunk is not the end.
        while let Some(chunk) = self.reader.next_chunk().await? {
            if !chunk.is_empty() {
                self.pending = chunk;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn ended(&self) -> Error {
        let range = self.reader.range();
        let expected = range.end.saturating_sub(range.start);
        let got = usize::try_from(self.passed).unwrap_or(usize::MAX);
        ended(
            &self.reader.info,
            self.reader.backend.clone(),
            got,
            expected,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use futures_util::StreamExt;
    use futures_util::stream;
    use proptest::prelude::*;

    use super::*;
    use crate::reader::FileBody;
    use crate::{Driver, ObjectInfo, ObjectKey, runtime};

    /// The same bytes as they come from memory, from a network and from a file.
    fn readers(object: &Bytes, chunk: usize) -> Vec<PartsInOrder> {
        let size = object.len() as u64;
        let info = ObjectInfo::new(ObjectKey::parse("x").unwrap(), size);
        let chunks = object.chunks(chunk).map(Bytes::copy_from_slice);
        let chunks: Vec<_> = chunks.flat_map(|chunk| [Bytes::new(), chunk]).collect();
        let chunks = stream::iter(chunks.into_iter().map(Ok)).boxed();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(object).unwrap();
        file.rewind().unwrap();
        let file = FileBody::new(file, size, "x", "local");
        let readers = [
            ObjectReader::from_bytes(info.clone(), 0..size, "memory", object.clone()),
            ObjectReader::new(info.clone(), 0..size, "s3", chunks),
            ObjectReader::from_file(info, 0..size, "local", file),
        ];
        readers.into_iter().map(PartsInOrder::new).collect()
    }

    proptest! {
        #[test]
        fn parts_are_those_of_the_object_however_it_arrives(
            size in 0_usize..3_000,
            chunk in 1_usize..700,
            steps in prop::collection::vec((0_usize..400, 0_usize..900), 0..12),
        ) {
            let object: Bytes = (0..size).map(|n| n.to_le_bytes()[0]).collect();
            for mut parts in readers(&object, chunk) {
                let mut at = 0;
                for (skipped, taken) in &steps {
                    let start = at + skipped;
                    let end = start + taken;
                    let found = runtime::block_on(Driver::Inline, async {
                        parts.skip(*skipped as u64).await?;
                        parts.next(*taken).await
                    }).unwrap();
                    if end > size {
                        prop_assert!(found.is_err());
                        break;
                    }
                    prop_assert_eq!(found.unwrap(), object.slice(start..end));
                    at = end;
                }
            }
        }
    }
}
