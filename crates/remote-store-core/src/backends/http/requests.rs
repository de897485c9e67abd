//! Sending: credentials, redirects, retries.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::Utc;
use remote_store_credential_masking::Secret;
use reqwest::header::{ACCEPT_ENCODING, IF_RANGE, LOCATION, RANGE};
use reqwest::{Certificate, Client, Method, Proxy, RequestBuilder, Response, StatusCode, Url};
use tokio::time::Instant;

use crate::backends::cloud::service::install_tls;
use crate::backends::given::refuse;
use crate::error::{Error, Result};
use crate::key::ObjectKey;

use super::failure::{is_passing, may_pass, unavailable};
use super::options::header;
use super::{Inner, NAME, answer, location};

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask<'k> {
    pub(super) method: Method,
    /// Nothing for the base itself.
    pub(super) key: Option<&'k ObjectKey>,
    pub(super) range: Option<String>,
    pub(super) if_range: Option<String>,
}

impl<'k> Ask<'k> {
    pub(super) fn get(key: &'k ObjectKey, range: Option<String>) -> Self {
        Self {
            method: Method::GET,
            key: Some(key),
            range,
            if_range: None,
        }
    }

    pub(super) fn head(key: Option<&'k ObjectKey>) -> Self {
        Self {
            method: Method::HEAD,
            key,
            range: None,
            if_range: None,
        }
    }
}

/// Why one attempt gave no answer.
enum Failed {
    Network(reqwest::Error),
    /// For good.
    Refused(Error),
}

