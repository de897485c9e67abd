//! The tests that ARCHITECTURE.md names as guards of its invariants are there, and those that the
//! documentation names as proofs.

use std::collections::BTreeSet;

use super::Findings;
use super::sources::Source;

/// What opens the list of tests of an invariant, up to the full stop at its end.
const OPENING: &str = "Guarded by ";

pub(super) fn check(architecture: &str, files: &[Source], findings: &mut Findings) {
    let named = guards(architecture);
    if named.is_empty() {
        findings.error(format!(
            "ARCHITECTURE.md names no test after `{OPENING}`: an invariant without a guard is a wish"
        ));
    }
    report_missing("ARCHITECTURE.md", named, files, findings);
}

/// A page that names a test in backticks promises that it is there.
pub(super) fn check_page(page: &str, text: &str, files: &[Source], findings: &mut Findings) {
    report_missing(page, python_tests(text), files, findings);
}

fn report_missing(page: &str, named: Vec<&str>, files: &[Source], findings: &mut Findings) {
    let defined: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| file.text.lines())
        .filter_map(defined_in)
        .collect();
    for name in named {
        if !defined.contains(name) {
            findings.error(format!(
                "{page} names the test `{name}`, which does not exist"
            ));
        }
    }
}

/// Names in backticks that are those of tests in Python; a path or a pattern is none.
fn python_tests(text: &str) -> Vec<&str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.starts_with("test_"))
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        .collect()
}

/// Names in backticks after each opening; a command (with a space) is no test.
fn guards(text: &str) -> Vec<&str> {
    text.split(OPENING)
        .skip(1)
        .filter_map(|tail| tail.split(".\n").next())
        .flat_map(|list| list.split('`').skip(1).step_by(2))
        .filter(|name| !name.contains(' '))
        .collect()
}

/// The function that a line of Rust or Python defines.
fn defined_in(line: &str) -> Option<&str> {
    let code = line.trim_start();
    let code = code.strip_prefix("pub ").unwrap_or(code);
    let code = code.strip_prefix("async ").unwrap_or(code);
    let name = code
        .strip_prefix("fn ")
        .or_else(|| code.strip_prefix("def "))?;
    name.split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::{defined_in, guards, python_tests};

    #[test]
    fn tests_in_python_are_told_from_paths_and_patterns() {
        let text = "| `test_a_b` | `test_*.py`, `tests/ui`, `other` | `test_c` |";
        assert_eq!(python_tests(text), ["test_a_b", "test_c"]);
    }

    #[test]
    fn guards_are_read_up_to_the_full_stop() {
        let text = "1. **A.** Guarded by `one`,\n   `two`, `cargo x`.\n2. `not_this`.\nGuarded by `three`.\n";
        assert_eq!(guards(text), ["one", "two", "three"]);
    }

    #[test]
    fn definitions_of_both_languages_are_seen() {
        assert_eq!(defined_in("    async fn one<T>() {"), Some("one"));
        assert_eq!(defined_in("def two(x):"), Some("two"));
        assert_eq!(defined_in("two(x)"), None);
    }
}
