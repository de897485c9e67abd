//! Where captured logs are stored.

use crate::segment::{self, MAX_NAME_BYTES, Unescaped};
use crate::{LogKey, PathError};

/// Room that is kept in every log's file name. The same for a final and a partial
/// object, so that both are shortened alike and differ in the suffix only.
const RESERVED_BYTES: usize = ".out.partial".len();
const PARTIAL_SUFFIX: &str = ".partial";
/// The folder between the prefix and the log key (DAG-024).
const STORAGE_FOLDER: &str = "storage";

/// One of the two streams of a step, Dagster's `ComputeIOType`.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::IoType;
///
/// assert_eq!(IoType::Stdout.extension(), "out");
/// assert_eq!(IoType::from_extension("err"), Some(IoType::Stderr));
/// assert_eq!(IoType::from_extension("log"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    clippy::exhaustive_enums,
    reason = "a process has two output streams; a third would be a new contract"
)]
pub enum IoType {
    /// Standard output, extension `out`.
    Stdout,
    /// Standard error, extension `err`.
    Stderr,
}

impl IoType {
    /// Both streams, standard output first.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// The extension without its dot, Dagster's `IO_TYPE_EXTENSION` (DAG-024).
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Stdout => "out",
            Self::Stderr => "err",
        }
    }

    /// The stream with this extension (without its dot).
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|io_type| io_type.extension() == extension)
    }
}

/// The path of one captured stream (DAG-024):
/// `{prefix}/storage/{log key but its last segment}/{last segment}.{out|err}`, with
/// `.partial` behind it while the step still runs. Empty segments are dropped.
///
/// # Errors
///
/// [`PathError::InvalidPrefix`] when the prefix holds `.`, `..`, a backslash, a control
/// character or a name over 255 bytes: a prefix is configuration, so it is refused
/// where a key would be escaped.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{IoType, LogKey, PathError, log_path};
///
/// let key = LogKey::new(["run1", "compute_logs", "step_a"])?;
/// assert_eq!(
///     log_path("dagster", &key, IoType::Stderr, true)?,
///     "dagster/storage/run1/compute_logs/step_a.err.partial"
/// );
/// assert!(matches!(
///     log_path("../elsewhere", &key, IoType::Stdout, false),
///     Err(PathError::InvalidPrefix { .. })
/// ));
/// # Ok::<(), PathError>(())
/// ```
pub fn log_path(
    prefix: &str,
    key: &LogKey,
    io_type: IoType,
    partial: bool,
) -> Result<String, PathError> {
    let mut path = log_folder(prefix, key.folder())?;
    path.push('/');
    // The last segment is followed by an extension, so that it is no empty path
    // segment even when it is empty itself: the specification's path is `.out`.
    if !key.name().is_empty() {
        path.push_str(&segment::escape(key.name(), RESERVED_BYTES));
    }
    path.push('.');
    path.push_str(io_type.extension());
    if partial {
        path.push_str(PARTIAL_SUFFIX);
    }
    Ok(path)
}

/// The folder of all logs whose key starts with `log_prefix` (DAG-029, DAG-031):
/// `{prefix}/storage/{log prefix}`. Empty segments are dropped.
///
/// The folder of an empty list, or of empty segments only, holds *all* logs: whoever
/// deletes by prefix must refuse that first.
///
/// # Errors
///
/// [`PathError::InvalidPrefix`] as for [`log_path`].
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::log_folder;
///
/// assert_eq!(log_folder("dagster", &["run1", "compute_logs"])?, "dagster/storage/run1/compute_logs");
/// assert_eq!(log_folder("", &["run1"])?, "storage/run1");
/// assert!(log_folder("..", &["run1"]).is_err());
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
pub fn log_folder<S: AsRef<str>>(prefix: &str, log_prefix: &[S]) -> Result<String, PathError> {
    let mut folder = checked_prefix(prefix)?;
    folder.push_str(STORAGE_FOLDER);
    for segment in log_prefix.iter().map(AsRef::as_ref) {
        if !segment.is_empty() {
            folder.push('/');
            folder.push_str(&segment::escape(segment, 0));
        }
    }
    Ok(folder)
}

