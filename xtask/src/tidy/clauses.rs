//! A test that names a clause names one that exists.

use std::collections::BTreeSet;

use super::Findings;
use super::sources::Source;

pub(super) fn check(known: &BTreeSet<String>, files: &[Source], findings: &mut Findings) {
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            for id in named_in(line, file.is_rust()) {
                if !known.contains(&id) {
                    findings.error(format!(
                        "{}:{}: the test names {id}, which docs/spec does not have",
                        file.path.display(),
                        index + 1
                    ));
                }
            }
        }
    }
}

/// Clauses in `fn dag_005_…` or `spec("DAG-005", …)`.
fn named_in(line: &str, in_rust: bool) -> Vec<String> {
    let (before, each) = if in_rust {
        ("fn dag_", "fn dag_")
    } else {
        ("mark.spec(", "DAG-")
    };
    let Some(start) = line.find(before) else {
        return Vec::new();
    };
    let Some(tests) = line.get(start..) else {
        return Vec::new();
    };
    tests
        .split(each)
        .skip(1)
        .filter_map(|tail| {
            let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
            (!digits.is_empty()).then(|| format!("DAG-{digits}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn clauses_are_read_from_tests_in_both_languages() {
        assert_eq!(named_in("    fn dag_005_safe_keys() {", true), ["DAG-005"]);
        assert_eq!(
            named_in("@pytest.mark.spec(\"DAG-005\", \"DAG-020\")", false),
            ["DAG-005", "DAG-020"]
        );
        assert!(named_in("def test_dag(): DAG-005", false).is_empty());
    }
}
