//! HTTP below the clients: time that grows with what is sent, untrusted certificates that are told
//! at once, and pauses that a service asks for.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Bodies up to this size go out in no time.
const SMALL_BYTES: usize = 256 * 1024;
/// What a line must carry at least; slower ones are taken for dead.
const SLOWEST_BYTES_PER_SECOND: u32 = 32 * 1024;
/// Beyond any upload that is still under way: the limit of each is set by its size.
const NO_LIMIT: Duration = Duration::from_hours(24);

/// Makes the HTTP clients of one backend.
#[derive(Debug)]
pub(in crate::backends) struct Connector {
    /// How long an answer may take, the time to send the request left out.
    pub(in crate::backends) read_timeout: Duration,
    /// The longest pause that a service may ask for.
    pub(in crate::backends) longest_pause: Duration,
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let uploads = options.clone().with_read_timeout(NO_LIMIT);
        Ok(HttpClient::new(Transport {
            small: ReqwestConnector::default().connect(options)?,
            large: ReqwestConnector::default().connect(&uploads)?,
            read_timeout: self.read_timeout,
            longest_pause: self.longest_pause,
            resume_at: Arc::default(),
        }))
    }
}

#[derive(Debug)]
struct Transport {
    small: HttpClient,
    /// For large bodies: the client below counts the time to send as time without an answer.
    large: HttpClient,
    read_timeout: Duration,
    longest_pause: Duration,
    /// No request before this time, as the service asked.
    resume_at: Arc<Mutex<Option<Instant>>>,
}

/// How long a request with a body of this size may take until it is answered.
fn time_for(body_bytes: usize, read_timeout: Duration) -> Duration {
    let bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
    read_timeout + Duration::from_secs(u64::from(bytes / SLOWEST_BYTES_PER_SECOND))
}

#[derive(Debug, thiserror::Error)]
#[error("operation timed out: {body_bytes} bytes were not taken within {} s", limit.as_secs())]
struct TooSlow {
    body_bytes: usize,
    limit: Duration,
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let resume_at = *self.resume_at.lock().await;
        if let Some(resume_at) = resume_at {
            tokio::time::sleep_until(resume_at).await;
        }
        super::creation::mark(&mut request);
        let lists = super::listing::is_listing(&request);
        let body_bytes = request.body().content_length();
        let answer = if body_bytes <= SMALL_BYTES {
            self.small.execute(request).await
        } else {
            let limit = time_for(body_bytes, self.read_timeout);
            tokio::time::timeout(limit, self.large.execute(request))
                .await
                .unwrap_or_else(|_elapsed| {
                    let late = TooSlow { body_bytes, limit };
                    Err(HttpError::new(HttpErrorKind::Timeout, late))
                })
        };
        let answer = answer.map_err(final_when_untrusted)?;
        if let Some(pause) = asked_pause(&answer) {
            let until = Instant::now() + pause.min(self.longest_pause);
            *self.resume_at.lock().await = Some(until);
        }
        if lists {
            return super::listing::readable(answer).await;
        }
        Ok(answer)
    }
}

/// An untrusted certificate is as untrusted the next time.
fn final_when_untrusted(error: HttpError) -> HttpError {
    let mut source: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if text.contains("invalid peer certificate") || text.contains("UnknownIssuer") {
            return HttpError::new(HttpErrorKind::Unknown, error);
        }
        source = cause.source();
    }
    error
}

/// The seconds of `Retry-After` in an answer that asks to come back later.
fn asked_pause(answer: &HttpResponse) -> Option<Duration> {
    if !matches!(answer.status().as_u16(), 429 | 503) {
        return None;
    }
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::client::HttpRequestBody;

    use crate::backends::cloud::loopback::Loopback;
    use crate::backends::cloud::service::install_tls;
    use crate::runtime;

    #[test]
    fn a_large_upload_has_the_time_that_a_slow_line_needs() {
        let answer = Duration::from_mins(1);
        assert_eq!(time_for(0, answer), answer);
        assert_eq!(time_for(8 * 1024 * 1024, answer).as_secs(), 60 + 256);
        assert!(time_for(usize::MAX, answer) < NO_LIMIT * 2);
    }

    #[test]
    fn a_pause_that_the_service_asks_for_is_kept_up_to_the_longest() {
        let busy = Loopback::start(|asked| {
            let pause = if asked.line.ends_with("/long") {
                "900"
            } else {
                "2"
            };
            (503, vec![("retry-after", pause.to_owned())], String::new())
        });
        install_tls();
        let client = || HttpClient::new(reqwest::Client::new());
        let transport = Transport {
            small: client(),
            large: client(),
            read_timeout: Duration::from_secs(5),
            longest_pause: Duration::from_secs(30),
            resume_at: Arc::default(),
        };
        for (path, longest_s) in [("short", 2), ("long", 30)] {
            let mut request = HttpRequest::new(HttpRequestBody::empty());
            *request.uri_mut() = format!("{}/{path}", busy.url).parse().unwrap();
            let left = runtime::block_on(crate::Driver::Tokio, async {
                let answer = transport.call(request).await.unwrap();
                assert_eq!(answer.status().as_u16(), 503);
                let resume_at = transport.resume_at.lock().await.take().unwrap();
                resume_at - Instant::now()
            });
            // Not more than asked, and not more than is allowed.
            assert!(left.unwrap() <= Duration::from_secs(longest_s));
        }
        assert_eq!(busy.asked().len(), 2);
    }
}
