//! [`parse_url`]: where a URL points, for the Python constructors of backends.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList};
use remote_store_core::registry::{Location, OptionValue, Options};

use crate::errors::ToPyErr;

/// The type of backend, its options (credentials as `Secret`) and the root path that a URL names.
#[pyfunction]
pub(crate) fn parse_url<'py>(
    py: Python<'py>,
    url: &str,
) -> PyResult<(String, Bound<'py, PyDict>, String)> {
    let location = Location::parse(url, &Options::new()).map_err(|error| error.to_py_err(py))?;
    let options = to_dict(py, &location.options)?;
    Ok((location.backend_type, options, location.root_path))
}

fn to_dict<'py>(py: Python<'py>, options: &Options) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in options {
        dict.set_item(name, to_python(py, value)?)?;
    }
    Ok(dict)
}

fn to_python<'py>(py: Python<'py>, value: &OptionValue) -> PyResult<Bound<'py, PyAny>> {
    static SECRET: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    match value {
        OptionValue::Bool(flag) => Ok(flag.into_pyobject(py)?.to_owned().into_any()),
        OptionValue::Int(number) => Ok(number.into_pyobject(py)?.into_any()),
        OptionValue::Float(number) => Ok(number.into_pyobject(py)?.into_any()),
        OptionValue::Text(text) => Ok(text.into_pyobject(py)?.into_any()),
        OptionValue::Secret(secret) => SECRET
            .import(py, "remote_store._secret", "Secret")?
            .call1((secret.reveal(),)),
        OptionValue::List(values) => {
            let values = values.iter().map(|value| to_python(py, value));
            Ok(PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)?.into_any())
        }
        OptionValue::Map(values) => Ok(to_dict(py, values)?.into_any()),
        // What is newer than this list cannot be written in a URL.
        OptionValue::Null | _ => Ok(py.None().into_bound(py)),
    }
}
