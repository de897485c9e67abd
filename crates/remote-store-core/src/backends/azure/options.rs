//! The options of an Azure backend, by the names that users of Python know.

use std::borrow::Cow;
use std::fmt;

use remote_store_credential_masking::{MASK, Secret, redact_text};

use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::transport::{self, bucket_name, flag, secret, source, text};
use crate::backends::cloud::{Client, Place, Service, TransportOptions, Words};
use crate::credential::SharedCredentialSource;
use crate::error::Result;
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::account::Account;
use super::{NAME, WORDS, client, metadata};

/// How an [`AzureBackend`](super::AzureBackend) reaches its container.
///
/// ```
/// use remote_store_core::backends::{AzureBackend, AzureOptions};
///
/// let mut options = AzureOptions::new("lake")?;
/// options.connection_string = Some("UseDevelopmentStorage=true".to_owned().into());
/// assert!(AzureBackend::new(options.clone()).is_ok());
///
/// options.account_key = Some("a second credential".to_owned().into());
/// let err = AzureBackend::new(options).unwrap_err();
/// assert!(err.to_string().contains("give one of them"), "{err}");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct AzureOptions {
    /// The container.
    pub container: String,
    /// The storage account; else out of the URL, the connection string or the environment.
    pub account_name: Option<String>,
    /// Where the account is, when it is not at `https://ACCOUNT.blob.core.windows.net`.
    pub account_url: Option<String>,
    /// A key of the account.
    pub account_key: Option<Secret>,
    /// A shared access signature.
    pub sas_token: Option<Secret>,
    /// Account, endpoint and credential in one text.
    pub connection_string: Option<Secret>,
    /// A key of the account or a shared access signature, whichever it is.
    pub credential: Option<Secret>,
    /// Where credentials come from: tokens, keys or signatures.
    pub credential_source: Option<SharedCredentialSource>,
    /// What is asked instead of the machine's managed identity, when nothing else is given.
    pub default_credential: Option<SharedCredentialSource>,
    /// The tenant in which an application is registered.
    pub tenant_id: Option<String>,
    /// The application, or the managed identity when there are several.
    pub client_id: Option<String>,
    /// The application's secret.
    pub client_secret: Option<Secret>,
    /// Requests without a signature, for public containers.
    pub anonymous: bool,
    /// The account has folders (a hierarchical namespace).
    pub hns: bool,
    /// How many parts of an upload are under way at once.
    pub max_concurrency: Option<usize>,
    /// Timeouts, proxy, certificates and retries.
    pub transport: TransportOptions,
    /// Refuse to write below a blob, as disks do; costs a request per folder.
    pub reject_write_under_file_ancestor: bool,
}

impl AzureOptions {
    /// The defaults, for a container.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`](crate::Error::InvalidConfig) when the container is empty or no
    /// container name.
    pub fn new(container: impl Into<String>) -> Result<Self> {
        Ok(Self {
            container: bucket_name(NAME, WORDS.bucket, container.into())?,
            account_name: None,
            account_url: None,
            account_key: None,
            sas_token: None,
            connection_string: None,
            credential: None,
            credential_source: None,
            default_credential: None,
            tenant_id: None,
            client_id: None,
            client_secret: None,
            anonymous: false,
            hns: false,
            max_concurrency: None,
            transport: TransportOptions::default(),
            reject_write_under_file_ancestor: false,
        })
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        let parts = given.get("max_concurrency").and_then(OptionValue::as_int);
        Ok(Self {
            account_name: text(given, "account_name").map(str::to_owned),
            account_url: text(given, "account_url").map(str::to_owned),
            account_key: secret(given, "account_key"),
            sas_token: secret(given, "sas_token"),
            connection_string: secret(given, "connection_string"),
            credential: secret(given, "credential"),
            credential_source: source(given, "credential"),
            default_credential: source(given, "default_credential"),
            tenant_id: text(given, "tenant_id").map(str::to_owned),
            client_id: text(given, "client_id").map(str::to_owned),
            client_secret: secret(given, "client_secret"),
            anonymous: flag(given, "anonymous"),
            hns: flag(given, "hns"),
            max_concurrency: parts.map(concurrency).transpose()?,
            transport: TransportOptions::from_options(NAME, given)?,
            reject_write_under_file_ancestor: flag(given, "reject_write_under_file_ancestor"),
            ..Self::new(text(given, "container").unwrap_or_default())?
        })
    }
}

