//! [`Reader`]: an object that is being read from Python.

use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use remote_store_core::{Error, ObjectReader, ReadRange, Store};

use crate::call::wait;
use crate::process_bound::ProcessBound;

/// An opened object. Seeking drops the transfer under way; the next read asks for
/// the bytes from there on.
#[pyclass(module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Reader {
    store: Store,
    path: String,
    size: u64,
    position: u64,
    // A stream is Send but not Sync; `&mut self` is the only way in, so this never waits.
    source: Mutex<ProcessBound<Source>>,
}

/// Where the next bytes come from.
#[derive(Debug)]
enum Source {
    /// A new request from the position on.
    Unopened,
    /// A transfer that nothing was taken of.
    Fresh(Box<ObjectReader>),
    /// A transfer under way, with what of its last chunk is left.
    Partial {
        rest: Bytes,
        reader: Box<ObjectReader>,
    },
}

impl Reader {
    /// Opens an object.
    ///
    /// # Errors
    /// `NotFound` and what else the store raises.
    pub(crate) fn open(py: Python<'_>, store: &Store, path: &str) -> PyResult<Self> {
        let reader = wait(py, store.driver(), store.read(path))?;
        Ok(Self {
            store: store.clone(),
            path: path.to_owned(),
            size: reader.info().size,
            position: 0,
            source: Mutex::new(ProcessBound::new(Source::Fresh(Box::new(reader)))),
        })
    }

    /// What is under way; nothing in a forked child, which asks anew from the position on.
    fn take(&mut self) -> Source {
        let slot = self
            .source
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let held = std::mem::replace(slot, ProcessBound::new(Source::Unopened));
        held.into_inner().unwrap_or(Source::Unopened)
    }

    fn put(&mut self, source: Source) {
        let slot = self
            .source
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = ProcessBound::new(source);
    }

    fn advance(&mut self, length: usize) {
        self.position = self.position.saturating_add(length as u64);
    }
}

#[pymethods]
impl Reader {
    /// The length of the object.
    #[getter]
    fn size(&self) -> u64 {
        self.size
    }

    /// At most so many bytes; empty at the end.
    fn read<'py>(&mut self, py: Python<'py>, length: usize) -> PyResult<Bound<'py, PyBytes>> {
        if length == 0 || self.position >= self.size {
            return Ok(PyBytes::new(py, b""));
        }
        let (source, store, path, from) = (
            self.take(),
            self.store.clone(),
            self.path.clone(),
            self.position,
        );
        let (mut rest, reader) = wait(
            py,
            self.store.driver(),
            next_chunk(source, store, path, from),
        )?;
        let taken = rest.split_to(length.min(rest.len()));
        self.advance(taken.len());
        self.put(Source::Partial { rest, reader });
        Ok(PyBytes::new(py, &taken))
    }

    /// All bytes from the position on.
    fn read_to_end<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        if self.position >= self.size {
            return Ok(PyBytes::new(py, b""));
        }
        let (source, store, path, from) = (
            self.take(),
            self.store.clone(),
            self.path.clone(),
            self.position,
        );
        let bytes = wait(py, self.store.driver(), rest_of(source, store, path, from))?;
        self.advance(bytes.len());
        Ok(PyBytes::new(py, &bytes))
    }

    /// Goes to a position, as `io.IOBase.seek` does, and returns it.
    #[pyo3(signature = (offset, whence = 0))]
    fn seek(&mut self, offset: i64, whence: u8) -> PyResult<u64> {
        let base = match whence {
            0 => 0,
            1 => self.position,
            2 => self.size,
            other => {
                return Err(PyValueError::new_err(format!(
                    "whence must be 0, 1 or 2, got {other}"
                )));
            }
        };
        let target = base.checked_add_signed(offset).ok_or_else(|| {
            PyValueError::new_err(format!(
                "cannot seek to before the start ({offset} from {base})"
            ))
        })?;
        let forward = target
            .checked_sub(self.position)
            .and_then(|gap| usize::try_from(gap).ok());
        match (self.take(), forward) {
            (source, Some(0)) => self.put(source),
            (Source::Partial { mut rest, reader }, Some(gap)) if gap <= rest.len() => {
                rest.advance(gap);
                self.put(Source::Partial { rest, reader });
            }
            (dropped, _) => drop(dropped),
        }
        self.position = target;
        Ok(target)
    }

    /// The position.
    fn tell(&self) -> u64 {
        self.position
    }

    /// Ends the transfer under way.
    fn close(&mut self) {
        drop(self.take());
    }
}

type Chunk = (Bytes, Box<ObjectReader>);

async fn next_chunk(source: Source, store: Store, path: String, from: u64) -> Result<Chunk, Error> {
    let mut reader = match source {
        Source::Partial { rest, reader } if !rest.is_empty() => return Ok((rest, reader)),
        Source::Partial { reader, .. } | Source::Fresh(reader) => reader,
        Source::Unopened => Box::new(store.open(&path, ReadRange::From(from)).await?),
    };
    let chunk = reader.next_chunk().await?.unwrap_or_default();
    Ok((chunk, reader))
}

async fn rest_of(source: Source, store: Store, path: String, from: u64) -> Result<Bytes, Error> {
    match source {
        Source::Unopened => store.read_range(&path, ReadRange::From(from)).await,
        Source::Fresh(reader) => reader.bytes().await,
        Source::Partial { rest, mut reader } => {
            let mut all = BytesMut::from(&*rest);
            while let Some(chunk) = reader.next_chunk().await? {
                all.extend_from_slice(&chunk);
            }
            Ok(all.freeze())
        }
    }
}
