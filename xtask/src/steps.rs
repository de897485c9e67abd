//! A run of named steps: each with its own log, its time and its tests counted, and a table at the end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use crate::process::{Echo, describe, run_logged};
use crate::workspace::{Result, Workspace};

/// Lines of a failed step's log that are shown; the rest stays in the file.
const SHOWN_LINES: usize = 120;

/// Tests counted by a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds the numbers of another run.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// What a step can do: run programs whose output is kept in its log, and count tests.
#[derive(Debug)]
pub(crate) struct Step {
    log: File,
    echo: Echo,
    /// The tests that this step ran.
    pub(crate) tally: Tally,
}

impl Step {
    /// Runs a program; a failing exit is an error.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        self.run_with(command, &mut |_| {})
    }

    /// Runs a program and shows each line of its output to `on_line`; a failing exit is an error.
    pub(crate) fn run_with(
        &mut self,
        command: &mut Command,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let status = self.status(command, on_line)?;
        if status.success() {
            return Ok(());
        }
        Err(format!("`{}` failed ({status})", describe(command)).into())
    }

    /// The same; whatever the program's exit says is the result.
    pub(crate) fn status(
        &mut self,
        command: &mut Command,
        on_line: &mut dyn FnMut(&str),
    ) -> Result<ExitStatus> {
        run_logged(command, &mut self.log, self.echo, on_line)
    }
}

struct Done {
    name: String,
    took: Duration,
    tally: Tally,
    verdict: Verdict,
}

enum Verdict {
    Passed,
    Failed,
    Skipped(String),
}

/// The steps of one run, in order.
pub(crate) struct Steps {
    log_dir: PathBuf,
    /// Progress goes to standard error, because standard output is for a program.
    aside: bool,
    echo: Echo,
    done: Vec<Done>,
}

impl Steps {
    /// Starts a run whose logs go to `target/xtask/logs/<task>`.
    pub(crate) fn new(workspace: &Workspace, task: &str, verbose: bool) -> Result<Self> {
        let log_dir = workspace.own_dir(&format!("logs/{task}"))?;
        let echo = if verbose { Echo::Lines } else { Echo::Status };
        Ok(Self {
            log_dir,
            aside: false,
            echo,
            done: Vec::new(),
        })
    }

    /// The same for a task whose standard output another program reads.
    pub(crate) fn aside(workspace: &Workspace, task: &str) -> Result<Self> {
        Ok(Self {
            aside: true,
            ..Self::new(workspace, task, false)?
        })
    }

    fn say(&self, text: &str) {
        if self.aside {
            eprintln!("{text}");
        } else {
            println!("{text}");
        }
    }

    /// Runs one step to its end, whatever happened to those before it; `None` when it failed.
    pub(crate) fn run<T>(
        &mut self,
        name: &str,
        work: impl FnOnce(&mut Step) -> Result<T>,
    ) -> Option<T> {
        self.say(&format!("▸ {name}"));
        let path = self.log_dir.join(format!(
            "{:02}-{}.log",
            self.done.len() + 1,
            file_name(name)
        ));
        let started = Instant::now();
        let mut tally = Tally::default();
        let result = File::create(&path).map_err(Into::into).and_then(|log| {
            let mut step = Step {
                log,
                echo: self.echo,
                tally,
            };
            let result = work(&mut step);
            tally = step.tally;
            result
        });
        let took = started.elapsed();
        let verdict = match &result {
            Ok(_) => {
                self.say(&format!("  ok, {}{}", seconds(took), counted(tally)));
                Verdict::Passed
            }
            Err(error) => {
                if self.echo == Echo::Status {
                    self.show_end(&path);
                }
                self.say(&format!(
                    "  FAILED after {}{}: {error}",
                    seconds(took),
                    counted(tally)
                ));
                self.say(&format!("  its output: {}", path.display()));
                Verdict::Failed
            }
        };
        self.done.push(Done {
            name: name.to_owned(),
            took,
            tally,
            verdict,
        });
        result.ok()
    }

    /// Notes a step that could not be tried, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        self.say(&format!("▸ {name}\n  skipped: {reason}"));
        self.done.push(Done {
            name: name.to_owned(),
            took: Duration::ZERO,
            tally: Tally::default(),
            verdict: Verdict::Skipped(reason.to_owned()),
        });
    }

    /// Shows the last lines of a log.
    fn show_end(&self, path: &Path) {
        let Ok(bytes) = fs::read(path) else { return };
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        let hidden = lines.len().saturating_sub(SHOWN_LINES);
        if hidden > 0 {
            self.say(&format!("  … {hidden} lines before these"));
        }
        for line in lines.iter().skip(hidden) {
            self.say(&format!("  | {line}"));
        }
    }

    /// Prints the table and the closing line; true when nothing failed and nothing was skipped.
    pub(crate) fn finish(&self) -> bool {
        let width = self
            .done
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or(0);
        println!("\n{:width$}  verdict  {:>8}  tests", "step", "time");
        let mut sum = Tally::default();
        let mut clean = true;
        for step in &self.done {
            let verdict = match &step.verdict {
                Verdict::Passed => "ok",
                Verdict::Failed => "FAILED",
                Verdict::Skipped(_) => "skipped",
            };
            println!(
                "{:width$}  {verdict:7}  {:>8}{}",
                step.name,
                seconds(step.took),
                counted(step.tally)
            );
            sum.add(step.tally);
            match &step.verdict {
                Verdict::Passed => {}
                // A step that failed without a failing test is one failure of its own.
                Verdict::Failed => {
                    clean = false;
                    sum.failed += u64::from(step.tally.failed == 0);
                }
                Verdict::Skipped(reason) => {
                    clean = false;
                    println!("{:width$}  ({reason})", "");
                    sum.failed += 1;
                }
            }
        }
        let total = self.done.iter().map(|step| step.took).sum();
        println!("{:width$}           {:>8}\n", "total", seconds(total));
        if sum.skipped == 0 {
            println!("{} passed, {} failed", sum.passed, sum.failed);
        } else {
            println!(
                "{} passed, {} failed, {} skipped",
                sum.passed, sum.failed, sum.skipped
            );
        }
        clean
    }
}

/// `1 m 05 s` or `12.3 s`.
pub(crate) fn seconds(took: Duration) -> String {
    let whole = took.as_secs();
    if whole >= 60 {
        return format!("{} m {:02} s", whole / 60, whole % 60);
    }
    format!("{:.1} s", took.as_secs_f64())
}

fn counted(tally: Tally) -> String {
    match tally {
        Tally {
            passed: 0,
            failed: 0,
            skipped: 0,
        } => String::new(),
        Tally {
            passed,
            failed,
            skipped: 0,
        } => format!("  {passed} passed, {failed} failed"),
        Tally {
            passed,
            failed,
            skipped,
        } => format!("  {passed} passed, {failed} failed, {skipped} skipped"),
    }
}

fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Duration, file_name, seconds};

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(seconds(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 m 05 s");
    }

    #[test]
    fn log_names_are_safe_file_names() {
        assert_eq!(file_name("ruff: check/format"), "ruff--check-format");
    }
}
