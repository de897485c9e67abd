//! Objects in an S3 bucket, or in a service that speaks S3.

use std::sync::Arc;

use crate::backend::Backend;
use crate::registry::BackendSpec;

use super::cloud::{CloudBackend, Trait, Words};

mod chain;
mod client;
mod identity;
mod ini;
mod machine;
mod options;
mod process;
mod profile;
mod role;

pub use options::S3Options;

const NAME: &str = "s3";

/// How S3 is spoken of.
const WORDS: Words = Words {
    name: NAME,
    scheme: "s3",
    service: "S3",
    home: "AWS S3",
    bucket: "bucket",
    holds: crate::Subject::Bucket,
    credentials: "'key', 'secret' and 'session_token' (or the profile, or the AWS_ variables)",
    signs_with: "an access key and its secret",
    no_credentials: "Give 'key' and 'secret' or a 'profile', set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write a \
                     profile into ~/.aws/credentials, or ask for unsigned requests with anonymous=true",
    endpoint_option: "endpoint_url",
    region_option: Some("region_name"),
    traits: &[Trait::ReadsSuffixes, Trait::CompletesConditionally],
    parts_in_flight: 4,
};

/// Objects in an S3 bucket. Nothing is opened before the first request, and a
/// forked process opens its own connections.
///
/// Copies are made by the service up to its limit of 5 GB; larger objects go
/// through this machine, in pieces and with their media type and user metadata.
/// A copy in create mode looks the name up first.
///
/// ```
/// use remote_store_core::Prefix;
/// use remote_store_core::backend::Backend;
/// use remote_store_core::backends::{S3Backend, S3Options};
///
/// let backend = S3Backend::new(S3Options::new("lake")?)?;
/// assert_eq!(backend.native_path(&Prefix::parse("a/b")?), "lake/a/b");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
pub type S3Backend = CloudBackend<S3Options>;

/// What the registry knows about this backend.
pub(super) fn spec() -> BackendSpec {
    BackendSpec::new(NAME, |given| {
        let backend = S3Backend::new(S3Options::from_options(given)?)?;
        Ok(Arc::new(backend) as Arc<dyn Backend>)
    })
    .with_options(options::specs())
    .with_alias("s3-pyarrow")
}

#[cfg(test)]
mod credential_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transport_tests;
