//! An HTTP proxy that adds latency and faults and counts what passes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use http_body_util::{BodyExt, Either, Empty};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::dialect::{self, Dialect, Generations};
use crate::pace::{Line, Paced};
use crate::serve::{Body, Handler, full, say, status};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Port on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Where requests go, as host:port on loopback
    #[arg(long)]
    upstream: String,
    /// How long every request waits before it is forwarded
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// How fast bodies flow, all together, each way; 0 for no limit
    #[arg(long, default_value_t = 0)]
    megabytes_per_second: u64,
    /// What the clients speak
    #[arg(long, value_enum, default_value_t = Dialect::S3)]
    dialect: Dialect,
    /// Every n-th request gets the fault; 0 for none
    #[arg(long, default_value_t = 0)]
    fault_every: u64,
    /// The status of the fault; 0 drops the connection without an answer
    #[arg(long, default_value_t = 503)]
    fault_status: u16,
    /// This request and all after it get no answer; 0 for none. A line of output tells when the
    /// first of them is held
    #[arg(long, default_value_t = 0)]
    hold_from: u64,
    /// Requests that are held reach the upstream; only their answers do not arrive
    #[arg(long)]
    hold_answers: bool,
}

/// What has passed since the last reset.
#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    gets: AtomicU64,
    heads: AtomicU64,
    puts: AtomicU64,
    posts: AtomicU64,
    deletes: AtomicU64,
    bytes_up: AtomicU64,
    bytes_down: AtomicU64,
    faults: AtomicU64,
}

impl Counts {
    fn all(&self) -> [(&'static str, &AtomicU64); 9] {
        [
            ("requests", &self.requests),
            ("gets", &self.gets),
            ("heads", &self.heads),
            ("puts", &self.puts),
            ("posts", &self.posts),
            ("deletes", &self.deletes),
            ("bytes_up", &self.bytes_up),
            ("bytes_down", &self.bytes_down),
            ("faults", &self.faults),
        ]
    }

    fn count(&self, method: &Method, bytes_up: u64) -> u64 {
        let per_method = match *method {
            Method::GET => &self.gets,
            Method::HEAD => &self.heads,
            Method::PUT => &self.puts,
            Method::DELETE => &self.deletes,
            _ => &self.posts,
        };
        per_method.fetch_add(1, Ordering::Relaxed);
        self.bytes_up.fetch_add(bytes_up, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Forwards to one upstream.
#[derive(Debug)]
pub(crate) struct Proxy {
    options: Options,
    client: Client<HttpConnector, Either<Paced, Empty<Bytes>>>,
    up: Line,
    down: Line,
    counts: Counts,
    generations: Generations,
    /// Held while a name is looked up and a copy put there: the upstream
    /// copies without looking.
    copying: tokio::sync::Mutex<()>,
}

impl Proxy {
    pub(crate) fn new(options: Options) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let line = || Line::of(options.megabytes_per_second);
        Self {
            up: line(),
            down: line(),
            options,
            client: Client::builder(TokioExecutor::new()).build(connector),
            counts: Counts::default(),
            generations: Generations::default(),
            copying: tokio::sync::Mutex::new(()),
        }
    }

    /// `GET /__stats` tells the counts, `DELETE /__stats` sets them to zero.
    fn stats(&self, method: &Method) -> Response<Body> {
        let figures: serde_json::Map<_, _> = self
            .counts
            .all()
            .iter()
            .map(|(name, count)| ((*name).to_owned(), json!(count.load(Ordering::Relaxed))))
            .collect();
        if *method == Method::DELETE {
            for (_, count) in self.counts.all() {
                count.store(0, Ordering::Relaxed);
            }
        }
        Response::new(full(serde_json::Value::Object(figures).to_string()))
    }

    fn fault(&self) -> Option<Response<Body>> {
        self.counts.faults.fetch_add(1, Ordering::Relaxed);
        let code = StatusCode::from_u16(self.options.fault_status).ok()?;
        let mut response = status(code, "injected fault");
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("0"));
        Some(response)
    }

    /// Waits until the client or this process ends.
    async fn hold(&self, request: Request<Incoming>, number: u64) -> Option<Response<Body>> {
        let what = format!("held {} {}", request.method(), request.uri());
        if self.options.hold_answers {
            drop(self.forward(request).await);
        }
        if number == self.options.hold_from {
            say(&what);
        }
        std::future::pending().await
    }

    async fn forward(&self, request: Request<Incoming>) -> Response<Body> {
        let (mut parts, body) = request.into_parts();
        let creates_by_copy =
            self.options.dialect == Dialect::Gcs && dialect::creates_by_copy(&parts.headers);
        if self.options.dialect == Dialect::Gcs {
            parts.headers = dialect::to_s3(&parts.headers, &self.generations);
        }
        parts.headers.remove(CONNECTION);
        if self.options.dialect == Dialect::Gcs {
            // A signed request must keep the host that was signed; this one is anonymous.
            parts.headers.remove(HOST);
        }
        let target = format!(
            "http://{}{}",
            self.options.upstream,
            parts.uri.path_and_query().map_or("/", |path| path.as_str())
        );
        match target.parse() {
            Ok(uri) => parts.uri = uri,
            Err(err) => return status(StatusCode::BAD_REQUEST, &err.to_string()),
        }
        let _turn = if creates_by_copy {
            let turn = self.copying.lock().await;
            if self.is_taken(&parts.uri).await {
                return status(StatusCode::PRECONDITION_FAILED, "the destination exists");
            }
            Some(turn)
        } else {
            None
        };
        let request = Request::from_parts(parts, Either::Left(Paced::new(body, &self.up)));
        match self.client.request(request).await {
            Ok(response) => self.answer_of(response),
            Err(err) => status(StatusCode::BAD_GATEWAY, &err.to_string()),
        }
    }

    /// True when the upstream has an object of that name.
    async fn is_taken(&self, uri: &hyper::Uri) -> bool {
        let head = Request::head(uri.clone()).body(Either::Right(Empty::new()));
        match head.map(|request| self.client.request(request)) {
            Ok(answer) => answer
                .await
                .is_ok_and(|answer| answer.status().is_success()),
            Err(_) => false,
        }
    }

    fn answer_of(&self, response: Response<Incoming>) -> Response<Body> {
        let (mut parts, body) = response.into_parts();
        if self.options.dialect == Dialect::Gcs {
            parts.headers = dialect::from_s3(&parts.headers, &self.generations);
        }
        self.counts
            .bytes_down
            .fetch_add(body.size_hint().exact().unwrap_or(0), Ordering::Relaxed);
        Response::from_parts(parts, Paced::new(body, &self.down).boxed())
    }
}

impl Handler for Proxy {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Option<Response<Body>> {
        if request.uri().path() == "/__stats" {
            return Some(self.stats(request.method()));
        }
        let number = self.counts.count(
            request.method(),
            request.body().size_hint().exact().unwrap_or(0),
        );
        if self.options.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.options.delay_ms)).await;
        }
        if self.options.hold_from > 0 && number >= self.options.hold_from {
            return self.hold(request, number).await;
        }
        if self.options.fault_every > 0 && number.is_multiple_of(self.options.fault_every) {
            return self.fault();
        }
        Some(self.forward(request).await)
    }
}
