//! How a table is written.

use std::num::NonZeroUsize;
use std::str::FromStr;

use ::parquet::basic::{self, BrotliLevel, GzipLevel, ZstdLevel};

use super::FORMAT;
use crate::SerializeError;

/// Codec of the data pages.
///
/// ```
/// use remote_store_serializers::Compression;
/// assert_eq!("zstd".parse::<Compression>()?, Compression::Zstd { level: 1 });
/// let unknown = "lzma".parse::<Compression>().unwrap_err();
/// assert!(unknown.to_string().contains("snappy, gzip, brotli, lz4, zstd, none"));
/// # Ok::<(), remote_store_serializers::SerializeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Pages as they are.
    None,
    /// Snappy, the usual choice of Parquet writers.
    #[default]
    Snappy,
    /// Gzip, level 0 to 9.
    Gzip {
        /// 0 to 9.
        level: u32,
    },
    /// Brotli, level 0 to 11.
    Brotli {
        /// 0 to 11.
        level: u32,
    },
    /// LZ4 in its raw block form, which every current reader knows.
    Lz4,
    /// Zstandard, level 1 to 22.
    Zstd {
        /// 1 to 22.
        level: i32,
    },
}

impl Compression {
    /// The name that pyarrow and dataset manifests use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Snappy => "snappy",
            Self::Gzip { .. } => "gzip",
            Self::Brotli { .. } => "brotli",
            Self::Lz4 => "lz4",
            Self::Zstd { .. } => "zstd",
        }
    }

    /// The same codec at another level.
    ///
    /// # Errors
    /// [`SerializeError::Encode`] when the codec has no levels.
    pub fn with_level(self, level: i32) -> Result<Self, SerializeError> {
        let unsigned = || {
            u32::try_from(level).map_err(|error| SerializeError::Encode {
                format: FORMAT,
                reason: format!(
                    "compression level {level} of {} must not be negative",
                    self.name()
                ),
                source: Some(Box::new(error)),
            })
        };
        match self {
            Self::Gzip { .. } => Ok(Self::Gzip { level: unsigned()? }),
            Self::Brotli { .. } => Ok(Self::Brotli { level: unsigned()? }),
            Self::Zstd { .. } => Ok(Self::Zstd { level }),
            Self::None | Self::Snappy | Self::Lz4 => Err(SerializeError::encode(
                FORMAT,
                format!(
                    "compression {} has no levels; leave the level out",
                    self.name()
                ),
            )),
        }
    }

    pub(crate) fn to_parquet(self) -> Result<basic::Compression, SerializeError> {
        let bad_level = |error: ::parquet::errors::ParquetError| SerializeError::Encode {
            format: FORMAT,
            reason: format!(
                "the level of compression {} is out of its range ({error})",
                self.name()
            ),
            source: Some(Box::new(error)),
        };
        Ok(match self {
            Self::None => basic::Compression::UNCOMPRESSED,
            Self::Snappy => basic::Compression::SNAPPY,
            Self::Gzip { level } => {
                basic::Compression::GZIP(GzipLevel::try_new(level).map_err(bad_level)?)
            }
            Self::Brotli { level } => {
                basic::Compression::BROTLI(BrotliLevel::try_new(level).map_err(bad_level)?)
            }
            Self::Lz4 => basic::Compression::LZ4_RAW,
            Self::Zstd { level } => {
                basic::Compression::ZSTD(ZstdLevel::try_new(level).map_err(bad_level)?)
            }
        })
    }
}

impl FromStr for Compression {
    type Err = SerializeError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "uncompressed" => Ok(Self::None),
            "snappy" => Ok(Self::Snappy),
            // Levels are the defaults of pyarrow.
            "gzip" => Ok(Self::Gzip { level: 9 }),
            "brotli" => Ok(Self::Brotli { level: 8 }),
            "lz4" | "lz4_raw" => Ok(Self::Lz4),
            "zstd" => Ok(Self::Zstd { level: 1 }),
            _ => Err(SerializeError::encode(
                FORMAT,
                format!(
                    "unknown compression '{name}'; choose from snappy, gzip, brotli, lz4, zstd, none"
                ),
            )),
        }
    }
}

/// Which statistics are kept for readers that skip data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Statistics {
    /// None.
    None,
    /// Smallest, largest and null count of each column in each row group.
    #[default]
    Chunk,
    /// Of each page too, with a page index in the footer.
    Page,
}

/// A column by which the rows are already sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortColumn {
    /// Name of a column that is not nested.
    pub name: String,
    /// Largest first.
    pub descending: bool,
    /// Nulls before values.
    pub nulls_first: bool,
}

/// How a table is written.
///
/// ```
/// use std::num::NonZeroUsize;
/// use remote_store_serializers::{Compression, ParquetOptions};
///
/// let options = ParquetOptions::default()
///     .with_compression(Compression::Zstd { level: 3 })
///     .with_row_group_rows(NonZeroUsize::new(100_000).unwrap());
/// assert_eq!(options.compression(), Compression::Zstd { level: 3 });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetOptions {
    pub(crate) compression: Compression,
    pub(crate) row_group_rows: NonZeroUsize,
    pub(crate) row_group_bytes: NonZeroUsize,
    pub(crate) statistics: Statistics,
    pub(crate) dictionary: bool,
    pub(crate) sorting: Vec<SortColumn>,
    pub(crate) checksums: bool,
    pub(crate) threads: Option<NonZeroUsize>,
}

impl Default for ParquetOptions {
    /// Snappy, row groups of up to 1,048,576 rows or 64 MiB of Arrow data,
    /// statistics of each row group, dictionaries, checksums, all cores.
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            row_group_rows: NonZeroUsize::MIN.saturating_add((1 << 20) - 1),
            row_group_bytes: NonZeroUsize::MIN.saturating_add((64 << 20) - 1),
            statistics: Statistics::default(),
            dictionary: true,
            sorting: Vec::new(),
            checksums: true,
            threads: None,
        }
    }
}

impl ParquetOptions {
    /// The codec of the data pages.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Sets the codec of the data pages.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the most rows in a row group.
    #[must_use]
    pub fn with_row_group_rows(mut self, rows: NonZeroUsize) -> Self {
        self.row_group_rows = rows;
        self
    }

    /// Sets the most bytes of Arrow data in a row group; this bounds the memory
    /// that a stream of batches needs.
    #[must_use]
    pub fn with_row_group_bytes(mut self, bytes: NonZeroUsize) -> Self {
        self.row_group_bytes = bytes;
        self
    }

    /// Sets which statistics are kept.
    #[must_use]
    pub fn with_statistics(mut self, statistics: Statistics) -> Self {
        self.statistics = statistics;
        self
    }

    /// Whether repeated values are written once and referred to.
    #[must_use]
    pub fn with_dictionary(mut self, dictionary: bool) -> Self {
        self.dictionary = dictionary;
        self
    }

    /// Says by which columns the rows are already sorted; they are not sorted here.
    #[must_use]
    pub fn with_sorting(mut self, sorting: Vec<SortColumn>) -> Self {
        self.sorting = sorting;
        self
    }

    /// Whether each page gets a CRC-32 checksum.
    #[must_use]
    pub fn with_checksums(mut self, checksums: bool) -> Self {
        self.checksums = checksums;
        self
    }

    /// Sets how many threads encode columns; `None` means one for each core.
    #[must_use]
    pub fn with_threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.threads = threads;
        self
    }
}
