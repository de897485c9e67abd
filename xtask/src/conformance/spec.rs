//! The clauses, as docs/spec writes them: one heading `## DAG-005 · Asset path derivation` each.

use std::collections::BTreeMap;
use std::fs;

use crate::workspace::{Result, Workspace};

/// A clause of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause {
    pub(super) id: String,
    /// What it demands, in the few words of its heading.
    pub(super) demand: String,
}

/// All clauses, sorted by id.
pub(super) fn read(workspace: &Workspace) -> Result<Vec<Clause>> {
    let dir = workspace.root.join("docs/spec");
    let mut clauses = BTreeMap::new();
    for entry in fs::read_dir(&dir).map_err(|error| format!("cannot read docs/spec: {error}"))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for clause in fs::read_to_string(&path)?.lines().filter_map(heading) {
            if let Some(twice) = clauses.insert(clause.id.clone(), clause) {
                return Err(format!("{} stands twice in docs/spec", twice.id).into());
            }
        }
    }
    if clauses.is_empty() {
        return Err(
            "docs/spec has no heading of the form `## DAG-005 · Asset path derivation`".into(),
        );
    }
    Ok(clauses.into_values().collect())
}

fn heading(line: &str) -> Option<Clause> {
    let (id, demand) = line.strip_prefix("## ")?.split_once('·')?;
    let id = id.trim();
    let digits = id.strip_prefix("DAG-")?;
    (digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| Clause {
        id: id.to_owned(),
        demand: demand.trim().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::heading;

    #[test]
    fn only_headings_of_clauses_are_clauses() {
        let clause = heading("## DAG-005 · Asset path derivation").unwrap();
        assert_eq!(
            (clause.id.as_str(), clause.demand.as_str()),
            ("DAG-005", "Asset path derivation")
        );
        assert!(heading("### DAG-005 · deeper").is_none());
        assert!(heading("## Decisions").is_none());
        assert!(heading("## DAG-5 · short").is_none());
    }
}
