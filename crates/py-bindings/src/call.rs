//! Waiting for the core: the GIL is free meanwhile, and signals are answered.

use std::cell::RefCell;
use std::future::Future;

use pyo3::prelude::*;
use remote_store_core::{Driver, Error, runtime};

use crate::errors::ToPyErr;

/// Why a wait ended without the future's own answer.
enum Stop {
    /// A signal handler raised, e.g. `KeyboardInterrupt` or Dagster's own interruption.
    Signal(PyErr),
    Runtime(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Runtime(error)
    }
}

thread_local! {
    /// An interruption that a Python store raised while the core was calling it. The core may go on
    /// after an error, to clean up; an interruption must come out all the same.
    static INTERRUPTION: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Keeps an interruption for the [`wait`] that is under way on this thread.
pub(crate) fn interrupted(raised: PyErr) {
    INTERRUPTION.with(|slot| slot.replace(Some(raised)));
}

fn answer_signals() -> PyResult<()> {
    Python::attach(|py| {
        py.check_signals()?;
        Ok(())
    })
}

/// Runs a future of the core with the GIL released.
///
/// # Errors
/// The future's error as a Python exception, or what a signal handler raised;
/// the future is dropped then, which cancels what it had under way.
pub(crate) fn wait<F, T, E>(py: Python<'_>, driver: Driver, future: F) -> PyResult<T>
where
    F: Future<Output = Result<T, E>> + Send,
    T: Send,
    E: ToPyErr + Send,
{
    let outcome = py.detach(|| {
        runtime::block_on_interruptible(driver, future, || answer_signals().map_err(Stop::Signal))
    });
    if let Some(raised) = INTERRUPTION.with(RefCell::take) {
        return Err(raised);
    }
    match outcome {
        Ok(answer) => answer.map_err(|error| error.to_py_err(py)),
        Err(Stop::Signal(raised)) => Err(raised),
        Err(Stop::Runtime(error)) => Err(error.to_py_err(py)),
    }
}