/// What the file name of a log says: the last segment of its key, the stream, and
/// whether it is a partial upload. Read from the right, so that dots in the name stay.
///
/// `None` for files that are no logs, and for names that were cut and hashed because
/// the key was too long: their key cannot be told from the name.
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{IoType, parse_log_name};
///
/// assert_eq!(parse_log_name("step_a.out"), Some(("step_a".into(), IoType::Stdout, false)));
/// assert_eq!(
///     parse_log_name("v1.out.err.partial"),
///     Some(("v1.out".into(), IoType::Stderr, true))
/// );
/// assert_eq!(parse_log_name("notes.txt"), None);
/// assert_eq!(parse_log_name("step_a.complete"), None);
/// ```
pub fn parse_log_name(file_name: &str) -> Option<(String, IoType, bool)> {
    let (rest, partial) = match file_name.strip_suffix(PARTIAL_SUFFIX) {
        Some(rest) => (rest, true),
        None => (file_name, false),
    };
    let (stored, extension) = rest.rsplit_once('.')?;
    let io_type = IoType::from_extension(extension)?;
    if stored.is_empty() {
        return Some((String::new(), io_type, partial));
    }
    match segment::unescape(stored, RESERVED_BYTES) {
        // An empty name is stored as nothing, never escaped.
        Unescaped::Plain(name) if !name.is_empty() => Some((name, io_type, partial)),
        Unescaped::Plain(_) | Unescaped::Shortened | Unescaped::Foreign => None,
    }
}

/// What the whole path of a log says: its key, the stream, and whether it is a partial
/// upload. For walking a store full of logs without knowing the runs.
///
/// # Errors
///
/// [`PathError::OutsideFolder`] when the path is not below `{prefix}/storage`,
/// [`PathError::Foreign`] when no log has this path,
/// [`PathError::Irreversible`] when a segment was cut and hashed,
/// [`PathError::InvalidPrefix`] as for [`log_path`].
///
/// # Example
///
/// ```
/// use remote_store_dagster_paths::{IoType, LogKey, parse_log_path};
///
/// let (key, io_type, partial) =
///     parse_log_path("dagster", "dagster/storage/run1/compute_logs/step_a.out")?;
/// assert_eq!(key, LogKey::new(["run1", "compute_logs", "step_a"])?);
/// assert_eq!((io_type, partial), (IoType::Stdout, false));
/// assert!(parse_log_path("dagster", "elsewhere/step_a.out").is_err());
/// # Ok::<(), remote_store_dagster_paths::PathError>(())
/// ```
pub fn parse_log_path(prefix: &str, path: &str) -> Result<(LogKey, IoType, bool), PathError> {
    let root = log_folder::<&str>(prefix, &[])?;
    let below = path
        .strip_prefix(root.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(|| PathError::OutsideFolder {
            path: path.to_owned(),
            folder: root.clone(),
        })?;
    let (folders, file_name) = match below.rsplit_once('/') {
        Some((folders, file_name)) => (Some(folders), file_name),
        None => (None, below),
    };
    let mut segments = Vec::new();
    for stored in folders.into_iter().flat_map(|folders| folders.split('/')) {
        match segment::unescape(stored, 0) {
            Unescaped::Plain(segment) if !segment.is_empty() => segments.push(segment),
            Unescaped::Shortened => return Err(irreversible(path, stored)),
            // An empty folder is dropped, never escaped.
            Unescaped::Plain(_) | Unescaped::Foreign => return Err(foreign(path, stored)),
        }
    }
    let Some((name, io_type, partial)) = parse_log_name(file_name) else {
        return Err(if is_shortened_log(file_name) {
            irreversible(path, file_name)
        } else {
            foreign(path, file_name)
        });
    };
    segments.push(name);
    Ok((LogKey::new(segments)?, io_type, partial))
}

fn is_shortened_log(file_name: &str) -> bool {
    let rest = file_name.strip_suffix(PARTIAL_SUFFIX).unwrap_or(file_name);
    rest.rsplit_once('.').is_some_and(|(stored, extension)| {
        IoType::from_extension(extension).is_some()
            && segment::unescape(stored, RESERVED_BYTES) == Unescaped::Shortened
    })
}

fn irreversible(path: &str, segment: &str) -> PathError {
    PathError::Irreversible {
        path: path.to_owned(),
        segment: segment.to_owned(),
    }
}

fn foreign(path: &str, segment: &str) -> PathError {
    PathError::Foreign {
        path: path.to_owned(),
        segment: segment.to_owned(),
    }
}

/// The prefix with its empty segments dropped and a `/` behind each name.
fn checked_prefix(prefix: &str) -> Result<String, PathError> {
    let mut checked = String::with_capacity(prefix.len() + 1);
    for segment in prefix.split('/').filter(|segment| !segment.is_empty()) {
        let reason = if matches!(segment, "." | "..") {
            "holds `.` or `..`"
        } else if segment.contains('\\') {
            "holds a backslash"
        } else if segment.chars().any(char::is_control) {
            "holds a control character"
        } else if segment.len() > MAX_NAME_BYTES {
            "holds a name over 255 bytes"
        } else {
            checked.push_str(segment);
            checked.push('/');
            continue;
        };
        return Err(PathError::InvalidPrefix {
            prefix: prefix.to_owned(),
            reason,
        });
    }
    Ok(checked)
}
