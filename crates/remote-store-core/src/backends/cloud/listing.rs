//! Names in listings that no key can have: made by other tools, and refused by
//! the client below for the whole listing.
//!
//! An object `a/` stands for an empty folder, and the client would show it as
//! an object `a`. Names such as `a//b` or `a/../b` would end the listing with
//! an error. Both get hidden names before the client reads them.

use object_store::client::{HttpError, HttpRequest, HttpResponse};

use crate::backends::staged::RESERVED;

/// How the hidden name of a folder's own object ends.
const FOLDER: &str = "folder";
/// How the hidden name of anything else ends.
const UNUSABLE: &str = "unusable";
/// Where a name stands in the answer of a service.
#[derive(Clone, Copy)]
struct Place {
    opening: &'static str,
    closing: &'static str,
    of_folder: bool,
}

/// S3 and Google's dialect of it, then Azure.
const PLACES: [Place; 4] = [
    Place {
        opening: "<Key>",
        closing: "</Key>",
        of_folder: false,
    },
    Place {
        opening: "<CommonPrefixes><Prefix>",
        closing: "</Prefix>",
        of_folder: true,
    },
    Place {
        opening: "<Blob><Name>",
        closing: "</Name>",
        of_folder: false,
    },
    Place {
        opening: "<BlobPrefix><Name>",
        closing: "</Name>",
        of_folder: true,
    },
];

/// True when a request asks for a listing.
pub(super) fn is_listing(request: &HttpRequest) -> bool {
    let asks = |query: &str| {
        query
            .split('&')
            .any(|pair| pair == "list-type=2" || pair == "comp=list")
    };
    request.method().as_str() == "GET" && request.uri().query().is_some_and(asks)
}

/// The answer with names that the client can read.
pub(super) async fn readable(answer: HttpResponse) -> Result<HttpResponse, HttpError> {
    if !answer.status().is_success() {
        return Ok(answer);
    }
    let (parts, body) = answer.into_parts();
    let bytes = body.bytes().await?;
    let changed = std::str::from_utf8(&bytes).ok().and_then(rename);
    let bytes = changed.map_or(bytes, Into::into);
    Ok(HttpResponse::from_parts(parts, bytes.into()))
}

/// True for the hidden name of an object that stands for a folder.
pub(super) fn is_folder_marker(name: &str) -> bool {
    name.strip_prefix(RESERVED) == Some(FOLDER)
}

/// The text with other names; none when all are fine.
fn rename(xml: &str) -> Option<String> {
    let mut changed: Option<String> = None;
    for place in PLACES {
        let text = changed.as_deref().unwrap_or(xml);
        if let Some(renamed) = rename_at(text, place) {
            changed = Some(renamed);
        }
    }
    changed
}

fn rename_at(xml: &str, place: Place) -> Option<String> {
    let mut changed = String::new();
    let mut copied = 0;
    for (at, opening) in xml.match_indices(place.opening) {
        let start = at + opening.len();
        let (name, _) = xml.get(start..)?.split_once(place.closing)?;
        if let Some(shown) = hidden_name(name, place.of_folder) {
            changed.push_str(xml.get(copied..start)?);
            changed.push_str(&shown);
            copied = start + name.len();
        }
    }
    if copied == 0 {
        return None;
    }
    changed.push_str(xml.get(copied..)?);
    Some(changed)
}

/// The name to show instead; none for one that is fine.
fn hidden_name(name: &str, of_folder: bool) -> Option<String> {
    let body = name.strip_suffix('/').unwrap_or(name);
    let unusable = body
        .split('/')
        .any(|segment| matches!(segment, "" | "." | "..") || has_control(segment));
    if unusable {
        let end = if of_folder { "/" } else { "" };
        return Some(format!("{RESERVED}{UNUSABLE}{end}"));
    }
    let marker = name.ends_with('/') && !of_folder;
    marker.then(|| format!("{name}{RESERVED}{FOLDER}"))
}

/// True for control characters, which XML writes as numbers.
fn has_control(segment: &str) -> bool {
    let numbered = segment.split("&#").skip(1).any(|rest| {
        let number = rest.split(';').next().unwrap_or_default();
        let value = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        value.is_ok_and(|value| value < 32 || value == 127)
    });
    numbered || segment.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_stands_for_a_folder_is_shown_under_a_hidden_name_in_it() {
        let xml = "<R><Contents><Key>a/x/</Key></Contents><Contents><Key>a/y</Key></Contents></R>";
        let shown = rename(xml).unwrap();
        assert!(
            shown.contains("<Key>a/x/.remote-store-staged-folder</Key>"),
            "{shown}"
        );
        assert!(
            shown.ends_with("<Contents><Key>a/y</Key></Contents></R>"),
            "{shown}"
        );
        assert!(is_folder_marker(".remote-store-staged-folder"));
        assert!(!is_folder_marker("folder") && !is_folder_marker(".remote-store-staged-1"));
    }

    #[test]
    fn names_that_no_key_can_have_are_hidden_and_the_rest_stays() {
        for bad in [
            "a//b", "/a", "a/../b", "./a", "a&#10;b", "a&#x1;b", "a//", "/",
        ] {
            let xml = format!("<Blob><Name>{bad}</Name></Blob><Blob><Name>b</Name></Blob>");
            assert_eq!(
                rename(&xml).unwrap(),
                "<Blob><Name>.remote-store-staged-unusable</Name></Blob><Blob><Name>b</Name></Blob>"
            );
        }
        let folders = "<CommonPrefixes><Prefix>a//</Prefix></CommonPrefixes>";
        assert!(
            rename(folders)
                .unwrap()
                .contains(">.remote-store-staged-unusable/<")
        );
        for fine in [
            "<Key>a/b&amp;c&#233;</Key>",
            "<BlobPrefix><Name>a/</Name>",
            "<Name>b//</Name>",
            "",
        ] {
            assert_eq!(rename(fine), None);
        }
    }

    #[test]
    fn only_listings_are_looked_at() {
        let asks = |method: &str, uri: &str| {
            let mut request = HttpRequest::new(bytes::Bytes::new().into());
            *request.method_mut() = method.parse().unwrap();
            *request.uri_mut() = uri.parse().unwrap();
            is_listing(&request)
        };
        assert!(asks("GET", "http://127.0.0.1/b?list-type=2&prefix=a"));
        assert!(asks(
            "GET",
            "http://127.0.0.1/c?restype=container&comp=list"
        ));
        assert!(
            !asks("GET", "http://127.0.0.1/b/k") && !asks("POST", "http://127.0.0.1/c?comp=list")
        );
    }
}
