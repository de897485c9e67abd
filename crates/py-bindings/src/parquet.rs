//! `_native.parquet`: tables through Arrow's C stream interface.

use std::num::NonZeroUsize;

use arrow_array::ffi::FFI_ArrowSchema;
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_schema::Schema;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use remote_store_serializers::{
    Compression, ParquetFile, ParquetOptions, SerializeError, SortColumn, Statistics, Table,
};

use crate::errors::ToPyErr;

/// The stream that an object exports through `__arrow_c_stream__`.
///
/// # Errors
/// `TypeError` when it exports none.
#[allow(
    unsafe_code,
    reason = "the C stream interface hands over a pointer in a capsule"
)]
pub(crate) fn import_stream(table: &Bound<'_, PyAny>) -> PyResult<RecordBatchStreamReader> {
    let capsule = capsule_of(table, "__arrow_c_stream__")?;
    let pointer = capsule.pointer_checked(Some(c"arrow_array_stream"))?;
    // SAFETY: a capsule of that name holds a valid ArrowArrayStream (the name was checked); reading moves it
    // out and marks the original as released, so that the capsule's destructor leaves it alone.
    unsafe { RecordBatchStreamReader::from_raw(pointer.cast::<FFI_ArrowArrayStream>().as_ptr()) }
        .map_err(|error| PyValueError::new_err(format!("the Arrow stream cannot be read: {error}")))
}

#[allow(
    unsafe_code,
    reason = "the C schema interface hands over a pointer in a capsule"
)]
fn import_schema(holder: &Bound<'_, PyAny>) -> PyResult<Schema> {
    let capsule = capsule_of(holder, "__arrow_c_schema__")?;
    let pointer = capsule.pointer_checked(Some(c"arrow_schema"))?;
    // SAFETY: a capsule of that name holds a valid ArrowSchema (the name was checked); it is only borrowed,
    // and the capsule outlives the borrow.
    let schema = unsafe { pointer.cast::<FFI_ArrowSchema>().as_ref() };
    Schema::try_from(schema)
        .map_err(|error| PyValueError::new_err(format!("the Arrow schema cannot be read: {error}")))
}

fn capsule_of<'py>(holder: &Bound<'py, PyAny>, method: &str) -> PyResult<Bound<'py, PyCapsule>> {
    let export = holder.getattr(method).map_err(|_missing| {
        let kind = holder
            .get_type()
            .name()
            .map_or_else(|_| "object".to_owned(), |name| name.to_string());
        PyTypeError::new_err(format!("expected a table with {method}, got {kind}"))
    })?;
    Ok(export.call0()?.cast_into::<PyCapsule>()?)
}

/// A decoded table; `pyarrow.table(it)`, `polars.from_arrow(it)` and the like take it over without a copy.
#[pyclass(frozen, module = "remote_store._native", name = "ArrowTable")]
#[derive(Debug)]
pub(crate) struct ArrowTable {
    table: Table,
}

impl ArrowTable {
    pub(crate) fn new(table: Table) -> Self {
        Self { table }
    }
}

#[pymethods]
impl ArrowTable {
    #[getter]
    fn num_rows(&self) -> usize {
        self.table.num_rows()
    }

    #[getter]
    fn num_columns(&self) -> usize {
        self.table.num_columns()
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface lets a producer ignore the request; consumers cast.
        let _ = requested_schema;
        let stream = FFI_ArrowArrayStream::new(Box::new(self.table.reader()));
        PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.table.schema().as_ref())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}

/// `remote_store._native.parquet`.
#[pymodule(submodule)]
pub(crate) mod parquet {
    #[pymodule_export]
    use super::ArrowTable;
    use arrow_array::RecordBatchReader;
    use pyo3::exceptions::PyNotImplementedError;
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    use super::{
        ParquetFile, SerializeError, ToPyErr, further_options, import_schema, import_stream,
        options,
    };
    use crate::call::wait;
    use crate::content::{self, Buffer};
    use crate::foreign::core_store;
    use remote_store_core::WriteOptions;
    use remote_store_parquet_dataset::object::{self, Loaded};
    use remote_store_serializers::parquet::{encode as encode_stream, gate};

