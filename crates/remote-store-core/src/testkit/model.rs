//! A store against a map: the same operations on both, the same answers.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::TryStreamExt;
use proptest::prelude::*;

use crate::error::{ErrorKind, Result};
use crate::model::{ListOptions, WriteMode, WriteOptions};

use super::strategies::payload;
use super::{Difference, Specimen};

/// Something to do with a store.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "the fields are what the operations of Store take"
)]
pub enum Step {
    /// Write in one piece.
    Write {
        path: String,
        bytes: Bytes,
        mode: WriteMode,
    },
    /// Write through a writer, and perhaps drop it.
    Stream {
        path: String,
        bytes: Bytes,
        finish: bool,
    },
    /// Read all.
    Read { path: String },
    /// Delete one.
    Delete { path: String, missing_ok: bool },
    /// Delete a folder.
    DeleteFolder { path: String, recursive: bool },
    /// List everything below.
    List { path: String },
    /// Copy.
    Copy {
        from: String,
        to: String,
        mode: WriteMode,
    },
    /// Move.
    Rename {
        from: String,
        to: String,
        mode: WriteMode,
    },
    /// Ask what a name is.
    Ask { path: String },
}

/// A sequence of steps that meet each other. `names` gives the names that are
/// written to and read from, `folders` those that are listed and deleted whole.
pub fn steps<N, F>(count: usize, names: N, folders: F) -> impl Strategy<Value = Vec<Step>>
where
    N: Strategy<Value = String> + Clone + 'static,
    F: Strategy<Value = String> + Clone + 'static,
{
    let mode = || prop_oneof![Just(WriteMode::Create), Just(WriteMode::Overwrite)];
    let name = || names.clone();
    let step = prop_oneof![
        4 => (name(), payload(), mode()).prop_map(|(path, bytes, mode)| Step::Write { path, bytes, mode }),
        1 => (name(), payload(), any::<bool>()).prop_map(|(path, bytes, finish)| Step::Stream { path, bytes, finish }),
        2 => name().prop_map(|path| Step::Read { path }),
        2 => (name(), any::<bool>()).prop_map(|(path, missing_ok)| Step::Delete { path, missing_ok }),
        1 => (folders.clone(), any::<bool>()).prop_map(|(path, recursive)| Step::DeleteFolder { path, recursive }),
        2 => prop_oneof![Just(String::new()), folders.clone()].prop_map(|path| Step::List { path }),
        1 => (name(), name(), mode()).prop_map(|(from, to, mode)| Step::Copy { from, to, mode }),
        1 => (name(), name(), mode()).prop_map(|(from, to, mode)| Step::Rename { from, to, mode }),
        1 => prop_oneof![name(), folders.clone()].prop_map(|path| Step::Ask { path }).boxed(),
    ];
    prop::collection::vec(step, 1..=count)
}

/// What came of a step, in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Done,
    Bytes(Bytes),
    Keys(Vec<Listed>),
    Is { file: bool, folder: bool },
    Failed(ErrorKind),
}

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Listed(String, u64);

impl AsRef<str> for Listed {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Runs the steps on the store and on a map, and compares each answer.
///
/// # Errors
/// None: a difference panics and names the step. The result lets `?` be used.
pub async fn compare(specimen: &Specimen, steps: &[Step]) -> Result<()> {
    let mut model = Model {
        strict: specimen.has(Difference::StrictTree),
        real: specimen.has(Difference::RealFolders),
        ..Model::default()
    };
    for (index, step) in steps.iter().enumerate() {
        let mut expected = model.run(step);
        if let Outcome::Keys(keys) = &mut expected {
            specimen.sort(keys);
        }
        let got = run(specimen, step)
            .await
            .unwrap_or_else(|err| Outcome::Failed(err.kind()));
        assert_eq!(got, expected, "step {index} of {steps:#?}");
    }
    Ok(())
}

async fn run(specimen: &Specimen, step: &Step) -> Result<Outcome> {
    let store = &specimen.store;
    match step {
        Step::Write { path, bytes, mode } => {
            store
                .write(
                    path,
                    bytes.clone(),
                    &WriteOptions::create().with_mode(*mode),
                )
                .await?;
        }
        Step::Stream {
            path,
            bytes,
            finish,
        } => {
            let mut writer = store.writer(path, &WriteOptions::overwrite()).await?;
            writer.write(bytes.clone()).await?;
            if *finish {
                writer.finish().await?;
            }
        }
        Step::Read { path } => return Ok(Outcome::Bytes(store.read_bytes(path).await?)),
        Step::Delete { path, missing_ok } => store.delete(path, *missing_ok).await?,
        Step::DeleteFolder { path, recursive } => {
            store.delete_folder(path, *recursive, false).await?;
        }
        Step::List { path } => {
            let listed = store.list(path, &ListOptions::recursive())?;
            let keys = listed
                .map_ok(|info| Listed(info.key.to_string(), info.size))
                .try_collect()
                .await?;
            return Ok(Outcome::Keys(keys));
        }
        Step::Copy { from, to, mode } => store.copy(from, to, *mode).await?,
        Step::Rename { from, to, mode } => store.rename(from, to, *mode).await?,
        Step::Ask { path } => {
            let (file, folder) = (store.is_file(path).await?, store.is_folder(path).await?);
            return Ok(Outcome::Is { file, folder });
        }
    }
    Ok(Outcome::Done)
}

/// A store as the documentation describes it, as short as can be.
#[derive(Debug, Default)]
struct Model {
    strict: bool,
    real: bool,
    files: BTreeMap<String, Bytes>,
    folders: BTreeSet<String>,
}

fn above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices('/')
        .filter_map(|(at, _)| path.get(..at))
}

