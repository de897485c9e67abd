//! Rust and Python files: documented modules, a size that can be read, names that say something.

use std::fs;
use std::path::{Path, PathBuf};

use super::Findings;
use crate::workspace::{Result, Workspace};

/// No file is longer.
const MOST_LINES: usize = 500;
/// From here on a file should be divided.
const MANY_LINES: usize = 400;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = [
    "common", "helper", "helpers", "misc", "util", "utils", "stuff",
];
/// Folders of our own code, from the root.
const ROOMS: [&str; 5] = ["crates", "tests", "xtask", "examples", "docs"];

/// A source file, read once for all checks.
#[derive(Debug)]
pub(super) struct Source {
    /// From the root of the checkout.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    pub(super) fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

pub(super) fn collect(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut files = Vec::new();
    for room in ROOMS {
        walk(&workspace.root.join(room), &workspace.root, &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(dir: &Path, root: &Path, files: &mut Vec<Source>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            // A crate that is tried out on its own has a target folder beside it.
            if !name.starts_with('.') && name != "target" && name != "__pycache__" {
                walk(&path, root, files)?;
            }
        } else if let Some("rs" | "py" | "pyi") =
            path.extension().and_then(|extension| extension.to_str())
        {
            let text = fs::read_to_string(&path)
                .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            files.push(Source {
                path: path.strip_prefix(root)?.to_owned(),
                text,
            });
        }
    }
    Ok(())
}

pub(super) fn check(files: &[Source], findings: &mut Findings) {
    for file in files {
        let path = file.path.display();
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            findings.error(format!(
                "{path} has {lines} lines, more than {MOST_LINES}: divide it by what it is about"
            ));
        } else if lines > MANY_LINES {
            findings.warning(format!(
                "{path} has {lines} lines, more than {MANY_LINES}: time to divide it"
            ));
        }
        let stem = file.path.file_stem().unwrap_or_default().to_string_lossy();
        // A module called `tests` is what it says.
        if file.is_rust() && stem != "tests" && !opens_with_docs(&file.text) {
            findings.error(format!(
                "{path} does not open with `//!`, one sentence on what the module is"
            ));
        }
        let folder = file
            .path
            .parent()
            .and_then(Path::file_name)
            .unwrap_or_default()
            .to_string_lossy();
        for name in [stem, folder] {
            if EMPTY_NAMES.contains(&name.trim_start_matches('_')) {
                findings.error(format!(
                    "{path}: `{name}` says nothing about what is inside; name it after its noun"
                ));
            }
        }
        for (number, reason) in silent_skips(file) {
            findings.error(format!("{path}:{number}: {reason}"));
        }
    }
}

/// The first line that is not blank, not a plain comment and not `#![…]` is module documentation.
fn opens_with_docs(text: &str) -> bool {
    // A crate may open with its README.
    const README: &str = "#![doc = include_str!(";
    text.lines()
        .map(str::trim)
        .find(|line| {
            let attribute = line.starts_with("#!") && !line.starts_with(README);
            let comment = line.starts_with("//") && !line.starts_with("//!");
            !line.is_empty() && !attribute && !comment
        })
        .is_some_and(|line| line.starts_with("//!") || line.starts_with(README))
}

/// Lines that leave out a test without saying why.
fn silent_skips(file: &Source) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let code: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        let reason = if file.is_rust() {
            code.starts_with("#[ignore]")
                .then_some("`#[ignore]` without a reason; write `#[ignore = \"why\"]`")
        } else {
            let silent = [
                "@pytest.mark.skip\n",
                "@pytest.mark.skip()\n",
                "@pytest.mark.xfail\n",
                "pytest.skip()\n",
            ];
            let ended = format!("{code}\n");
            silent
                .iter()
                .any(|form| ended.ends_with(form))
                .then_some("a test is skipped without a reason; write `reason=\"why\"`")
        };
        if let Some(reason) = reason {
            found.push((index + 1, reason));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Findings, PathBuf, Source, check, opens_with_docs};

    fn errors_of(path: &str, text: &str) -> Vec<String> {
        let mut findings = Findings::default();
        check(
            &[Source {
                path: PathBuf::from(path),
                text: text.to_owned(),
            }],
            &mut findings,
        );
        findings.errors
    }

    #[test]
    fn a_module_without_docs_is_found() {
        assert!(opens_with_docs(
            "// licence\n\n#![allow(x)]\n//! What it is.\nuse a;"
        ));
        assert!(!opens_with_docs("use a;\n//! late"));
        assert!(!opens_with_docs(""));
        assert_eq!(errors_of("a/b.rs", "fn a() {}").len(), 1);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(errors_of("a/b.py", &"x = 1\n".repeat(501)).len(), 1);
        assert!(errors_of("a/b.py", &"x = 1\n".repeat(500)).is_empty());
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        assert_eq!(errors_of("a/_utils.py", "").len(), 1);
        assert_eq!(errors_of("helpers/a.py", "").len(), 1);
    }

    #[test]
    fn a_skip_without_a_reason_is_found() {
        let bare = ["#[", "ignore", "]"].concat();
        assert_eq!(
            errors_of("a/b.rs", &format!("//! a\n    {bare}\n")).len(),
            1
        );
        assert!(errors_of("a/b.rs", "//! a\n#[ignore = \"slow\"]\n").is_empty());
        assert_eq!(errors_of("a/b.py", "@pytest.mark.skip\n").len(), 1);
        assert!(errors_of("a/b.py", "@pytest.mark.skip(reason=\"why\")\n").is_empty());
    }
}
