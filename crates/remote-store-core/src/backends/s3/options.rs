//! The options of an S3 backend, by the names that users of Python know.

use std::path::PathBuf;
use std::time::Duration;

use remote_store_credential_masking::{Secret, redact_text};

use crate::error::{Error, Result};
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::NAME;

/// How often and how long a failed request is tried again. Small on purpose:
/// an endpoint that cannot be reached is reported within seconds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// How often a request is tried in all; 1 never tries again.
    pub max_attempts: usize,
    /// The first pause.
    pub backoff_base: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// No new attempt is begun after this time.
    pub timeout: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff_base: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
            timeout: Duration::from_mins(1),
        }
    }
}

/// How an [`S3Backend`](super::S3Backend) reaches its bucket.
///
/// ```
/// use remote_store_core::backends::S3Options;
///
/// let mut options = S3Options::new("lake")?;
/// options.endpoint_url = Some("http://127.0.0.1:8333".into());
/// assert!(S3Options::new("").is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// The endpoint of a service other than AWS; `https` when no scheme is given.
    pub endpoint_url: Option<String>,
    /// The access key; with `secret`, else both come from the environment.
    pub key: Option<Secret>,
    /// The secret of the access key.
    pub secret: Option<Secret>,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// The region; `us-east-1` when neither given nor in the environment.
    pub region_name: Option<String>,
    /// A PEM file with further certificate authorities.
    pub tls_ca_bundle: Option<PathBuf>,
    /// Requests without a signature, for public buckets.
    pub anonymous: bool,
    /// `bucket.endpoint` instead of `endpoint/bucket`.
    pub virtual_hosted_style: bool,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a transfer may stand still; its whole length is not limited,
    /// so that large objects have the time they need.
    pub read_timeout: Duration,
    /// A proxy for all requests.
    pub proxy_url: Option<Secret>,
    /// How failed requests are tried again.
    pub retry: RetryOptions,
    /// Refuse to write below an object, as disks do; costs a request per folder.
    pub reject_write_under_file_ancestor: bool,
}

impl S3Options {
    /// The defaults, for a bucket.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the bucket is empty or no bucket name.
    pub fn new(bucket: impl Into<String>) -> Result<Self> {
        let bucket = bucket.into();
        if bucket.trim().is_empty() {
            return Err(refuse(
                "Option 'bucket' of backend 's3' is empty; name a bucket",
            ));
        }
        if bucket.contains(['/', '\\', ' ', '?', '#']) || bucket.chars().any(char::is_control) {
            return Err(refuse(format!(
                "Option 'bucket' of backend 's3': '{}' is no bucket name; folders go into root_path",
                bucket.escape_debug()
            )));
        }
        Ok(Self {
            bucket,
            endpoint_url: None,
            key: None,
            secret: None,
            session_token: None,
            region_name: None,
            tls_ca_bundle: None,
            anonymous: false,
            virtual_hosted_style: false,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_mins(1),
            proxy_url: None,
            retry: RetryOptions::default(),
            reject_write_under_file_ancestor: false,
        })
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        let text = |name: &str| {
            given
                .get(name)
                .and_then(OptionValue::as_text)
                .filter(|text| !text.is_empty())
        };
        let flag = |name: &str| {
            given
                .get(name)
                .and_then(OptionValue::as_bool)
                .unwrap_or(false)
        };
        let secret = |name: &str| text(name).map(Secret::new);
        let mut options = Self::new(text("bucket").unwrap_or_default())?;
        options.endpoint_url = text("endpoint_url").map(str::to_owned);
        options.key = secret("key");
        options.secret = secret("secret");
        options.session_token = secret("session_token");
        options.region_name = text("region_name").map(str::to_owned);
        options.tls_ca_bundle = text("tls_ca_bundle").map(PathBuf::from);
        options.anonymous = flag("anonymous");
        options.reject_write_under_file_ancestor = flag("reject_write_under_file_ancestor");
        if let Some(client) = given.get("client_options").and_then(OptionValue::as_map) {
            options.read_client(client)?;
        }
        if let Some(retry) = given.get("retry").and_then(OptionValue::as_map) {
            options.read_retry(retry)?;
        }
        Ok(options)
    }

    fn read_client(&mut self, given: &Options) -> Result<()> {
        if let Some(seconds) = seconds(given, "client_options", "connect_timeout")? {
            self.connect_timeout = seconds;
        }
        if let Some(seconds) = seconds(given, "client_options", "read_timeout")? {
            self.read_timeout = seconds;
        }
        self.proxy_url = given
            .get("proxy_url")
            .and_then(OptionValue::as_text)
            .map(Secret::new);
        self.virtual_hosted_style = given
            .get("virtual_hosted_style")
            .and_then(OptionValue::as_bool)
            .unwrap_or(false);
        Ok(())
    }

