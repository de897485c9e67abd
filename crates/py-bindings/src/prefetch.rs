//! Streams of the core as Python iterators that fetch ahead while Python works.

use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use remote_store_core::{Driver, runtime};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::call::wait;
use crate::errors::ToPyErr;
use crate::process_bound::ProcessBound;

impl<T> std::fmt::Debug for Prefetch<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prefetch").finish_non_exhaustive()
    }
}

/// A stream that goes on between two calls of [`Prefetch::next`] when its store
/// has a runtime; otherwise it is driven by the calls themselves.
pub(crate) struct Prefetch<T> {
    driver: Driver,
    // Streams are Send but not Sync; `&mut self` is the only way in, so this never waits.
    source: Mutex<Source<T>>,
}

enum Source<T> {
    Unstarted(BoxStream<'static, T>, usize),
    Inline(BoxStream<'static, T>),
    Task(ProcessBound<Running<T>>),
    Done,
}

/// The task that fills the channel; dropped, it is cancelled.
struct Running<T> {
    receiver: mpsc::Receiver<T>,
    task: AbortHandle,
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: Send + 'static> Prefetch<T> {
    /// Takes a stream; at most `ahead` items wait for Python beyond what the stream holds itself.
    /// Nothing is fetched before the first item is asked for.
    pub(crate) fn new(driver: Driver, stream: BoxStream<'static, T>, ahead: usize) -> Self {
        Self {
            driver,
            source: Mutex::new(Source::Unstarted(stream, ahead.max(1))),
        }
    }

    fn source(&mut self) -> &mut Source<T> {
        self.source
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&mut self, py: Python<'_>) -> PyResult<()> {
        let driver = self.driver;
        let source = self.source();
        if let Source::Unstarted(..) = source
            && let Source::Unstarted(mut stream, ahead) = std::mem::replace(source, Source::Done)
        {
            *source = if driver == Driver::Tokio {
                let (sender, receiver) = mpsc::channel(ahead);
                let runtime = runtime::handle().map_err(|error| error.to_py_err(py))?;
                let task = runtime.spawn(async move {
                    while let Some(item) = stream.next().await {
                        if sender.send(item).await.is_err() {
                            break;
                        }
                    }
                });
                Source::Task(ProcessBound::new(Running {
                    receiver,
                    task: task.abort_handle(),
                }))
            } else {
                Source::Inline(stream)
            };
        }
        Ok(())
    }

    /// The next item, or `None` after the last.
    ///
    /// # Errors
    /// What a signal handler raised while waiting, and `RuntimeError` in a forked child, where
    /// nothing fills the channel any more.
    pub(crate) fn next(&mut self, py: Python<'_>) -> PyResult<Option<T>> {
        self.start(py)?;
        let driver = self.driver;
        let source = self.source();
        let item = match source {
            Source::Unstarted(..) | Source::Done => None,
            Source::Inline(stream) => {
                wait(py, driver, async { Ok::<_, PyErr>(stream.next().await) })?
            }
            Source::Task(running) => {
                let running = running.get_mut().ok_or_else(begun_elsewhere)?;
                wait(py, driver, async {
                    Ok::<_, PyErr>(running.receiver.recv().await)
                })?
            }
        };
        if item.is_none() {
            *source = Source::Done;
        }
        Ok(item)
    }
}

fn begun_elsewhere() -> PyErr {
    PyRuntimeError::new_err(
        "this iterator was begun before the process forked; begin a new one in the child",
    )
}
