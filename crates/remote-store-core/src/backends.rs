//! The backends that come with this crate.

mod local;
mod memory;

use std::sync::Arc;

pub use local::{LocalBackend, LocalOptions};
pub use memory::MemoryBackend;

use crate::backend::Backend;
use crate::registry::BackendSpec;

/// What the registry knows from the start.
pub(crate) fn specs() -> Vec<BackendSpec> {
    vec![
        local::spec(),
        BackendSpec::new("memory", |_| {
            Ok(Arc::new(MemoryBackend::new()) as Arc<dyn Backend>)
        }),
    ]
}
