//! [`Writer`]: an object that is being written from Python.

use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use remote_store_core::{ObjectWriter, Store, WriteOptions};

use crate::call::wait;
use crate::process_bound::ProcessBound;
use crate::{content, models};

/// An object on its way into a store; invisible before `finish`.
#[pyclass(module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Writer {
    store: Store,
    metadata: Option<Py<PyAny>>,
    // A writer is Send but not Sync; `&mut self` is the only way in, so this never waits.
    inner: Mutex<ProcessBound<Option<Box<dyn ObjectWriter>>>>,
}

impl Writer {
    /// Starts an object.
    ///
    /// # Errors
    /// `AlreadyExists`, `InvalidPath` and what else the store raises.
    pub(crate) fn open(
        py: Python<'_>,
        store: &Store,
        path: &str,
        options: &WriteOptions,
        metadata: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let inner = wait(py, store.driver(), store.writer(path, options))?;
        Ok(Self {
            store: store.clone(),
            metadata,
            inner: Mutex::new(ProcessBound::new(Some(inner))),
        })
    }

    /// The writer; none in a forked child, where the upload is the parent's.
    fn slot(&mut self) -> Option<&mut Option<Box<dyn ObjectWriter>>> {
        self.inner
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut()
    }

    fn take(&mut self) -> Option<Box<dyn ObjectWriter>> {
        self.slot().and_then(Option::take)
    }
}

#[pymethods]
impl Writer {
    /// Adds bytes.
    fn write(&mut self, py: Python<'_>, content: &Bound<'_, PyAny>) -> PyResult<()> {
        let bytes = content::from_python(content)?;
        let driver = self.store.driver();
        let writer = self.slot().and_then(Option::as_mut).ok_or_else(finished)?;
        wait(py, driver, writer.write(bytes))
    }

    /// Makes the object visible and returns the `WriteResult`.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let writer = self.take().ok_or_else(finished)?;
        let mut result = wait(py, self.store.driver(), writer.finish())?;
        if let Some(relative) = self.store.root().relative_key(&result.key) {
            result.key = relative;
        }
        models::write_result(
            py,
            &result,
            self.metadata.as_ref().map(|metadata| metadata.bind(py)),
        )
    }

    /// Gives up; does nothing after `finish` or another `abort`.
    fn abort(&mut self, py: Python<'_>) -> PyResult<()> {
        match self.take() {
            Some(writer) => wait(py, self.store.driver(), writer.abort()),
            None => Ok(()),
        }
    }
}

fn finished() -> PyErr {
    PyValueError::new_err(
        "the writer was finished or aborted before, or belongs to the process that this one was forked from",
    )
}
