//! Bytes across the boundary, without a copy where that is safe.

use std::ffi::c_int;

use bytes::Bytes;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyMemoryError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use remote_store_core::{Error, ObjectReader, ReadRange, Store};

use crate::call::wait;
use crate::errors::ToPyErr;

/// The bytes of a Python object. `bytes` and [`Buffer`] are shared; what could
/// change under our hands (`bytearray`, `memoryview`, NumPy) is copied.
///
/// # Errors
/// `TypeError` for what is not bytes-like; text is named, since that is the usual slip.
pub(crate) fn from_python(content: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    if let Ok(bytes) = content.cast::<PyBytes>() {
        return Ok(Bytes::from_owner(PyBackedBytes::from(bytes.clone())));
    }
    if let Ok(buffer) = content.cast::<Buffer>() {
        return Ok(buffer.get().bytes.clone());
    }
    let view = PyBuffer::<u8>::get(content).map_err(|_not_a_buffer| {
        let kind = content
            .get_type()
            .name()
            .map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!(
            "content must be bytes or a binary file, got {kind}"
        ))
    })?;
    Ok(view.to_vec(content.py())?.into())
}

/// Less is copied in no time.
const SHORT_BYTES: u64 = 1 << 16;

/// An opened object.
enum Opened {
    Whole(Bytes),
    Begun(Box<ObjectReader>),
}

/// An object, or a range of it, as `bytes`; those of a long one are read to where they stay.
///
/// A copy would cost more than reading a file does: its memory is new to the process each time.
///
/// # Errors
/// What the store fails with; an object that is replaced meanwhile is read once more.
pub(crate) fn read<'py>(
    py: Python<'py>,
    store: &Store,
    path: &str,
    range: &ReadRange,
) -> PyResult<Bound<'py, PyBytes>> {
    let opened = wait(py, store.driver(), async {
        let reader = store.open(path, range.clone()).await?;
        if length_of(&reader) > SHORT_BYTES && reader.fills_in_place() {
            return Ok(Opened::Begun(Box::new(reader)));
        }
        match reader.bytes().await {
            Err(Error::Conflict { .. }) => store.read_range(path, range.clone()).await,
            read => read,
        }
        .map(Opened::Whole)
    })?;
    let reader = match opened {
        Opened::Whole(bytes) => return Ok(PyBytes::new(py, &bytes)),
        Opened::Begun(reader) => reader,
    };
    let length = length_of(&reader);
    let too_long = |error: PyErr| {
        if !error.is_instance_of::<PyMemoryError>(py) {
            return error;
        }
        let what =
            format!("{path} has {length} bytes, more than memory allows; read it as a stream");
        Error::unavailable(store.backend().name(), what).to_py_err(py)
    };
    let mut replaced = false;
    let bytes = PyBytes::new_with(py, usize::try_from(length)?, |out| {
        wait(py, store.driver(), async {
            match reader.read_into(out).await {
                Err(Error::Conflict { .. }) => {
                    replaced = true;
                    Ok(())
                }
                read => read,
            }
        })
    });
    let bytes = bytes.map_err(too_long)?;
    if replaced {
        let again = store.read_range(path, range.clone());
        return Ok(PyBytes::new(py, &wait(py, store.driver(), again)?));
    }
    Ok(bytes)
}

fn length_of(reader: &ObjectReader) -> u64 {
    let range = reader.range();
    range.end.saturating_sub(range.start)
}

/// Read-only bytes of the core, shared with Python through the buffer protocol.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Bytes,
}

impl Buffer {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes }
    }
}

#[pymethods]
impl Buffer {
    fn __len__(&self) -> usize {
        self.bytes.len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.bytes)
    }

    #[allow(
        unsafe_code,
        reason = "the buffer protocol is a C interface; it has no safe form"
    )]
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let bytes = &slf.get().bytes;
        let length = ffi::Py_ssize_t::try_from(bytes.len())?;
        // SAFETY: `view` comes from the interpreter and is valid to fill; the pointer stays valid while
        // `slf` lives, which the view holds a reference to, since the class is frozen; read-only is set.
        let status = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                bytes.as_ptr().cast_mut().cast(),
                length,
                1,
                flags,
            )
        };
        if status == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }
}
