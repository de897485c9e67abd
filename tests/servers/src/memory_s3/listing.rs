//! Listing of a bucket, second version of the protocol, in pages.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Bound;

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{MemoryS3, Query, locked};
use crate::serve::{Body, status};
use crate::xml;

const MAX_KEYS: usize = 1_000;

impl MemoryS3 {
    pub(super) fn list(&self, bucket: &str, query: &Query) -> Response<Body> {
        let text = |name: &str| query.get(name).map_or("", String::as_str);
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let after = if text("continuation-token").is_empty() {
            text("start-after")
        } else {
            text("continuation-token")
        };
        let limit = text("max-keys").parse().unwrap_or(MAX_KEYS).min(MAX_KEYS);
        let shown = |key: &str| {
            if text("encoding-type") == "url" {
                utf8_percent_encode(key, NON_ALPHANUMERIC).to_string()
            } else {
                xml::escape(key)
            }
        };

        let (mut contents, mut folders, mut last, mut truncated) =
            (String::new(), BTreeSet::new(), String::new(), false);
        let mut count = 0_usize;
        let root = format!("{bucket}/");
        let objects = locked(&self.objects);
        let start = format!("{root}{}", if after > prefix { after } else { prefix });
        for (path, object) in
            objects.range::<String, _>((Bound::Included(&start), Bound::Unbounded))
        {
            let Some(key) = path
                .strip_prefix(&root)
                .filter(|key| key.starts_with(prefix))
            else {
                break;
            };
            let folder = key
                .get(prefix.len()..)
                .filter(|_| !delimiter.is_empty())
                .and_then(|rest| rest.split_once(delimiter));
            let entry = folder.map_or_else(
                || key.to_owned(),
                |(name, _)| format!("{prefix}{name}{delimiter}"),
            );
            if (!after.is_empty() && entry.as_str() <= after) || folders.contains(&entry) {
                continue;
            }
            if count == limit {
                truncated = true;
                break;
            }
            count += 1;
            last.clone_from(&entry);
            if folder.is_some() {
                folders.insert(entry);
            } else {
                let (name, etag, size) =
                    (shown(key), xml::escape(&object.etag), object.bytes.len());
                let _written = write!(
                    contents,
                    "<Contents><Key>{name}</Key><LastModified>{}</LastModified><ETag>{etag}</ETag><Size>{size}</Size></Contents>",
                    object.modified.format("%Y-%m-%dT%H:%M:%S%.3fZ")
                );
            }
        }
        for folder in &folders {
            let _written = write!(
                contents,
                "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                shown(folder)
            );
        }
        let token = if truncated {
            format!(
                "<NextContinuationToken>{}</NextContinuationToken>",
                xml::escape(&last)
            )
        } else {
            String::new()
        };
        let mut response = status(
            StatusCode::OK,
            &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult><Name>{bucket}</Name><Prefix>{}</Prefix><KeyCount>{count}</KeyCount>\
                 <MaxKeys>{limit}</MaxKeys><IsTruncated>{truncated}</IsTruncated>{contents}{token}</ListBucketResult>",
                shown(prefix)
            ),
        );
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }
}
