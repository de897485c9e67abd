//! Where assets, datasets and op outputs are stored.

use crate::segment::{self, MAX_NAME_BYTES, Unescaped};
use crate::{AssetKey, PartitionKey, PathError};

/// Leaves room in a file name for the marker, the hash and some of the key.
const MAX_EXTENSION_BYTES: usize = 128;

/// The path of an asset's object (DAG-005, DAG-006): the key's segments joined with
/// `/`, the partition key below them, the serializer's extension at the end.
///
/// A `/` inside a *partition* key separates folders, as the specification joins it; a
/// `/` inside an *asset key's* segment is escaped, since `["a/b"]` and `["a", "b"]`
/// are different assets. Unsafe segments are escaped as the crate's page tells.
///
/// The path does not hold the store's root, nor can it leave it.
///
/// # Errors
///
/// [`PathError::InvalidExtension`] when the extension holds a `/`, a backslash or a
/// control character, or is longer than 128 bytes.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, PathError, asset_path};
///
/// let key = AssetKey::new(["foo", "bar"])?;
/// assert_eq!(asset_path(&key, None, ".json")?, "foo/bar.json");
/// assert_eq!(asset_path(&key, Some(&"2026-01".into()), ".json")?, "foo/bar/2026-01.json");
/// // A hostile partition key stays inside the asset's folder.
/// assert_eq!(asset_path(&key, Some(&"../x".into()), ".json")?, "foo/bar/%~%2E%2E/x.json");
/// // A hostile extension is refused.
/// assert!(matches!(
///     asset_path(&key, None, "/../x"),
///     Err(PathError::InvalidExtension { .. })
/// ));
/// # Ok::<(), PathError>(())
/// ```
pub fn asset_path(
    key: &AssetKey,
    partition: Option<&PartitionKey>,
    extension: &str,
) -> Result<String, PathError> {
    check_extension(extension)?;
    // `split` gives at least one item, so that an empty key is one empty segment
    // and not the same as no partition.
    let below = partition.map(|partition| partition.as_str().split('/'));
    let segments = key.segments().iter().map(String::as_str);
    Ok(join(segments.chain(below.into_iter().flatten()), extension))
}

/// The key of an asset's dataset (DAG-018): as [`asset_path`], but without extension,
/// since a dataset is a folder.
///
/// # Errors
///
/// None today; the signature leaves room for keys that no store can hold.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, dataset_key};
///
/// let key = AssetKey::new(["data", "orders"])?;
/// assert_eq!(dataset_key(&key, None)?, "data/orders");
/// assert_eq!(dataset_key(&key, Some(&"2026-01".into()))?, "data/orders/2026-01");
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
pub fn dataset_key(key: &AssetKey, partition: Option<&PartitionKey>) -> Result<String, PathError> {
    asset_path(key, partition, "")
}

/// The path of an output that is no asset: the parts of Dagster's
/// `context.get_identifier()` (run id, step key, output name, and the mapping key of a
/// dynamic output), one folder each, the extension at the end.
///
/// # Errors
///
/// [`PathError::EmptyIdentifier`] when there is no part,
/// [`PathError::InvalidExtension`] as for [`asset_path`].
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{PathError, op_output_path};
///
/// let path = op_output_path(&["run1", "load[day_1]", "result"], ".pkl")?;
/// assert_eq!(path, "run1/load[day_1]/result.pkl");
/// assert_eq!(op_output_path(&[""; 0], ".pkl"), Err(PathError::EmptyIdentifier));
/// # Ok::<(), PathError>(())
/// ```
pub fn op_output_path<S: AsRef<str>>(
    identifier: &[S],
    extension: &str,
) -> Result<String, PathError> {
    check_extension(extension)?;
    if identifier.is_empty() {
        return Err(PathError::EmptyIdentifier);
    }
    Ok(join(identifier.iter().map(AsRef::as_ref), extension))
}