    /// Why pyarrow must write a table of this schema, or None when the native encoder writes the same.
    #[pyfunction]
    fn write_support(schema: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
        let schema = import_schema(schema)?;
        Ok(gate::write_support(&schema)
            .fallback_reason()
            .map(str::to_owned))
    }

    /// Why pyarrow must read this file, or these columns of it, or None when the native decoder reads the same.
    #[pyfunction]
    #[pyo3(signature = (content, columns = None))]
    fn read_support(
        py: Python<'_>,
        content: &Bound<'_, PyAny>,
        columns: Option<Vec<String>>,
    ) -> PyResult<Option<String>> {
        let bytes = content::from_python(content)?;
        let support = py
            .detach(|| ParquetFile::open(bytes)?.read_support_for(columns.as_deref()))
            .map_err(|error| error.to_py_err(py))?;
        Ok(support.fallback_reason().map(str::to_owned))
    }

    /// Encodes a table, columns in parallel.
    #[pyfunction]
    #[pyo3(signature = (table, *, compression = None, compression_level = None, row_group_size = None,
                        statistics = None, dictionary = None, sorting = None))]
    fn encode(
        py: Python<'_>,
        table: &Bound<'_, PyAny>,
        compression: Option<&str>,
        compression_level: Option<i32>,
        row_group_size: Option<usize>,
        statistics: Option<&str>,
        dictionary: Option<bool>,
        sorting: Option<Vec<(String, bool, bool)>>,
    ) -> PyResult<Buffer> {
        let options = options(py, compression, compression_level, row_group_size)?;
        let options = further_options(options, statistics, dictionary, sorting)?;
        let stream = import_stream(table)?;
        let encoded = py.detach(|| {
            let mut out = Vec::new();
            encode_stream(stream, &options, &mut out).map(|_summary| out)
        });
        encoded
            .map(|out| Buffer::new(out.into()))
            .map_err(|error| error.to_py_err(py))
    }

    /// Encodes a table as [`encode`] does, into bytes; None when pyarrow must write it.
    #[pyfunction]
    #[pyo3(signature = (table, *, compression = None, compression_level = None, row_group_size = None,
                        statistics = None, dictionary = None, sorting = None))]
    fn serialize<'py>(
        py: Python<'py>,
        table: &Bound<'py, PyAny>,
        compression: Option<&str>,
        compression_level: Option<i32>,
        row_group_size: Option<usize>,
        statistics: Option<&str>,
        dictionary: Option<bool>,
        sorting: Option<Vec<(String, bool, bool)>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let options = options(py, compression, compression_level, row_group_size)?;
        let options = further_options(options, statistics, dictionary, sorting)?;
        let stream = import_stream(table)?;
        // The schema comes with the stream: one call for what was asked first and done then.
        if gate::write_support(&stream.schema())
            .fallback_reason()
            .is_some()
        {
            return Ok(None);
        }
        let encoded = py.detach(|| {
            let mut out = Vec::new();
            encode_stream(stream, &options, &mut out).map(|_summary| out)
        });
        encoded
            .map(|out| Some(PyBytes::new(py, &out)))
            .map_err(|error| error.to_py_err(py))
    }

    /// Writes a table as one object, which is encoded on its way; returns its size in bytes.
    #[pyfunction]
    #[pyo3(signature = (store, path, table, *, overwrite = true, compression = None, compression_level = None,
                        row_group_size = None, statistics = None, dictionary = None, sorting = None))]
    fn write(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        path: &str,
        table: &Bound<'_, PyAny>,
        overwrite: bool,
        compression: Option<&str>,
        compression_level: Option<i32>,
        row_group_size: Option<usize>,
        statistics: Option<&str>,
        dictionary: Option<bool>,
        sorting: Option<Vec<(String, bool, bool)>>,
    ) -> PyResult<u64> {
        let options = options(py, compression, compression_level, row_group_size)?;
        let options = further_options(options, statistics, dictionary, sorting)?;
        let store = core_store(store)?;
        let stream = import_stream(table)?;
        let mode = if overwrite {
            WriteOptions::overwrite()
        } else {
            WriteOptions::create()
        };
        let written = object::write(&store, path, stream, &options, &mode);
        wait(py, store.driver(), written).map(|written| written.size)
    }

    /// Reads an object, or only those of its bytes that the columns need: a decoded table, or
    /// None when pyarrow must read it, which then asks the store for all of it.
    #[pyfunction]
    #[pyo3(signature = (store, path, columns = None))]
    fn read(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        path: &str,
        columns: Option<Vec<String>>,
    ) -> PyResult<(Option<ArrowTable>, Option<Buffer>)> {
        let store = core_store(store)?;
        let loaded = object::load(&store, path, columns.as_deref());
        match wait(py, store.driver(), loaded)? {
            Loaded::Table(table) => Ok((Some(ArrowTable::new(table)), None)),
            Loaded::NeedsPyarrow { whole, .. } => Ok((None, whole.map(Buffer::new))),
        }
    }

    /// Decodes a file, or some of its columns, in parallel; `NotImplementedError` when pyarrow must,
    /// which is seen in the values alone.
    #[pyfunction]
    #[pyo3(signature = (content, columns = None))]
    fn decode(
        py: Python<'_>,
        content: &Bound<'_, PyAny>,
        columns: Option<Vec<String>>,
    ) -> PyResult<ArrowTable> {
        let bytes = content::from_python(content)?;
        let decoded = py.detach(|| ParquetFile::open(bytes)?.decode(columns.as_deref()));
        decoded.map(ArrowTable::new).map_err(|error| {
            if matches!(error, SerializeError::Unsupported { .. }) {
                PyNotImplementedError::new_err(error.to_string())
            } else {
                error.to_py_err(py)
            }
        })
    }
}

