//! [`LogStore`]: captured logs of steps in a store.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use remote_store_compute_log as core;
use remote_store_compute_log::{Compression, GcOptions, RecoverOptions, Uploaded};
use remote_store_dagster_paths::LogKey;

use crate::call::wait;
use crate::errors::ToPyErr;
use crate::foreign::core_store;
use crate::paths::{io_type, raised};

/// Captured logs of steps in a store.
#[pyclass(frozen, module = "remote_store._native")]
#[derive(Debug)]
pub(crate) struct LogStore {
    inner: core::LogStore,
}

impl LogStore {
    fn driver(&self) -> remote_store_core::Driver {
        self.inner.store().driver()
    }
}

/// What became of an upload, for Python: `"stored"`, `"skipped-empty"`,
/// `"unchanged"`, or `"finished"` for a partial that comes after the final one.
fn outcome(uploaded: Uploaded) -> &'static str {
    match uploaded {
        Uploaded::Stored { .. } => "stored",
        Uploaded::SkippedEmpty => "skipped-empty",
        Uploaded::SkippedFinished => "finished",
        Uploaded::SkippedUnchanged | _ => "unchanged",
    }
}

#[pymethods]
impl LogStore {
    #[new]
    #[pyo3(signature = (
        store, prefix = "dagster", skip_empty_files = false, max_bytes = 52_428_800, *, streaming = None
    ))]
    fn new(
        py: Python<'_>,
        store: &Bound<'_, PyAny>,
        prefix: &str,
        skip_empty_files: bool,
        max_bytes: u64,
        streaming: Option<(String, i32)>,
    ) -> PyResult<Self> {
        let mut logs =
            core::LogStore::new(core_store(store)?, prefix).with_skip_empty(skip_empty_files);
        if let Some((compression, level)) = streaming {
            logs = logs.with_streaming(compression_of(&compression, level)?);
        }
        logs.with_max_bytes(max_bytes)
            .map(|inner| Self { inner })
            .map_err(|error| error.to_py_err(py))
    }

    /// Notes that a log is captured, maybe once more: partial uploads are made again.
    fn begin(&self, py: Python<'_>, log_key: Vec<String>) -> PyResult<()> {
        let key = raised(py, LogKey::new(log_key))?;
        self.inner.begin(&key);
        Ok(())
    }

    /// A link to a finished log that needs no credential; None while there is none.
    fn signed_url(
        &self,
        py: Python<'_>,
        log_key: Vec<String>,
        stream: &str,
        expires_s: u64,
    ) -> PyResult<Option<String>> {
        let key = raised(py, LogKey::new(log_key))?;
        let io = io_type(stream)?;
        let expires_in = Duration::from_secs(expires_s);
        wait(
            py,
            self.driver(),
            self.inner.signed_url(&key, io, expires_in),
        )
    }

    /// Whether the store can sign links at all.
    fn supports_signed_urls(&self) -> bool {
        self.inner.store().supports_signed_urls()
    }

    /// Deletes old logs; returns `(deleted, running, recent, freed bytes)`, logs by their path.
    #[pyo3(signature = (max_age_s, *, keep = Vec::new(), abandoned = false, local_dir = None, dry_run = false))]
    fn gc(
        &self,
        py: Python<'_>,
        max_age_s: f64,
        keep: Vec<String>,
        abandoned: bool,
        local_dir: Option<PathBuf>,
        dry_run: bool,
    ) -> PyResult<(Vec<String>, Vec<String>, u64, u64)> {
        let mut options = GcOptions::new(seconds("max_age_s", max_age_s)?)
            .with_keep(keep)
            .with_abandoned(abandoned)
            .with_dry_run(dry_run);
        if let Some(local_dir) = local_dir {
            options = options.with_local_dir(local_dir);
        }
        let found = wait(py, self.driver(), self.inner.gc(&options))?;
        Ok((
            found.deleted,
            found.running,
            found.recent,
            found.freed_bytes,
        ))
    }

    /// Uploads a captured file; says `"stored"`, `"skipped-empty"`, `"unchanged"` or `"finished"` (DAG-025).
    #[pyo3(signature = (log_key, stream, local_path, partial = false))]
    fn upload(
        &self,
        py: Python<'_>,
        log_key: Vec<String>,
        stream: &str,
        local_path: PathBuf,
        partial: bool,
    ) -> PyResult<&'static str> {
        let key = raised(py, LogKey::new(log_key))?;
        let io = io_type(stream)?;
        wait(
            py,
            self.driver(),
            self.inner.upload(&key, io, &local_path, partial),
        )
        .map(outcome)
    }

    /// Uploads the final logs of a step, with retries, and removes their partials.
    fn finish(
        &self,
        py: Python<'_>,
        log_key: Vec<String>,
        streams: Vec<(String, PathBuf)>,
    ) -> PyResult<()> {
        let key = raised(py, LogKey::new(log_key))?;
        let streams = streams
            .into_iter()
            .map(|(stream, local)| Ok((io_type(&stream)?, local)))
            .collect::<PyResult<Vec<_>>>()?;
        wait(py, self.driver(), async {
            self.inner.finish(&key, &streams).await.into_result()
        })
    }

    /// Fetches a log into a local file and returns its size (DAG-026).
    #[pyo3(signature = (log_key, stream, local_path, partial = false))]
    fn download(
        &self,
        py: Python<'_>,
        log_key: Vec<String>,
        stream: &str,
        local_path: PathBuf,
        partial: bool,
    ) -> PyResult<u64> {
        let key = raised(py, LogKey::new(log_key))?;
        let io = io_type(stream)?;
        wait(
            py,
            self.driver(),
            self.inner.download(&key, io, partial, &local_path),
        )
    }

    /// Whether the store holds that log (DAG-027).
    #[pyo3(signature = (log_key, stream, partial = false))]
    fn has_logs(
        &self,
        py: Python<'_>,
        log_key: Vec<String>,
        stream: &str,
        partial: bool,
    ) -> PyResult<bool> {
        let key = raised(py, LogKey::new(log_key))?;
        let io = io_type(stream)?;
        wait(py, self.driver(), self.inner.has_logs(&key, io, partial))
    }

    /// Whether the step's logs are final.
    fn is_complete(&self, py: Python<'_>, log_key: Vec<String>) -> PyResult<bool> {
        let key = raised(py, LogKey::new(log_key))?;
        wait(py, self.driver(), self.inner.is_complete(&key))
    }

    /// `(data, next offset, complete)`: at most `max_bytes` from an offset, cut between characters;
    /// data is None when there is no such log.
    fn read_chunk<'py>(
        &self,
        py: Python<'py>,
        log_key: Vec<String>,
        stream: &str,
        offset: u64,
        max_bytes: u64,
    ) -> PyResult<(Option<Bound<'py, PyBytes>>, u64, bool)> {
        let key = raised(py, LogKey::new(log_key))?;
        let io = io_type(stream)?;
        let chunk = wait(
            py,
            self.driver(),
            self.inner.read_chunk(&key, io, offset, max_bytes),
        )?;
        let present = chunk.source != core::LogSource::Absent;
        Ok((
            present.then(|| PyBytes::new(py, &chunk.data)),
            chunk.next_offset,
            chunk.complete,
        ))
    }

    /// The log keys below a prefix that have this stream, partials left out (DAG-031).
    fn list_keys(
        &self,
        py: Python<'_>,
        log_prefix: Vec<String>,
        stream: &str,
    ) -> PyResult<Vec<Vec<String>>> {
        let io = io_type(stream)?;
        let keys = wait(py, self.driver(), self.inner.list_keys(&log_prefix, io))?;
        Ok(keys.into_iter().map(LogKey::into_segments).collect())
    }

    /// Deletes both streams of a step, partials included (DAG-029).
    fn delete(&self, py: Python<'_>, log_key: Vec<String>) -> PyResult<()> {
        let key = raised(py, LogKey::new(log_key))?;
        wait(py, self.driver(), self.inner.delete(&key))
    }

    /// Deletes everything below a prefix (DAG-029).
    fn delete_prefix(&self, py: Python<'_>, log_prefix: Vec<String>) -> PyResult<()> {
        wait(py, self.driver(), self.inner.delete_prefix(&log_prefix))
    }

    /// Where the log lies, for people (DAG-028).
    fn display_path(&self, py: Python<'_>, log_key: Vec<String>, stream: &str) -> PyResult<String> {
        let key = raised(py, LogKey::new(log_key))?;
        self.inner
            .display_path(&key, io_type(stream)?)
            .map_err(|error| error.to_py_err(py))
    }

    /// Uploads what dead workers left; returns the keys `(uploaded, already stored, in use, failed)`
    /// and the folders that could not be read.
    #[pyo3(signature = (local_dir, *, remove_local = false, dry_run = false, idle_s = 3600.0))]
    fn recover(
        &self,
        py: Python<'_>,
        local_dir: PathBuf,
        remove_local: bool,
        dry_run: bool,
        idle_s: f64,
    ) -> PyResult<Recovered> {
        let options = RecoverOptions::default()
            .with_idle(seconds("idle_s", idle_s)?)
            .with_remove_local(remove_local)
            .with_dry_run(dry_run);
        let report = wait(py, self.driver(), self.inner.recover(&local_dir, &options))?;
        let keys = |keys: Vec<LogKey>| keys.into_iter().map(LogKey::into_segments).collect();
        let failed = report
            .failed
            .into_iter()
            .map(|(key, error)| (key.into_segments(), error.to_string()))
            .collect();
        Ok((
            keys(report.uploaded),
            keys(report.already_stored),
            keys(report.in_use),
            failed,
            report.unreadable,
        ))
    }
}

/// How logs are compressed, by the name of the option.
fn compression_of(name: &str, level: i32) -> PyResult<Compression> {
    match name {
        "none" => Ok(Compression::None),
        "zstd" if (1..=22).contains(&level) => Ok(Compression::Zstd { level }),
        "zstd" => Err(PyValueError::new_err(format!(
            "the level of zstd must be from 1 to 22, not {level}"
        ))),
        _ => Err(PyValueError::new_err(format!(
            "compression must be 'zstd' or 'none', not '{name}'"
        ))),
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_out_of_range| {
        PyValueError::new_err(format!(
            "{name} must be a number of seconds from 0 on, not {value}"
        ))
    })
}

// The defaults above are literals so that `help()` and the stubs can show them.
const _: () = assert!(core::DEFAULT_MAX_BYTES == 52_428_800);
const _: () = assert!(core::DEFAULT_IDLE.as_secs() == 3600);

type Keys = Vec<Vec<String>>;
type Recovered = (Keys, Keys, Keys, Vec<(Vec<String>, String)>, Vec<PathBuf>);
