//! What the service or the network said, as typed errors that name the way out.

use std::error::Error as StdError;

use object_store::Error as Raw;
use remote_store_credential_masking::redact_text;

use crate::error::{Error, Subject};

use super::Inner;
use super::service::{Trait, no_credentials};

/// Codes with which services refuse a credential, whatever the status.
const CREDENTIAL_CODES: [&str; 20] = [
    // S3, and Google's dialect of it.
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "RequestTimeTooSkewed",
    "AllAccessDisabled",
    "AccountProblem",
    "AuthenticationRequired",
    // Azure.
    "AuthenticationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "AuthorizationResourceTypeMismatch",
    "AuthorizationServiceMismatch",
    "AuthorizationSourceIPMismatch",
    "InvalidAuthenticationInfo",
    "NoAuthenticationInformation",
    "InsufficientAccountPermissions",
    "PublicAccessNotPermitted",
];
/// What S3 says to a key of more than 1024 bytes.
const LONG_NAME: &str = "KeyTooLongError";
/// Codes for a bucket or container that is not there.
const BUCKET_CODES: [&str; 2] = ["NoSuchBucket", "ContainerNotFound"];
/// What Azure says instead when it deletes many blobs at once.
const NO_CONTAINER: &str = "The specified container does not exist";
/// Codes for a bucket that lies elsewhere.
const REGION_CODES: [&str; 3] = [
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "IllegalLocationConstraintException",
];
/// The beginning of what clients say when there is no token to be had.
const NO_TOKEN: &str = "Error performing token request";

impl Inner {
    /// Translates an error about `path` (empty: the bucket as a whole).
    pub(super) fn failure(&self, path: &str, err: &Raw) -> Error {
        // What a credential source said is said to the caller as it is.
        if let Some(said) = own(err) {
            return self.of_source(said);
        }
        let text = chain(err);
        let code = code(&text);
        if code.is_some_and(|code| BUCKET_CODES.contains(&code)) || text.contains(NO_CONTAINER) {
            return self.no_bucket().caused_by(err);
        }
        if code.is_some_and(|code| CREDENTIAL_CODES.contains(&code)) {
            return self.denied(path, code).caused_by(err);
        }
        if self.words().has(Trait::AsksForTokens) && text.contains(NO_TOKEN) {
            return self.no_token().caused_by(err);
        }
        if code == Some(LONG_NAME) {
            return self.no_name(path, "is too long for").caused_by(err);
        }
        match err {
            Raw::NotFound { .. } if path.is_empty() => self.no_bucket().caused_by(err),
            Raw::NotFound { .. } => Error::not_found(path, self.name()).caused_by(err),
            Raw::AlreadyExists { .. } => {
                Error::already_exists(Subject::File, path, self.name()).caused_by(err)
            }
            Raw::PermissionDenied { .. } | Raw::Unauthenticated { .. } => {
                self.denied(path, code).caused_by(err)
            }
            Raw::Precondition { .. } | Raw::NotModified { .. } => Error::Conflict {
                path: path.to_owned(),
                backend: self.name().to_owned(),
                source: None,
            }
            .caused_by(err),
            Raw::InvalidPath { .. } => self.no_name(path, "cannot be used on"),
            Raw::Generic { .. } if matches!(status(&text), Some(401 | 403)) => {
                self.denied(path, code).caused_by(err)
            }
            Raw::Generic { .. } if path.is_empty() && status(&text) == Some(404) => {
                self.no_bucket().caused_by(err)
            }
            // The client's list of errors may grow; whatever is new is a failure too.
            Raw::Generic { .. }
            | Raw::JoinError { .. }
            | Raw::NotSupported { .. }
            | Raw::NotImplemented { .. }
            | Raw::UnknownConfigurationKey { .. }
            | _ => self.unavailable(path, code, &text).caused_by(err),
        }
    }

