//! The native module of the remote-store wheel: `remote_store._native`.
//!
//! Thin on purpose: each noun is a file, each method extracts its arguments, calls
//! the core with the GIL released, and wraps the answer. Behaviour lives in the
//! crates below; what Python users see lives in `python/remote_store`.
#![expect(
    clippy::needless_pass_by_value,
    reason = "PyO3 hands extracted arguments over by value"
)]
#![expect(
    clippy::too_many_arguments,
    reason = "keyword arguments of Python are arguments of Rust"
)]

mod aio;
mod backend;
mod call;
mod content;
mod credential;
mod dataset;
mod dataset_batches;
mod dataset_filter;
mod errors;
mod foreign;
mod io_manager;
mod location;
mod log_store;
mod masking;
mod models;
mod parquet;
mod paths;
mod prefetch;
mod process_bound;
mod reader;
mod store;
mod writer;

use pyo3::prelude::*;

/// `remote_store._native`.
#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::aio::{AsyncStore, AsyncStream, AsyncWriter, Call};
    #[pymodule_export]
    use super::backend::{Backend, registered_backends};
    #[pymodule_export]
    use super::content::Buffer;
    #[pymodule_export]
    use super::dataset::dataset;
    #[pymodule_export]
    use super::io_manager::io_manager;
    #[pymodule_export]
    use super::location::parse_url;
    #[pymodule_export]
    use super::log_store::LogStore;
    #[pymodule_export]
    use super::masking::masking;
    #[pymodule_export]
    use super::parquet::parquet;
    #[pymodule_export]
    use super::paths::paths;
    #[pymodule_export]
    use super::reader::Reader;
    #[pymodule_export]
    use super::store::Store;
    #[pymodule_export]
    use super::writer::Writer;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        let known = module.py().import("sys")?.getattr("modules")?;
        for name in ["paths", "io_manager", "parquet", "dataset", "masking"] {
            // So that `import remote_store._native.paths` and pickling by name work.
            let qualified = format!("{}.{name}", module.name()?);
            let submodule = module.getattr(name)?;
            submodule.setattr("__name__", &qualified)?;
            known.set_item(qualified, submodule)?;
        }
        Ok(())
    }
}
