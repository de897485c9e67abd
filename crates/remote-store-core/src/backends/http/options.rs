//! The options of the http backend, by the names that users of Python know.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use remote_store_credential_masking::{MASK, Secret};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, IF_RANGE, RANGE};

use crate::backends::cloud::TransportOptions;
use crate::backends::cloud::transport;
use crate::backends::given::{refuse, seconds, text};
use crate::error::{Error, Result};
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::NAME;

/// How long to wait for a connection, and for bytes, unless it is said.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many redirects are followed unless it is said.
const MAX_REDIRECTS: usize = 5;

/// How an [`HttpBackend`](super::HttpBackend) reaches its server.
///
/// ```
/// use remote_store_core::backends::HttpOptions;
///
/// let mut options = HttpOptions::new("https://user:hunter2@data.example/lake")?;
/// options.max_redirects = 0;
/// assert_eq!(options.base_url, "https://data.example/lake/");
/// assert!(!format!("{options:?}").contains("hunter2"));
/// assert!(HttpOptions::new("data.example").is_err(), "no scheme");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// What stands before every key; ends with a slash, holds no credential.
    pub base_url: String,
    /// The user that stood in the URL.
    pub user: Option<Secret>,
    /// The password that stood in the URL.
    pub password: Option<Secret>,
    /// Sent with every request to the server of the URL, and to no other.
    pub headers: Vec<(String, Secret)>,
    /// Check the server's certificate; without it, anyone can pose as the server.
    pub verify_ssl: bool,
    /// How many redirects of one request are followed.
    pub max_redirects: usize,
    /// Timeouts, proxy, certificates and retries.
    pub transport: TransportOptions,
}

impl HttpOptions {
    /// The defaults, for what lies below a URL. A user and a password in it are
    /// kept apart as secrets.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when it is no `http` or `https` URL, or has a
    /// query or a fragment.
    pub fn new(base_url: &str) -> Result<Self> {
        let wrong = |why: &str| {
            // The URL itself is not shown: it may hold a password.
            Err(refuse(
                NAME,
                format!("Option 'base_url' of backend '{NAME}' {why}"),
            ))
        };
        let Ok(mut url) = base_url.trim().parse::<Url>() else {
            return wrong("is no URL; give one such as https://data.example/folder");
        };
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return wrong("must begin with http:// or https:// and a host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return wrong("has a query or a fragment; put tokens into 'headers'");
        }
        let decoded = |quoted: &str| {
            (!quoted.is_empty())
                .then(|| Secret::new(percent_decode_str(quoted).decode_utf8_lossy().into_owned()))
        };
        let user = decoded(url.username());
        let password = url.password().and_then(decoded);
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return wrong("holds a user that cannot be taken out of it");
        }
        let mut base_url = String::from(url);
        if !base_url.ends_with('/') {
            base_url.push('/');
        }
        Ok(Self {
            base_url,
            user,
            password,
            headers: Vec::new(),
            verify_ssl: true,
            max_redirects: MAX_REDIRECTS,
            transport: TransportOptions {
                connect_timeout: TIMEOUT,
                read_timeout: TIMEOUT,
                ..TransportOptions::default()
            },
        })
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        let mut options = Self::new(text(given, "base_url").unwrap_or_default())?;
        let defaults = options.transport.clone();
        options.transport = TransportOptions::from_options(NAME, given)?;
        let timeout = seconds(NAME, given, "", "timeout")?;
        let client = given.get("client_options").and_then(OptionValue::as_map);
        let said = |name: &str| client.is_some_and(|client| client.contains_key(name));
        if !said("connect_timeout") {
            options.transport.connect_timeout = timeout.unwrap_or(defaults.connect_timeout);
        }
        if !said("read_timeout") {
            options.transport.read_timeout = timeout.unwrap_or(defaults.read_timeout);
        }
        if let Some(headers) = given.get("headers").and_then(OptionValue::as_map) {
            for (name, value) in headers {
                let Some(value) = value.as_text() else {
                    return Err(wrong_header(name, "takes str"));
                };
                options.headers.push((name.clone(), Secret::new(value)));
            }
        }
        if let Some(verify) = given.get("verify_ssl").and_then(OptionValue::as_bool) {
            options.verify_ssl = verify;
        }
        if let Some(limit) = given.get("max_redirects").and_then(OptionValue::as_int) {
            options.max_redirects = usize::try_from(limit).map_err(|_negative| {
                let why = "must not be negative";
                refuse(
                    NAME,
                    format!("Option 'max_redirects' of backend '{NAME}' {why}, got {limit}"),
                )
            })?;
        }
        Ok(options)
    }

    /// Checks what can be checked without a connection.
    pub(super) fn validate(&self) -> Result<()> {
        for (name, value) in &self.headers {
            let (parsed, _) = header(name, value)?;
            if parsed == RANGE || parsed == IF_RANGE {
                return Err(wrong_header(name, "is the backend's own; ask for a range"));
            }
            if parsed == AUTHORIZATION && self.user.is_some() {
                return Err(wrong_header(
                    name,
                    "and a user in 'base_url' are given; keep one of them",
                ));
            }
        }
        self.transport.check_files(NAME)?;
        // What was changed since `new` must still be a base.
        let again = Self::new(&self.base_url)?;
        if again.base_url != self.base_url {
            return Err(refuse(
                NAME,
                format!(
                    "Option 'base_url' of backend '{NAME}' must end with a slash and hold no user"
                ),
            ));
        }
        Ok(())
    }

    /// For `repr`: what was given, credentials masked. Any header may be one.
    pub(super) fn describe(&self) -> Vec<(String, String)> {
        let names: Vec<String> = self
            .headers
            .iter()
            .map(|(name, _)| format!("{name}: {MASK}"))
            .collect();
        let fields = [
            ("base_url", Some(self.base_url.clone())),
            ("user", self.user.as_ref().map(ToString::to_string)),
            ("headers", (!names.is_empty()).then(|| names.join(", "))),
            ("verify_ssl", (!self.verify_ssl).then(|| false.to_string())),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// A header as the client takes it, marked so that it is not shown.
pub(super) fn header(name: &str, value: &Secret) -> Result<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::try_from(name)
        .map_err(|_invalid| wrong_header(name, "is no name of a header"))?;
    let mut value = HeaderValue::try_from(value.reveal())
        .map_err(|_invalid| wrong_header(name, "has a value that no header can have"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn wrong_header(name: &str, why: &str) -> Error {
    refuse(
        NAME,
        format!(
            "Option 'headers' of backend '{NAME}': '{}' {why}",
            name.escape_debug()
        ),
    )
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let mut specs = vec![
        OptionSpec::new("base_url", OptionKind::Text, "what stands before every key")
            .required()
            .secret(),
        OptionSpec::new(
            "headers",
            OptionKind::Map(Vec::new()),
            "sent with every request",
        ),
        OptionSpec::new(
            "timeout",
            OptionKind::Float,
            "seconds to wait for a connection, and for bytes",
        ),
        OptionSpec::new(
            "verify_ssl",
            OptionKind::Bool,
            "check the server's certificate",
        ),
        OptionSpec::new(
            "max_redirects",
            OptionKind::Int,
            "how many redirects are followed",
        ),
    ];
    let shared = transport::specs(Vec::new());
    // Nothing is written, so there is nothing to refuse.
    specs.extend(
        shared
            .into_iter()
            .filter(|spec| spec.name != "reject_write_under_file_ancestor"),
    );
    specs
}