impl Inner {
    fn client(&self) -> Result<Arc<Client>> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed {
                backend: NAME.into(),
            });
        }
        self.clients.get_or_try_init(|| self.connect())
    }

    /// Builds the client. Opens no connection.
    fn connect(&self) -> Result<Client> {
        install_tls();
        let (options, transport) = (&self.options, &self.options.transport);
        let wrong = |option: &str, what: &str| {
            refuse(
                NAME,
                format!("Option '{option}' of backend '{NAME}' {what}"),
            )
        };
        let mut builder = Client::builder()
            // Redirects are followed here, where it is known what must stay behind.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(transport.connect_timeout)
            .read_timeout(transport.read_timeout)
            .tls_danger_accept_invalid_certs(!options.verify_ssl);
        if let Some(url) = &transport.proxy_url {
            let proxy = Proxy::all(url.reveal());
            builder = builder.proxy(
                proxy.map_err(|_may_show_it| wrong("client_options.proxy_url", "is no URL"))?,
            );
        }
        if let Some(path) = &transport.tls_ca_bundle {
            let shown = path.display();
            let pem = std::fs::read(path).map_err(|err| {
                wrong("tls_ca_bundle", &format!("({shown}) cannot be read")).caused_by(&err)
            })?;
            let bundle = Certificate::from_pem_bundle(&pem)
                .ok()
                .filter(|bundle| !bundle.is_empty())
                .ok_or_else(|| {
                    wrong(
                        "tls_ca_bundle",
                        &format!("({shown}) is no PEM file of certificates"),
                    )
                })?;
            builder = builder.tls_certs_merge(bundle);
        }
        builder.build().map_err(|err| {
            refuse(
                NAME,
                "Backend 'http' cannot be set up; check its options".to_owned(),
            )
            .caused_by(&err)
        })
    }

    /// Sends a request as often as the options allow, and returns an answer that
    /// is a success, or one of 405, 412, 416 and 501 for the caller to judge.
    pub(super) async fn send(&self, ask: &Ask<'_>) -> Result<Response> {
        let retry = &self.options.transport.retry;
        let begun = Instant::now();
        let mut attempt = 1;
        loop {
            let (error, asked) = match self.follow(ask).await {
                Ok(response) if is_passing(response.status()) => (
                    self.refused(ask.key, response.status()),
                    answer::retry_after(response.headers(), Utc::now()),
                ),
                Ok(response) => return self.judged(ask, response),
                Err(Failed::Refused(error)) => return Err(error),
                Err(Failed::Network(err)) => {
                    let error = self.broken(ask.key, &err);
                    if !may_pass(&err) {
                        return Err(error);
                    }
                    (error, None)
                }
            };
            let pause = self.pause(attempt).max(asked.unwrap_or_default());
            if attempt >= retry.max_attempts
                || begun.elapsed().saturating_add(pause) > retry.timeout
            {
                return Err(error);
            }
            tracing::debug!(attempt, "an http request is tried again");
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    fn judged(&self, ask: &Ask<'_>, response: Response) -> Result<Response> {
        let judged_by_caller = [
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::RANGE_NOT_SATISFIABLE,
            StatusCode::NOT_IMPLEMENTED,
        ];
        let status = response.status();
        if status.is_success() || judged_by_caller.contains(&status) {
            return Ok(response);
        }
        Err(self.refused(ask.key, status))
    }

    /// The pause before the attempt after this one: doubling, half of it random.
    pub(super) fn pause(&self, attempt: usize) -> Duration {
        let retry = &self.options.transport.retry;
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        let whole = retry
            .backoff_base
            .saturating_mul(2_u32.saturating_pow(doublings.min(16)))
            .min(retry.backoff_max);
        // Each new state hashes differently: enough of chance to part clients that failed together.
        let chance = u32::try_from(RandomState::new().hash_one(attempt) % 1000).unwrap_or(0);
        whole / 2 + whole / 2 * chance / 1000
    }

    /// One attempt, redirects and all.
    async fn follow(&self, ask: &Ask<'_>) -> Result<Response, Failed> {
        let client = self.client().map_err(Failed::Refused)?;
        let text = location::below(
            &self.options.base_url,
            ask.key.map_or("", ObjectKey::as_str),
        );
        let mut url: Url = text.parse().map_err(|_no_url| {
            Failed::Refused(Error::InvalidPath {
                path: ask.key.map_or_else(String::new, ToString::to_string),
                reason: "Name cannot be part of a URL".into(),
                backend: Some(NAME.into()),
                source: None,
            })
        })?;
        let home = url.origin();
        let mut trusted = true;
        let mut followed = 0;
        loop {
            let request = self.request(&client, ask, url.clone(), trusted);
            let request = request.map_err(Failed::Refused)?;
            let response = request
                .send()
                .await
                .map_err(|err| Failed::Network(err.without_url()))?;
            let Some(next) = redirect(&url, &response) else {
                return Ok(response);
            };
            if let Some(key) = ask.key
                && is_folder_of(&url, &next)
            {
                return Err(Failed::Refused(Error::not_a_file(key.as_str(), NAME)));
            }
            if followed >= self.options.max_redirects {
                return Err(Failed::Refused(unavailable(
                    ask.key,
                    format!(
                        "The server at {} redirects more than {} times; raise 'max_redirects' if that is right",
                        self.options.base_url, self.options.max_redirects
                    ),
                )));
            }
            followed += 1;
            // Once another server had a say, nothing that follows gets the credentials.
            trusted = trusted && next.origin() == home;
            url = next;
        }
    }

    fn request(
        &self,
        client: &Client,
        ask: &Ask<'_>,
        url: Url,
        trusted: bool,
    ) -> Result<RequestBuilder> {
        let mut request = client
            .request(ask.method.clone(), url)
            .header(ACCEPT_ENCODING, "identity");
        if trusted {
            for (name, value) in &self.options.headers {
                let (name, value) = header(name, value)?;
                request = request.header(name, value);
            }
            if let Some(user) = &self.options.user {
                let password = self.options.password.as_ref();
                request = request.basic_auth(user.reveal(), password.map(Secret::reveal));
            }
        }
        if let Some(range) = &ask.range {
            request = request.header(RANGE, range);
        }
        if let Some(validator) = &ask.if_range {
            request = request.header(IF_RANGE, validator);
        }
        Ok(request)
    }
}

/// Where a redirect leads: http or https, and no user of the server's choosing.
fn redirect(from: &Url, response: &Response) -> Option<Url> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut next = from
        .join(&answer::text(response.headers(), &LOCATION)?)
        .ok()?;
    let usable = matches!(next.scheme(), "http" | "https")
        && next.set_username("").is_ok()
        && next.set_password(None).is_ok();
    usable.then_some(next)
}

/// Servers redirect from `a` to `a/` when that is a folder.
fn is_folder_of(url: &Url, next: &Url) -> bool {
    url.origin() == next.origin() && next.path().strip_suffix('/') == Some(url.path())
}
