//! Objects in a bucket of Google Cloud Storage.

use std::sync::Arc;

use crate::backend::Backend;
use crate::registry::BackendSpec;

use super::cloud::{CloudBackend, Trait, Words};

mod client;
mod default_file;
mod options;

pub use options::GcsOptions;

const NAME: &str = "gcs";

/// How Google Cloud Storage is spoken of.
const WORDS: Words = Words {
    name: NAME,
    scheme: "gs",
    service: "GCS",
    home: "Google Cloud Storage",
    bucket: "bucket",
    holds: crate::Subject::Bucket,
    credentials: "'service_account_key' or 'service_account_path' (or the GOOGLE_ variables)",
    signs_with: "a service account key, or an identity that may sign blobs",
    no_credentials: "Give 'service_account_key' or 'service_account_path', set GOOGLE_APPLICATION_CREDENTIALS, or \
                     log in with gcloud auth application-default login, or ask for requests without a token with \
                     anonymous=true",
    endpoint_option: "endpoint_url",
    region_option: None,
    traits: &[
        Trait::AsksForTokens,
        Trait::ReadsSuffixes,
        Trait::CopiesConditionally,
        Trait::ComparesVersions,
    ],
    parts_in_flight: 4,
};

/// Objects in a bucket of Google Cloud Storage. Nothing is opened before the
/// first request, and a forked process opens its own connections.
///
/// Creating an object is atomic at every size, and so is a copy in create mode.
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{GcsBackend, GcsOptions};
///
/// let backend = GcsBackend::new(GcsOptions::new("lake")?)?;
/// assert_eq!(backend.native_path(&Prefix::parse("a/b")?), "lake/a/b");
/// assert_eq!(backend.uri(&Prefix::parse("a/b")?), "gs://lake/a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
pub type GcsBackend = CloudBackend<GcsOptions>;

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = GcsBackend::new(GcsOptions::from_options(given)?)?;
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
}

#[cfg(test)]
mod credential_tests;
#[cfg(test)]
mod tests;
