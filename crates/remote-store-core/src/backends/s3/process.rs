//! A program that prints credentials: `credential_process` of a profile.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::backends::cloud::credential::denied;
use crate::credential::{CredentialSource, Lease};
use crate::error::{Error, Result};

use super::NAME;
use super::identity::Identity;

/// A program that takes longer waits for something that does not come.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// What credentials never need.
const OUTPUT_BYTES: u64 = 1 << 20;
/// How often a program is looked at that has printed all and goes on.
const PAUSE: Duration = Duration::from_millis(10);

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

    /// What it prints, when it ends well within the limits; else it is stopped.
    fn run(&self, time_limit: Duration) -> Result<String> {
        let (program, arguments) = self
            .words
            .split_first()
            .ok_or_else(|| self.failed("names no program"))?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| self.failed("cannot be started").caused_by(&error))?;
        let printed = self.printed(&mut child, time_limit);
        if printed.is_err() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
        printed
    }

    fn printed(&self, child: &mut Child, time_limit: Duration) -> Result<String> {
        let started = Instant::now();
        let too_slow = || {
            self.failed(&format!(
                "took longer than {} s and was stopped; run it by itself to see what it waits for",
                time_limit.as_secs_f64()
            ))
        };
        let unread = |error| self.failed("cannot be read from").caused_by(&error);
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| self.failed("has no output"))?;
        let (sender, receiver) = mpsc::sync_channel(1);
        // A thread of its own, which nobody waits for: what the program started may keep its output open.
        thread::Builder::new()
            .name("credential-process".to_owned())
            .spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.take(OUTPUT_BYTES + 1).read_to_end(&mut bytes);
                drop(sender.send(read.map(|_count| bytes)));
            })
            .map_err(unread)?;
        let bytes = receiver
            .recv_timeout(time_limit)
            .map_err(|_late| too_slow())?
            .map_err(unread)?;
        if bytes.len() as u64 > OUTPUT_BYTES {
            return Err(self.failed(&format!(
                "printed more than {} KiB and was stopped; it should print one JSON object",
                OUTPUT_BYTES >> 10
            )));
        }
        loop {
            match child.try_wait().map_err(unread)? {
                Some(status) if status.success() => break,
                Some(status) => return Err(self.failed(&format!("failed ({status})"))),
                None if started.elapsed() > time_limit => return Err(too_slow()),
                None => thread::sleep(PAUSE),
            }
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
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
        let run = tokio::task::spawn_blocking(move || this.run(TIME_LIMIT));
        let printed = run
            .await
            .map_err(|error| self.failed("was stopped").caused_by(&error))??;
        self.answer.lease_from_json(&printed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use object_store::client::HttpClient;

    use super::{Program, TIME_LIMIT, words};
    use crate::backends::cloud::service::install_tls;
    use crate::backends::s3::identity::Identity;

    #[cfg(unix)]
    #[allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]
    fn refusal(script: &str, time_limit: Duration) -> String {
        install_tls();
        let program = Program {
            profile: "corp".to_owned(),
            words: ["sh", "-c", script].map(str::to_owned).to_vec(),
            answer: Identity {
                what: "credential_process",
                client: HttpClient::new(reqwest::Client::new()),
                attempts: 1,
            },
        };
        program.run(time_limit).unwrap_err().to_string()
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_does_not_end_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let begin = format!("echo $$ > '{}'; echo hunter2; ", pid.display());
        // One that keeps its output open, and one that closes it and goes on.
        for rest in ["exec sleep 600", "exec sleep 600 >&-"] {
            let error = refusal(&format!("{begin}{rest}"), Duration::from_millis(500));
            assert!(error.contains("'corp' took longer than 0.5 s"), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
            let pid = std::fs::read_to_string(&pid).unwrap();
            let alive = std::process::Command::new("kill")
                .args(["-0", pid.trim()])
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            assert!(!alive.success(), "it still runs: {rest}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_prints_without_end_is_stopped() {
        let error = refusal("exec yes hunter2", TIME_LIMIT);
        assert!(
            error.contains("'corp' printed more than 1024 KiB"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn words_are_parted_as_in_a_shell() {
        assert_eq!(
            words(r#"  /opt/a\ b  "c d" 'e "f"' g"h i"'' "" "#),
            ["/opt/a b", "c d", "e \"f\"", "gh i", ""]
        );
        assert!(words("  ").is_empty());
    }
}
