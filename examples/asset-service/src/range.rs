//! The `Range` header (RFC 9110, section 14), as far as a download needs it.

use remote_store_core::ReadRange;

/// The one range that a header asks for; `None` means the whole asset.
///
/// Units other than bytes, several ranges and what cannot be read are ignored,
/// as the standard allows a server to do.
pub(crate) fn requested(header: Option<&str>) -> Option<ReadRange> {
    let (first, last) = header?.strip_prefix("bytes=")?.split_once('-')?;
    match (first.trim(), last.trim()) {
        ("", length) => Some(ReadRange::Suffix(length.parse().ok()?)),
        (start, "") => Some(ReadRange::From(start.parse().ok()?)),
        (start, last) => {
            let (start, last): (u64, u64) = (start.parse().ok()?, last.parse().ok()?);
            (start <= last).then(|| ReadRange::Bounded(start..last.saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use remote_store_core::ReadRange;

    use super::requested;

    #[test]
    fn one_range_of_bytes_is_understood() {
        assert_eq!(requested(Some("bytes=2-4")), Some(ReadRange::Bounded(2..5)));
        assert_eq!(requested(Some("bytes=7-")), Some(ReadRange::From(7)));
        assert_eq!(requested(Some("bytes=-3")), Some(ReadRange::Suffix(3)));
    }

    #[test]
    fn what_is_no_single_range_of_bytes_means_the_whole_asset() {
        for header in [
            "bytes=",
            "bytes=4-2",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=a-b",
        ] {
            assert_eq!(requested(Some(header)), None, "{header}");
        }
        assert_eq!(requested(None), None);
    }
}
