//! What the server or the network said, as typed errors that name the way out.

use std::error::Error as StdError;

use reqwest::StatusCode;

use crate::backends::cloud::failure::{Trouble, trouble};
use crate::error::Error;
use crate::key::ObjectKey;

use super::{Inner, NAME};

impl Inner {
    /// A status that is neither success nor asked for.
    pub(super) fn refused(&self, key: Option<&ObjectKey>, status: StatusCode) -> Error {
        let path = key.map_or("", ObjectKey::as_str);
        let (base, code) = (&self.options.base_url, status.as_u16());
        let object = shown(key);
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::PermissionDenied {
                message: format!(
                    "Access denied ({code}){object} at {base}; check 'headers', or the user and the password in \
                     'base_url'"
                ),
                path: path.to_owned(),
                backend: NAME.into(),
                source: None,
            },
            StatusCode::NOT_FOUND | StatusCode::GONE => Error::not_found(path, NAME),
            status if is_passing(status) => unavailable(
                key,
                format!("The server at {base} answered {code}{object}; try again later"),
            ),
            _ => unavailable(key, format!("The server at {base} answered {code}{object}")),
        }
    }

    /// No answer, or none to its end.
    pub(super) fn broken(&self, key: Option<&ObjectKey>, err: &reqwest::Error) -> Error {
        let base = &self.options.base_url;
        let message = match kind(err) {
            Trouble::Tls => format!(
                "No trusted TLS connection to {base}; check the certificate, 'tls_ca_bundle', or whether the server \
                 speaks plain http"
            ),
            Trouble::Timeout => format!(
                "No answer from {base} within {} s; check 'base_url' and the network, or raise 'timeout'",
                self.options.transport.read_timeout.as_secs_f64()
            ),
            Trouble::Connect => {
                format!("Cannot connect to {base}; check 'base_url' and the network")
            }
            Trouble::Redirect | Trouble::Other => format!("Request to {base} failed"),
        };
        unavailable(key, message).caused_by(err)
    }

    /// The server behaves as none should.
    pub(super) fn nonsense(&self, key: &ObjectKey, what: &str) -> Error {
        let base = &self.options.base_url;
        unavailable(Some(key), format!("The server at {base} {what} for {key}"))
    }

    /// The object is another one than when its reading began.
    pub(super) fn changed(key: &ObjectKey) -> Error {
        Error::Conflict {
            path: key.to_string(),
            backend: NAME.into(),
            source: None,
        }
    }
}

/// The server cannot be reached, or failed.
pub(super) fn unavailable(key: Option<&ObjectKey>, message: String) -> Error {
    Error::BackendUnavailable {
        message,
        path: key.map(ToString::to_string),
        backend: NAME.into(),
        source: None,
    }
}

fn shown(key: Option<&ObjectKey>) -> String {
    key.map_or_else(String::new, |key| format!(" for {key}"))
}

/// A status that may be another one in a moment.
pub(super) fn is_passing(status: StatusCode) -> bool {
    let lasting = [
        StatusCode::NOT_IMPLEMENTED,
        StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    ];
    (status.is_server_error() && !lasting.contains(&status))
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// A failure that a second attempt may not meet.
pub(super) fn may_pass(err: &reqwest::Error) -> bool {
    !err.is_builder() && kind(err) != Trouble::Tls
}

fn kind(err: &reqwest::Error) -> Trouble {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        text.push('\n');
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    if err.is_timeout() {
        return Trouble::Timeout;
    }
    trouble(&text)
}
