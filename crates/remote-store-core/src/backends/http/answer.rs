//! What the headers of an answer say about an object.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED,
    RETRY_AFTER,
};

use crate::key::ObjectKey;
use crate::model::ObjectInfo;

/// A header as text.
pub(super) fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// What is known about an object of a size.
pub(super) fn info(key: &ObjectKey, headers: &HeaderMap, size: u64) -> ObjectInfo {
    let mut info = ObjectInfo::new(key.clone(), size);
    info.modified = text(headers, &LAST_MODIFIED).and_then(|date| http_date(&date));
    info.etag = text(headers, &ETAG);
    info.content_type = text(headers, &CONTENT_TYPE);
    info
}

/// The length of the body, as announced.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    text(headers, &CONTENT_LENGTH)?.parse().ok()
}

/// What `If-Range` takes to mean "only if it is still the same": a strong tag, else the date.
pub(super) fn validator(headers: &HeaderMap) -> Option<String> {
    match text(headers, &ETAG) {
        Some(tag) if tag.starts_with('"') => Some(tag),
        // A weak tag vouches for the meaning only, not for each byte. So does a date while its second
        // lasts: the file may be replaced once more and keep it.
        _ => text(headers, &LAST_MODIFIED).filter(|date| {
            let answered = text(headers, &DATE).and_then(|now| http_date(&now));
            http_date(date)
                .zip(answered)
                .is_some_and(|(modified, now)| modified < now)
        }),
    }
}

/// The bytes of a partial answer, and the size of the whole where it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) bytes: Range<u64>,
    pub(super) total: Option<u64>,
}

/// `bytes 0-4/10`.
pub(super) fn part(headers: &HeaderMap) -> Option<Part> {
    let said = text(headers, &CONTENT_RANGE)?;
    let (bytes, total) = said.strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = bytes.split_once('-')?;
    let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    let total = match total.trim() {
        "*" => None,
        number => Some(number.parse::<u64>().ok()?),
    };
    let bytes = first..last.checked_add(1)?;
    let sound = !bytes.is_empty() && total.is_none_or(|total| bytes.end <= total);
    sound.then_some(Part { bytes, total })
}

/// The size in `bytes */10`, with which a range beyond the end is refused.
pub(super) fn refused_total(headers: &HeaderMap) -> Option<u64> {
    let said = text(headers, &CONTENT_RANGE)?;
    said.strip_prefix("bytes")?
        .trim()
        .strip_prefix("*/")?
        .parse()
        .ok()
}

/// How long the server asks to wait: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let said = text(headers, &RETRY_AFTER)?;
    if let Ok(seconds) = said.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    Some((http_date(&said)? - now).to_std().unwrap_or_default())
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc2822(text).ok()?;
    Some(parsed.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn parts_are_read_and_nonsense_is_none() {
        let of = |value| part(&headers(CONTENT_RANGE, value));
        let total = Some(10);
        assert_eq!(of("bytes 2-4/10"), Some(Part { bytes: 2..5, total }));
        assert_eq!(of("bytes 0-0/*").unwrap().total, None);
        for nonsense in [
            "bytes 4-2/10",
            "bytes 0-10/10",
            "bytes */10",
            "items 0-1/2",
            "bytes 0-18446744073709551615/*",
            "",
        ] {
            assert_eq!(of(nonsense), None, "{nonsense}");
        }
        assert_eq!(
            refused_total(&headers(CONTENT_RANGE, "bytes */10")),
            Some(10)
        );
    }

    #[test]
    fn a_weak_tag_vouches_for_no_byte() {
        assert_eq!(validator(&headers(ETAG, "\"a\"")).as_deref(), Some("\"a\""));
        assert_eq!(validator(&headers(ETAG, "W/\"a\"")), None);
    }

    #[test]
    fn a_date_vouches_for_bytes_once_its_second_is_over() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        let at = |modified, now: &'static str| {
            let mut both = headers(LAST_MODIFIED, modified);
            both.insert(DATE, HeaderValue::from_static(now));
            validator(&both)
        };
        let later = "Sun, 06 Nov 1994 08:49:38 GMT";
        assert_eq!(at(date, later).as_deref(), Some(date));
        assert_eq!(at(date, date), None);
        assert_eq!(at("soon", later), None);
        assert_eq!(validator(&headers(LAST_MODIFIED, date)), None);
    }

    #[test]
    fn pauses_are_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("1994-11-06T08:49:30Z").unwrap();
        let of = |value| retry_after(&headers(RETRY_AFTER, value), now.with_timezone(&Utc));
        assert_eq!(of("7"), Some(Duration::from_secs(7)));
        assert_eq!(of("Sun, 06 Nov 1994 08:49:37 GMT"), of("7"));
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(of("soon"), None);
    }
}
