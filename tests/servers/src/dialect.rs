//! Google's XML dialect of S3, translated header by header, so that a client
//! for Google Cloud Storage can be tested against an S3 server.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

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

/// The most generations that are remembered; tests ask for those they were just told.
const GENERATIONS: usize = 100_000;

/// Which entity tag a generation was made of. Google compares generations, the
/// upstream compares tags.
#[derive(Debug, Default)]
pub(crate) struct Generations(Mutex<HashMap<String, HeaderValue>>);

impl Generations {
    fn remember(&self, etag: &HeaderValue) -> String {
        let mut hasher = DefaultHasher::new();
        etag.as_bytes().hash(&mut hasher);
        let generation = (hasher.finish() >> 1).to_string();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= GENERATIONS {
            known.clear();
        }
        known.insert(generation.clone(), etag.clone());
        generation
    }

    /// The tag, or one that no object has.
    fn etag(&self, generation: &HeaderValue) -> HeaderValue {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = generation.to_str().ok().and_then(|name| known.get(name));
        found
            .cloned()
            .unwrap_or_else(|| HeaderValue::from_static("\"no-such-generation\""))
    }
}

/// True when a request copies an object, and only to a name that is free.
pub(crate) fn creates_by_copy(headers: &HeaderMap) -> bool {
    headers.contains_key("x-goog-copy-source")
        && headers
            .get("x-goog-if-generation-match")
            .is_some_and(|generation| generation == "0")
}

/// Turns a request of Google's dialect into one of S3's.
pub(crate) fn to_s3(headers: &HeaderMap, generations: &Generations) -> HeaderMap {
    let mut translated = HeaderMap::new();
    for (name, value) in headers {
        if name == AUTHORIZATION {
            continue; // the upstream takes anonymous requests
        }
        if name == "x-goog-if-generation-match" {
            if value == "0" {
                translated.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
            } else {
                translated.insert(IF_MATCH, generations.etag(value));
            }
            continue;
        }
        translated.append(rename(name, |goog, amz| (goog, amz)), value.clone());
    }
    translated
}

/// Turns an answer of S3's into one of Google's. Every object gets a
/// generation, made of its entity tag.
pub(crate) fn from_s3(headers: &HeaderMap, generations: &Generations) -> HeaderMap {
    let mut translated = HeaderMap::new();
    for (name, value) in headers {
        translated.append(rename(name, |goog, amz| (amz, goog)), value.clone());
    }
    if let Some(etag) = headers.get(ETAG)
        && let Ok(generation) = HeaderValue::try_from(generations.remember(etag))
    {
        translated.insert("x-goog-generation", generation);
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
        let generations = Generations::default();
        let translated = to_s3(&headers, &generations);
        assert_eq!(translated.get(IF_NONE_MATCH).unwrap(), "*");
        assert_eq!(translated.get("x-amz-meta-owner").unwrap(), "me");
        let back = from_s3(&translated, &generations);
        assert_eq!(back.get("x-goog-meta-owner").unwrap(), "me");
    }

    #[test]
    fn a_generation_leads_back_to_its_tag() {
        let generations = Generations::default();
        let mut answer = HeaderMap::new();
        answer.insert(ETAG, HeaderValue::from_static("\"a\""));
        let told = from_s3(&answer, &generations);
        let mut request = HeaderMap::new();
        let generation = told.get("x-goog-generation").unwrap().clone();
        request.insert("x-goog-if-generation-match", generation);
        assert_eq!(
            to_s3(&request, &generations).get(IF_MATCH).unwrap(),
            "\"a\""
        );
        request.insert("x-goog-if-generation-match", HeaderValue::from_static("7"));
        assert_ne!(
            to_s3(&request, &generations).get(IF_MATCH).unwrap(),
            "\"a\""
        );
    }
}