/// The segments that a path was made from, unescaped: those of the asset key and,
/// after them, those of the partition key (or the parts of an op output's identifier).
///
/// Where the asset key ends and the partition key begins stands in no path; when the
/// asset is known, [`parse_partition_key`] tells. Only a path that a key gives is
/// accepted, so that building the path again gives the same text.
///
/// # Errors
///
/// [`PathError::WrongExtension`] when the path ends otherwise,
/// [`PathError::Foreign`] when no key gives this path,
/// [`PathError::Irreversible`] when a segment was cut and hashed.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{PathError, parse_asset_path};
///
/// assert_eq!(parse_asset_path("foo/bar/2026-01.json", ".json")?, ["foo", "bar", "2026-01"]);
/// assert_eq!(parse_asset_path("foo/%~%2E%2E/x.json", ".json")?, ["foo", "..", "x"]);
/// assert!(matches!(
///     parse_asset_path("foo/bar.pkl", ".json"),
///     Err(PathError::WrongExtension { .. })
/// ));
/// # Ok::<(), PathError>(())
/// ```
pub fn parse_asset_path(path: &str, extension: &str) -> Result<Vec<String>, PathError> {
    let stem = strip_extension(path, extension)?;
    parse_stem(path, stem, extension)
}

/// The partition key of one of an asset's objects, for listing which partitions of an
/// asset are stored.
///
/// A stored object of the asset `["foo", "a"]`, partition `b`, also reads as partition
/// `a/b` of the asset `["foo"]`: the specification gives both the same path.
///
/// # Errors
///
/// [`PathError::OutsideFolder`] when the path is not below the asset's folder, else as
/// [`parse_asset_path`].
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{AssetKey, parse_partition_key};
///
/// let key = AssetKey::new(["foo", "bar"])?;
/// let day = parse_partition_key(&key, "foo/bar/2026-01.json", ".json")?;
/// assert_eq!(day.as_str(), "2026-01");
/// assert!(parse_partition_key(&key, "foo/bar.json", ".json").is_err());
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
pub fn parse_partition_key(
    key: &AssetKey,
    path: &str,
    extension: &str,
) -> Result<PartitionKey, PathError> {
    let folder = dataset_key(key, None)?;
    let stem = strip_extension(path, extension)?;
    let below = stem
        .strip_prefix(folder.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(|| PathError::OutsideFolder {
            path: path.to_owned(),
            folder: folder.clone(),
        })?;
    let segments = parse_stem(path, below, extension)?;
    // A partition key's own `/` separates segments; an escaped one comes from
    // an asset key, so this object is not the partition of any key.
    match segments.iter().find(|segment| segment.contains('/')) {
        Some(segment) => Err(PathError::Foreign {
            path: path.to_owned(),
            segment: segment.clone(),
        }),
        None => Ok(PartitionKey::new(segments.join("/"))),
    }
}

fn join<'a>(segments: impl Iterator<Item = &'a str>, extension: &str) -> String {
    let mut segments = segments.peekable();
    let mut path = String::new();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        let reserved_bytes = if last { extension.len() } else { 0 };
        path.push_str(&segment::escape(segment, reserved_bytes));
        path.push_str(if last { extension } else { "/" });
    }
    path
}

fn strip_extension<'p>(path: &'p str, extension: &str) -> Result<&'p str, PathError> {
    check_extension(extension)?;
    path.strip_suffix(extension)
        .ok_or_else(|| PathError::WrongExtension {
            path: path.to_owned(),
            extension: extension.to_owned(),
        })
}

fn parse_stem(path: &str, stem: &str, extension: &str) -> Result<Vec<String>, PathError> {
    let mut stored = stem.split('/').peekable();
    let mut segments = Vec::new();
    while let Some(segment) = stored.next() {
        let reserved_bytes = if stored.peek().is_none() {
            extension.len()
        } else {
            0
        };
        match segment::unescape(segment, reserved_bytes) {
            Unescaped::Plain(segment) => segments.push(segment),
            Unescaped::Shortened => {
                return Err(PathError::Irreversible {
                    path: path.to_owned(),
                    segment: segment.to_owned(),
                });
            }
            Unescaped::Foreign => {
                return Err(PathError::Foreign {
                    path: path.to_owned(),
                    segment: segment.to_owned(),
                });
            }
        }
    }
    Ok(segments)
}

fn check_extension(extension: &str) -> Result<(), PathError> {
    const { assert!(MAX_EXTENSION_BYTES + 64 < MAX_NAME_BYTES) };
    let reason = if extension.len() > MAX_EXTENSION_BYTES {
        "is longer than 128 bytes"
    } else if extension.contains(['/', '\\']) {
        "holds a path separator"
    } else if extension.chars().any(char::is_control) {
        "holds a control character"
    } else {
        return Ok(());
    };
    Err(PathError::InvalidExtension {
        extension: extension.to_owned(),
        reason,
    })
}
