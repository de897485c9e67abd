//! Where the bytes of a file come from: all of it, or the parts that were fetched.

use std::sync::Arc;

use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::{Buf, Bytes, buf};

/// The bytes of a file.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Whole(Bytes),
    Parts(Parts),
}

/// Some parts of a file of known length.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    len: u64,
    /// Where each starts, in order.
    parts: Arc<[(u64, Bytes)]>,
}

impl Parts {
    pub(crate) fn new(len: u64, mut parts: Vec<(u64, Bytes)>) -> Self {
        parts.sort_by_key(|(start, _)| *start);
        Self {
            len,
            parts: parts.into(),
        }
    }

    fn from(&self, start: u64) -> Result<Bytes> {
        let after = self.parts.partition_point(|(other, _)| *other <= start);
        let part = after.checked_sub(1).and_then(|index| self.parts.get(index));
        part.and_then(|(first, bytes)| {
            let at = usize::try_from(start - first).ok()?;
            (at < bytes.len()).then(|| bytes.slice(at..))
        })
        .ok_or_else(|| ParquetError::General(format!("byte {start} was not fetched")))
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Parts(parts) => parts.len,
        }
    }
}

impl ChunkReader for Source {
    type T = buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        match self {
            Self::Whole(bytes) => bytes.get_read(start),
            Self::Parts(parts) => Ok(parts.from(start)?.reader()),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self {
            Self::Whole(bytes) => bytes.get_bytes(start, length),
            Self::Parts(parts) => {
                let bytes = parts.from(start)?;
                if length > bytes.len() {
                    return Err(ParquetError::General(format!(
                        "bytes {start}+{length} were not all fetched"
                    )));
                }
                Ok(bytes.slice(..length))
            }
        }
    }
}
