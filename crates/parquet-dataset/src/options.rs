//! How a dataset is written.

use std::num::NonZeroUsize;

use arrow_schema::Schema;
use remote_store_serializers::{Compression, ParquetOptions};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{DatasetError, Result};
use crate::layout::hex;

/// How a dataset is written: zstd, one file, never over an existing dataset,
/// unless said otherwise.
///
/// ```
/// use remote_store_parquet_dataset::WriteDatasetOptions;
/// let options = WriteDatasetOptions::default().with_overwrite(true).with_run_id("run-1");
/// assert!(options.overwrite);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteDatasetOptions {
    /// Replace a dataset of that name; otherwise that is an error.
    pub overwrite: bool,
    /// The run that writes, kept in the manifest.
    pub run_id: Option<String>,
    /// Anything to keep in the manifest.
    pub metadata: Option<Map<String, Value>>,
    /// Rows of a part at most; `None` means one part.
    pub max_rows_per_file: Option<usize>,
    /// Bytes of a part at most, more or less; `None` means one part.
    pub max_bytes_per_file: Option<u64>,
    /// Columns whose values become folders, `year=2013/month=1`.
    pub partition_by: Vec<String>,
    /// Parts that are filled at the same time at most, when rows go to folders.
    pub max_open_files: usize,
    /// Rows of a row group at most.
    pub row_group_rows: Option<usize>,
    /// The codec.
    pub compression: Compression,
    /// Kept in the manifest as it is; `None` means that of the Arrow schema's text.
    pub schema_hash: Option<String>,
}

impl Default for WriteDatasetOptions {
    fn default() -> Self {
        Self {
            overwrite: false,
            run_id: None,
            metadata: None,
            max_rows_per_file: None,
            max_bytes_per_file: None,
            partition_by: Vec::new(),
            max_open_files: 32,
            row_group_rows: None,
            compression: Compression::Zstd { level: 1 },
            schema_hash: None,
        }
    }
}

impl WriteDatasetOptions {
    /// Whether to replace a dataset of that name.
    #[must_use]
    pub fn with_overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// The run that writes.
    #[must_use]
    pub fn with_run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// Anything to keep in the manifest.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.metadata = Some(metadata);
        self
    }

    /// Rows of a part at most.
    #[must_use]
    pub fn with_max_rows_per_file(mut self, rows: usize) -> Self {
        self.max_rows_per_file = Some(rows);
        self
    }

    /// Bytes of a part at most. A part ends before its encoded bytes and the rows that wait for
    /// encoding would pass it, so that parts hold between three quarters of it and all of it.
    #[must_use]
    pub fn with_max_bytes_per_file(mut self, bytes: u64) -> Self {
        self.max_bytes_per_file = Some(bytes);
        self
    }

    /// Columns whose values become folders: text, integers, booleans or dates.
    #[must_use]
    pub fn with_partition_by(
        mut self,
        columns: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.partition_by = columns.into_iter().map(Into::into).collect();
        self
    }

    /// Parts that are filled at the same time at most: the one that waited longest for rows is
    /// closed before another one opens.
    #[must_use]
    pub fn with_max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = files;
        self
    }

    /// Rows of a row group at most.
    #[must_use]
    pub fn with_row_group_rows(mut self, rows: usize) -> Self {
        self.row_group_rows = Some(rows);
        self
    }

    /// The codec.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Keeps this hash instead of that of the Arrow schema's text.
    #[must_use]
    pub fn with_schema_hash(mut self, hash: impl Into<String>) -> Self {
        self.schema_hash = Some(hash.into());
        self
    }

    /// Zero rows for each file or row group would never end.
    pub(crate) fn validate(&self) -> Result<()> {
        let zero = |option| {
            Err(DatasetError::InvalidOption {
                option,
                demand: "at least 1, or left out",
            })
        };
        match self {
            Self {
                max_rows_per_file: Some(0),
                ..
            } => zero("max_rows_per_file"),
            Self {
                max_bytes_per_file: Some(0),
                ..
            } => zero("max_bytes_per_file"),
            Self {
                row_group_rows: Some(0),
                ..
            } => zero("row_group_size"),
            Self {
                max_open_files: 0, ..
            } => zero("max_open_files"),
            _ => Ok(()),
        }
    }

    pub(crate) fn parquet(&self) -> ParquetOptions {
        let options = ParquetOptions::default().with_compression(self.compression);
        match self.row_group_rows.and_then(NonZeroUsize::new) {
            Some(rows) => options.with_row_group_rows(rows),
            None => options,
        }
    }
}

/// The first 16 hex digits of the SHA-256 of the schema's text: one line for
/// each column, `name: type`, with ` not null` where it holds.
pub(crate) fn schema_hash(schema: &Schema) -> String {
    let lines = schema.fields().iter().map(|field| {
        let nulls = if field.is_nullable() { "" } else { " not null" };
        format!("{}: {}{nulls}", field.name(), field.data_type())
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    hex(&Sha256::digest(text.as_bytes()), 16)
}
