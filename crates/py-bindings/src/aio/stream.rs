//! [`AsyncStream`]: streams of the core as batches that an event loop waits for.

use std::process;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use remote_store_core::{Driver, Error, ObjectInfo};
use tokio::sync::{Mutex, mpsc};
use tokio::task::AbortHandle;

use crate::errors::ToPyErr;
use crate::models;
use crate::process_bound::ProcessBound;

use super::call::{Call, start};

/// What streams are made of.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(Bytes),
    /// An object that is not there.
    Missing,
    File(ObjectInfo),
}

impl Item {
    fn into_python(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self {
            Self::Bytes(bytes) => Ok(PyBytes::new(py, &bytes).into_any().unbind()),
            Self::Missing => Ok(py.None()),
            Self::File(info) => models::file_info(py, &info).map(Bound::unbind),
        }
    }
}

type Items = BoxStream<'static, Result<Item, Error>>;

/// A stream that goes on between two batches when its store has a runtime; otherwise the batches
/// drive it.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct AsyncStream {
    pid: u32,
    driver: Driver,
    source: Arc<Mutex<ProcessBound<Source>>>,
}

struct Source {
    flow: Flow,
    /// Comes after the items of the last batch.
    failure: Option<Error>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}

enum Flow {
    Unstarted(Items, usize),
    Inline(Items),
    Task(Running),
    Done,
}

/// The task that fills the channel; dropped, it is cancelled.
struct Running {
    receiver: mpsc::Receiver<Result<Item, Error>>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl AsyncStream {
    /// Takes a stream; at most `ahead` items wait beyond what the stream holds itself. Nothing is
    /// fetched before the first batch is asked for.
    pub(super) fn new(driver: Driver, items: Items, ahead: usize) -> Self {
        let source = Source {
            flow: Flow::Unstarted(items, ahead.max(1)),
            failure: None,
        };
        Self {
            pid: process::id(),
            driver,
            source: Arc::new(Mutex::new(ProcessBound::new(source))),
        }
    }
}

#[pymethods]
impl AsyncStream {
    /// The next items, at most so many; an empty list after the last.
    fn next(&self, py: Python<'_>, max_items: usize) -> PyResult<Call> {
        if self.pid != process::id() {
            return Err(begun_elsewhere());
        }
        let (source, driver) = (Arc::clone(&self.source), self.driver);
        let batch = async move {
            let mut source = source.lock().await;
            match source.get_mut() {
                Some(source) => source.batch(driver, max_items.max(1)).await,
                None => Ok(Vec::new()),
            }
        };
        start(py, driver, batch, |py, items: Vec<Item>| {
            let items = items.into_iter().map(|item| item.into_python(py));
            let items = items.collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        })
    }

    /// Ends what is under way; the stream is over then.
    fn close(&self) {
        if self.pid != process::id() {
            return;
        }
        // When a batch is being waited for, whoever waits ends it by being cancelled.
        if let Ok(mut source) = self.source.try_lock()
            && let Some(source) = source.get_mut()
        {
            source.flow = Flow::Done;
            source.failure = None;
        }
    }
}

impl Source {
    fn begin(&mut self, driver: Driver) {
        if let Flow::Unstarted(..) = self.flow
            && let Flow::Unstarted(mut items, ahead) = std::mem::replace(&mut self.flow, Flow::Done)
        {
            self.flow = if driver == Driver::Tokio {
                let (sender, receiver) = mpsc::channel(ahead);
                let task = tokio::spawn(async move {
                    while let Some(item) = items.next().await {
                        if sender.send(item).await.is_err() {
                            break;
                        }
                    }
                });
                let task = task.abort_handle();
                Flow::Task(Running { receiver, task })
            } else {
                Flow::Inline(items)
            };
        }
    }

    async fn batch(&mut self, driver: Driver, max_items: usize) -> Result<Vec<Item>, Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        self.begin(driver);
        let mut arrived = Vec::new();
        let mut ended = false;
        match &mut self.flow {
            Flow::Unstarted(..) | Flow::Done => {}
            Flow::Task(running) => {
                running.receiver.recv_many(&mut arrived, max_items).await;
            }
            Flow::Inline(items) => {
                while arrived.len() < max_items {
                    let Some(item) = items.next().await else {
                        ended = true;
                        break;
                    };
                    let failed = item.is_err();
                    arrived.push(item);
                    if failed {
                        break;
                    }
                }
            }
        }
        // A stream must not be asked again after its end.
        if ended || arrived.is_empty() {
            self.flow = Flow::Done;
        }
        let mut items = Vec::with_capacity(arrived.len());
        for item in arrived {
            match item {
                Ok(item) => items.push(item),
                Err(error) => {
                    self.flow = Flow::Done;
                    if items.is_empty() {
                        return Err(error);
                    }
                    self.failure = Some(error);
                    break;
                }
            }
        }
        Ok(items)
    }
}

fn begun_elsewhere() -> PyErr {
    PyRuntimeError::new_err(
        "this iterator was begun before the process forked; begin a new one in the child",
    )
}

impl From<Option<Bytes>> for Item {
    fn from(found: Option<Bytes>) -> Self {
        found.map_or(Self::Missing, Self::Bytes)
    }
}

/// Outside an event loop the error is the same wherever a call begins.
pub(super) fn to_py<T>(py: Python<'_>, result: Result<T, Error>) -> PyResult<T> {
    result.map_err(|error| error.to_py_err(py))
}