/// Nothing secret: a URL may carry a signature as well.
impl fmt::Debug for AzureOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        transport::debug(f, "AzureOptions", self)
    }
}

/// A URL without a shared access signature that may be in it.
fn shown(url: &str) -> String {
    redact_text(url.split_once('?').map_or(url, |(url, _)| url))
}

fn concurrency(given: i64) -> Result<usize> {
    usize::try_from(given)
        .ok()
        .filter(|parts| *parts > 0)
        .ok_or_else(|| {
            transport::refuse(
                NAME,
                format!(
                    "Option 'max_concurrency' of backend 'azure' must be at least 1, got {given}"
                ),
            )
        })
}

impl Service for AzureOptions {
    fn words(&self) -> &'static Words {
        &WORDS
    }

    fn place(&self) -> Place<'_> {
        Place {
            bucket: &self.container,
            transport: &self.transport,
            anonymous: self.anonymous,
            rejects_write_under_file_ancestor: self.reject_write_under_file_ancestor,
        }
    }

    fn endpoint(&self) -> Option<String> {
        Account::of(self).ok()?.endpoint
    }

    fn validate(&self) -> Result<()> {
        if self.credential.is_some() && self.credential_source.is_some() {
            return Err(transport::refuse(
                NAME,
                "Backend 'azure' got 'credential' and 'credential_source'; give one of them",
            ));
        }
        Account::of(self).map(drop)
    }

    fn connect(&self) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::build(self, &Environment::of_process())?))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let masked = |secret: &Option<Secret>| secret.as_ref().map(ToString::to_string);
        let fields = [
            ("container", Some(self.container.clone())),
            ("account_name", self.account_name.clone()),
            ("account_url", self.account_url.as_deref().map(shown)),
            ("account_key", masked(&self.account_key)),
            ("sas_token", masked(&self.sas_token)),
            ("connection_string", masked(&self.connection_string)),
            (
                "credential",
                masked(&self.credential)
                    .or_else(|| self.credential_source.as_ref().map(|_| MASK.to_owned())),
            ),
            ("tenant_id", self.tenant_id.clone()),
            ("client_id", self.client_id.clone()),
            ("client_secret", masked(&self.client_secret)),
            ("anonymous", self.anonymous.then(|| true.to_string())),
            ("hns", self.hns.then(|| true.to_string())),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }

    fn parts_in_flight(&self) -> usize {
        self.max_concurrency.unwrap_or(WORDS.parts_in_flight)
    }

    fn filters_offsets(&self) -> bool {
        // Emulators begin every listing at its start; accounts with folders
        // have an order of their own.
        !self.hns
    }

    fn stored_name<'n>(&self, name: &'n str) -> Cow<'n, str> {
        metadata::stored(name)
    }

    fn given_name<'n>(&self, stored: &'n str) -> Cow<'n, str> {
        metadata::given(stored)
    }
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let mut specs = vec![
        text("container", "the container").required(),
        text("account_name", "the storage account"),
        text(
            "account_url",
            "where the account is, when not at its usual place",
        ),
        text("account_key", "a key of the account").secret(),
        text("sas_token", "a shared access signature").secret(),
        text(
            "connection_string",
            "account, endpoint and credential in one text",
        )
        .secret(),
        OptionSpec::new(
            "credential",
            OptionKind::Credential,
            "a key of the account, a shared access signature, or where credentials come from",
        )
        .secret(),
        OptionSpec::new(
            "default_credential",
            OptionKind::Source,
            "asked instead of the machine's managed identity",
        ),
        text("tenant_id", "the tenant of an application"),
        text("client_id", "the application, or the managed identity"),
        text("client_secret", "the application's secret").secret(),
        OptionSpec::new(
            "anonymous",
            OptionKind::Bool,
            "requests without a signature, for public containers",
        )
        .alias("anon"),
        OptionSpec::new(
            "hns",
            OptionKind::Bool,
            "the account has folders (a hierarchical namespace)",
        ),
        OptionSpec::new(
            "max_concurrency",
            OptionKind::Int,
            "how many parts of an upload are under way at once",
        ),
    ];
    specs.extend(transport::specs(Vec::new()));
    specs
}
