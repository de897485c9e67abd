//! A program that prints credentials: `credential_process` of a profile.

use std::process::{Command, Stdio};

use async_trait::async_trait;

use crate::backends::cloud::credential::denied;
use crate::credential::{CredentialSource, Lease};
use crate::error::{Error, Result};

use super::NAME;
use super::identity::Identity;

/// The program and its arguments.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) profile: String,
    pub(super) words: Vec<String>,
    pub(super) answer: Identity,
}

impl Program {
    fn failed(&self, how: &str) -> Error {
        // Neither what it was called with nor what it printed is shown: both may hold credentials.
        denied(
            NAME,
            format!(
                "credential_process of profile '{}' {how}",
                self.profile.escape_debug()
            ),
        )
    }

    fn run(&self) -> Result<String> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| self.failed("names no program"))?;
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .map_err(|error| self.failed("cannot be started").caused_by(&error))?;
        if !output.status.success() {
            return Err(self.failed(&format!("failed ({})", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Its words, as a shell would part them; quotes and backslashes are understood.
pub(super) fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') if !cfg!(windows) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[async_trait]
impl CredentialSource for Program {
    async fn fetch(&self) -> Result<Lease> {
        let this = Self {
            profile: self.profile.clone(),
            words: self.words.clone(),
            answer: self.answer.clone(),
        };
        let run = tokio::task::spawn_blocking(move || this.run());
        let printed = run
            .await
            .map_err(|error| self.failed("was stopped").caused_by(&error))??;
        self.answer.lease_from_json(&printed)
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_are_parted_as_in_a_shell() {
        assert_eq!(
            words(r#"  /opt/a\ b  "c d" 'e "f"' g"h i"'' "" "#),
            ["/opt/a b", "c d", "e \"f\"", "gh i", ""]
        );
        assert!(words("  ").is_empty());
    }
}
