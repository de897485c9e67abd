//! Proxies, private authorities and retries, with servers on this machine. What is proven here is the
//! same for every cloud: they share the transport.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::backends::cloud::Service;
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::loopback::{self, Loopback};
use crate::error::{Error, ErrorKind};
use crate::{Prefix, Store, runtime};

fn options(endpoint: &str) -> S3Options {
    let mut options = S3Options::new("lake").unwrap();
    options.endpoint_url = Some(endpoint.to_owned());
    options.anonymous = true;
    options.transport.retry.max_attempts = 3;
    options.transport.retry.backoff_base = Duration::from_millis(1);
    options.transport.retry.backoff_max = Duration::from_millis(5);
    options
}

fn read(options: S3Options) -> Result<bytes::Bytes, Error> {
    let store = Store::new(Arc::new(S3Backend::new(options).unwrap()), Prefix::root());
    runtime::block_on(crate::Driver::Tokio, store.read_bytes("a")).unwrap()
}

/// The first piece of a small object, which is all of it.
fn found() -> loopback::Answer {
    let headers = [
        ("last-modified", "Tue, 01 Jan 2030 00:00:00 GMT"),
        ("etag", "\"e\""),
        ("content-range", "bytes 0-4/5"),
    ];
    let headers = headers.map(|(name, value)| (name, value.to_owned()));
    (206, headers.to_vec(), "hello".to_owned())
}

/// An object of one's own in answer to everything.
fn hello() -> Loopback {
    Loopback::start(|_asked| found())
}

#[test]
fn requests_go_through_the_proxy_unless_the_host_is_left_out() {
    let (proxy, direct) = (hello(), hello());
    let mut given = options("http://store.invalid");
    given.transport.proxy_url = Some(proxy.url.as_str().into());
    assert_eq!(read(given.clone()).unwrap(), "hello");
    assert_eq!(proxy.asked()[0].line, "GET http://store.invalid/lake/a");
    given.endpoint_url = Some(direct.url.clone());
    given.transport.no_proxy = Some("127.0.0.1".to_owned());
    assert_eq!(read(given).unwrap(), "hello");
    assert_eq!((proxy.asked().len(), direct.asked().len()), (1, 1));
}

#[test]
fn https_is_tunnelled_and_a_proxy_that_refuses_is_named_without_its_password() {
    let proxy = Loopback::start(|_asked| (502, vec![], String::new()));
    let mut given = options("https://store.invalid");
    let address = proxy.url.replace("http://", "http://user:hunter2@");
    given.transport.proxy_url = Some(address.into());
    given.transport.retry.max_attempts = 1;
    let error = read(given).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert_eq!(proxy.asked()[0].line, "CONNECT store.invalid:443");
    let mut said = error.to_string();
    if let Error::BackendUnavailable { source, .. } = &error {
        said.push_str(&source.as_ref().map(ToString::to_string).unwrap_or_default());
    }
    assert!(
        said.contains("store.invalid") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn a_service_that_is_busy_is_asked_as_often_as_allowed() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let busy = Loopback::start(move |_asked| {
        let before = counted.fetch_add(1, Ordering::Relaxed);
        match before {
            0 | 1 => (503, vec![("retry-after", "60".to_owned())], String::new()),
            _ => found(),
        }
    });
    assert_eq!(read(options(&busy.url)).unwrap(), "hello");
    assert_eq!(count.swap(0, Ordering::Relaxed), 3);
    let mut given = options(&busy.url);
    given.transport.retry.max_attempts = 2;
    let error = read(given).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

/// A service whose certificate a private authority gave; counts who knocks.
struct Private {
    url: String,
    knocks: Arc<AtomicUsize>,
}

impl Private {
    /// Starts it and writes its authority's certificate.
    fn start(authority: &Path) -> Self {
        crate::backends::cloud::service::install_tls();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(authority, issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (config, knocks) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&knocks);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::Relaxed);
                let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut tls = rustls::StreamOwned::new(session, stream.unwrap());
                let mut request = [0; 4096];
                // Whoever does not trust it hangs up here.
                if tls.read(&mut request).is_ok_and(|read| read > 0) {
                    let answer = "HTTP/1.1 206 X\r\ncontent-length: 5\r\nconnection: close\r\n\
                                  content-range: bytes 0-4/5\r\nlast-modified: Tue, 01 Jan 2030 00:00:00 GMT\r\n\r\nhello";
                    tls.write_all(answer.as_bytes()).unwrap();
                    tls.conn.send_close_notify();
                    tls.flush().unwrap();
                }
            }
        });
        Self { url, knocks }
    }
}

#[test]
fn a_private_authority_is_trusted_when_given_and_a_stranger_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let service = Private::start(&authority);
    let error = read(options(&service.url)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BackendUnavailable);
    assert!(error.to_string().contains("'tls_ca_bundle'"), "{error}");
    // Three attempts are allowed, but a certificate does not get better.
    assert_eq!(service.knocks.swap(0, Ordering::Relaxed), 1);
    let mut given = options(&service.url);
    given.transport.tls_ca_bundle = Some(authority);
    assert_eq!(read(given).unwrap(), "hello");
    assert_eq!(service.knocks.load(Ordering::Relaxed), 1);
}

#[test]
fn the_authority_may_stand_in_the_environment() {
    let environment: Environment = [("AWS_CA_BUNDLE".to_owned(), "/nonexistent/ca.pem".to_owned())]
        .into_iter()
        .collect();
    let error = client::build(&options("https://store.invalid"), &environment);
    let text = error.err().unwrap().to_string();
    assert!(
        text.contains("/nonexistent/ca.pem cannot be read"),
        "{text}"
    );
}

#[test]
fn neither_debug_nor_description_shows_what_an_endpoint_or_a_proxy_carries() {
    let mut given = options("https://user:hunter2hunter2@store.invalid");
    given.transport.proxy_url = Some("http://user:hunter2hunter2@proxy.invalid".into());
    #[allow(clippy::use_debug, reason = "what Debug shows is under test")]
    let mut shown = format!("{given:?}");
    shown.extend(given.describe().into_iter().map(|(_, value)| value));
    assert!(shown.contains("store.invalid"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}
