//! The structure of the house, checked: what ARCHITECTURE.md draws is what the code does.

mod clauses;
mod direction;
mod guards;
mod licences;
mod sources;

use std::fs;

use crate::conformance::clause_ids;
use crate::workspace::{Result, Workspace};

/// What the checks found, each a sentence that names the file and the way out.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    fn error(&mut self, text: String) {
        self.errors.push(text);
    }

    fn warning(&mut self, text: String) {
        self.warnings.push(text);
    }
}

/// `cargo xtask tidy`.
pub(crate) fn run(workspace: &Workspace) -> Result<bool> {
    let mut findings = Findings::default();
    let metadata = workspace.metadata()?;
    let architecture = fs::read_to_string(workspace.root.join("ARCHITECTURE.md"))
        .map_err(|error| format!("cannot read ARCHITECTURE.md: {error}"))?;
    direction::check(&architecture, &metadata, &mut findings)?;
    licences::check(workspace, &metadata, &mut findings)?;
    let files = sources::collect(workspace)?;
    sources::check(&files, &mut findings);
    guards::check(&architecture, &files, &mut findings);
    for page in fs::read_dir(workspace.root.join("docs"))? {
        let path = page?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(&workspace.root).unwrap_or(&path);
            let text = fs::read_to_string(&path)?;
            guards::check_page(&name.display().to_string(), &text, &files, &mut findings);
        }
    }
    match clause_ids(workspace) {
        Ok(known) => clauses::check(&known, &files, &mut findings),
        Err(error) => findings.error(error.to_string()),
    }

    for text in &findings.warnings {
        println!("warning: {text}");
    }
    for text in &findings.errors {
        println!("error: {text}");
    }
    println!(
        "tidy: {} files, {} errors, {} warnings",
        files.len(),
        findings.errors.len(),
        findings.warnings.len()
    );
    Ok(findings.errors.is_empty())
}
