//! How a service is reached: timeouts, proxy, certificates, retries. The same for all.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use object_store::{Certificate, ClientOptions};
use remote_store_credential_masking::{Secret, redact_text};

use crate::error::Result;
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

pub(in crate::backends) use crate::backends::given::{flag, refuse, seconds, secret, source, text};
use crate::backends::retry::RetryOptions;
use crate::backends::retry::retry_spec;

use super::connector::Connector;
use super::service::Service;

/// How a backend reaches its service.
///
/// ```
/// use remote_store_core::backends::TransportOptions;
///
/// let mut transport = TransportOptions::default();
/// transport.retry.max_attempts = 1;
/// assert_eq!(transport.connect_timeout.as_secs(), 5);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TransportOptions {
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long a transfer may stand still; its whole length is not limited,
    /// so that large objects have the time they need.
    pub read_timeout: Duration,
    /// A proxy for all requests; else `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are heeded.
    pub proxy_url: Option<Secret>,
    /// Hosts that are reached without that proxy, written as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// A PEM file with further certificate authorities.
    pub tls_ca_bundle: Option<PathBuf>,
    /// How failed requests are tried again.
    pub retry: RetryOptions,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_mins(1),
            proxy_url: None,
            no_proxy: None,
            tls_ca_bundle: None,
            retry: RetryOptions::default(),
        }
    }
}

impl TransportOptions {
    /// Out of the checked configuration of a backend.
    pub(in crate::backends) fn from_options(backend: &str, given: &Options) -> Result<Self> {
        let mut transport = Self {
            tls_ca_bundle: text(given, "tls_ca_bundle").map(PathBuf::from),
            ..Self::default()
        };
        if let Some(client) = given.get("client_options").and_then(OptionValue::as_map) {
            let pause = |name: &str| seconds(backend, client, "client_options", name);
            if let Some(wait) = pause("connect_timeout")? {
                transport.connect_timeout = wait;
            }
            if let Some(wait) = pause("read_timeout")? {
                transport.read_timeout = wait;
            }
            transport.proxy_url = client
                .get("proxy_url")
                .and_then(OptionValue::as_text)
                .map(Secret::new);
            transport.no_proxy = text(client, "no_proxy").map(str::to_owned);
        }
        if let Some(retry) = given.get("retry").and_then(OptionValue::as_map) {
            transport.retry.read(backend, retry)?;
        }
        Ok(transport)
    }

    /// What the requests of a backend go through.
    pub(in crate::backends) fn connector(&self) -> Connector {
        Connector {
            read_timeout: self.read_timeout,
            longest_pause: self.retry.backoff_max,
        }
    }

    /// The client's own options. `plain` allows HTTP without TLS.
    pub(in crate::backends) fn client_options(
        &self,
        backend: &str,
        client: ClientOptions,
        plain: bool,
    ) -> Result<ClientOptions> {
        let mut client = client
            .with_connect_timeout(self.connect_timeout)
            .with_timeout_disabled()
            .with_read_timeout(self.read_timeout);
        if plain {
            client = client.with_allow_http(true);
        }
        if let Some(proxy) = &self.proxy_url {
            client = client.with_proxy_url(proxy.reveal());
            if let Some(hosts) = &self.no_proxy {
                client = client.with_proxy_excludes(hosts);
            }
        }
        Ok(self
            .authorities(backend)?
            .into_iter()
            .fold(client, ClientOptions::with_root_certificate))
    }

    /// Sees that the files that are named can be used, before the first request needs them.
    pub(in crate::backends) fn check_files(&self, backend: &str) -> Result<()> {
        self.authorities(backend).map(drop)
    }

    fn authorities(&self, backend: &str) -> Result<Vec<Certificate>> {
        let Some(path) = &self.tls_ca_bundle else {
            return Ok(Vec::new());
        };
        let refuse = |what: &str| {
            refuse(
                backend,
                format!(
                    "Option 'tls_ca_bundle' of backend '{backend}': {} {what}",
                    path.display()
                ),
            )
        };
        let pem = std::fs::read(path).map_err(|err| refuse("cannot be read").caused_by(&err))?;
        let bundle = Certificate::from_pem_bundle(&pem)
            .map_err(|err| refuse("is no PEM file of certificates").caused_by(&err))?;
        if bundle.is_empty() {
            return Err(refuse("holds no certificate"));
        }
        Ok(bundle)
    }
}

/// The name of what holds the objects; `option` says what that is called.
pub(in crate::backends) fn bucket_name(
    backend: &str,
    option: &str,
    name: String,
) -> Result<String> {
    if name.trim().is_empty() {
        return Err(refuse(
            backend,
            format!("Option '{option}' of backend '{backend}' is empty; name a {option}"),
        ));
    }
    if name.contains(['/', '\\', ' ', '?', '#']) || name.chars().any(char::is_control) {
        return Err(refuse(
            backend,
            format!(
                "Option '{option}' of backend '{backend}': '{}' is no {option} name; folders go into root_path",
                name.escape_debug()
            ),
        ));
    }
    Ok(name)
}

/// An endpoint with its scheme and without a slash at its end.
pub(in crate::backends) fn with_scheme(url: &str) -> String {
    let (scheme, host) = url.split_once("://").unwrap_or(("https", url));
    format!("{scheme}://{}", host.trim_end_matches('/'))
}

/// An endpoint that a client can take.
pub(in crate::backends) fn check_endpoint(
    backend: &str,
    option: &str,
    endpoint: Option<&str>,
) -> Result<()> {
    match endpoint.map(|url| (url, url.parse::<reqwest::Url>())) {
        None => Ok(()),
        Some((_, Ok(url))) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(()),
        Some((url, _)) => Err(refuse(
            backend,
            format!(
                "Option '{option}' of backend '{backend}': '{}' is no http or https URL",
                redact_text(url)
            ),
        )),
    }
}

/// The options of a service in `Debug`: as in `describe`, credentials masked.
pub(in crate::backends) fn debug(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    options: &impl Service,
) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    for (option, value) in options.describe() {
        shown.field(&option, &value);
    }
    shown
        .field("transport", options.place().transport)
        .finish_non_exhaustive()
}

/// The options that all services share; `client` are further entries of `client_options`.
pub(in crate::backends) fn specs(client: Vec<OptionSpec>) -> Vec<OptionSpec> {
    let float = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Float, help);
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let mut inner = vec![
        float("connect_timeout", "seconds to wait for a connection"),
        float("read_timeout", "seconds a transfer may stand still").alias("timeout"),
        text("proxy_url", "a proxy for all requests")
            .secret()
            .alias("proxy"),
        text("no_proxy", "hosts that are reached without it"),
    ];
    inner.extend(client);
    vec![
        text(
            "tls_ca_bundle",
            "a PEM file with further certificate authorities",
        ),
        OptionSpec::new(
            "client_options",
            OptionKind::Map(inner),
            "timeouts and proxy",
        ),
        retry_spec(),
        OptionSpec::new(
            "reject_write_under_file_ancestor",
            OptionKind::Bool,
            "refuse to write below an object, as disks do",
        ),
    ]
}
