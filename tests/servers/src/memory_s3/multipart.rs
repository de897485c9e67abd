//! Uploads in parts.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use hyper::header::ETAG;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Response, StatusCode};

use super::{MemoryS3, Query, locked};
use crate::serve::{Body, status};
use crate::xml;

/// An upload that has been started.
#[derive(Debug)]
pub(super) struct Upload {
    headers: HeaderMap,
    parts: BTreeMap<u32, Bytes>,
}

fn no_such_upload() -> Response<Body> {
    status(
        StatusCode::NOT_FOUND,
        "<Error><Code>NoSuchUpload</Code></Error>",
    )
}

impl MemoryS3 {
    /// Answers when the request belongs to an upload in parts.
    pub(super) fn multipart(
        &self,
        parts: &Parts,
        path: &str,
        query: &Query,
        body: &Bytes,
    ) -> Option<Response<Body>> {
        if query.contains_key("uploads") && parts.method == Method::POST {
            return Some(self.start(parts, path));
        }
        let id = query.get("uploadId")?;
        Some(match parts.method {
            Method::PUT => self.part(id, query, body),
            Method::POST => self.complete(&parts.headers, id, path),
            _ => {
                locked(&self.uploads).remove(id);
                status(StatusCode::NO_CONTENT, "")
            }
        })
    }

    fn start(&self, parts: &Parts, path: &str) -> Response<Body> {
        let id = format!("upload-{}", self.counter.fetch_add(1, Ordering::Relaxed));
        locked(&self.uploads).insert(
            id.clone(),
            Upload {
                headers: parts.headers.clone(),
                parts: BTreeMap::new(),
            },
        );
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let key = xml::escape(key);
        status(
            StatusCode::OK,
            &format!(
                "<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
            ),
        )
    }

    fn part(&self, id: &str, query: &Query, body: &Bytes) -> Response<Body> {
        let number = query
            .get("partNumber")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let mut uploads = locked(&self.uploads);
        let Some(upload) = uploads.get_mut(id) else {
            return no_such_upload();
        };
        upload.parts.insert(number, body.clone());
        let mut response = status(StatusCode::OK, "");
        if let Ok(value) = self.next_etag().parse() {
            response.headers_mut().insert(ETAG, value);
        }
        response
    }

    fn complete(&self, headers: &HeaderMap, id: &str, path: &str) -> Response<Body> {
        let Some(upload) = locked(&self.uploads).remove(id) else {
            return no_such_upload();
        };
        let mut bytes = BytesMut::new();
        for part in upload.parts.values() {
            bytes.extend_from_slice(part);
        }
        let mut conditions = upload.headers;
        conditions.extend(
            headers
                .iter()
                .map(|(name, value)| (Some(name.clone()), value.clone())),
        );
        let stored = self.store(&conditions, path, bytes.freeze());
        let Some(etag) = stored
            .headers()
            .get(ETAG)
            .and_then(|value| value.to_str().ok())
        else {
            return stored;
        };
        let etag = xml::escape(etag);
        status(
            StatusCode::OK,
            &format!(
                "<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>"
            ),
        )
    }
}
