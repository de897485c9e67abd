//! What the service or the network said, as typed errors that name the way out.

use std::error::Error as StdError;

use object_store::Error as Raw;

use crate::error::{Error, Subject};

use super::{Inner, NAME};

/// Codes with which services refuse a credential, whatever the status.
const CREDENTIAL_CODES: [&str; 9] = [
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
    "AllAccessDisabled",
    "AccountProblem",
];

impl Inner {
    /// Translates an error about `path` (empty: the bucket as a whole).
    pub(super) fn failure(&self, path: &str, err: &Raw) -> Error {
        let text = chain(err);
        let code = code(&text);
        if code == Some("NoSuchBucket") {
            return self.no_bucket().caused_by(err);
        }
        if CREDENTIAL_CODES.iter().any(|known| code == Some(known)) {
            return self.denied(path, code).caused_by(err);
        }
        match err {
            Raw::NotFound { .. } if path.is_empty() => self.no_bucket().caused_by(err),
            Raw::NotFound { .. } => Error::not_found(path, NAME).caused_by(err),
            Raw::AlreadyExists { .. } => {
                Error::already_exists(Subject::File, path, NAME).caused_by(err)
            }
            Raw::PermissionDenied { .. } | Raw::Unauthenticated { .. } => {
                self.denied(path, code).caused_by(err)
            }
            Raw::Precondition { .. } | Raw::NotModified { .. } => Error::Conflict {
                path: path.to_owned(),
                backend: NAME.to_owned(),
                source: None,
            }
            .caused_by(err),
            Raw::InvalidPath { .. } => Error::InvalidPath {
                path: path.to_owned(),
                reason: "Name cannot be used on S3".into(),
                backend: Some(NAME.to_owned()),
            },
            // The client's list of errors may grow; whatever is new is a failure too.
            Raw::Generic { .. }
            | Raw::JoinError { .. }
            | Raw::NotSupported { .. }
            | Raw::NotImplemented { .. }
            | Raw::UnknownConfigurationKey { .. }
            | _ => self.unavailable(path, code, &text).caused_by(err),
        }
    }

    pub(super) fn no_bucket(&self) -> Error {
        Error::missing(Subject::Bucket, self.options.bucket.as_str(), NAME)
    }

    fn denied(&self, path: &str, code: Option<&str>) -> Error {
        let (bucket, endpoint) = (&self.options.bucket, self.endpoint_shown());
        let said = code.map_or_else(String::new, |code| format!(" ({code})"));
        let object = if path.is_empty() {
            String::new()
        } else {
            format!(" for {path}")
        };
        Error::PermissionDenied {
            message: format!(
                "Access denied{said}{object} in the bucket '{bucket}' at {endpoint}; check 'key', 'secret' and \
                 'session_token' (or the AWS_ variables) and what they may do in this bucket"
            ),
            path: if path.is_empty() {
                bucket.clone()
            } else {
                path.to_owned()
            },
            backend: NAME.to_owned(),
            source: None,
        }
    }

    fn unavailable(&self, path: &str, code: Option<&str>, text: &str) -> Error {
        let endpoint = self.endpoint_shown();
        let message = match (code, trouble(text)) {
            (
                Some(
                    "AuthorizationHeaderMalformed"
                    | "PermanentRedirect"
                    | "IllegalLocationConstraintException",
                ),
                _,
            )
            | (None, Trouble::Redirect) => format!(
                "The bucket '{}' lies in another region than asked at {endpoint}; set 'region_name'",
                self.options.bucket
            ),
            (Some(code), _) => {
                format!("The service at {endpoint} answered {code}; try again later")
            }
            (None, Trouble::Tls) => format!(
                "No trusted TLS connection to {endpoint}; check the certificate, 'tls_ca_bundle', or whether \
                 the endpoint speaks plain http"
            ),
            (None, Trouble::Timeout) => format!(
                "No answer from {endpoint} within {} s; check 'endpoint_url' and the network, or raise \
                 'client_options' connect_timeout and read_timeout",
                self.options.connect_timeout.as_secs_f64()
            ),
            (None, Trouble::Connect) => {
                format!("Cannot connect to {endpoint}; check 'endpoint_url' and the network")
            }
            (None, Trouble::Other) => format!("Request to {endpoint} failed"),
        };
        Error::BackendUnavailable {
            message,
            path: (!path.is_empty()).then(|| path.to_owned()),
            backend: NAME.to_owned(),
            source: None,
        }
    }

    /// The endpoint for messages; credentials in it are redacted by the error.
    fn endpoint_shown(&self) -> String {
        self.options
            .endpoint()
            .unwrap_or_else(|| "AWS S3".to_owned())
    }
}

/// True when the request was sent more than once, so that the first one may
/// have succeeded with its answer lost.
pub(super) fn was_retried(err: &Raw) -> bool {
    chain(err).contains(" retries, max_retries")
}

/// The texts of an error and its causes; read here, never shown.
fn chain(err: &Raw) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(cause) = source {
        text.push('\n');
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The code in the XML that services answer with.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let code = code.trim();
    code.bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then_some(code)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Timeout,
    Tls,
    Connect,
    Redirect,
    Other,
}

/// The clients below give no type for this, only words.
fn trouble(text: &str) -> Trouble {
    let text = text.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&[
        "certificate",
        "tls",
        "handshake",
        "invalid peer",
        "corrupt message",
    ]) {
        Trouble::Tls
    } else if says(&["timed out", "timeout", "deadline"]) && !says(&["connection refused"]) {
        Trouble::Timeout
    } else if says(&["redirect"]) {
        Trouble::Redirect
    } else if says(&["connect", "dns", "resolve", "refused", "unreachable"]) {
        Trouble::Connect
    } else {
        Trouble::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_read_out_of_the_answer() {
        assert_eq!(
            code("x <Error><Code>NoSuchBucket</Code><Message>m</Message>"),
            Some("NoSuchBucket")
        );
        assert_eq!(code("<Code>not a code</Code>"), None);
        assert_eq!(code("nothing"), None);
    }

    #[test]
    fn the_words_of_the_network_are_understood() {
        assert_eq!(
            trouble("error trying to connect: Connection refused (os error 111)"),
            Trouble::Connect
        );
        assert_eq!(trouble("operation timed out"), Trouble::Timeout);
        assert_eq!(
            trouble("invalid peer certificate: UnknownIssuer"),
            Trouble::Tls
        );
        assert_eq!(trouble("boom"), Trouble::Other);
    }
}
