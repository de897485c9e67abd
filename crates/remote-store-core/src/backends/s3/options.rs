//! The options of an S3 backend, by the names that users of Python know.

use std::fmt;

use remote_store_credential_masking::{MASK, Secret, redact_text};

use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::transport::{
    self, bucket_name, check_endpoint, flag, secret, source, text, with_scheme,
};
use crate::backends::cloud::{Client, Place, Service, TransportOptions, Words};
use crate::credential::SharedCredentialSource;
use crate::error::{Error, Result};
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::profile::Profiles;
use super::{NAME, WORDS, client};

/// How an [`S3Backend`](super::S3Backend) reaches its bucket.
///
/// ```
/// use remote_store_core::backends::S3Options;
///
/// let mut options = S3Options::new("lake")?;
/// options.endpoint_url = Some("http://127.0.0.1:8333".into());
/// assert!(S3Options::new("").is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// The endpoint of a service other than AWS; `https` when no scheme is given.
    pub endpoint_url: Option<String>,
    /// The access key; with `secret`, else both come from the environment or a profile.
    pub key: Option<Secret>,
    /// The secret of the access key.
    pub secret: Option<Secret>,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// The profile of AWS's shared files; else `AWS_PROFILE`, else `default`.
    pub profile: Option<String>,
    /// Where credentials come from, instead of all that is looked for otherwise.
    pub credential: Option<SharedCredentialSource>,
    /// Where the credentials of a profile come from that needs SSO or MFA, which are not done here.
    pub profile_credential: Option<SharedCredentialSource>,
    /// The region; `us-east-1` when neither given nor in the environment or the profile.
    pub region_name: Option<String>,
    /// Requests without a signature, for public buckets.
    pub anonymous: bool,
    /// `bucket.endpoint` instead of `endpoint/bucket`.
    pub virtual_hosted_style: bool,
    /// Timeouts, proxy, certificates and retries.
    pub transport: TransportOptions,
    /// Refuse to write below an object, as disks do; costs a request per folder.
    pub reject_write_under_file_ancestor: bool,
}

impl S3Options {
    /// The defaults, for a bucket.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] when the bucket is empty or no bucket name.
    pub fn new(bucket: impl Into<String>) -> Result<Self> {
        Ok(Self {
            bucket: bucket_name(NAME, WORDS.bucket, bucket.into())?,
            endpoint_url: None,
            key: None,
            secret: None,
            session_token: None,
            profile: None,
            credential: None,
            profile_credential: None,
            region_name: None,
            anonymous: false,
            virtual_hosted_style: false,
            transport: TransportOptions::default(),
            reject_write_under_file_ancestor: false,
        })
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        let client = given.get("client_options").and_then(OptionValue::as_map);
        Ok(Self {
            endpoint_url: text(given, "endpoint_url").map(str::to_owned),
            key: secret(given, "key"),
            secret: secret(given, "secret"),
            session_token: secret(given, "session_token"),
            profile: text(given, "profile").map(str::to_owned),
            credential: source(given, "credential"),
            profile_credential: source(given, "profile_credential"),
            region_name: text(given, "region_name").map(str::to_owned),
            anonymous: flag(given, "anonymous"),
            virtual_hosted_style: client.is_some_and(|client| flag(client, "virtual_hosted_style")),
            transport: TransportOptions::from_options(NAME, given)?,
            reject_write_under_file_ancestor: flag(given, "reject_write_under_file_ancestor"),
            ..Self::new(text(given, "bucket").unwrap_or_default())?
        })
    }
}

impl Service for S3Options {
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
        if let Some(given) = &self.endpoint_url {
            return Some(with_scheme(given));
        }
        let environment = Environment::of_process();
        let profiles = Profiles::read(self.profile.as_deref(), &environment).unwrap_or_default();
        client::endpoint(self, &environment, &profiles)
    }

    fn validate(&self) -> Result<()> {
        match (&self.key, &self.secret) {
            (Some(_), None) => Err(refuse(
                "Backend 's3' got 'key' without 'secret'; give both or neither",
            )),
            (None, Some(_)) => Err(refuse(
                "Backend 's3' got 'secret' without 'key'; give both or neither",
            )),
            (None, None) if self.session_token.is_some() => Err(refuse(
                "Backend 's3' got 'session_token' without 'key' and 'secret'",
            )),
            _ => Ok(()),
        }?;
        let given = [
            ("key", self.key.is_some()),
            ("credential", self.credential.is_some()),
            ("anonymous", self.anonymous),
            ("profile", self.profile.is_some()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given);
        if let (Some((first, _)), Some((second, _))) = (given.next(), given.next()) {
            return Err(refuse(&format!(
                "Backend 's3' got '{first}' and '{second}', which both say who one is; give one of them"
            )));
        }
        let endpoint = self.endpoint_url.as_deref().map(with_scheme);
        check_endpoint(NAME, WORDS.endpoint_option, endpoint.as_deref())
    }

    fn connect(&self) -> Result<Box<dyn Client>> {
        Ok(Box::new(client::build(self, &Environment::of_process())?))
    }

    fn describe(&self) -> Vec<(String, String)> {
        let masked = |secret: &Option<Secret>| secret.as_ref().map(ToString::to_string);
        let fields = [
            ("bucket", Some(self.bucket.clone())),
            (
                "endpoint_url",
                self.endpoint_url.as_deref().map(redact_text),
            ),
            ("key", masked(&self.key)),
            ("secret", masked(&self.secret)),
            ("session_token", masked(&self.session_token)),
            ("profile", self.profile.clone()),
            (
                "credential",
                self.credential.as_ref().map(|_| MASK.to_owned()),
            ),
            ("region_name", self.region_name.clone()),
            ("anonymous", self.anonymous.then(|| true.to_string())),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// Nothing secret: an endpoint may carry a password as well.
impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        transport::debug(f, "S3Options", self)
    }
}

fn refuse(message: &str) -> Error {
    transport::refuse(NAME, message)
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let flag = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Bool, help);
    let mut specs = vec![
        text("bucket", "the bucket").required(),
        text("endpoint_url", "the endpoint of a service other than AWS").alias("endpoint"),
        text("key", "the access key")
            .secret()
            .alias("access_key_id")
            .alias("aws_access_key_id"),
        text("secret", "the secret of the access key")
            .secret()
            .alias("secret_access_key")
            .alias("aws_secret_access_key"),
        text("session_token", "the token of temporary credentials")
            .secret()
            .alias("token")
            .alias("aws_session_token"),
        text("profile", "the profile of AWS's shared files").alias("profile_name"),
        OptionSpec::new(
            "credential",
            OptionKind::Source,
            "where credentials come from",
        ),
        OptionSpec::new(
            "profile_credential",
            OptionKind::Source,
            "asked for profiles that need SSO or MFA",
        ),
        text("region_name", "the region").alias("region"),
        flag(
            "anonymous",
            "requests without a signature, for public buckets",
        )
        .alias("anon"),
    ];
    let virtual_hosted = flag(
        "virtual_hosted_style",
        "bucket.endpoint instead of endpoint/bucket",
    );
    specs.extend(transport::specs(vec![virtual_hosted]));
    specs
}
