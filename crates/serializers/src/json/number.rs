//! Numbers as Python's `repr` shows them.

/// Writes a finite float as CPython's `float.__repr__`: the fewest digits that
/// read back the same, an exponent below 1e-4 and from 1e16 on.
pub(super) fn python_float(shortest: &str) -> String {
    // `shortest` is Rust's `{:e}`: "-1.25e-7". Its digits are CPython's digits.
    let (sign, unsigned) = shortest
        .strip_prefix('-')
        .map_or(("", shortest), |rest| ("-", rest));
    let (mantissa, exponent) = unsigned.split_once('e').unwrap_or((unsigned, "0"));
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let point = exponent + 1;
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if point <= -4 || point > 16 {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        return format!(
            "{sign}{first}{dot}{rest}e{exponent_sign}{:02}",
            exponent.unsigned_abs()
        );
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or_default());
    if point <= 0 {
        format!("{sign}0.{}{digits}", zeros(-point))
    } else if point >= count {
        format!("{sign}{digits}{}.0", zeros(point - count))
    } else {
        let (whole, part) = digits
            .split_at_checked(usize::try_from(point).unwrap_or_default())
            .unwrap_or((&digits, "0"));
        format!("{sign}{whole}.{part}")
    }
}

/// The text of a JSON number as Python would write it after reading it: whole
/// numbers of any length as they are, others as the float they become.
/// `None` when it is beyond the range of floats.
pub(super) fn python_number(text: &str) -> Option<String> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return Some(if text == "-0" {
            "0".to_owned()
        } else {
            text.to_owned()
        });
    }
    let float: f64 = text.parse().ok()?;
    float
        .is_finite()
        .then(|| python_float(&format!("{float:e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_cpython_does() {
        // python3 -c 'print([repr(x) for x in (…)])'
        for (float, repr) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (123_456.789, "123456.789"),
            (1e15, "1000000000000000.0"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.234e17, "1.234e+17"),
            (1e22, "1e+22"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(python_float(&format!("{float:e}")), repr);
        }
    }

    #[test]
    fn numbers_of_a_document_are_written_as_python_reads_them() {
        assert_eq!(
            python_number("123456789012345678901234567890").as_deref(),
            Some("123456789012345678901234567890")
        );
        assert_eq!(python_number("-0").as_deref(), Some("0"));
        assert_eq!(python_number("1E5").as_deref(), Some("100000.0"));
        assert_eq!(python_number("1.50").as_deref(), Some("1.5"));
        assert_eq!(python_number("1e400"), None);
    }
}
