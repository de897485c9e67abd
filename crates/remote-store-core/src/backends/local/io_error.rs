//! What the operating system says, as typed errors that name the way out.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Error, Subject};

use super::NAME;

/// An error met while the object `key` was read or looked at.
pub(super) fn reading(key: &str, err: &io::Error) -> Error {
    if missing(err) {
        return Error::not_found(key, NAME).caused_by(err);
    }
    if err.kind() == ErrorKind::PermissionDenied {
        return Error::PermissionDenied {
            message: format!(
                "Cannot read {key}: permission denied. Give this user read access to the file and its folders"
            ),
            path: key.to_owned(),
            backend: NAME.to_owned(),
            source: None,
        }
        .caused_by(err);
    }
    if err.kind() == ErrorKind::InvalidFilename {
        return unusable(key);
    }
    other(key, "Reading", err)
}

fn unusable(key: &str) -> Error {
    Error::InvalidPath {
        path: key.to_owned(),
        reason: "Name is too long or not allowed on this file system".into(),
        backend: Some(NAME.to_owned()),
        source: None,
    }
}

/// An error met while something was written for `key` into `folder`.
pub(super) fn writing(key: &str, folder: &Path, err: &io::Error) -> Error {
    let kind = err.kind();
    if matches!(
        kind,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
    ) {
        return unwritable(key, folder, kind).caused_by(err);
    }
    if matches!(
        kind,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    ) {
        return Error::BackendUnavailable {
            message: format!(
                "No space left for {key} in the folder {}; nothing was kept of it. Free some space and retry",
                folder.display()
            ),
            path: Some(key.to_owned()),
            backend: NAME.to_owned(),
            source: None,
        }
        .caused_by(err);
    }
    if kind == ErrorKind::InvalidFilename {
        return unusable(key);
    }
    if kind == ErrorKind::IsADirectory {
        return Error::not_a_file(key, NAME);
    }
    other(key, "Writing", err)
}

/// An error met while `folder` was made for `key`; `existing` is the nearest
/// folder above that is there.
pub(super) fn making(
    key: &str,
    root: &Path,
    folder: &Path,
    existing: &Path,
    err: &io::Error,
) -> Error {
    let kind = err.kind();
    let in_the_way = matches!(kind, ErrorKind::AlreadyExists | ErrorKind::NotADirectory);
    let reason = if root.is_dir() {
        // What vanished while it was made may be made by the next try.
        in_the_way.then(|| {
            format!(
                "Cannot make the folder {} ({kind}); remove the file or dead link that has its name",
                folder.display()
            )
        })
    } else {
        // Some file systems (such as /proc) answer like this to every new name.
        let never = in_the_way || matches!(kind, ErrorKind::NotFound | ErrorKind::Unsupported);
        never.then(|| {
            format!(
                "Cannot make the root folder {} below {} ({kind}); choose another root, or make that folder",
                root.display(),
                existing.display()
            )
        })
    };
    match reason {
        Some(reason) => Error::InvalidPath {
            path: key.to_owned(),
            reason,
            backend: Some(NAME.to_owned()),
            source: None,
        },
        None => writing(key, existing, err),
    }
}

fn unwritable(key: &str, folder: &Path, kind: ErrorKind) -> Error {
    let reason = if kind == ErrorKind::PermissionDenied {
        "permission denied"
    } else {
        "the file system is read-only"
    };
    Error::PermissionDenied {
        message: format!(
            "Cannot write into the folder {}: {reason}. Give this user write access to it (chmod u+w), \
             or choose another root",
            folder.display()
        ),
        path: key.to_owned(),
        backend: NAME.to_owned(),
        source: None,
    }
}

/// An error met while the folder `prefix` was read or removed.
pub(super) fn folder(prefix: &str, err: &io::Error) -> Error {
    if missing(err) {
        return Error::missing(Subject::Folder, prefix, NAME).caused_by(err);
    }
    if err.kind() == ErrorKind::DirectoryNotEmpty {
        return Error::DirectoryNotEmpty {
            path: prefix.to_owned(),
            backend: NAME.to_owned(),
            source: None,
        };
    }
    if err.kind() == ErrorKind::PermissionDenied {
        return Error::PermissionDenied {
            message: format!(
                "Cannot use the folder '{prefix}': permission denied. Give this user access to it (chmod u+rwx)"
            ),
            path: prefix.to_owned(),
            backend: NAME.to_owned(),
            source: None,
        }
        .caused_by(err);
    }
    other(prefix, "Using the folder", err)
}

/// True when the error means that nothing of that name exists.
pub(super) fn missing(err: &io::Error) -> bool {
    // A loop of links leads nowhere, and nothing lies below a file.
    matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || is_link_loop(err)
}

/// `ErrorKind::FilesystemLoop` is not stable yet.
#[cfg(unix)]
fn is_link_loop(err: &io::Error) -> bool {
    const ELOOP_LINUX: i32 = 40;
    const ELOOP_BSD: i32 = 62;
    let code = if cfg!(target_os = "linux") {
        ELOOP_LINUX
    } else {
        ELOOP_BSD
    };
    err.raw_os_error() == Some(code)
}

#[cfg(not(unix))]
fn is_link_loop(_err: &io::Error) -> bool {
    false
}

fn other(path: &str, doing: &str, err: &io::Error) -> Error {
    Error::BackendUnavailable {
        message: format!("{doing} {path} failed: {}", err.kind()),
        path: Some(path.to_owned()),
        backend: NAME.to_owned(),
        source: None,
    }
    .caused_by(err)
}
