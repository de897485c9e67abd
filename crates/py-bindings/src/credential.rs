//! Credentials that Python objects give: sessions of boto3, credentials of azure-identity and
//! google-auth, functions. What they have to be asked is known on the Python side.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;
use pyo3::prelude::*;
use remote_store_core::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
use remote_store_core::{Error, Result};
use remote_store_credential_masking::{Secret, redact_text};

/// The method that marks an object as one to ask.
const FETCH: &str = "_fetch_credential";

/// What `_fetch_credential` returns: the kind, its one to three texts, the time of its end.
type Fetched = (String, Vec<Option<String>>, Option<f64>);

/// The source behind a `CredentialBridge` of Python; nothing for other objects.
pub(crate) fn source_from(value: &Bound<'_, PyAny>) -> Option<SharedCredentialSource> {
    // Asked of the class: a mock has every attribute.
    value.get_type().hasattr(FETCH).ok().filter(|has| *has)?;
    Some(SharedCredentialSource::new(PythonSource {
        bridge: Arc::new(value.clone().unbind()),
    }))
}

struct PythonSource {
    bridge: Arc<Py<PyAny>>,
}

impl fmt::Debug for PythonSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonSource(***)")
    }
}

#[async_trait]
impl CredentialSource for PythonSource {
    async fn fetch(&self) -> Result<Lease> {
        let bridge = Arc::clone(&self.bridge);
        // On a thread of its own: a sign-in takes seconds, and whoever waits holds no GIL.
        let asked = tokio::task::spawn_blocking(move || Python::attach(|py| ask(bridge.bind(py))));
        asked
            .await
            .map_err(|error| denied("", "The credential source was stopped").caused_by(&error))?
    }
}

fn ask(bridge: &Bound<'_, PyAny>) -> Result<Lease> {
    let text = |name: &str| {
        let value = bridge.getattr(name).and_then(|value| value.extract());
        value.unwrap_or_else(|_no_text| String::new())
    };
    let backend: String = text("backend");
    let said = bridge.call_method0(FETCH);
    let fetched = said.and_then(|said| said.extract::<Fetched>());
    let (kind, values, end) = fetched.map_err(|raised| {
        let py = bridge.py();
        let class = raised.get_type(py).name();
        let class = class.map_or_else(
            |_no_name| "an exception".to_owned(),
            |name| name.to_string(),
        );
        let said = redact_text(&raised.value(py).to_string());
        let name = text("source_name");
        let message =
            format!("The credential source {name} of backend '{backend}' failed: {class}: {said}");
        denied(&backend, &message)
    })?;
    let mut values = values.into_iter().map(|value| value.map(Secret::new));
    let mut next = || values.next().flatten();
    let credential = match (kind.as_str(), next(), next(), next()) {
        ("access_key", Some(key), Some(secret), token) => {
            Credential::access_key(key, secret, token)
        }
        ("account_key", Some(key), ..) => Credential::AccountKey(key),
        ("sas", Some(signature), ..) => Credential::SharedAccessSignature(signature),
        ("bearer", Some(token), ..) => Credential::Bearer(token),
        _ => {
            let what = format!("The credential source of backend '{backend}' gave no credential");
            return Err(denied(&backend, &what));
        }
    };
    let lease = Lease::new(credential);
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds since 1970; a cast of what is out of range saturates"
    )]
    let end = end.and_then(|seconds| DateTime::from_timestamp(seconds as i64, 0));
    Ok(match end {
        Some(end) => lease.until(end),
        None => lease,
    })
}

fn denied(backend: &str, message: &str) -> Error {
    Error::PermissionDenied {
        message: message.to_owned(),
        path: String::new(),
        backend: backend.to_owned(),
        source: None,
    }
}
