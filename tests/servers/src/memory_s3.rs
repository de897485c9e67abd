//! S3 in memory: objects in a sorted map, no authentication, any bucket exists.

mod listing;
mod multipart;
mod objects;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use crate::serve::{Body, Handler, status};

/// One stored object.
#[derive(Debug, Clone)]
struct Object {
    bytes: Bytes,
    etag: String,
    modified: DateTime<Utc>,
    /// `content-type` and `x-amz-meta-…` as they were sent.
    headers: HeaderMap,
}

/// The server's state.
#[derive(Debug, Default)]
pub(crate) struct MemoryS3 {
    /// Under `bucket/key`.
    objects: Mutex<BTreeMap<String, Object>>,
    uploads: Mutex<BTreeMap<String, multipart::Upload>>,
    counter: AtomicU64,
}

/// What a request's query says.
type Query = BTreeMap<String, String>;

fn query_of(parts: &Parts) -> Query {
    let decode = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// A lock of a thread that panicked is still usable: each change is one insert.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryS3 {
    fn route(&self, parts: &Parts, body: Bytes) -> Response<Body> {
        let path = percent_decode_str(parts.uri.path().trim_start_matches('/'))
            .decode_utf8_lossy()
            .into_owned();
        let query = query_of(parts);
        let (bucket, key) = path.split_once('/').unwrap_or((path.as_str(), ""));
        if key.is_empty() {
            return self.bucket(&parts.method, bucket, &query, &body);
        }
        if let Some(response) = self.multipart(parts, &path, &query, &body) {
            return response;
        }
        match parts.method {
            Method::GET | Method::HEAD => self.get(parts, &path),
            Method::PUT if parts.headers.contains_key("x-amz-copy-source") => {
                self.copy(&parts.headers, &path)
            }
            Method::PUT => self.put(&parts.headers, &path, body),
            Method::DELETE => {
                locked(&self.objects).remove(&path);
                status(StatusCode::NO_CONTENT, "")
            }
            _ => status(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        }
    }

    fn bucket(&self, method: &Method, bucket: &str, query: &Query, body: &Bytes) -> Response<Body> {
        match *method {
            Method::GET => self.list(bucket, query),
            Method::POST if query.contains_key("delete") => self.delete_many(bucket, body),
            Method::PUT | Method::HEAD => status(StatusCode::OK, ""),
            _ => status(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        }
    }
}

impl Handler for MemoryS3 {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Option<Response<Body>> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some(self.route(&parts, bytes))
    }
}
