//! Stores, keys and local files for the tests.

use std::path::PathBuf;

use remote_store_compute_log::{LogStore, RetryPolicy};
use remote_store_core::registry::{OptionValue, Options, build_store};
use remote_store_core::testkit::faults::{Faults, FaultyBackend};
use remote_store_core::{Store, runtime};
use remote_store_dagster_paths::{IoType, LogKey};
use tempfile::TempDir;

/// A log store, the folder that steps are captured in, and whatever must outlive both.
pub(crate) struct Place {
    pub(crate) logs: LogStore,
    pub(crate) staging: TempDir,
    _root: Option<TempDir>,
}

impl Place {
    fn over(store: Store, root: Option<TempDir>) -> Self {
        let at_once = RetryPolicy::default()
            .with_backoff(std::time::Duration::ZERO, std::time::Duration::ZERO);
        let logs = LogStore::new(store, "dagster").with_retry(at_once);
        Self {
            logs,
            staging: tempfile::tempdir().unwrap(),
            _root: root,
        }
    }

    /// The same store, as another process would have it.
    pub(crate) fn over_store(store: Store) -> Self {
        Self::over(store, None)
    }

    pub(crate) fn memory() -> Self {
        Self::over(Store::memory(), None)
    }

    pub(crate) fn local() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new();
        options.insert(
            "root".into(),
            OptionValue::Text(root.path().to_str().unwrap().into()),
        );
        Self::over(build_store("local", &options, "").unwrap(), Some(root))
    }

    /// A store that counts its calls and fails those that the test picks.
    pub(crate) fn faulty() -> (Self, Faults) {
        let (store, faults) = FaultyBackend::over_memory();
        (Self::over(store, None), faults)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(LogStore) -> LogStore) -> Self {
        self.logs = change(self.logs);
        self
    }

    pub(crate) fn run<T>(&self, future: impl Future<Output = T> + Send) -> T
    where
        T: Send,
    {
        runtime::block_on(self.logs.store().driver(), future).unwrap()
    }

    /// A local capture file with this content.
    pub(crate) fn capture(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.staging.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn stored(&self, path: &str) -> Option<Vec<u8>> {
        match self.run(self.logs.store().read_bytes(path)) {
            Ok(bytes) => Some(bytes.to_vec()),
            Err(error) if error.is_missing_object() => None,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let bytes = bytes::Bytes::copy_from_slice(content.as_ref());
        let options = remote_store_core::WriteOptions::overwrite();
        self.run(self.logs.store().write(path, bytes, &options))
            .unwrap();
    }
}

pub(crate) fn key() -> LogKey {
    LogKey::new(["run1", "compute_logs", "step_a"]).unwrap()
}

pub(crate) const OUT: IoType = IoType::Stdout;
pub(crate) const ERR: IoType = IoType::Stderr;
pub(crate) const FINAL_OUT: &str = "dagster/storage/run1/compute_logs/step_a.out";
pub(crate) const FINAL_ERR: &str = "dagster/storage/run1/compute_logs/step_a.err";
pub(crate) const PARTIAL_OUT: &str = "dagster/storage/run1/compute_logs/step_a.out.partial";
pub(crate) const PARTIAL_ERR: &str = "dagster/storage/run1/compute_logs/step_a.err.partial";

/// Runs each function as a test on every backend that needs no server.
macro_rules! on_each_backend {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name(crate::support::Place::memory()); })*
        }
        mod local {
            $(#[test] fn $name() { super::$name(crate::support::Place::local()); })*
        }
    };
}
pub(crate) use on_each_backend;
