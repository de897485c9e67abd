//! Running a program while its output goes to a log, and to the terminal when that is wanted.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write, pipe, stderr};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::workspace::Result;

/// How often a run without a terminal says that it is still alive.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Columns of a status line; longer output is cut so that it can be overwritten.
const STATUS_COLUMNS: usize = 100;

/// Where the output of a program goes beside its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Every line to the terminal.
    Lines,
    /// The last line as a status that overwrites itself, or now and then without a terminal.
    Status,
}

/// Runs `command` to its end with standard output and standard error in one stream, as they came.
/// Each line is appended to `log` and handed to `on_line`.
///
/// # Errors
/// When the program cannot be started or the log cannot be written; its own exit is the result.
pub(crate) fn run_logged(
    command: &mut Command,
    log: &mut File,
    echo: Echo,
    on_line: &mut dyn FnMut(&str),
) -> Result<ExitStatus> {
    let (reader, writer) = pipe()?;
    writeln!(log, "$ {}", describe(command))?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .spawn()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    // Our copies of the pipe's writing end must go, or reading would never come to its end.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let terminal = stderr().is_terminal();
    let mut last_sign = Instant::now();
    for bytes in BufReader::new(reader).split(b'\n') {
        let bytes = bytes?;
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end();
        writeln!(log, "{line}")?;
        on_line(line);
        match echo {
            Echo::Lines => println!("{line}"),
            Echo::Status if terminal => show_status(line)?,
            Echo::Status if last_sign.elapsed() > HEARTBEAT => {
                eprintln!("    … {}", cut(line));
                last_sign = Instant::now();
            }
            Echo::Status => {}
        }
    }
    if terminal && echo == Echo::Status {
        show_status("")?;
    }
    Ok(child.wait()?)
}

/// Runs `command` quietly and returns its standard output.
///
/// # Errors
/// When it cannot be started or exits with a failure; the text holds its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.stdin(Stdio::null()).output().map_err(|error| {
        format!(
            "cannot start {}: {error}",
            command.get_program().to_string_lossy()
        )
    })?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&done.stderr);
    Err(format!(
        "{} failed ({})\n{}",
        describe(command),
        done.status,
        stderr.trim()
    )
    .into())
}

/// The command line as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let mut text = Path::new(command.get_program())
        .file_name()
        .unwrap_or(command.get_program())
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text.push_str(&arg.to_string_lossy());
    }
    text
}

/// Overwrites the status line with `line`.
fn show_status(line: &str) -> Result<()> {
    let cut = cut(line);
    let mut out = stderr();
    write!(
        out,
        "\r\u{1b}[2K{}{cut}",
        if cut.is_empty() { "" } else { "    " }
    )?;
    out.flush()?;
    Ok(())
}

/// As much of a line as fits.
fn cut(line: &str) -> String {
    line.trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(STATUS_COLUMNS)
        .collect()
}
