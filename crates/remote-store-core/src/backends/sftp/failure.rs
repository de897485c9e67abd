//! What the server says, as typed errors that name the way out.

use std::fmt;

use crate::error::{Error, Subject};

use super::NAME;
use super::packet::status;
use super::session::Trouble;

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, message } if message.is_empty() => write!(f, "SFTP status {code}"),
            Self::Status { code, message } => write!(f, "SFTP status {code}: {message}"),
            Self::Lost(why) => f.write_str(why),
            Self::TimedOut(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
        }
    }
}

impl std::error::Error for Trouble {}

/// True when it means that nothing of that name exists.
pub(super) fn missing(trouble: &Trouble) -> bool {
    trouble.code() == Some(status::NO_SUCH_FILE)
}

/// True when the server does not know how.
pub(super) fn unsupported(trouble: &Trouble) -> bool {
    trouble.code() == Some(status::UNSUPPORTED)
}

/// An error met while the object `key` was read or looked at.
pub(super) fn reading(key: &str, trouble: &Trouble) -> Error {
    if missing(trouble) {
        return Error::not_found(key, NAME).caused_by(trouble);
    }
    denied(key, trouble, || {
        format!(
            "Cannot read {key}: permission denied. Give the user of the login read access to the file and its folders"
        )
    })
    .unwrap_or_else(|| other(key, "Reading", trouble))
}

/// An error met while something was written for `key` into `folder`.
pub(super) fn writing(key: &str, folder: &str, trouble: &Trouble) -> Error {
    denied(key, trouble, || {
        format!(
            "Cannot write into the folder {folder}: permission denied. Give the user of the login write access \
             to it, or choose another base_path"
        )
    })
    .unwrap_or_else(|| other(key, "Writing", trouble))
}

/// What a write that failed for no stated reason means when the disk is full.
pub(super) fn no_space(key: &str, folder: &str, trouble: &Trouble) -> Error {
    Error::BackendUnavailable {
        message: format!(
            "No space left for {key} in the folder {folder}; nothing was kept of it. Free some space on the \
             server and retry"
        ),
        path: Some(key.to_owned()),
        backend: NAME.to_owned(),
        source: None,
    }
    .caused_by(trouble)
}

/// An error met while the folder `prefix` was read or removed.
pub(super) fn folder(prefix: &str, trouble: &Trouble) -> Error {
    if missing(trouble) {
        return Error::missing(Subject::Folder, prefix, NAME).caused_by(trouble);
    }
    denied(prefix, trouble, || {
        format!(
            "Cannot use the folder '{prefix}': permission denied. Give the user of the login access to it"
        )
    })
    .unwrap_or_else(|| other(prefix, "Using the folder", trouble))
}

fn denied(path: &str, trouble: &Trouble, message: impl Fn() -> String) -> Option<Error> {
    match trouble.code()? {
        status::PERMISSION_DENIED => Some(
            Error::PermissionDenied {
                message: message(),
                path: path.to_owned(),
                backend: NAME.to_owned(),
                source: None,
            }
            .caused_by(trouble),
        ),
        // How OpenSSH says that a name is too long.
        status::BAD_MESSAGE => Some(Error::InvalidPath {
            path: path.to_owned(),
            reason: "Name is too long or not allowed on this server".into(),
            backend: Some(NAME.to_owned()),
            source: None,
        }),
        _ => None,
    }
}

fn other(path: &str, doing: &str, trouble: &Trouble) -> Error {
    let message = match trouble {
        Trouble::Status { .. } => format!("{doing} {path} failed: the server says '{trouble}'"),
        Trouble::Lost(_) => format!(
            "{doing} {path} failed: the connection was lost ({trouble}). The next call opens a new one"
        ),
        Trouble::TimedOut(_) => {
            format!(
                "{doing} {path} failed: {trouble}. Raise 'io_timeout' when the server is that slow"
            )
        }
    };
    Error::BackendUnavailable {
        message,
        path: Some(path.to_owned()),
        backend: NAME.to_owned(),
        source: None,
    }
    .caused_by(trouble)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn said(code: u32) -> Trouble {
        Trouble::Status {
            code,
            message: "as the server puts it".into(),
        }
    }

    #[test]
    fn each_status_has_its_kind() {
        for (code, read, written) in [
            (
                status::NO_SUCH_FILE,
                ErrorKind::NotFound,
                ErrorKind::BackendUnavailable,
            ),
            (
                status::PERMISSION_DENIED,
                ErrorKind::PermissionDenied,
                ErrorKind::PermissionDenied,
            ),
            (
                status::BAD_MESSAGE,
                ErrorKind::InvalidPath,
                ErrorKind::InvalidPath,
            ),
            (
                status::FAILURE,
                ErrorKind::BackendUnavailable,
                ErrorKind::BackendUnavailable,
            ),
        ] {
            assert_eq!(reading("k", &said(code)).kind(), read, "{code}");
            assert_eq!(writing("k", "/f", &said(code)).kind(), written, "{code}");
        }
    }

    #[test]
    fn what_a_full_disk_means_is_said_in_words() {
        let err = no_space("k", "/f", &said(status::FAILURE));
        assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
        assert!(err.to_string().contains("No space left for k"), "{err}");
    }
}