    /// The error of a credential source, with the bucket it was wanted for.
    fn of_source(&self, said: &Error) -> Error {
        let mut said = said.clone();
        if let Error::PermissionDenied { path, .. } = &mut said
            && path.is_empty()
        {
            self.service.place().bucket.clone_into(path);
        }
        said
    }

    fn no_name(&self, path: &str, why: &str) -> Error {
        Error::InvalidPath {
            path: path.to_owned(),
            reason: format!("Name {why} {}", self.words().service),
            backend: Some(self.name().to_owned()),
            source: None,
        }
    }

    pub(super) fn no_bucket(&self) -> Error {
        Error::missing(self.words().holds, self.service.place().bucket, self.name())
    }

    fn no_token(&self) -> Error {
        let what = "The identity service gave no token";
        no_credentials(self.words(), self.service.place().bucket, what)
    }

    fn denied(&self, path: &str, code: Option<&str>) -> Error {
        let (words, bucket, endpoint) = (
            self.words(),
            self.service.place().bucket,
            self.endpoint_shown(),
        );
        let said = code.map_or_else(String::new, |code| format!(" ({code})"));
        let object = if path.is_empty() {
            String::new()
        } else {
            format!(" for {path}")
        };
        Error::PermissionDenied {
            message: format!(
                "Access denied{said}{object} in the {} '{bucket}' at {endpoint}; check {} and what they may do in \
                 this {}",
                words.bucket, words.credentials, words.bucket
            ),
            path: if path.is_empty() {
                bucket.to_owned()
            } else {
                path.to_owned()
            },
            backend: self.name().to_owned(),
            source: None,
        }
    }

    fn unavailable(&self, path: &str, code: Option<&str>, text: &str) -> Error {
        let (words, endpoint) = (self.words(), self.endpoint_shown());
        let trouble = trouble(text);
        let elsewhere = match code {
            Some(code) => REGION_CODES.contains(&code),
            None => trouble == Trouble::Redirect,
        };
        let message = match (code, trouble) {
            _ if let Some(region) = words.region_option.filter(|_| elsewhere) => format!(
                "The {} '{}' lies in another region than asked at {endpoint}; set '{region}'",
                words.bucket,
                self.service.place().bucket
            ),
            (Some(code), _) => {
                // What is asked wrongly is wrong later, too.
                let later = match status(text) {
                    Some(400..=428 | 430..=499) => "",
                    _ => "; try again later",
                };
                format!("The service at {endpoint} answered {code}{later}")
            }
            (None, Trouble::Tls) => format!(
                "No trusted TLS connection to {endpoint}; check the certificate, 'tls_ca_bundle', or whether \
                 the endpoint speaks plain http"
            ),
            (None, Trouble::Timeout) => format!(
                "No answer from {endpoint} within {} s; check '{}' and the network, or raise \
                 'client_options' connect_timeout and read_timeout",
                self.service.place().transport.connect_timeout.as_secs_f64(),
                words.endpoint_option
            ),
            (None, Trouble::Connect) => format!(
                "Cannot connect to {endpoint}; check '{}' and the network",
                words.endpoint_option
            ),
            (None, Trouble::Redirect | Trouble::Other) => {
                let answer = status(text).map_or_else(String::new, |status| {
                    format!(" with the HTTP status {status}")
                });
                format!("Request to {endpoint} failed{answer}")
            }
        };
        Error::BackendUnavailable {
            message,
            path: (!path.is_empty()).then(|| path.to_owned()),
            backend: self.name().to_owned(),
            source: None,
        }
    }

    /// The endpoint for messages, without credentials: `Debug` of an error shows
    /// its message as it was given.
    fn endpoint_shown(&self) -> String {
        self.service.endpoint().map_or_else(
            || self.words().home.to_owned(),
            |endpoint| redact_text(&endpoint),
        )
    }
}

/// True when the request was sent more than once, so that the first one may
/// have succeeded with its answer lost.
pub(super) fn was_retried(err: &Raw) -> bool {
    chain(err).contains(" retries, max_retries")
}