impl Model {
    fn is_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        self.folders.contains(path) || self.files.keys().any(|key| key.starts_with(&below))
    }

    fn missing(&self, path: &str) -> Outcome {
        let folder = self.strict && self.is_folder(path);
        Outcome::Failed(if folder {
            ErrorKind::InvalidPath
        } else {
            ErrorKind::NotFound
        })
    }

    fn refuses(&self, path: &str, mode: WriteMode) -> Option<Outcome> {
        let below_file = above(path).any(|above| self.files.contains_key(above));
        if self.strict && (below_file || self.is_folder(path)) {
            return Some(Outcome::Failed(ErrorKind::InvalidPath));
        }
        let taken = mode == WriteMode::Create && self.files.contains_key(path);
        taken.then_some(Outcome::Failed(ErrorKind::AlreadyExists))
    }

    fn put(&mut self, path: &str, bytes: Option<Bytes>) {
        if self.real {
            self.folders.extend(above(path).map(str::to_owned));
        }
        if let Some(bytes) = bytes {
            self.files.insert(path.to_owned(), bytes);
        }
    }

    fn run(&mut self, step: &Step) -> Outcome {
        match step {
            Step::Write { path, bytes, mode } => self.write(path, Some(bytes), *mode),
            Step::Stream {
                path,
                bytes,
                finish,
            } => self.write(path, finish.then_some(bytes), WriteMode::Overwrite),
            Step::Read { path } => self
                .files
                .get(path)
                .map_or_else(|| self.missing(path), |bytes| Outcome::Bytes(bytes.clone())),
            Step::Delete { path, missing_ok } => match self.files.remove(path) {
                Some(_) => Outcome::Done,
                None if *missing_ok && !(self.strict && self.is_folder(path)) => Outcome::Done,
                None => self.missing(path),
            },
            Step::DeleteFolder { path, recursive } => self.delete_folder(path, *recursive),
            Step::List { path } => {
                let below = if path.is_empty() {
                    String::new()
                } else {
                    format!("{path}/")
                };
                let keys = self.files.iter().filter(|(key, _)| key.starts_with(&below));
                Outcome::Keys(
                    keys.map(|(key, bytes)| Listed(key.clone(), bytes.len() as u64))
                        .collect(),
                )
            }
            Step::Copy { from, to, mode } => self.transfer(from, to, *mode, true),
            Step::Rename { from, to, mode } => self.transfer(from, to, *mode, false),
            Step::Ask { path } => Outcome::Is {
                file: self.files.contains_key(path),
                folder: self.is_folder(path),
            },
        }
    }

    fn write(&mut self, path: &str, bytes: Option<&Bytes>, mode: WriteMode) -> Outcome {
        self.refuses(path, mode).unwrap_or_else(|| {
            self.put(path, bytes.cloned());
            Outcome::Done
        })
    }

    fn delete_folder(&mut self, path: &str, recursive: bool) -> Outcome {
        if !self.is_folder(path) {
            let file = self.files.contains_key(path);
            return Outcome::Failed(if file {
                ErrorKind::InvalidPath
            } else {
                ErrorKind::NotFound
            });
        }
        let below = format!("{path}/");
        let inside = |key: &String| key.starts_with(&below);
        if !recursive && (self.files.keys().any(inside) || self.folders.iter().any(inside)) {
            return Outcome::Failed(ErrorKind::DirectoryNotEmpty);
        }
        self.files.retain(|key, _| !key.starts_with(&below));
        self.folders
            .retain(|key| !key.starts_with(&below) && key != path);
        Outcome::Done
    }

    fn transfer(&mut self, from: &str, to: &str, mode: WriteMode, keep: bool) -> Outcome {
        let Some(bytes) = self.files.get(from).cloned() else {
            return self.missing(from);
        };
        if from == to {
            return Outcome::Done;
        }
        self.refuses(to, mode).unwrap_or_else(|| {
            if !keep {
                self.files.remove(from);
            }
            self.put(to, Some(bytes));
            Outcome::Done
        })
    }
}
