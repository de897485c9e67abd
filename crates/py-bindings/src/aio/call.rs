//! [`Call`]: a call of the core that runs while Python does something else.

use std::convert::Infallible;
use std::future::Future;
use std::process;

use futures_util::future::{self, Either};
use pyo3::prelude::*;
use remote_store_core::runtime::{self, PerProcess};
use remote_store_core::{Driver, Error};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::AbortHandle;

use crate::errors::ToPyErr;

use super::mailbox::{Answer, Mailbox};

/// How many calls on files or memory are carried out at a time: they block, each in a thread of the
/// runtime's pool.
const MAX_BLOCKING: usize = 16;

static PLACES: PerProcess<Semaphore> = PerProcess::new();

/// A call under way; awaiting it gives the answer.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Call {
    future: Py<PyAny>,
    task: Abort,
}

#[pymethods]
impl Call {
    /// The asyncio future of the answer; when it is cancelled, so is the call.
    #[getter]
    fn future(&self, py: Python<'_>) -> Py<PyAny> {
        self.future.clone_ref(py)
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.future.bind(py).call_method0("__await__")
    }

    /// Gives the call up. The future is done when nothing of the call is left.
    fn cancel(&self) {
        self.task.abort();
    }
}

/// Ends a task when its future was cancelled.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug, Clone)]
struct Abort {
    pid: u32,
    handle: AbortHandle,
}

impl Abort {
    fn abort(&self) {
        // The runtime of a parent process has no threads in its child.
        if self.pid == process::id() {
            self.handle.abort();
        }
    }
}

#[pymethods]
impl Abort {
    fn __call__(&self, future: &Bound<'_, PyAny>) -> PyResult<()> {
        if future.call_method0("cancelled")?.is_truthy()? {
            self.abort();
        }
        Ok(())
    }
}

/// Starts a future of the core for the running event loop; `wrap` makes the answer with the GIL held.
///
/// # Errors
/// `RuntimeError` outside an event loop, and when the runtime cannot be started.
pub(super) fn start<T, E, F, W>(
    py: Python<'_>,
    driver: Driver,
    future: F,
    wrap: W,
) -> PyResult<Call>
where
    T: Send + 'static,
    E: ToPyErr + Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
    W: FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
{
    let mailbox = Mailbox::of_running_loop(py)?;
    let promised = mailbox.create_future(py)?;
    let answer = Answer::new(mailbox, promised.clone().unbind());
    let work = async move {
        let outcome = future.await;
        answer.send(move |py| match outcome {
            Ok(value) => wrap(py, value),
            Err(error) => Err(error.to_py_err(py)),
        });
    };
    let runtime = runtime::handle().map_err(|error| error.to_py_err(py))?;
    let task = if driver == Driver::Inline {
        runtime.spawn(aside(work))
    } else {
        runtime.spawn(work)
    };
    let task = Abort {
        pid: process::id(),
        handle: task.abort_handle(),
    };
    promised.call_method1("add_done_callback", (task.clone(),))?;
    Ok(Call {
        future: promised.unbind(),
        task,
    })
}

/// Carries out work that blocks in a thread where it may. When this future is dropped, the work ends
/// at its next pause.
async fn aside(work: impl Future<Output = ()> + Send + 'static) {
    let Ok(places) = PLACES.get_or_try_init(|| Ok::<_, Error>(Semaphore::new(MAX_BLOCKING))) else {
        return;
    };
    let Ok(place) = places.acquire_owned().await else {
        return;
    };
    let (_kept, dropped) = oneshot::channel::<Infallible>();
    let blocking = tokio::task::spawn_blocking(move || {
        let work = std::pin::pin!(work);
        let outcome = runtime::block_on(Driver::Inline, async {
            matches!(future::select(dropped, work).await, Either::Right(_))
        });
        drop(place);
        outcome
    });
    // A panic in there has answered by dropping the answer; nobody else asks.
    let _finished = blocking.await;
}
