//! Dependencies between our crates point the way that ARCHITECTURE.md draws them, and no other.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use super::Findings;
use crate::workspace::Result;

/// The fence that opens the drawing in ARCHITECTURE.md.
const FENCE: &str = "```direction";
/// Only these are the house; tests and tools may depend on anything, since nothing depends on them.
const HOUSE: &str = "crates";

type Edges = BTreeMap<String, BTreeSet<String>>;

pub(super) fn check(
    architecture: &str,
    metadata: &Metadata,
    findings: &mut Findings,
) -> Result<()> {
    let drawn = drawing(architecture)?;
    let real = edges(metadata);
    for problem in differences(&drawn, &real) {
        findings.error(problem);
    }
    Ok(())
}

/// The lines `crate → crate, crate` of the fenced block; `crate → nothing` for a leaf.
fn drawing(text: &str) -> Result<Edges> {
    let mut edges = Edges::new();
    let block = text
        .lines()
        .skip_while(|line| *line != FENCE)
        .skip(1)
        .take_while(|line| !line.starts_with("```"));
    for line in block.filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once('→').ok_or_else(|| {
            format!("ARCHITECTURE.md: `{line}` is not of the form `crate → crate, crate`")
        })?;
        let targets = to
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| name != "nothing");
        edges.insert(from.trim().to_owned(), targets.collect());
    }
    if edges.is_empty() {
        return Err(format!("ARCHITECTURE.md has no block that opens with {FENCE}").into());
    }
    Ok(edges)
}

/// Folder names of our crates and of those they need to build (not of those they only test with).
fn edges(metadata: &Metadata) -> Edges {
    let rooms: BTreeMap<String, String> = metadata
        .workspace_packages()
        .iter()
        .filter_map(|package| {
            let room = package.manifest_path.parent()?;
            (room.parent()?.file_name()? == HOUSE)
                .then(|| Some((package.name.to_string(), room.file_name()?.to_owned())))?
        })
        .collect();
    let mut edges = Edges::new();
    for package in metadata.workspace_packages() {
        let Some(room) = rooms.get(package.name.as_str()) else {
            continue;
        };
        let targets = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .filter_map(|dependency| rooms.get(&dependency.name).cloned());
        edges.insert(room.clone(), targets.collect());
    }
    edges
}

fn differences(drawn: &Edges, real: &Edges) -> Vec<String> {
    let nothing = BTreeSet::new();
    let mut problems = Vec::new();
    for room in drawn.keys().chain(real.keys()).collect::<BTreeSet<_>>() {
        if !real.contains_key(room) {
            problems.push(format!(
                "ARCHITECTURE.md draws `{room}`, which is no crate of the workspace"
            ));
            continue;
        }
        if !drawn.contains_key(room) {
            problems.push(format!(
                "crate `{room}` is missing from the direction block of ARCHITECTURE.md"
            ));
        }
        let drawn = drawn.get(room).unwrap_or(&nothing);
        let real = real.get(room).unwrap_or(&nothing);
        for target in real.difference(drawn) {
            problems.push(format!(
                "crate `{room}` depends on `{target}`, an arrow that ARCHITECTURE.md does not draw"
            ));
        }
        for target in drawn.difference(real) {
            problems.push(format!(
                "ARCHITECTURE.md draws `{room} → {target}`, which is no dependency"
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{differences, drawing};

    #[test]
    fn an_arrow_that_is_not_drawn_is_found() {
        let drawn = drawing("text\n```direction\nio → paths\npaths → nothing\n```\n").unwrap();
        let real = drawing("```direction\nio → paths\npaths → io\n```").unwrap();
        let found = differences(&drawn, &real);
        assert_eq!(
            found,
            ["crate `paths` depends on `io`, an arrow that ARCHITECTURE.md does not draw"]
        );
        assert!(differences(&drawn, &drawn).is_empty());
    }

    #[test]
    fn an_arrow_without_a_dependency_is_found() {
        let drawn = drawing("```direction\nio → paths, core\n```").unwrap();
        let real = drawing("```direction\nio → paths\n```").unwrap();
        assert_eq!(
            differences(&drawn, &real),
            ["ARCHITECTURE.md draws `io → core`, which is no dependency"]
        );
    }

    #[test]
    fn a_document_without_a_drawing_is_refused() {
        assert!(drawing("# Architecture").is_err());
    }
}
