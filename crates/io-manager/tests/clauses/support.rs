//! Stores and keys for the tests.

use bytes::Bytes;
use remote_store_core::registry::{OptionValue, Options, build_store};
use remote_store_core::testkit::faults::{Faults, FaultyBackend};
use remote_store_core::{Store, WriteOptions, runtime};
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use tempfile::TempDir;

/// A store and whatever must outlive it.
pub(crate) struct Place {
    pub(crate) store: Store,
    _root: Option<TempDir>,
}

impl Place {
    pub(crate) fn memory() -> Self {
        Self {
            store: Store::memory(),
            _root: None,
        }
    }

    pub(crate) fn local() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new();
        let folder = root.path().to_str().unwrap().to_owned();
        options.insert("root".into(), OptionValue::Text(folder));
        Self {
            store: build_store("local", &options, "").unwrap(),
            _root: Some(root),
        }
    }

    /// A store that counts its calls and fails those that the test picks.
    pub(crate) fn faulty() -> (Self, Faults) {
        let (store, faults) = FaultyBackend::over_memory();
        (Self { store, _root: None }, faults)
    }

    pub(crate) fn run<T: Send>(&self, future: impl Future<Output = T> + Send) -> T {
        runtime::block_on(self.store.driver(), future).unwrap()
    }

    pub(crate) fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let bytes = Bytes::copy_from_slice(content.as_ref());
        self.run(self.store.write(path, bytes, &WriteOptions::overwrite()))
            .unwrap();
    }
}

pub(crate) fn asset<const N: usize>(segments: [&str; N]) -> AssetKey {
    AssetKey::new(segments).unwrap()
}

pub(crate) fn partitions<const N: usize>(keys: [&str; N]) -> Vec<PartitionKey> {
    keys.into_iter().map(PartitionKey::new).collect()
}

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
