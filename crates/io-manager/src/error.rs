//! What can go wrong between an asset and its object.

use remote_store_core::ErrorKind;
use remote_store_dagster_paths::PathError;
use remote_store_serializers::SerializeError;
use thiserror::Error as ThisError;

/// How many keys a message lists before it says how many more there are.
const KEYS_SHOWN: usize = 10;

/// An output that cannot be placed, or an input that cannot be loaded.
///
/// Every message names the asset, the partition and the path it is about, and says what to do;
/// [`Error::kind`] is the stable name that a binding maps to its own exception classes.
#[derive(Debug, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The key has no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] remote_store_core::Error),
    /// The object is there, but is not what the serializer writes.
    #[error("{target} at '{path}' cannot be decoded: was it written with another serializer?")]
    Undecodable {
        /// What was being read, for example `asset a/b, partition '2024-01-01'`.
        target: String,
        /// Path of the object, relative to the store's root.
        path: String,
        /// What the serializer said.
        source: SerializeError,
    },
    /// Nothing is stored for this target (DAG-008, DAG-020).
    #[error("File not found: {path} ({target}). {}", missing_advice(*.partitioned))]
    Missing {
        /// What was being read, for example `asset a/b, partition '2024-01-01'`.
        target: String,
        /// Path that holds no object, relative to the store's root.
        path: String,
        /// Whether the target is one partition of an asset.
        partitioned: bool,
        /// The store's own error, when a read gave one.
        source: Option<Box<remote_store_core::Error>>,
    },
    /// The keys of the value are not the partitions of the run.
    #[error("asset {asset}: the output must be a mapping with one value for each of the run's {expected} partitions; {}", mismatch(.missing, .surplus))]
    PartitionMismatch {
        /// The asset key, joined with `/`.
        asset: String,
        /// Number of partitions of the run.
        expected: usize,
        /// Partitions of the run without a value, in the run's order.
        missing: Vec<String>,
        /// Keys of the value that are no partition of the run, in the value's order.
        surplus: Vec<String>,
    },
    /// A stream of pairs gave the same partition twice.
    #[error(
        "asset {asset}: the output gives partition '{partition}' more than once; give each partition one value"
    )]
    PartitionRepeated {
        /// The asset key, joined with `/`.
        asset: String,
        /// The repeated partition.
        partition: String,
    },
    /// An output plan without partitions, which would have to use the unpartitioned path.
    #[error(
        "asset {asset}: the run names no partition; write an unpartitioned asset through Target::asset instead"
    )]
    NoPartitions {
        /// The asset key, joined with `/`.
        asset: String,
    },
    /// Bytes were asked of a layout that keeps a folder for each asset.
    #[error("{target} is stored as a dataset, not as one object; read it through DatasetStore")]
    NotAnObject {
        /// What was being read or written.
        target: String,
    },
}

/// Result of the operations of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The stable kind of this error.
    ///
    /// A missing object or partition is [`ErrorKind::NotFound`], wherever it was noticed.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Path(_) => ErrorKind::InvalidPath,
            Self::Undecodable { .. }
            | Self::PartitionMismatch { .. }
            | Self::PartitionRepeated { .. }
            | Self::NoPartitions { .. }
            | Self::NotAnObject { .. } => ErrorKind::InvalidConfig,
        }
    }

    /// The path this error is about, when it is about one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.path(),
            Self::Missing { path, .. } | Self::Undecodable { path, .. } => Some(path),
            Self::Path(_)
            | Self::PartitionMismatch { .. }
            | Self::PartitionRepeated { .. }
            | Self::NoPartitions { .. }
            | Self::NotAnObject { .. } => None,
        }
    }
}

fn missing_advice(partitioned: bool) -> &'static str {
    if partitioned {
        "Materialize this partition first, or allow missing partitions on the input: metadata \
         {\"allow_missing_partitions\": True}"
    } else {
        "Materialize it first"
    }
}

fn mismatch(missing: &[String], surplus: &[String]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("missing: {}", shown(missing)));
    }
    if !surplus.is_empty() {
        parts.push(format!("not in this run: {}", shown(surplus)));
    }
    parts.join("; ")
}

/// Lists keys for a person: the first few, then how many more.
fn shown(keys: &[String]) -> String {
    let named: Vec<String> = keys
        .iter()
        .take(KEYS_SHOWN)
        .map(|key| format!("'{key}'"))
        .collect();
    let named = named.join(", ");
    match keys.len().saturating_sub(KEYS_SHOWN) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_keys_is_cut_and_counted() {
        let keys: Vec<String> = (0..13).map(|n| format!("k{n}")).collect();
        let text = shown(&keys);
        assert!(text.starts_with("'k0', 'k1'"), "{text}");
        assert!(text.ends_with("'k9' and 3 more"), "{text}");
        assert_eq!(shown(&keys[..2]), "'k0', 'k1'");
    }

    #[test]
    fn a_missing_partition_is_a_not_found() {
        let error = Error::Missing {
            target: "asset a, partition 'p'".into(),
            path: "a/p.pkl".into(),
            partitioned: true,
            source: None,
        };
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.path(), Some("a/p.pkl"));
        assert!(
            error.to_string().starts_with("File not found: a/p.pkl"),
            "{error}"
        );
    }
}
