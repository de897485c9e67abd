//! Compression of pages that are encoded here, by the libraries that the Parquet library uses.

use std::cell::Cell;
use std::io::{Cursor, Write};

use ::parquet::errors::{ParquetError, Result};
use bytes::Bytes;

use super::Compression;

/// Compresses pages one after the other.
pub(crate) enum Compressor {
    None,
    /// With the space that a page may need, used again and again.
    Snappy(Box<snap::raw::Encoder>, Vec<u8>),
    Gzip(u32),
    Brotli(u32),
    Lz4,
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// Levels were checked when the options became properties of the file.
    pub(crate) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::None => Self::None,
            Compression::Snappy => {
                let spare = SPARE.try_with(Cell::take).ok().flatten();
                let encoder = spare.unwrap_or_else(|| Box::new(snap::raw::Encoder::new()));
                Self::Snappy(encoder, Vec::new())
            }
            Compression::Gzip { level } => Self::Gzip(level),
            Compression::Brotli { level } => Self::Brotli(level),
            Compression::Lz4 => Self::Lz4,
            Compression::Zstd { level } => {
                Self::Zstd(zstd::bulk::Compressor::new(level).map_err(external)?)
            }
        })
    }

    /// Leaves what the next column on this thread can use.
    pub(crate) fn keep(self) {
        if let Self::Snappy(encoder, _) = self {
            // A thread that ends keeps nothing.
            let _ended = SPARE.try_with(|spare| spare.set(Some(encoder)));
        }
    }

    pub(crate) fn compress(&mut self, page: &[u8]) -> Result<Bytes> {
        Ok(match self {
            Self::None => Bytes::copy_from_slice(page),
            Self::Snappy(encoder, space) => {
                let most = snap::raw::max_compress_len(page.len());
                if space.len() < most {
                    space.resize(most, 0);
                }
                let length = encoder.compress(page, space).map_err(external)?;
                Bytes::copy_from_slice(space.get(..length).unwrap_or_default())
            }
            Self::Gzip(level) => {
                let level = flate2::Compression::new(*level);
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(page)?;
                encoder.finish().map_err(external)?.into()
            }
            Self::Brotli(level) => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: i32::try_from(*level).unwrap_or(11),
                    ..Default::default()
                };
                let mut out = Vec::new();
                brotli::BrotliCompress(&mut Cursor::new(page), &mut out, &parameters)?;
                out.into()
            }
            Self::Lz4 => lz4_flex::block::compress(page).into(),
            Self::Zstd(compressor) => compressor.compress(page).map_err(external)?.into(),
        })
    }
}

thread_local! {
    /// The encoder that was used last on this thread: its tables are long beside a short page.
    static SPARE: Cell<Option<Box<snap::raw::Encoder>>> = const { Cell::new(None) };
}

fn external<E: std::error::Error + Send + Sync + 'static>(error: E) -> ParquetError {
    ParquetError::External(Box::new(error))
}
