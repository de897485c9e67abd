//! The name that was probably meant.

/// The candidate nearest to `name` by edit distance, when it is near enough to
/// be what was meant: at most a third of the letters differ.
///
/// ```
/// use remote_store_core::registry::nearest;
/// assert_eq!(nearest("buckett", ["bucket", "key"]), Some("bucket"));
/// assert_eq!(nearest("colour", ["bucket", "key"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = name.to_lowercase().chars().collect();
    candidates
        .into_iter()
        .map(|candidate| {
            let letters: Vec<char> = candidate.to_lowercase().chars().collect();
            let limit = wanted.len().max(letters.len()).div_ceil(3);
            (distance(&wanted, &letters), limit, candidate)
        })
        .filter(|(distance, limit, _)| distance <= limit && *distance < wanted.len())
        .min_by_key(|(distance, _, candidate)| (*distance, *candidate))
        .map(|(_, _, candidate)| candidate)
}

/// Insertions, deletions and substitutions from one text to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(line + 1);
        for ((above_left, above), other) in row.iter().zip(row.iter().skip(1)).zip(to) {
            let left = next.last().copied().unwrap_or_default();
            let substituted = above_left + usize::from(letter != other);
            next.push(substituted.min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn measure(a: &str, b: &str) -> usize {
        distance(
            &a.chars().collect::<Vec<_>>(),
            &b.chars().collect::<Vec<_>>(),
        )
    }

    #[test]
    fn distances_are_those_of_the_textbook() {
        assert_eq!(measure("kitten", "sitting"), 3);
        assert_eq!(measure("", "abc"), 3);
        assert_eq!(measure("abc", ""), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_distance_is_symmetric_and_zero_only_for_equals(a in "[a-c]{0,6}", b in "[a-c]{0,6}") {
            prop_assert_eq!(measure(&a, &b), measure(&b, &a));
            prop_assert_eq!(measure(&a, &b) == 0, a == b);
        }
    }
}
