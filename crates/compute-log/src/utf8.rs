//! Where a UTF-8 character may be cut: nowhere. Invalid bytes pass through untouched.

/// Number of bytes at the end of `data` that begin a character whose rest is still to come.
///
/// Bytes that no character could begin with, or that already broke one, count as complete:
/// waiting for their rest would wait for ever.
pub(crate) fn incomplete_tail(data: &[u8]) -> usize {
    // The longest incomplete start has three bytes.
    for length in 1..=3_usize.min(data.len()) {
        let Some(start) = data.get(data.len() - length..) else {
            break;
        };
        match start.first() {
            Some(byte) if is_continuation(*byte) => {}
            _ => {
                let unfinished =
                    std::str::from_utf8(start).is_err_and(|error| error.error_len().is_none());
                return if unfinished { length } else { 0 };
            }
        }
    }
    0
}

/// Number of bytes at the start of `after` that finish a character begun at the end of `before`.
pub(crate) fn rest_of_char(before: &[u8], after: &[u8]) -> usize {
    let begun = incomplete_tail(before);
    if begun == 0 {
        return 0;
    }
    let mut character = before
        .get(before.len() - begun..)
        .unwrap_or_default()
        .to_vec();
    for (index, byte) in after.iter().enumerate() {
        character.push(*byte);
        match std::str::from_utf8(&character) {
            Ok(_) => return index + 1,
            Err(error) if error.error_len().is_none() => {}
            Err(_) => return 0,
        }
    }
    0
}

/// Number of bytes at the start of `data` that belong to a character begun before it.
///
/// Used when what stands before is not known, as at the start of a log's tail.
pub(crate) fn orphaned_head(data: &[u8]) -> usize {
    let orphans = data
        .iter()
        .take(4)
        .take_while(|byte| is_continuation(**byte))
        .count();
    // Four in a row belong to no character.
    if orphans > 3 { 0 } else { orphans }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_begun_character_is_incomplete() {
        assert_eq!(incomplete_tail(b""), 0);
        assert_eq!(incomplete_tail(b"abc"), 0);
        assert_eq!(incomplete_tail("ü".as_bytes()), 0);
        assert_eq!(incomplete_tail(&"aü".as_bytes()[..2]), 1);
        assert_eq!(incomplete_tail(&"a🦀".as_bytes()[..4]), 3);
        assert_eq!(incomplete_tail(b"a\xff"), 0);
        assert_eq!(incomplete_tail(b"\x80\x80\x80"), 0);
    }

    #[test]
    fn the_rest_of_a_character_is_found() {
        let crab = "🦀".as_bytes();
        assert_eq!(rest_of_char(&crab[..1], &crab[1..]), 3);
        assert_eq!(rest_of_char(&crab[..3], &[crab[3], b'x']), 1);
        assert_eq!(rest_of_char(b"a", b"bcd"), 0);
        assert_eq!(rest_of_char(&crab[..2], b"abc"), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn cutting_valid_text_anywhere_leaves_valid_text(text in "\\PC{0,40}", at in 0_usize..200) {
            let bytes = text.as_bytes();
            let at = at.min(bytes.len());
            let end = at - incomplete_tail(&bytes[..at]);
            prop_assert!(std::str::from_utf8(&bytes[..end]).is_ok());
            prop_assert!(at - end < 4);
            let start = at + rest_of_char(&bytes[..at], &bytes[at..]);
            prop_assert!(std::str::from_utf8(&bytes[start..]).is_ok());
            prop_assert!(std::str::from_utf8(&bytes[at + orphaned_head(&bytes[at..])..]).is_ok());
        }
    }
}
