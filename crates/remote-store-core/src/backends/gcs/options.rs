//! The options of a backend for Google Cloud Storage.

use std::fmt;
use std::path::PathBuf;

use remote_store_credential_masking::{MASK, Secret, redact_text};

use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::transport::{
    self, bucket_name, check_endpoint, flag, refuse, secret, source, text, with_scheme,
};
use crate::backends::cloud::{Client, Place, Service, TransportOptions, Words};
use crate::credential::SharedCredentialSource;
use crate::error::Result;
use crate::registry::{OptionKind, OptionSpec, Options};

use super::{NAME, WORDS, client};

/// What the key of a service account holds in any case.
const FIELDS: [&str; 3] = ["client_email", "private_key", "private_key_id"];

/// How a [`GcsBackend`](super::GcsBackend) reaches its bucket.
///
/// ```
/// use remote_store_core::backends::{GcsBackend, GcsOptions};
///
/// let mut options = GcsOptions::new("lake")?;
/// options.service_account_key = Some("not a key".to_owned().into());
/// let err = GcsBackend::new(options).unwrap_err();
/// assert!(err.to_string().contains("'service_account_key'"), "{err}");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct GcsOptions {
    /// The bucket.
    pub bucket: String,
    /// The JSON text of a service account's key; else from the environment.
    pub service_account_key: Option<Secret>,
    /// A file with that text.
    pub service_account_path: Option<PathBuf>,
    /// Where tokens come from.
    pub credential: Option<SharedCredentialSource>,
    /// Asked for application default credentials of a kind that is not known here, such as those of
    /// workload identity federation.
    pub default_credential: Option<SharedCredentialSource>,
    /// Requests without a token, for public buckets.
    pub anonymous: bool,
    /// The endpoint of another service or an emulator; without a key, requests
    /// to it carry no token.
    pub endpoint_url: Option<String>,
    /// Timeouts, proxy, certificates and retries.
    pub transport: TransportOptions,
    /// Refuse to write below an object, as disks do; costs a request per folder.
    pub reject_write_under_file_ancestor: bool,
}

impl GcsOptions {
    /// The defaults, for a bucket.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`](crate::Error::InvalidConfig) when the bucket is empty or no bucket name.
    pub fn new(bucket: impl Into<String>) -> Result<Self> {
        Ok(Self {
            bucket: bucket_name(NAME, WORDS.bucket, bucket.into())?,
            service_account_key: None,
            service_account_path: None,
            credential: None,
            default_credential: None,
            anonymous: false,
            endpoint_url: None,
            transport: TransportOptions::default(),
            reject_write_under_file_ancestor: false,
        })
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        Ok(Self {
            service_account_key: secret(given, "service_account_key"),
            service_account_path: text(given, "service_account_path").map(PathBuf::from),
            credential: source(given, "credential"),
            default_credential: source(given, "default_credential"),
            anonymous: flag(given, "anonymous"),
            endpoint_url: text(given, "endpoint_url").map(str::to_owned),
            transport: TransportOptions::from_options(NAME, given)?,
            reject_write_under_file_ancestor: flag(given, "reject_write_under_file_ancestor"),
            ..Self::new(text(given, "bucket").unwrap_or_default())?
        })
    }

    /// The text of the key that was given, out of its file if need be.
    pub(super) fn key(&self) -> Result<Option<String>> {
        if let Some(key) = &self.service_account_key {
            return Ok(Some(key.reveal().to_owned()));
        }
        let Some(path) = &self.service_account_path else {
            return Ok(None);
        };
        let about = |what: &str| {
            refuse(
                NAME,
                format!(
                    "Option 'service_account_path' of backend 'gcs': {} {what}",
                    path.display()
                ),
            )
        };
        let key =
            std::fs::read_to_string(path).map_err(|err| about("cannot be read").caused_by(&err))?;
        if !is_key(&key) {
            return Err(about("is no key of a service account in JSON"));
        }
        Ok(Some(key))
    }
}

fn is_key(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|key| {
        FIELDS
            .iter()
            .all(|field| key.get(field).is_some_and(serde_json::Value::is_string))
    })
}

impl Service for GcsOptions {
    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn place(&self) -> Place<'_> {
        Place {
            bucket: &self.bucket,
            transport: &self.transport,
            anonymous: self.anonymous,
            rejects_write_under_file_ancestor: self.reject_write_under_file_ancestor,
        }
    }

    fn endpoint(&self) -> Option<String> {
        self.endpoint_url.as_deref().map(with_scheme)
    }

    fn validate(&self) -> Result<()> {
        let given = [
            ("service_account_key", self.service_account_key.is_some()),
            ("service_account_path", self.service_account_path.is_some()),
            ("credential", self.credential.is_some()),
            ("anonymous", self.anonymous),
        ];
        let mut given = given.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            return Err(refuse(
                NAME,
                format!("Backend 'gcs' got '{first}' and '{second}'; give one of them"),
            ));
        }
        match &self.service_account_key {
            // The text itself is a credential.
            Some(key) if !is_key(key.reveal()) => Err(refuse(
                NAME,
                "Option 'service_account_key' of backend 'gcs' is no key of a service account in JSON; give \
                 the content of its file, or the file as 'service_account_path'",
            )),
            _ => {
                self.key()?;
                check_endpoint(NAME, WORDS.endpoint_option, self.endpoint().as_deref())
            }
        }
    }

    fn connect(&self) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::build(self, &Environment::of_process())?))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let key = self.service_account_key.as_ref();
        let path = self.service_account_path.as_ref();
        let fields = [
            ("bucket", Some(self.bucket.clone())),
            ("service_account_key", key.map(ToString::to_string)),
            (
                "service_account_path",
                path.map(|path| path.display().to_string()),
            ),
            (
                "credential",
                self.credential.as_ref().map(|_| MASK.to_owned()),
            ),
            ("anonymous", self.anonymous.then(|| true.to_string())),
            (
                "endpoint_url",
                self.endpoint_url.as_deref().map(redact_text),
            ),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// Nothing secret: an endpoint may carry a password as well.
impl fmt::Debug for GcsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        transport::debug(f, "GcsOptions", self)
    }
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let mut specs = vec![
        text("bucket", "the bucket").required(),
        text(
            "service_account_key",
            "the key of a service account, as JSON text",
        )
        .secret(),
        text("service_account_path", "a file with that key"),
        OptionSpec::new("credential", OptionKind::Source, "where tokens come from"),
        OptionSpec::new(
            "default_credential",
            OptionKind::Source,
            "asked for application default credentials of a kind that is not known here",
        ),
        OptionSpec::new(
            "anonymous",
            OptionKind::Bool,
            "requests without a token, for public buckets",
        )
        .alias("anon"),
        text("endpoint_url", "the endpoint of another service")
            .alias("endpoint")
            .alias("base_url"),
    ];
    specs.extend(transport::specs(Vec::new()));
    specs
}
