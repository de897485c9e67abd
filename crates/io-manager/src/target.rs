//! Where one output lives: an asset, one of its partitions, or an op's output.

use std::fmt;

use remote_store_dagster_paths::{AssetKey, PartitionKey, asset_path, dataset_key, op_output_path};

use crate::Result;

/// How a value is laid out in the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layout {
    /// One object with a serializer's extension (DAG-005).
    Object {
        /// The extension including its dot.
        extension: String,
    },
    /// A folder of parts, a manifest and a success marker (DAG-018): no extension.
    Dataset,
}

impl Layout {
    /// One object with this extension, dot included; what is no extension is refused when the
    /// path is built.
    ///
    /// ```
    /// use remote_store_dagster_paths::AssetKey;
    /// use remote_store_io_manager::{Layout, Target};
    ///
    /// let report = Target::asset(AssetKey::new(["report"])?);
    /// assert_eq!(report.path(&Layout::object(".json"))?, "report.json");
    /// assert!(report.path(&Layout::object("/../x")).is_err());
    /// # Ok::<(), remote_store_io_manager::Error>(())
    /// ```
    pub fn object(extension: impl Into<String>) -> Self {
        Self::Object {
            extension: extension.into(),
        }
    }
}

/// What is stored or loaded.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// An asset, or one partition of it.
    Asset {
        /// The asset.
        key: AssetKey,
        /// The partition, when the asset has partitions.
        partition: Option<PartitionKey>,
    },
    /// The output of an op or graph, which has no asset key.
    OpOutput {
        /// Run id, step key, output name and, for dynamic outputs, the mapping key.
        identifier: Vec<String>,
    },
}

impl Target {
    /// An asset without partitions.
    pub fn asset(key: AssetKey) -> Self {
        Self::Asset {
            key,
            partition: None,
        }
    }

    /// One partition of an asset.
    pub fn partition(key: AssetKey, partition: PartitionKey) -> Self {
        Self::Asset {
            key,
            partition: Some(partition),
        }
    }

    /// The output of an op, by `context.get_identifier()`.
    pub fn op_output(identifier: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::OpOutput {
            identifier: identifier.into_iter().map(Into::into).collect(),
        }
    }

    /// The path of this target, relative to the store's root (DAG-005, DAG-006, DAG-018).
    ///
    /// # Errors
    /// [`crate::Error::Path`] when the key has no path, or the extension is none.
    ///
    /// ```
    /// use remote_store_dagster_paths::{AssetKey, PartitionKey};
    /// use remote_store_io_manager::{Layout, Target};
    ///
    /// let january = Target::partition(AssetKey::new(["foo", "bar"])?, PartitionKey::new("2026-01"));
    /// assert_eq!(january.path(&Layout::object(".json"))?, "foo/bar/2026-01.json");
    /// assert_eq!(january.path(&Layout::Dataset)?, "foo/bar/2026-01");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn path(&self, layout: &Layout) -> Result<String> {
        Ok(match (self, layout) {
            (Self::Asset { key, partition }, Layout::Object { extension }) => {
                asset_path(key, partition.as_ref(), extension)?
            }
            (Self::Asset { key, partition }, Layout::Dataset) => {
                dataset_key(key, partition.as_ref())?
            }
            (Self::OpOutput { identifier }, Layout::Object { extension }) => {
                op_output_path(identifier, extension)?
            }
            (Self::OpOutput { identifier }, Layout::Dataset) => op_output_path(identifier, "")?,
        })
    }

    pub(crate) fn is_partition(&self) -> bool {
        matches!(
            self,
            Self::Asset {
                partition: Some(_),
                ..
            }
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asset {
                key,
                partition: None,
            } => write!(f, "asset {key}"),
            Self::Asset {
                key,
                partition: Some(partition),
            } => write!(f, "asset {key}, partition '{partition}'"),
            Self::OpOutput { identifier } => write!(f, "op output {}", identifier.join("/")),
        }
    }
}
