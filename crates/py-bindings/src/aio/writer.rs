//! [`AsyncWriter`]: an object that is being written by an event loop.

use std::process;
use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use remote_store_core::{Error, ObjectWriter, Store, WriteResult};
use tokio::sync::Mutex;

use crate::errors::ToPyErr;
use crate::process_bound::ProcessBound;
use crate::{content, models};

use super::call::{Call, start};

type Slot = ProcessBound<Option<Box<dyn ObjectWriter>>>;

/// An object on its way into a store; invisible before `finish`.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct AsyncWriter {
    pid: u32,
    store: Store,
    metadata: Option<Py<PyAny>>,
    slot: Arc<Mutex<Slot>>,
}

/// Why a writer did not do what it was asked to.
enum Refusal {
    Over,
    Store(Error),
}

impl ToPyErr for Refusal {
    fn to_py_err(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Over => finished(),
            Self::Store(error) => error.to_py_err(py),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl AsyncWriter {
    pub(super) fn new(
        store: Store,
        inner: Box<dyn ObjectWriter>,
        metadata: Option<Py<PyAny>>,
    ) -> Self {
        Self {
            pid: process::id(),
            store,
            metadata,
            slot: Arc::new(Mutex::new(ProcessBound::new(Some(inner)))),
        }
    }

    fn here(&self) -> PyResult<Arc<Mutex<Slot>>> {
        if self.pid == process::id() {
            Ok(Arc::clone(&self.slot))
        } else {
            Err(finished())
        }
    }
}

#[pymethods]
impl AsyncWriter {
    /// Adds bytes.
    fn write(&self, py: Python<'_>, content: &Bound<'_, PyAny>) -> PyResult<Call> {
        let (slot, bytes) = (self.here()?, content::from_python(content)?);
        let work = async move {
            let mut slot = slot.lock().await;
            let writer = slot.get_mut().and_then(Option::as_mut);
            writer.ok_or(Refusal::Over)?.write(bytes).await?;
            Ok::<_, Refusal>(())
        };
        start(py, self.store.driver(), work, |py, ()| Ok(py.None()))
    }

    /// Makes the object visible; the answer is the `WriteResult`.
    fn finish(&self, py: Python<'_>) -> PyResult<Call> {
        let (slot, store) = (self.here()?, self.store.clone());
        let metadata = self.metadata.as_ref().map(|pairs| pairs.clone_ref(py));
        let work = async move {
            let writer = slot.lock().await.get_mut().and_then(Option::take);
            let mut result = writer.ok_or(Refusal::Over)?.finish().await?;
            if let Some(relative) = store.root().relative_key(&result.key) {
                result.key = relative;
            }
            Ok::<_, Refusal>(result)
        };
        start(
            py,
            self.store.driver(),
            work,
            move |py, result: WriteResult| {
                let metadata = metadata.as_ref().map(|pairs| pairs.bind(py));
                models::write_result(py, &result, metadata).map(Bound::unbind)
            },
        )
    }

    /// Gives up; does nothing after `finish` or another `abort`.
    fn abort(&self, py: Python<'_>) -> PyResult<Call> {
        let slot = self.here()?;
        let work = async move {
            let writer = slot.lock().await.get_mut().and_then(Option::take);
            match writer {
                Some(writer) => writer.abort().await,
                None => Ok(()),
            }
        };
        start(py, self.store.driver(), work, |py, ()| Ok(py.None()))
    }
}

fn finished() -> PyErr {
    PyValueError::new_err(
        "the writer was finished or aborted before, or belongs to the process that this one was forked from",
    )
}