/// True when the service refused the range: the object ends before it.
pub(super) fn is_range_refusal(err: &Raw) -> bool {
    let text = chain(err);
    status(&text) == Some(416) || text.contains("Wanted range starting at")
}

/// True when the service answered with the whole object instead of a range.
pub(super) fn ignores_ranges(err: &Raw) -> bool {
    chain(err).contains("non-partial response when range requested")
}

/// True when an object is larger than the service copies in one request.
pub(super) fn is_too_large_to_copy(err: &Raw) -> bool {
    let text = chain(err);
    match code(&text) {
        Some("EntityTooLarge") => true,
        Some("InvalidRequest") => text.contains("larger than the maximum allowable size"),
        _ => false,
    }
}

/// An error of our own below one of the client.
fn own(err: &Raw) -> Option<&Error> {
    let mut source = err.source();
    while let Some(cause) = source {
        if let Some(own) = cause.downcast_ref() {
            return Some(own);
        }
        source = cause.source();
    }
    None
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

/// The status of an answer that the client has no error of its own for.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("non-2xx status code: ")?;
    rest.get(..3)?.parse().ok()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) enum Trouble {
    Timeout,
    Tls,
    Connect,
    Redirect,
    Other,
}

/// The clients below give no type for this, only words.
pub(in crate::backends) fn trouble(text: &str) -> Trouble {
    // Every error that outlived its attempts tells how long there was for them: that is no timeout.
    let text = text.to_ascii_lowercase().replace("retry_timeout", "");
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
    fn the_status_is_read_out_of_the_words_of_the_client() {
        assert_eq!(
            status("x: Server returned non-2xx status code: 403 Forbidden: "),
            Some(403)
        );
        assert_eq!(status("non-2xx status code: "), None);
        assert_eq!(status("boom"), None);
    }

    #[cfg(feature = "s3")]
    #[test]
    fn a_refusal_is_told_without_hope_where_there_is_none() {
        use crate::backends::cloud::loopback::Loopback;
        use crate::registry::{OptionValue, Options, build_store};

        let service = Loopback::start(|asked| {
            let body = |code: &str| format!("<Error><Code>{code}</Code></Error>");
            match asked.line.split(' ').nth(1) {
                Some("/lake/long") => (400, Vec::new(), body("KeyTooLongError")),
                Some("/lake/odd") => (400, Vec::new(), body("InvalidRequest")),
                _ => (418, Vec::new(), String::new()),
            }
        });
        let text = |name: &str, value: &str| (name.to_owned(), OptionValue::Text(value.to_owned()));
        let options = Options::from([
            text("bucket", "lake"),
            text("endpoint_url", &service.url),
            text("key", "k"),
            text("secret", "s"),
        ]);
        let store = build_store("s3", &options, "").unwrap();
        let said = |path: &str| {
            crate::runtime::block_on(store.driver(), store.read_bytes(path))
                .unwrap()
                .unwrap_err()
        };
        let long = said("long");
        assert!(matches!(long, Error::InvalidPath { .. }), "{long}");
        assert!(
            long.to_string().starts_with("Name is too long for S3"),
            "{long}"
        );
        let odd = said("odd").to_string();
        assert!(odd.contains("answered InvalidRequest"), "{odd}");
        assert!(!odd.contains("later"), "{odd}");
        let teapot = said("teapot").to_string();
        assert!(
            teapot.contains("failed with the HTTP status 418"),
            "{teapot}"
        );
    }

    #[test]
    fn the_words_of_the_network_are_understood() {
        assert_eq!(
            trouble("error trying to connect: Connection refused (os error 111)"),
            Trouble::Connect
        );
        assert_eq!(trouble("operation timed out"), Trouble::Timeout);
        let outlived =
            "after 3 retries, max_retries:3, retry_timeout:180s - non-2xx status code: 503";
        assert_eq!(trouble(outlived), Trouble::Other);
        assert_eq!(
            trouble("invalid peer certificate: UnknownIssuer"),
            Trouble::Tls
        );
        assert_eq!(trouble("boom"), Trouble::Other);
    }
}
