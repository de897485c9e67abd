//! Accepts connections and hands requests to a handler.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// A body that either is at hand or flows through.
pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request; `None` drops the connection without an answer.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Option<Response<Body>>> + Send;
}

/// A body that is at hand.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed()
}

/// A bare answer.
pub(crate) fn status(code: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(text.to_owned()));
    *response.status_mut() = code;
    response
}

/// Serves until the process is killed. Prints the address once it listens.
pub(crate) async fn run<H: Handler>(port: u16, handler: H) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    announce(&listener)?;
    let handler = Arc::new(handler);
    loop {
        let (stream, _) = listener.accept().await?;
        // Without it, small answers wait for the peer's delayed acknowledgement.
        stream.set_nodelay(true)?;
        let handler = Arc::clone(&handler);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let handler = Arc::clone(&handler);
                async move {
                    handler
                        .answer(request)
                        .await
                        .ok_or_else(|| io::Error::other("fault: connection dropped"))
                }
            });
            // A broken connection concerns its client only.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

fn announce(listener: &TcpListener) -> io::Result<()> {
    say(&format!("http://{}", listener.local_addr()?));
    Ok(())
}

/// A line of output for the process that started this one.
#[allow(
    clippy::print_stdout,
    reason = "the caller reads it from standard output"
)]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
