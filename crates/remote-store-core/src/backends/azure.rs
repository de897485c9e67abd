//! Blobs in a container of Azure Blob Storage.

use std::sync::Arc;

use crate::backend::Backend;
use crate::registry::BackendSpec;

use super::cloud::{CloudBackend, Trait, Words};

mod account;
mod client;
mod metadata;
mod options;

pub use options::AzureOptions;

const NAME: &str = "azure";

/// How Azure is spoken of.
const WORDS: Words = Words {
    name: NAME,
    scheme: "az",
    service: "Azure",
    home: "Azure Blob Storage",
    bucket: "container",
    holds: crate::Subject::Container,
    credentials: "'account_name', 'account_key', 'sas_token' or 'connection_string' (or the AZURE_ variables)",
    signs_with: "an account key, or a token that may ask for a user delegation key",
    no_credentials: "Give 'account_key', 'sas_token' or 'connection_string', or set AZURE_STORAGE_ACCOUNT_KEY, \
                     AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_CONNECTION_STRING, or AZURE_CLIENT_ID, \
                     AZURE_CLIENT_SECRET and AZURE_TENANT_ID",
    endpoint_option: "account_url",
    region_option: None,
    traits: &[Trait::AsksForTokens, Trait::CopiesConditionally],
    parts_in_flight: 4,
};

/// Blobs in a container of Azure Blob Storage. Nothing is opened before the
/// first request, and a forked process opens its own connections.
///
/// Creating a blob is atomic up to 32 MiB (8 MiB when written piece by piece),
/// and so is a copy in create mode; larger ones look the name up before and
/// after the bytes are sent. User metadata under names that Azure does not
/// take, such as `run-id`, is kept under an escaped one (`_run_2did`).
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{AzureBackend, AzureOptions};
///
/// let mut options = AzureOptions::new("lake")?;
/// options.account_name = Some("acme".into());
/// let backend = AzureBackend::new(options)?;
/// assert_eq!(backend.native_path(&Prefix::parse("a/b")?), "lake/a/b");
/// assert_eq!(backend.uri(&Prefix::parse("a/b")?), "az://lake/a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
pub type AzureBackend = CloudBackend<AzureOptions>;

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = AzureBackend::new(AzureOptions::from_options(given)?)?;
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
}

#[cfg(test)]
mod credential_tests;
#[cfg(test)]
mod tests;
