//! `_native.io_manager`: what the IO managers do with a store.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use remote_store_core::WriteOptions;
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use remote_store_io_manager as core;
use remote_store_io_manager::{AssetPartitions, Layout, LoadPlan, MissingPolicy, OutputPlan};

use crate::errors::ToPyErr;
use crate::paths::raised;
use crate::prefetch::Prefetch;

fn checked<T>(py: Python<'_>, answer: core::Result<T>) -> PyResult<T> {
    answer.map_err(|error| error.to_py_err(py))
}

/// An extension is a file's; none is a dataset's folder.
fn layout(extension: Option<&str>) -> Layout {
    extension.map_or(Layout::Dataset, Layout::object)
}

fn partition_keys(keys: Vec<String>) -> impl Iterator<Item = PartitionKey> {
    keys.into_iter().map(PartitionKey::new)
}

/// `(partition key, content)` in order, fetched ahead; the content of a missing partition is None.
#[pyclass(module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct PartitionIterator {
    items: Prefetch<core::Result<(PartitionKey, Option<Bytes>)>>,
}

#[pymethods]
impl PartitionIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(
        &mut self,
        py: Python<'py>,
    ) -> PyResult<Option<(String, Option<Bound<'py, PyBytes>>)>> {
        let Some(item) = self.items.next(py)? else {
            return Ok(None);
        };
        let (key, found) = checked(py, item)?;
        Ok(Some((
            key.as_str().to_owned(),
            found.map(|bytes| PyBytes::new(py, &bytes)),
        )))
    }
}

/// `remote_store._native.io_manager`.
#[pymodule(submodule)]
pub(crate) mod io_manager {
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    use super::{
        AssetKey, AssetPartitions, Layout, LoadPlan, MissingPolicy, OutputPlan, PartitionIterator,
        Prefetch, WriteOptions, checked, core, layout, partition_keys, raised,
    };
    use crate::{call::wait, content, foreign::core_store};

    /// The content of an object (DAG-008).
    #[pyfunction]
    fn read_object<'py>(
        py: Python<'py>,
        store: &Bound<'py, PyAny>,
        path: &str,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let store = core_store(store)?;
        let bytes = wait(py, store.driver(), store.read_bytes(path))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Replaces an object and returns its size (DAG-007).
    #[pyfunction]
    fn write_object(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        path: &str,
        content: &Bound<'_, PyAny>,
    ) -> PyResult<u64> {
        let store = core_store(store)?;
        let bytes = content::from_python(content)?;
        let result = wait(
            py,
            store.driver(),
            store.write(path, bytes, &WriteOptions::overwrite()),
        )?;
        Ok(result.size)
    }

    /// The partitions of an asset, in order, with many requests under way (DAG-020).
    #[pyfunction]
    #[pyo3(signature = (store, asset_segments, keys, extension, *, allow_missing = false, window = core::DEFAULT_WINDOW))]
    fn load_partitions(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        asset_segments: Vec<String>,
        keys: Vec<String>,
        extension: &str,
        allow_missing: bool,
        window: usize,
    ) -> PyResult<PartitionIterator> {
        let store = core_store(store)?;
        let asset = raised(py, AssetKey::new(asset_segments))?;
        let policy = if allow_missing {
            MissingPolicy::Skip
        } else {
            MissingPolicy::Fail
        };
        let plan = checked(
            py,
            LoadPlan::new(asset, partition_keys(keys), layout(Some(extension)), policy),
        )?;
        let stream = core::load(&store, &plan, window);
        Ok(PartitionIterator {
            items: Prefetch::new(store.driver(), stream, window / 4),
        })
    }

    /// Insists that an output gives exactly one value for each of the run's partitions.
    #[pyfunction]
    fn check_output_keys(
        py: Python<'_>,
        asset_segments: Vec<String>,
        run_keys: Vec<String>,
        value_keys: Vec<String>,
    ) -> PyResult<()> {
        let asset = raised(py, AssetKey::new(asset_segments))?;
        let plan = checked(
            py,
            OutputPlan::new(asset, partition_keys(run_keys), Layout::Dataset),
        )?;
        checked(py, plan.check(value_keys))
    }

    /// A message for each pair of assets or partitions that would share a path.
    #[pyfunction]
    #[pyo3(signature = (assets, extension = None))]
    fn collisions(
        py: Python<'_>,
        assets: Vec<(Vec<String>, Option<Vec<String>>)>,
        extension: Option<&str>,
    ) -> PyResult<Vec<String>> {
        let assets = assets
            .into_iter()
            .map(|(segments, keys)| {
                let key = raised(py, AssetKey::new(segments))?;
                Ok(match keys {
                    None => AssetPartitions::unpartitioned(key),
                    Some(keys) => AssetPartitions::partitioned(key, partition_keys(keys)),
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let found = checked(py, core::collisions(&assets, &layout(extension)))?;
        Ok(found.iter().map(ToString::to_string).collect())
    }
}