/// Options from their Python names.
///
/// # Errors
/// `ValueError` naming what is not valid.
pub(crate) fn options(
    py: Python<'_>,
    compression: Option<&str>,
    compression_level: Option<i32>,
    row_group_size: Option<usize>,
) -> PyResult<ParquetOptions> {
    let mut options = ParquetOptions::default();
    if let Some(name) = compression {
        options = options.with_compression(
            name.parse::<Compression>()
                .map_err(|error| error.to_py_err(py))?,
        );
    }
    if let Some(level) = compression_level {
        let compression = options
            .compression()
            .with_level(level)
            .map_err(|error| error.to_py_err(py))?;
        options = options.with_compression(compression);
    }
    if let Some(rows) = row_group_size {
        let rows = NonZeroUsize::new(rows)
            .ok_or_else(|| PyValueError::new_err("row_group_size must be at least 1"))?;
        options = options.with_row_group_rows(rows);
    }
    Ok(options)
}

/// The options that only single objects have.
///
/// # Errors
/// `ValueError` naming what is not valid.
fn further_options(
    mut options: ParquetOptions,
    statistics: Option<&str>,
    dictionary: Option<bool>,
    sorting: Option<Vec<(String, bool, bool)>>,
) -> PyResult<ParquetOptions> {
    if let Some(name) = statistics {
        options = options.with_statistics(match name {
            "none" => Statistics::None,
            "chunk" => Statistics::Chunk,
            "page" => Statistics::Page,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "unknown statistics '{name}'; choose from none, chunk, page"
                )));
            }
        });
    }
    if let Some(dictionary) = dictionary {
        options = options.with_dictionary(dictionary);
    }
    if let Some(sorting) = sorting {
        let columns = sorting.into_iter();
        let columns = columns.map(|(name, descending, nulls_first)| SortColumn {
            name,
            descending,
            nulls_first,
        });
        options = options.with_sorting(columns.collect());
    }
    Ok(options)
}
