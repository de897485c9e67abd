//! Google's XML dialect of S3, translated header by header, so that a client
//! for Google Cloud Storage can be tested against an S3 server.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use clap::ValueEnum;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};

/// What the clients of the proxy speak; the upstream always speaks S3.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Nothing is translated
    S3,
    /// Google Cloud Storage's XML API
    Gcs,
}

const PAIRS: [(&str, &str); 2] = [
    ("x-goog-meta-", "x-amz-meta-"),
    ("x-goog-copy-source", "x-amz-copy-source"),
];

/// Turns a request of Google's dialect into one of S3's.
pub(crate) fn to_s3(headers: &HeaderMap) -> HeaderMap {
    let mut translated = HeaderMap::new();
    for (name, value) in headers {
        if name == AUTHORIZATION {
            continue; // the upstream takes anonymous requests
        }
        if name == "x-goog-if-generation-match" {
            if value == "0" {
                translated.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            } else {
                translated.insert(IF_MATCH, value.clone());
            }
            continue;
        }
        translated.append(rename(name, |goog, amz| (goog, amz)), value.clone());
    }
    translated
}

/// Turns an answer of S3's into one of Google's. Every object gets a
/// generation, made of its entity tag.
pub(crate) fn from_s3(headers: &HeaderMap) -> HeaderMap {
    let mut translated = HeaderMap::new();
    for (name, value) in headers {
        translated.append(rename(name, |goog, amz| (amz, goog)), value.clone());
    }
    if let Some(etag) = headers.get(ETAG) {
        let mut hasher = DefaultHasher::new();
        etag.as_bytes().hash(&mut hasher);
        translated.insert("x-goog-generation", HeaderValue::from(hasher.finish() >> 1));
    }
    translated
}

fn rename(
    name: &HeaderName,
    direction: impl Fn(&'static str, &'static str) -> (&'static str, &'static str),
) -> HeaderName {
    for (goog, amz) in PAIRS {
        let (from, to) = direction(goog, amz);
        if let Some(rest) = name.as_str().strip_prefix(from)
            && let Ok(renamed) = HeaderName::try_from(format!("{to}{rest}"))
        {
            return renamed;
        }
    }
    name.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_of_generation_zero_becomes_if_none_match() {
        let mut headers = HeaderMap::new();
        headers.insert("x-goog-if-generation-match", HeaderValue::from_static("0"));
        headers.insert("x-goog-meta-owner", HeaderValue::from_static("me"));
        let translated = to_s3(&headers);
        assert_eq!(translated.get(IF_NONE_MATCH).unwrap(), "*");
        assert_eq!(translated.get("x-amz-meta-owner").unwrap(), "me");
        assert_eq!(from_s3(&translated).get("x-goog-meta-owner").unwrap(), "me");
    }
}
