//! Keys as URLs below a base, and back.

use percent_encoding::{percent_decode_str, utf8_percent_encode};

use crate::backends::URI_PLAIN;
use crate::key::Prefix;

/// The URL of a key below a base that ends with a slash.
pub(super) fn below(base: &str, key: &str) -> String {
    format!("{base}{}", utf8_percent_encode(key, URI_PLAIN))
}

/// The key of a URL below the base; `None` for one of elsewhere and for one
/// that no key has.
pub(super) fn key(base: &str, url: &str) -> Option<Prefix> {
    if url == base.trim_end_matches('/') {
        return Some(Prefix::root());
    }
    let quoted = url.strip_prefix(base)?;
    let text = percent_decode_str(quoted).decode_utf8().ok()?;
    let found = Prefix::parse(&text).ok()?;
    (found.as_str() == text).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: &str = "http://h/x/";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_url_leads_back_to_its_key(text in "[a-zA-Z0-9 %?#&+=:@é\u{1F600}.~-]{1,12}(/[a-z%.]{1,6}){0,2}") {
            if let Ok(prefix) = Prefix::parse(&text) {
                let url = below(BASE, prefix.as_str());
                prop_assert!(!url[BASE.len()..].contains(['?', '#', ' ']), "{url}");
                prop_assert_eq!(key(BASE, &url), Some(prefix));
            }
        }
    }

    #[test]
    fn urls_of_elsewhere_have_no_key() {
        for url in [
            "http://other/x/a",
            "http://h/xa",
            "http://h/x/../a",
            "http://h/x/a//b",
            "http://h/x/%2e%2e/a",
            "http://h/x/%ff",
        ] {
            assert_eq!(key(BASE, url), None, "{url}");
        }
        assert_eq!(key(BASE, "http://h/x"), Some(Prefix::root()));
    }
}
