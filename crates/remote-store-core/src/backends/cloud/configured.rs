//! What tests of configuration share: options and variables by name, what a backend shows of them,
//! and a source of credentials.

use async_trait::async_trait;

use super::environment::Environment;
use crate::backend::Backend;
use crate::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
use crate::error::{ErrorKind, Result};
use crate::registry::{OptionValue, Options, build_backend};

pub(crate) fn given<const N: usize>(pairs: [(&str, OptionValue); N]) -> Options {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The variables of a process that has no others.
pub(crate) fn environment(variables: &[(&str, &str)]) -> Environment {
    let variables = variables.iter();
    variables
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// What is said of options that cannot be used; secrets of these tests are called `hunter2`.
pub(crate) fn refusal(backend: &str, options: &Options) -> String {
    let err = build_backend(backend, options).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidConfig);
    assert!(!err.to_string().contains("hunter2"), "{err}");
    err.to_string()
}

/// What a backend says of itself, as `name=value`.
pub(crate) fn described(backend: &dyn Backend) -> Vec<String> {
    let described = backend.describe().into_iter();
    described
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

/// The same, and what `Debug` shows of it.
#[allow(clippy::use_debug, reason = "what Debug shows is under test")]
pub(crate) fn shown(backend: &dyn Backend) -> String {
    format!("{backend:?} {}", described(backend).join(" "))
}

/// Gives the same again and again.
#[derive(Debug)]
struct Fixed(Credential);

#[async_trait]
impl CredentialSource for Fixed {
    async fn fetch(&self) -> Result<Lease> {
        Ok(Lease::new(self.0.clone()))
    }
}

/// A source that gives this credential.
pub(crate) fn fixed(credential: Credential) -> SharedCredentialSource {
    SharedCredentialSource::new(Fixed(credential))
}
