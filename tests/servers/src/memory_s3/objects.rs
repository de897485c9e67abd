//! Put, get, copy and bulk delete of objects.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use chrono::Utc;
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH,
    LAST_MODIFIED, RANGE,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::{MemoryS3, Object, locked};
use crate::serve::{Body, full, status};
use crate::xml;

/// First byte and one past the last, when the range can be served.
fn range_of(header: &str, size: usize) -> Option<(usize, usize)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        let suffix: usize = last.parse().ok()?;
        return Some((size.saturating_sub(suffix), size));
    }
    let first: usize = first.parse().ok()?;
    let end = if last.is_empty() {
        size
    } else {
        last.parse::<usize>().ok()?.saturating_add(1).min(size)
    };
    (first < size && first < end).then_some((first, end))
}

impl MemoryS3 {
    /// A fresh entity tag: no hash is computed, so that the server stays out of the way.
    pub(super) fn next_etag(&self) -> String {
        format!(
            "\"{:032x}\"",
            self.counter.fetch_add(1, Ordering::Relaxed) + 1
        )
    }

    pub(super) fn store(&self, headers: &HeaderMap, path: &str, bytes: Bytes) -> Response<Body> {
        let mut objects = locked(&self.objects);
        let existing = objects.get(path);
        let taken = headers.get(IF_NONE_MATCH).is_some_and(|tag| tag == "*") && existing.is_some();
        let changed = headers
            .get(IF_MATCH)
            .is_some_and(|tag| existing.is_none_or(|object| *tag != *object.etag));
        if taken || changed {
            return status(
                StatusCode::PRECONDITION_FAILED,
                "<Error><Code>PreconditionFailed</Code></Error>",
            );
        }
        let kept = headers
            .iter()
            .filter(|(name, _)| *name == CONTENT_TYPE || name.as_str().starts_with("x-amz-meta-"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let object = Object {
            bytes,
            etag: self.next_etag(),
            modified: Utc::now(),
            headers: kept,
        };
        let etag = object.etag.clone();
        objects.insert(path.to_owned(), object);
        let mut response = status(StatusCode::OK, "");
        if let Ok(value) = etag.parse() {
            response.headers_mut().insert(ETAG, value);
        }
        response
    }

    pub(super) fn put(&self, headers: &HeaderMap, path: &str, bytes: Bytes) -> Response<Body> {
        self.store(headers, path, bytes)
    }

    pub(super) fn copy(&self, headers: &HeaderMap, path: &str) -> Response<Body> {
        let source = headers
            .get("x-amz-copy-source")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let source = percent_decode_str(source.trim_start_matches('/'))
            .decode_utf8_lossy()
            .into_owned();
        let Some(object) = locked(&self.objects).get(&source).cloned() else {
            return status(
                StatusCode::NOT_FOUND,
                "<Error><Code>NoSuchKey</Code></Error>",
            );
        };
        let etag = xml::escape(&object.etag);
        let mut kept = object.headers.clone();
        kept.extend(
            [IF_MATCH, IF_NONE_MATCH]
                .into_iter()
                .filter_map(|name| headers.get(&name).map(|value| (Some(name), value.clone()))),
        );
        let stored = self.store(&kept, path, object.bytes);
        if stored.status() != StatusCode::OK {
            return stored;
        }
        status(
            StatusCode::OK,
            &format!("<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>"),
        )
    }

    pub(super) fn get(&self, parts: &Parts, path: &str) -> Response<Body> {
        let Some(object) = locked(&self.objects).get(path).cloned() else {
            return status(
                StatusCode::NOT_FOUND,
                "<Error><Code>NoSuchKey</Code></Error>",
            );
        };
        let size = object.bytes.len();
        let asked = parts
            .headers
            .get(RANGE)
            .and_then(|value| value.to_str().ok());
        let span = asked.map_or(Some((0, size)), |header| range_of(header, size));
        let Some((first, end)) = span else {
            return status(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "<Error><Code>InvalidRange</Code></Error>",
            );
        };
        let mut response = Response::new(if parts.method == Method::HEAD {
            full(Bytes::new())
        } else {
            full(object.bytes.slice(first..end))
        });
        let headers = response.headers_mut();
        headers.extend(object.headers);
        headers.insert(CONTENT_LENGTH, (end - first).into());
        for (name, text) in [
            (ETAG, object.etag),
            (
                LAST_MODIFIED,
                object
                    .modified
                    .format("%a, %d %b %Y %H:%M:%S GMT")
                    .to_string(),
            ),
            (ACCEPT_RANGES, "bytes".to_owned()),
        ] {
            if let Ok(value) = text.parse() {
                headers.insert(name, value);
            }
        }
        if asked.is_some() {
            if let Ok(value) = format!("bytes {first}-{}/{size}", end.saturating_sub(1)).parse() {
                headers.insert(CONTENT_RANGE, value);
            }
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        }
        response
    }

    pub(super) fn delete_many(&self, bucket: &str, body: &Bytes) -> Response<Body> {
        let document = String::from_utf8_lossy(body);
        let mut objects = locked(&self.objects);
        let mut answer = String::from("<DeleteResult>");
        for key in xml::texts(&document, "Key") {
            objects.remove(&format!("{bucket}/{key}"));
            let _written = write!(
                answer,
                "<Deleted><Key>{}</Key></Deleted>",
                xml::escape(&key)
            );
        }
        status(StatusCode::OK, &(answer + "</DeleteResult>"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_clipped_to_the_object() {
        assert_eq!(range_of("bytes=0-9", 5), Some((0, 5)));
        assert_eq!(range_of("bytes=-2", 5), Some((3, 5)));
        assert_eq!(range_of("bytes=5-", 5), None);
    }
}
