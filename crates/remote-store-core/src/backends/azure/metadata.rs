//! Names of user metadata: Azure takes letters, digits and underscores only.
//!
//! Other names begin with an underscore, which names of users never do, and
//! hold two hexadecimal digits after an underscore for each byte that Azure
//! does not take; an underscore itself is doubled.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The name to keep it under.
pub(super) fn stored(name: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.bytes().all(plain) && !name.starts_with(|first: char| first.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    let mut escaped = String::from("_");
    for byte in name.bytes() {
        if byte == b'_' {
            escaped.push_str("__");
        } else if plain(byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _written = write!(escaped, "_{byte:02x}");
        }
    }
    Cow::Owned(escaped)
}

/// The name that was given; one that others wrote stays as it is.
pub(super) fn given(stored: &str) -> Cow<'_, str> {
    stored
        .strip_prefix('_')
        .and_then(unescape)
        .filter(|name| self::stored(name) == stored)
        .map_or(Cow::Borrowed(stored), Cow::Owned)
}

fn unescape(escaped: &str) -> Option<String> {
    let mut name = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some((before, after)) = rest.split_once('_') {
        name.push_str(before);
        rest = if let Some(rest) = after.strip_prefix('_') {
            name.push('_');
            rest
        } else {
            let byte = u8::from_str_radix(after.get(..2)?, 16).ok()?;
            name.push(char::from(byte));
            after.get(2..)?
        };
    }
    name.push_str(rest);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_names_stay_as_they_are() {
        assert_eq!(stored("run_id"), "run_id");
        assert_eq!(given("run_id"), "run_id");
    }

    #[test]
    fn names_that_others_wrote_stay_as_they_are() {
        for name in [
            "_",
            "_x",
            "_x_",
            "_zz_1",
            "_a_62",
            "_\u{e9}_2d",
            "hdi_isfolder",
        ] {
            assert_eq!(given(name), name);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_name_comes_back_and_is_an_identifier(name in "[a-z0-9.-][a-z0-9_.-]{0,12}") {
            let kept = stored(&name).into_owned();
            prop_assert!(kept.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            prop_assert!(!kept.starts_with(|first: char| first.is_ascii_digit()));
            prop_assert_eq!(given(&kept).into_owned(), name);
        }
    }
}
