//! `_native.dataset`: tables as Parquet files under a key, with a manifest.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use remote_store_core::Driver;
use remote_store_parquet_dataset as core;
use remote_store_parquet_dataset::{
    DatasetError, DatasetManifest, DatasetWriter, PartUpload, ReadDatasetOptions,
    WriteDatasetOptions,
};
use remote_store_serializers::Compression;

use crate::call::wait;
use crate::content::{self, Buffer};
use crate::dataset_batches::DatasetBatches;
use crate::dataset_filter::{PyCondition, filter};
use crate::errors::ToPyErr;
use crate::foreign::core_store;
use crate::parquet::{ArrowTable, import_stream};

/// A part that the caller encodes goes to storage in one piece when it is no larger.
const SMALL_PART_BYTES: usize = 4 << 20;
/// What is read of a larger one at a time.
const PIECE_BYTES: usize = 8 << 20;

/// Datasets of a store; manifests cross the boundary as their JSON.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct DatasetStore {
    inner: core::DatasetStore,
    defaults: WriteDatasetOptions,
}

impl DatasetStore {
    fn driver(&self) -> Driver {
        self.inner.store().driver()
    }

    fn options(
        &self,
        overwrite: bool,
        run_id: Option<String>,
        metadata_json: Option<&str>,
        schema_hash: Option<String>,
    ) -> PyResult<WriteDatasetOptions> {
        let mut options = self.defaults.clone().with_overwrite(overwrite);
        options.run_id = run_id;
        options.schema_hash = schema_hash;
        options.metadata = metadata_json
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| {
                PyValueError::new_err(format!("metadata is no JSON object: {error}"))
            })?;
        Ok(options)
    }

    fn add_all(
        &self,
        py: Python<'_>,
        writer: &mut DatasetWriter,
        parts: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        for part in parts.try_iter()? {
            let part = part?;
            let is_small = part.call_method1("is_within", (SMALL_PART_BYTES,))?;
            if is_small.extract()? {
                let bytes = content::from_python(&part.call_method0("read")?)?;
                let rows = part.getattr("rows")?.extract()?;
                wait(py, self.driver(), writer.add_part(bytes, rows))?;
                continue;
            }
            let mut upload = wait(py, self.driver(), writer.begin_part())?;
            match self.send(py, &mut upload, &part) {
                Ok(rows) => wait(py, self.driver(), upload.finish(writer, rows))?,
                Err(error) => {
                    self.without_fail(py, upload.abort())?;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Sends what a part holds, while it is encoded; returns its rows.
    fn send(
        &self,
        py: Python<'_>,
        upload: &mut PartUpload,
        part: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        loop {
            let chunk = content::from_python(&part.call_method1("read", (PIECE_BYTES,))?)?;
            if chunk.is_empty() {
                return part.getattr("rows")?.extract();
            }
            wait(py, self.driver(), upload.write(chunk))?;
        }
    }

    fn without_fail(&self, py: Python<'_>, done: impl Future<Output = ()> + Send) -> PyResult<()> {
        wait(py, self.driver(), async {
            done.await;
            Ok::<(), PyErr>(())
        })
    }
}

fn read_options(
    columns: Option<Vec<String>>,
    filters: Option<Vec<Vec<PyCondition>>>,
) -> PyResult<ReadDatasetOptions> {
    let mut options = ReadDatasetOptions::default()
        .with_prune_only(true)
        .with_as_pyarrow(true);
    options.columns = columns;
    options.filter = filter(filters.unwrap_or_default())?;
    Ok(options)
}

fn json(manifest: &DatasetManifest) -> Buffer {
    Buffer::new(manifest.to_json())
}

#[pymethods]
impl DatasetStore {
    #[new]
    #[pyo3(signature = (store, *, compression = "zstd", row_group_size = None, max_rows_per_file = None,
                        max_bytes_per_file = None))]
    fn new(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        compression: &str,
        row_group_size: Option<usize>,
        max_rows_per_file: Option<usize>,
        max_bytes_per_file: Option<u64>,
    ) -> PyResult<Self> {
        let compression = compression
            .parse::<Compression>()
            .map_err(|error| error.to_py_err(py))?;
        let mut defaults = WriteDatasetOptions::default().with_compression(compression);
        defaults.row_group_rows = row_group_size;
        defaults.max_rows_per_file = max_rows_per_file;
        defaults.max_bytes_per_file = max_bytes_per_file;
        Ok(Self {
            inner: core::DatasetStore::new(core_store(store)?),
            defaults,
        })
    }

    /// Writes a table natively and returns the manifest (DAG-017).
    #[pyo3(signature = (key, table, *, overwrite = false, run_id = None, metadata_json = None, schema_hash = None,
                        partition_cols = None))]
    fn write(
        &self,
        py: Python<'_>,
        key: &str,
        table: &Bound<'_, PyAny>,
        overwrite: bool,
        run_id: Option<String>,
        metadata_json: Option<&str>,
        schema_hash: Option<String>,
        partition_cols: Option<Vec<String>>,
    ) -> PyResult<Buffer> {
        let options = self.options(overwrite, run_id, metadata_json, schema_hash)?;
        let options = options.with_partition_by(partition_cols.unwrap_or_default());
        let stream = import_stream(table)?;
        wait(py, self.driver(), self.inner.write(key, stream, options))
            .map(|manifest| json(&manifest))
    }

    /// Writes parts that the caller encodes; all or nothing. Each of them has `read(size)`,
    /// `is_within(size)` and, once it was read, `rows`; a large one is sent while it is read.
    #[pyo3(signature = (key, parts, *, overwrite = false, run_id = None, metadata_json = None, schema_hash = None))]
    fn write_parts(
        &self,
        py: Python<'_>,
        key: &str,
        parts: &Bound<'_, PyAny>,
        overwrite: bool,
        run_id: Option<String>,
        metadata_json: Option<&str>,
        schema_hash: Option<String>,
    ) -> PyResult<Buffer> {
        let options = self.options(overwrite, run_id, metadata_json, schema_hash)?;
        let mut writer = wait(py, self.driver(), self.inner.begin(key, options))?;
        if let Err(error) = self.add_all(py, &mut writer, parts) {
            self.without_fail(py, writer.abort())?;
            return Err(error);
        }
        wait(py, self.driver(), writer.commit()).map(|manifest| json(&manifest))
    }

    /// The rows and columns asked for, or None when pyarrow must read the parts.
    ///
    /// A filter leaves out folders and row groups; the caller filters the rows of the rest.
    #[pyo3(signature = (key, *, columns = None, filters = None))]
    fn read(
        &self,
        py: Python<'_>,
        key: &str,
        columns: Option<Vec<String>>,
        filters: Option<Vec<Vec<PyCondition>>>,
    ) -> PyResult<Option<ArrowTable>> {
        let options = read_options(columns, filters)?;
        let read = async {
            match self.inner.read_where(key, &options).await {
                Ok(table) => Ok(Some(ArrowTable::new(table))),
                Err(DatasetError::NeedsPyarrow { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        wait(py, self.driver(), read)
    }

    /// The same batch by batch, or None when pyarrow must read the first part.
    #[pyo3(signature = (key, *, columns = None, filters = None))]
    fn read_batches(
        &self,
        py: Python<'_>,
        key: &str,
        columns: Option<Vec<String>>,
        filters: Option<Vec<Vec<PyCondition>>>,
    ) -> PyResult<Option<DatasetBatches>> {
        let options = read_options(columns, filters)?;
        let driver = self.driver();
        let read = async {
            match self.inner.read_batches(key, &options).await {
                Ok(batches) => Ok(Some(DatasetBatches::new(driver, batches))),
                Err(DatasetError::NeedsPyarrow { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        };
        wait(py, driver, read)
    }

    /// The manifest and the content of each part, all of one generation (DAG-020).
    fn read_parts(&self, py: Python<'_>, key: &str) -> PyResult<(Buffer, Vec<Buffer>)> {
        let (manifest, parts) = wait(py, self.driver(), self.inner.read_parts(key))?;
        Ok((
            json(&manifest),
            parts.into_iter().map(Buffer::new).collect(),
        ))
    }

    fn read_manifest(&self, py: Python<'_>, key: &str) -> PyResult<Buffer> {
        wait(py, self.driver(), self.inner.read_manifest(key)).map(|manifest| json(&manifest))
    }

    fn exists(&self, py: Python<'_>, key: &str) -> PyResult<bool> {
        wait(py, self.driver(), self.inner.exists(key))
    }

    fn delete(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        wait(py, self.driver(), self.inner.delete(key))
    }

    /// Removes the parts of dead writers that are older than so many seconds; returns their paths.
    fn vacuum(&self, py: Python<'_>, prefix: &str, older_than_s: f64) -> PyResult<Vec<String>> {
        let older_than = std::time::Duration::try_from_secs_f64(older_than_s)
            .map_err(|error| PyValueError::new_err(format!("older_than is no time: {error}")))?;
        wait(py, self.driver(), self.inner.vacuum(prefix, older_than))
    }
}

/// `remote_store._native.dataset`.
#[pymodule(submodule)]
pub(crate) mod dataset {
    #[pymodule_export]
    use super::DatasetBatches;
    #[pymodule_export]
    use super::DatasetStore;
}
