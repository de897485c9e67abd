//! [`Backend`]: a backend of the core, built by type name and options.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use remote_store_core::registry::{self, OptionValue, Options};
use remote_store_core::{Backend as CoreBackend, Prefix, Store as CoreStore};
use remote_store_credential_masking::Secret;

use crate::call::wait;
use crate::credential::source_from;
use crate::errors::ToPyErr;

/// How deep options may nest; a dict that holds itself must end somewhere.
const MAX_OPTION_DEPTH: usize = 16;

/// A backend of the core.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) inner: Arc<dyn CoreBackend>,
}

#[pymethods]
impl Backend {
    /// Builds a backend; `ValueError` names an option that is unknown, missing or wrong.
    #[staticmethod]
    #[pyo3(name = "build")]
    fn build(py: Python<'_>, kind: &str, options: &Bound<'_, PyDict>) -> PyResult<Self> {
        let options = options_from(options, 0)?;
        let built = py.detach(|| registry::build_backend(kind, &options));
        built
            .map(|inner| Self { inner })
            .map_err(|error| error.to_py_err(py))
    }

    #[getter]
    fn name(&self) -> &str {
        self.inner.name()
    }

    /// The names of what it can do.
    fn capabilities(&self) -> Vec<&'static str> {
        self.inner
            .capabilities()
            .iter()
            .map(remote_store_core::Capability::as_str)
            .collect()
    }

    /// The options it was built with, credentials as `***`.
    fn describe(&self) -> Vec<(String, String)> {
        self.inner.describe()
    }

    /// Lets go of connections; later calls raise `BackendUnavailable`.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let store = CoreStore::new(Arc::clone(&self.inner), Prefix::root());
        wait(py, self.inner.driver(), async move {
            store.close().await;
            Ok::<(), PyErr>(())
        })
    }
}

/// The types that the core can build.
#[pyfunction]
pub(crate) fn registered_backends() -> Vec<String> {
    registry::registered()
}

fn options_from(options: &Bound<'_, PyDict>, depth: usize) -> PyResult<Options> {
    if depth == MAX_OPTION_DEPTH {
        return Err(PyValueError::new_err(format!(
            "options are nested more than {MAX_OPTION_DEPTH} levels deep"
        )));
    }
    let mut converted = Options::new();
    for (name, value) in options {
        let name: String = name
            .extract()
            .map_err(|_not_text| PyTypeError::new_err("the names of options must be str"))?;
        let value = value_from(&name, &value, depth)?;
        converted.insert(name, value);
    }
    Ok(converted)
}

fn value_from(name: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<OptionValue> {
    if value.is_none() {
        return Ok(OptionValue::Null);
    }
    // bool before int: True is an int in Python.
    if let Ok(flag) = value.cast::<PyBool>() {
        return Ok(OptionValue::Bool(flag.is_true()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(OptionValue::Int(value.extract()?));
    }
    if value.is_instance_of::<PyFloat>() {
        return Ok(OptionValue::Float(value.extract()?));
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(OptionValue::Text(text.extract()?));
    }
    if let Ok(map) = value.cast::<PyDict>() {
        return options_from(map, depth + 1).map(OptionValue::Map);
    }
    if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        if depth + 1 == MAX_OPTION_DEPTH {
            return Err(PyValueError::new_err(format!(
                "option '{name}' is nested too deep"
            )));
        }
        let entries = value
            .try_iter()?
            .map(|entry| value_from(name, &entry?, depth + 1));
        return entries.collect::<PyResult<_>>().map(OptionValue::List);
    }
    if let Some(source) = source_from(value) {
        return Ok(OptionValue::Source(source));
    }
    if let Ok(reveal) = value.getattr("reveal") {
        return Ok(OptionValue::Secret(Secret::new(
            reveal.call0()?.extract::<String>()?,
        )));
    }
    if let Ok(path) = value.call_method0("__fspath__") {
        return Ok(OptionValue::Text(path.extract()?));
    }
    // The value itself is not shown: it may hold a credential.
    let kind = value.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "option '{name}' has a value of type {kind}, which cannot be configured"
    )))
}
