//! A dataset that is read batch by batch.

use std::sync::{Mutex, PoisonError};

use arrow_array::ffi::FFI_ArrowSchema;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use remote_store_core::Driver;
use remote_store_parquet_dataset as core;
use remote_store_serializers::Table;

use crate::call::wait;
use crate::parquet::ArrowTable;

/// The batches of one generation of a dataset, fetched and decoded ahead.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct DatasetBatches {
    driver: Driver,
    schema: arrow_schema::SchemaRef,
    /// None after the last, after an error, and while another thread waits for one.
    batches: Mutex<Option<core::DatasetBatches>>,
}

impl DatasetBatches {
    pub(crate) fn new(driver: Driver, batches: core::DatasetBatches) -> Self {
        Self {
            driver,
            schema: std::sync::Arc::clone(batches.schema()),
            batches: Mutex::new(Some(batches)),
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<core::DatasetBatches>> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl DatasetBatches {
    /// The next batch as a table, or None after the last.
    fn next(&self, py: Python<'_>) -> PyResult<Option<ArrowTable>> {
        let Some(mut batches) = self.slot().take() else {
            return Ok(None);
        };
        let next = async {
            let next = batches.next().await.transpose()?;
            Ok::<_, core::DatasetError>((next, batches))
        };
        let (next, batches) = wait(py, self.driver, next)?;
        Ok(next.map(|batch| {
            *self.slot() = Some(batches);
            ArrowTable::new(Table::from(batch))
        }))
    }

    /// Lets go of what was fetched ahead.
    fn close(&self) {
        drop(self.slot().take());
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref())
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}
