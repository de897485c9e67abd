//! The verdict on each clause, as a table for people and as Markdown and JSON for others.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::json;

use super::proofs::{Outcome, Proof};
use super::spec::Clause;

/// Remarks on one clause that a table shows.
const MOST_REMARKS: usize = 5;

/// One row.
struct Row {
    clause: Clause,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<(String, String)>,
    unexplained: Vec<String>,
    backends: BTreeSet<String>,
}

impl Row {
    fn verdict(&self) -> &'static str {
        if !self.failed.is_empty() {
            "fails"
        } else if !self.unexplained.is_empty() {
            "skipped"
        } else if self.passed == 0 {
            "unproven"
        } else {
            "holds"
        }
    }
}

/// The whole table.
pub(super) struct Report {
    rows: Vec<Row>,
    /// Tests that name a clause which does not exist.
    strangers: Vec<(String, String)>,
}

impl Report {
    pub(super) fn new(clauses: Vec<Clause>, proofs: &[Proof], only: Option<&str>) -> Self {
        let known: BTreeSet<String> = clauses.iter().map(|clause| clause.id.clone()).collect();
        let mut strangers = Vec::new();
        for proof in proofs {
            for id in proof.clauses.difference(&known) {
                strangers.push((proof.test.clone(), id.clone()));
            }
        }
        let rows = clauses
            .into_iter()
            .filter(|clause| only.is_none_or(|id| id == clause.id))
            .map(|clause| row(clause, proofs))
            .collect();
        Self { rows, strangers }
    }

    /// Whether every clause holds and every test names a clause that exists.
    pub(super) fn holds(&self) -> bool {
        self.strangers.is_empty() && self.rows.iter().all(|row| row.verdict() == "holds")
    }

    /// The table for a terminal.
    pub(super) fn text(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.clause.demand.chars().count())
            .max()
            .unwrap_or(0)
            .max(6);
        let mut out = format!(
            "{:8}  {:width$}  {:>6}  {:8}  backends\n",
            "clause", "demand", "proofs", "verdict"
        );
        for row in &self.rows {
            let backends = list(&row.backends);
            line(
                &mut out,
                format_args!(
                    "{:8}  {:width$}  {:>6}  {:8}  {backends}",
                    row.clause.id,
                    row.clause.demand,
                    row.passed,
                    row.verdict()
                ),
            );
        }
        for text in self.remarks() {
            line(&mut out, format_args!("{text}"));
        }
        let good = self
            .rows
            .iter()
            .filter(|row| row.verdict() == "holds")
            .count();
        line(
            &mut out,
            format_args!("{good} of {} clauses hold", self.rows.len()),
        );
        out
    }

    /// The same as Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut out = "# Conformance\n\n| clause | demand | proofs | verdict | backends |\n|---|---|---|---|---|\n".to_owned();
        for row in &self.rows {
            line(
                &mut out,
                format_args!(
                    "| {} | {} | {} | {} | {} |",
                    row.clause.id,
                    row.clause.demand,
                    row.passed,
                    row.verdict(),
                    list(&row.backends)
                ),
            );
        }
        let remarks = self.remarks();
        if !remarks.is_empty() {
            out.push('\n');
        }
        for text in remarks {
            line(&mut out, format_args!("- {text}"));
        }
        out
    }

    /// The same for programs.
    pub(super) fn json(&self) -> String {
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "clause": row.clause.id,
                    "demand": row.clause.demand,
                    "proofs": row.passed,
                    "backends": row.backends,
                    "verdict": row.verdict(),
                    "failed": row.failed,
                    "skipped": row.skipped.iter().map(|(test, reason)| json!({"test": test, "reason": reason})).collect::<Vec<_>>(),
                    "unexplained_skips": row.unexplained,
                })
            })
            .collect();
        let strangers: Vec<_> = self
            .strangers
            .iter()
            .map(|(test, id)| json!({"test": test, "clause": id}))
            .collect();
        format!(
            "{:#}\n",
            json!({"holds": self.holds(), "clauses": rows, "unknown_clauses": strangers})
        )
    }

    fn remarks(&self) -> Vec<String> {
        let mut out = Vec::new();
        for row in &self.rows {
            let id = &row.clause.id;
            let mut lines: Vec<String> = row
                .failed
                .iter()
                .map(|test| format!("{id}: {test} failed"))
                .chain(
                    row.unexplained
                        .iter()
                        .map(|test| format!("{id}: {test} was skipped without a reason")),
                )
                .chain(
                    row.skipped
                        .iter()
                        .map(|(test, reason)| format!("{id}: {test} was skipped: {reason}")),
                )
                .collect();
            let hidden = lines.len().saturating_sub(MOST_REMARKS);
            lines.truncate(MOST_REMARKS);
            if hidden > 0 {
                lines.push(format!(
                    "{id}: … and {hidden} more, all in conformance.json"
                ));
            }
            out.append(&mut lines);
            if row.verdict() == "unproven" {
                out.push(format!("{id}: no test that names it passed"));
            }
        }
        out.extend(
            self.strangers
                .iter()
                .map(|(test, id)| format!("{test} names {id}, which docs/spec does not have")),
        );
        out
    }
}

fn row(clause: Clause, proofs: &[Proof]) -> Row {
    let mut row = Row {
        clause,
        passed: 0,
        failed: Vec::new(),
        skipped: Vec::new(),
        unexplained: Vec::new(),
        backends: BTreeSet::new(),
    };
    for proof in proofs
        .iter()
        .filter(|proof| proof.clauses.contains(&row.clause.id))
    {
        match &proof.outcome {
            Outcome::Passed => {
                row.passed += 1;
                row.backends.extend(proof.backends.iter().cloned());
            }
            Outcome::Failed => row.failed.push(proof.test.clone()),
            Outcome::Skipped(Some(reason)) => {
                row.skipped.push((proof.test.clone(), reason.clone()));
            }
            Outcome::Skipped(None) => row.unexplained.push(proof.test.clone()),
        }
    }
    row
}

fn list(backends: &BTreeSet<String>) -> String {
    if backends.is_empty() {
        return "–".to_owned();
    }
    backends.iter().cloned().collect::<Vec<_>>().join(", ")
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _written = out.write_fmt(text);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::proofs::rust_proof;
    use super::{Clause, Report};

    fn holds(lines: &[&str]) -> bool {
        let clause = Clause {
            id: "DAG-001".to_owned(),
            demand: "a".to_owned(),
        };
        let proofs: Vec<_> = lines
            .iter()
            .filter_map(|line| rust_proof("core", line))
            .collect();
        Report::new(vec![clause], &proofs, None).holds()
    }

    #[test]
    fn a_clause_holds_only_by_a_test_that_passed() {
        assert!(holds(&["test dag_001_a ... ok"]));
        assert!(!holds(&[]));
        assert!(!holds(&["test dag_001_a ... ignored, slow"]));
    }

    #[test]
    fn one_failure_unexplained_skip_or_unknown_clause_is_enough() {
        assert!(!holds(&[
            "test dag_001_a ... ok",
            "test dag_001_b ... FAILED"
        ]));
        assert!(!holds(&[
            "test dag_001_a ... ok",
            "test dag_001_b ... ignored"
        ]));
        assert!(holds(&[
            "test dag_001_a ... ok",
            "test dag_001_b ... ignored, needs a server"
        ]));
        assert!(!holds(&["test dag_001_a ... ok", "test dag_099_b ... ok"]));
    }
}
