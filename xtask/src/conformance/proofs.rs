//! Proofs: tests that name a clause, and how they ended.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::workspace::Result;

/// Words of a Rust test's path that say which backend it ran on.
const BACKENDS: [&str; 5] = ["memory", "local", "s3", "azure", "gcs"];

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// With the reason that was given, if any.
    Skipped(Option<String>),
}

/// One run of one test that names at least one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) clauses: BTreeSet<String>,
    pub(crate) test: String,
    pub(crate) backends: BTreeSet<String>,
    pub(crate) outcome: Outcome,
}

impl Proof {
    fn json(&self) -> Value {
        let (outcome, reason) = match &self.outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Failed => ("failed", None),
            Outcome::Skipped(reason) => ("skipped", reason.as_deref()),
        };
        json!({
            "clauses": self.clauses,
            "test": self.test,
            "backends": self.backends,
            "outcome": outcome,
            "reason": reason,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let texts = |name: &str| -> Option<BTreeSet<String>> {
            value
                .get(name)?
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect()
        };
        let outcome = match value.get("outcome")?.as_str()? {
            "passed" => Outcome::Passed,
            "failed" => Outcome::Failed,
            "skipped" => Outcome::Skipped(
                value
                    .get("reason")
                    .and_then(Value::as_str)
                    .filter(|reason| !reason.is_empty())
                    .map(str::to_owned),
            ),
            _ => return None,
        };
        Some(Self {
            clauses: texts("clauses")?,
            test: value.get("test")?.as_str()?.to_owned(),
            backends: texts("backends")?,
            outcome,
        })
    }
}

/// The proof in a line of `cargo test`, such as `test asset::dag_005_safe_keys ... ok`.
///
/// `binary` tells tests of equal names in different crates apart.
pub(crate) fn rust_proof(binary: &str, line: &str) -> Option<Proof> {
    let (path, end) = line.strip_prefix("test ")?.split_once(" ... ")?;
    // `name - should panic` and doc tests (`src/lib.rs - item (line 3)`) have more words.
    let path = path.split(' ').next()?;
    let name = path.rsplit("::").next()?;
    let digits: String = name
        .strip_prefix("dag_")?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if digits.is_empty() {
        return None;
    }
    let outcome = match end.split([',', ' ']).next()? {
        "ok" => Outcome::Passed,
        "ignored" => Outcome::Skipped(
            end.split_once(',')
                .map(|(_, reason)| reason.trim().to_owned()),
        ),
        _ => Outcome::Failed,
    };
    let words: Vec<&str> = path.split([':', '_']).collect();
    Some(Proof {
        clauses: BTreeSet::from([format!("DAG-{digits}")]),
        test: format!("{binary} {path}"),
        backends: BACKENDS
            .iter()
            .filter(|name| words.contains(name))
            .map(|name| (*name).to_owned())
            .collect(),
        outcome,
    })
}

/// Writes proofs for a later table.
pub(crate) fn write(path: &Path, proofs: &[Proof]) -> Result<()> {
    let list: Vec<Value> = proofs.iter().map(Proof::json).collect();
    Ok(fs::write(path, serde_json::to_string_pretty(&list)?)?)
}

/// What a run wrote.
pub(super) fn read(path: &Path) -> Result<Vec<Proof>> {
    let text = fs::read_to_string(path)?;
    let values: Vec<Value> = serde_json::from_str(&text)?;
    values
        .iter()
        .map(|value| {
            Proof::from_json(value)
                .ok_or_else(|| format!("{} holds no proof: {value}", path.display()).into())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Proof, rust_proof};

    #[test]
    fn a_line_of_cargo_test_is_a_proof() {
        let proof = rust_proof("core", "test on_local::dag_005_safe_keys ... ok").unwrap();
        assert_eq!(proof.clauses.iter().collect::<Vec<_>>(), ["DAG-005"]);
        assert_eq!(proof.backends.iter().collect::<Vec<_>>(), ["local"]);
        assert_eq!(proof.outcome, Outcome::Passed);
        assert!(rust_proof("core", "test paths::safe_keys ... ok").is_none());
        assert!(rust_proof("core", "running 3 tests").is_none());
    }

    #[test]
    fn failures_and_reasons_survive_the_file() {
        let failed = rust_proof("core", "test dag_001_a - should panic ... FAILED").unwrap();
        assert_eq!(failed.outcome, Outcome::Failed);
        for line in [
            "test dag_002_b ... ignored, needs a server",
            "test dag_002_c ... ignored",
        ] {
            let proof = rust_proof("core", line).unwrap();
            assert_eq!(Proof::from_json(&proof.json()), Some(proof));
        }
    }
}
