//! The backends that come with this crate.

#[cfg(feature = "s3")]
mod cloud;
mod local;
mod memory;
#[cfg(feature = "s3")]
mod s3;

#[cfg(feature = "s3")]
pub use cloud::{CloudBackend, RetryOptions, TransportOptions};
pub use local::{LocalBackend, LocalOptions};
pub use memory::MemoryBackend;
#[cfg(feature = "s3")]
pub use s3::{S3Backend, S3Options};

use crate::registry::BackendSpec;

/// What the registry knows from the start.
pub(crate) fn specs() -> Vec<BackendSpec> {
    vec![
        local::spec(),
        memory::spec(),
        #[cfg(feature = "s3")]
        s3::spec(),
    ]
}