    fn read_retry(&mut self, given: &Options) -> Result<()> {
        if let Some(attempts) = given.get("max_attempts").and_then(OptionValue::as_int) {
            self.retry.max_attempts = usize::try_from(attempts).ok().filter(|attempts| *attempts > 0).ok_or_else(
                || refuse(format!("Option 'retry.max_attempts' of backend 's3' must be at least 1, got {attempts}")),
            )?;
        }
        if let Some(pause) = seconds(given, "retry", "backoff_base")? {
            self.retry.backoff_base = pause;
        }
        if let Some(pause) = seconds(given, "retry", "backoff_max")? {
            self.retry.backoff_max = pause;
        }
        if let Some(limit) = seconds(given, "retry", "timeout")? {
            self.retry.timeout = limit;
        }
        Ok(())
    }

    /// Checks what can be checked without a connection.
    pub(super) fn validate(&self) -> Result<()> {
        match (&self.key, &self.secret) {
            (Some(_), None) => Err(refuse(
                "Backend 's3' got 'key' without 'secret'; give both or neither",
            )),
            (None, Some(_)) => Err(refuse(
                "Backend 's3' got 'secret' without 'key'; give both or neither",
            )),
            (None, None) if self.session_token.is_some() => Err(refuse(
                "Backend 's3' got 'session_token' without 'key' and 'secret'",
            )),
            _ => Ok(()),
        }?;
        match self
            .endpoint()
            .as_deref()
            .map(|url| (url, url.parse::<reqwest::Url>()))
        {
            None => Ok(()),
            Some((_, Ok(url))) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                Ok(())
            }
            Some((url, _)) => Err(refuse(format!(
                "Option 'endpoint_url' of backend 's3': '{url}' is no http or https URL"
            ))),
        }
    }

    /// For `repr`: what was given, credentials masked.
    pub(super) fn describe(&self) -> Vec<(String, String)> {
        let masked = |secret: &Option<Secret>| secret.as_ref().map(ToString::to_string);
        let fields = [
            ("bucket", Some(self.bucket.clone())),
            (
                "endpoint_url",
                self.endpoint_url.as_deref().map(redact_text),
            ),
            ("key", masked(&self.key)),
            ("secret", masked(&self.secret)),
            ("session_token", masked(&self.session_token)),
            ("region_name", self.region_name.clone()),
            ("anonymous", self.anonymous.then(|| true.to_string())),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }

    /// The endpoint with its scheme.
    pub(super) fn endpoint(&self) -> Option<String> {
        let url = self.endpoint_url.as_deref()?;
        let (scheme, host) = url.split_once("://").unwrap_or(("https", url));
        Some(format!("{scheme}://{}", host.trim_end_matches('/')))
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::InvalidConfig {
        message: message.into(),
        backend: Some(NAME.into()),
        source: None,
    }
}

/// A positive number of seconds.
fn seconds(given: &Options, map: &str, name: &str) -> Result<Option<Duration>> {
    let Some(value) = given.get(name).and_then(OptionValue::as_float) else {
        return Ok(None);
    };
    Duration::try_from_secs_f64(value).ok().filter(|duration| !duration.is_zero()).map(Some).ok_or_else(|| {
        refuse(format!("Option '{map}.{name}' of backend 's3' takes a positive number of seconds, got {value}"))
    })
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let option = |name: &str, kind, help: &str| OptionSpec::new(name, kind, help);
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let client = vec![
        option(
            "connect_timeout",
            OptionKind::Float,
            "seconds to wait for a connection",
        ),
        option(
            "read_timeout",
            OptionKind::Float,
            "seconds a transfer may stand still",
        )
        .alias("timeout"),
        text("proxy_url", "a proxy for all requests").secret(),
        option(
            "virtual_hosted_style",
            OptionKind::Bool,
            "bucket.endpoint instead of endpoint/bucket",
        ),
    ];
    let retry = vec![
        option(
            "max_attempts",
            OptionKind::Int,
            "how often a request is tried in all",
        ),
        option(
            "backoff_base",
            OptionKind::Float,
            "seconds of the first pause",
        ),
        option(
            "backoff_max",
            OptionKind::Float,
            "seconds of the longest pause",
        ),
        option(
            "jitter",
            OptionKind::Float,
            "pauses are always random; accepted for compatibility",
        ),
        option(
            "timeout",
            OptionKind::Float,
            "seconds after which no new attempt is begun",
        ),
    ];
    vec![
        text("bucket", "the bucket").required(),
        text("endpoint_url", "the endpoint of a service other than AWS").alias("endpoint"),
        text("key", "the access key")
            .secret()
            .alias("access_key_id")
            .alias("aws_access_key_id"),
        text("secret", "the secret of the access key")
            .secret()
            .alias("secret_access_key")
            .alias("aws_secret_access_key"),
        text("session_token", "the token of temporary credentials")
            .secret()
            .alias("token")
            .alias("aws_session_token"),
        text("region_name", "the region").alias("region"),
        text(
            "tls_ca_bundle",
            "a PEM file with further certificate authorities",
        ),
        option(
            "anonymous",
            OptionKind::Bool,
            "requests without a signature, for public buckets",
        )
        .alias("anon"),
        option(
            "client_options",
            OptionKind::Map(client),
            "timeouts and proxy",
        ),
        option(
            "retry",
            OptionKind::Map(retry),
            "how failed requests are tried again",
        ),
        option(
            "reject_write_under_file_ancestor",
            OptionKind::Bool,
            "refuse to write below an object, as disks do",
        ),
    ]
}
