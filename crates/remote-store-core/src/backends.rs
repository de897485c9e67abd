//! The backends that come with this crate.

#[cfg(feature = "azure")]
mod azure;
// With `http` alone only its transport is used.
#[cfg(feature = "cloud")]
#[cfg_attr(
    not(any(feature = "s3", feature = "azure", feature = "gcs")),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "what stores share is idle without a store"
    )
)]
mod cloud;
#[cfg(feature = "gcs")]
mod gcs;
#[cfg(any(feature = "cloud", feature = "sftp"))]
mod given;
#[cfg(feature = "http")]
mod http;
mod local;
mod memory;
#[cfg(any(feature = "cloud", feature = "sftp"))]
mod retry;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sftp")]
mod sftp;
mod staged;

#[cfg(feature = "azure")]
pub use azure::{AzureBackend, AzureOptions};
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
pub use cloud::CloudBackend;
#[cfg(feature = "cloud")]
pub use cloud::TransportOptions;
#[cfg(feature = "gcs")]
pub use gcs::{GcsBackend, GcsOptions};
#[cfg(feature = "http")]
pub use http::{HttpBackend, HttpOptions};
pub use local::{LocalBackend, LocalOptions};
pub use memory::MemoryBackend;
#[cfg(any(feature = "cloud", feature = "sftp"))]
pub use retry::RetryOptions;
#[cfg(feature = "s3")]
pub use s3::{S3Backend, S3Options};
#[cfg(feature = "sftp")]
pub use sftp::{HostKeyPolicy, SftpBackend, SftpOptions};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::registry::BackendSpec;

/// Kept as they are in the path of a URI.
const URI_PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What the registry knows from the start.
pub(crate) fn specs() -> Vec<BackendSpec> {
    vec![
        local::spec(),
        memory::spec(),
        #[cfg(feature = "s3")]
        s3::spec(),
        #[cfg(feature = "azure")]
        azure::spec(),
        #[cfg(feature = "gcs")]
        gcs::spec(),
        #[cfg(feature = "sftp")]
        sftp::spec(),
        #[cfg(feature = "http")]
        http::spec(),
    ]
}
