//! What lies in a local staging folder.

use std::collections::BTreeMap;
use std::fs::{self, DirEntry};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use remote_store_dagster_paths::{IoType, LogKey};

use crate::claim::{COMPLETE_EXTENSION, LOCK_EXTENSION};
use crate::{Error, Result};

/// The folder that Dagster captures steps in: `{run id}/compute_logs/{file key}`.
const STEP_FOLDER: &str = "compute_logs";

/// Folders nested deeper hold no logs: keys have a handful of segments.
const MAX_DEPTH: usize = 32;

/// More than any log key has.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// The local files of one log.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) key: LogKey,
    /// The key that the names of the files give; another one when they had to be shortened.
    pub(crate) local: LogKey,
    /// The streams whose file is there.
    pub(crate) streams: Vec<IoType>,
    /// When the newest of them was last changed.
    pub(crate) changed: SystemTime,
}

/// All logs of a staging folder, sorted by key.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) logs: Vec<Staged>,
    pub(crate) unreadable: Vec<PathBuf>,
}

/// What stands beside a name: its streams and the files that prove a capture.
#[derive(Debug, Default)]
struct Entry {
    streams: Vec<IoType>,
    changed: Option<SystemTime>,
    proven: bool,
    /// The key as the writer knew it, from its lock file.
    key: Option<LogKey>,
}

/// Walks `root` without following symbolic links.
pub(crate) fn scan(root: &Path) -> Result<Found> {
    let mut found = Found::default();
    // Read here, so that a wrong folder is an error and not an empty report.
    let top = fs::read_dir(root).map_err(Error::local("read the staging folder", root))?;
    scan_folder(top, &mut Vec::new(), &mut found)?;
    found.logs.sort_by(|a, b| a.key.cmp(&b.key));
    found.unreadable.sort();
    Ok(found)
}

fn scan_folder(entries: fs::ReadDir, above: &mut Vec<String>, found: &mut Found) -> Result<()> {
    let mut names: BTreeMap<String, Entry> = BTreeMap::new();
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        // A name that is no text is none that Dagster gave.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if kind.is_dir() && above.len() < MAX_DEPTH {
            match fs::read_dir(entry.path()) {
                Ok(below) => {
                    above.push(name);
                    scan_folder(below, above, found)?;
                    above.pop();
                }
                Err(_) => found.unreadable.push(entry.path()),
            }
        } else if kind.is_file() {
            note(&entry, &name, &mut names);
        }
    }
    let step_folder = above.last().is_some_and(|folder| folder == STEP_FOLDER);
    for (name, entry) in names {
        let Some(changed) = entry.changed else {
            continue;
        };
        if step_folder || entry.proven || entry.streams.len() == IoType::ALL.len() {
            let local = LogKey::new(above.iter().cloned().chain([name]))?;
            let mut streams = entry.streams;
            streams.sort();
            found.logs.push(Staged {
                key: entry.key.unwrap_or_else(|| local.clone()),
                local,
                streams,
                changed,
            });
        }
    }
    Ok(())
}

/// Files a name under its stem, split from the right: names may hold dots.
fn note(file: &DirEntry, name: &str, names: &mut BTreeMap<String, Entry>) {
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return;
    };
    if extension == COMPLETE_EXTENSION || extension == LOCK_EXTENSION {
        let entry = names.entry(stem.to_owned()).or_default();
        entry.proven = true;
        if extension == LOCK_EXTENSION {
            entry.key = noted_key(&file.path());
        }
        return;
    }
    let Some(io) = IoType::from_extension(extension) else {
        return;
    };
    let entry = names.entry(stem.to_owned()).or_default();
    entry.streams.push(io);
    entry.changed = entry
        .changed
        .max(Some(changed(file).unwrap_or_else(|_| SystemTime::now())));
}

/// The key that a lock file holds; none when it is empty, as most are, or cannot be read.
fn noted_key(lock: &Path) -> Option<LogKey> {
    let mut noted = String::new();
    let file = fs::File::open(lock).ok()?;
    file.take(MAX_KEY_BYTES).read_to_string(&mut noted).ok()?;
    if noted.is_empty() {
        return None;
    }
    LogKey::new(noted.split('\0').map(str::to_owned)).ok()
}

/// An unknown time counts as now: better to wait than to take a living writer's file.
fn changed(file: &DirEntry) -> io::Result<SystemTime> {
    file.metadata()?.modified()
}
