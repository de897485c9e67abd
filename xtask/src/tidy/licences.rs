//! Every dependency that ships has a licence that deny.toml allows.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::Metadata;

use super::Findings;
use crate::workspace::{Result, Workspace};

pub(super) fn check(
    workspace: &Workspace,
    metadata: &Metadata,
    findings: &mut Findings,
) -> Result<()> {
    let text = fs::read_to_string(workspace.root.join("deny.toml"))
        .map_err(|error| format!("cannot read deny.toml: {error}"))?;
    let allowed = allow_list(&text);
    if allowed.is_empty() {
        return Err("deny.toml has no `allow = [ … ]` list under [licenses]".into());
    }
    for package in &metadata.packages {
        match &package.license {
            Some(licence) if allows(licence, &allowed) => {}
            Some(licence) => findings.error(format!(
                "dependency {} {} has the licence `{licence}`, which deny.toml does not allow",
                package.name, package.version
            )),
            None => findings.error(format!(
                "dependency {} {} names no licence",
                package.name, package.version
            )),
        }
    }
    Ok(())
}

/// The quoted names of `allow = [ … ]` in the section `[licenses]`.
///
/// A whole TOML parser for one list would be the largest part of this program.
fn allow_list(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .skip_while(|line| line.trim() != "[licenses]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .map(|line| line.split('#').next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    let list = code
        .split_once("allow")
        .and_then(|(_, rest)| rest.split_once('['))
        .and_then(|(_, rest)| rest.split_once(']'))
        .map(|(list, _)| list)
        .unwrap_or_default();
    list.split(',')
        .map(|item| item.trim().trim_matches('"').to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// Whether an SPDX expression can be met with allowed licences alone.
fn allows(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // Older packages write `MIT/Apache-2.0` for a choice.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut position = 0;
    let result = any_of(&words, &mut position, allowed);
    result && position == words.len()
}

fn any_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = all_of(words, position, allowed);
    while words.get(*position) == Some(&"OR") {
        *position += 1;
        result |= all_of(words, position, allowed);
    }
    result
}

fn all_of(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, position, allowed);
    while words.get(*position) == Some(&"AND") {
        *position += 1;
        result &= one(words, position, allowed);
    }
    result
}

fn one(words: &[&str], position: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*position) else {
        return false;
    };
    *position += 1;
    if *word == "(" {
        let result = any_of(words, position, allowed);
        let closed = words.get(*position) == Some(&")");
        *position += usize::from(closed);
        return result && closed;
    }
    if words.get(*position) == Some(&"WITH") {
        let exception = words.get(*position + 1).copied().unwrap_or_default();
        *position += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(*word)
}

#[cfg(test)]
mod tests {
    use super::{allow_list, allows};

    #[test]
    fn expressions_are_read_with_their_operators() {
        let allowed = allow_list(
            "[bans]\nallow = [\"X\"]\n[licenses]\n# why\nallow = [\n  \"MIT\", # short\n  \"Zlib\",\n  \"Apache-2.0 WITH LLVM-exception\",\n]\n",
        );
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "MIT AND Zlib",
            "(MIT OR GPL-3.0) AND Zlib",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(good, &allowed), "{good}");
        }
        for bad in [
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "X",
            "(MIT",
            "MIT MIT",
            "",
            "Apache-2.0",
        ] {
            assert!(!allows(bad, &allowed), "{bad}");
        }
    }
}
