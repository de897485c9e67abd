//! Where credentials are looked for, in the order of AWS's command line.

use std::path::PathBuf;

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector};

use crate::backends::cloud::connector::Connector;
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::service::{install_tls, no_credentials};
use crate::backends::given::refuse;
use crate::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
use crate::error::{Error, Result};

use super::identity::Identity;
use super::machine::{Container, Machine};
use super::options::S3Options;
use super::process::{Program, words};
use super::profile::Profiles;
use super::role::{By, Role};
use super::{NAME, WORDS};

/// Profiles that lead to profiles end here.
const LONGEST_CHAIN: usize = 8;
/// How long a machine's own service may take, on the machine itself.
const MACHINE_CONNECT_MS: u64 = 1000;

/// What the requests are signed with.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing: they are not signed.
    Anonymous,
    /// Credentials that do not change.
    Fixed(Credential),
    /// Credentials that are asked for, and asked for again.
    Source(SharedCredentialSource),
}

/// Looks for credentials.
pub(super) struct Chain<'a> {
    pub(super) options: &'a S3Options,
    pub(super) environment: &'a Environment,
    pub(super) profiles: &'a Profiles,
    pub(super) region: &'a str,
    /// For AWS's token service.
    pub(super) client: ClientOptions,
    /// The endpoint is no service of AWS, to which a machine's own identity does not go.
    pub(super) elsewhere: bool,
}

impl Chain<'_> {
    /// The first credentials there are.
    ///
    /// # Errors
    /// `PermissionDenied` when there are none, `InvalidConfig` for what is written wrong.
    pub(super) fn find(&self) -> Result<Found> {
        let options = self.options;
        if let Some(source) = &options.credential {
            return Ok(Found::Source(source.clone()));
        }
        if let (Some(key), Some(secret)) = (&options.key, &options.secret) {
            let token = options.session_token.clone();
            let credential = Credential::access_key(key.clone(), secret.clone(), token);
            return Ok(Found::Fixed(credential));
        }
        if options.anonymous {
            return Ok(Found::Anonymous);
        }
        // A profile that was asked for by name is meant, whatever the environment says.
        let own = if self.profiles.chosen {
            None
        } else {
            self.variables()?
        };
        let source = match own {
            Some(found) => Some(found),
            None => self.beyond_variables()?,
        };
        source.ok_or_else(|| no_credentials(&WORDS, &options.bucket, "No credentials"))
    }

    fn beyond_variables(&self) -> Result<Option<Found>> {
        let name = &self.profiles.name;
        if self.profiles.value(name, "role_arn").is_none()
            && !self.profiles.chosen
            && let Some(file) = self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE")
            && let Some(arn) = self.environment.get("AWS_ROLE_ARN")
        {
            let by = By::TokenFile(PathBuf::from(file));
            return self.role(arn.to_owned(), None, by).map(Some);
        }
        if let Some((profile, how)) = self.beyond_us(name) {
            return self.signed_in(profile, how).map(Some);
        }
        if let Some(found) = self.profile(name, 0)? {
            return Ok(Some(found));
        }
        if self.profiles.chosen {
            return Err(refuse(
                NAME,
                format!(
                    "Backend 's3': profile '{}' has no credentials; add aws_access_key_id and aws_secret_access_key, \
                     role_arn with source_profile, credential_process or an sso_session",
                    name.escape_debug()
                ),
            ));
        }
        self.surroundings()
    }

    /// `AWS_ACCESS_KEY_ID` and what belongs to it.
    fn variables(&self) -> Result<Option<Found>> {
        let get = |name: &str| self.environment.get(name);
        match (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY")) {
            (Some(key), Some(secret)) => {
                let token = self
                    .environment
                    .first(&["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
                let credential = Credential::access_key(key, secret, token.map(Into::into));
                Ok(Some(Found::Fixed(credential)))
            }
            (Some(_), None) => Err(refuse(
                NAME,
                "Backend 's3': AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY; set both or neither",
            )),
            (None, _) => Ok(None),
        }
    }

    /// What a profile says.
    fn profile(&self, name: &str, depth: usize) -> Result<Option<Found>> {
        let get = |key: &str| self.profiles.value(name, key);
        if depth > LONGEST_CHAIN {
            return Err(bad(
                name,
                "leads to itself through source_profile; break the ring",
            ));
        }
        if let Some(arn) = get("role_arn") {
            return self.assumed(name, arn.to_owned(), depth).map(Some);
        }
        if let Some(found) = static_keys(name, |key| self.profiles.credential(name, key))? {
            return Ok(Some(found));
        }
        if let Some(line) = get("credential_process") {
            let program = Program {
                profile: name.to_owned(),
                words: words(line),
                answer: self.identity("credential_process", self.plain()?),
            };
            return Ok(Some(source(program)));
        }
        static_keys(name, |key| self.profiles.configured(name, key))
    }

    /// A role that a profile assumes.
    fn assumed(&self, name: &str, arn: String, depth: usize) -> Result<Found> {
        let get = |key: &str| self.profiles.value(name, key);
        if let Some(file) = get("web_identity_token_file") {
            return self.role(arn, Some(name), By::TokenFile(PathBuf::from(file)));
        }
        let base = match (get("source_profile"), get("credential_source")) {
            (Some(other), _) => {
                self.profiles.check(other)?;
                // A role on top of the profile's own keys names itself.
                if other == name {
                    static_keys(name, |key| self.profiles.value(name, key))?
                } else {
                    self.profile(other, depth + 1)?
                }
            }
            (None, Some("Environment")) => self.variables()?,
            (None, Some("EcsContainer")) => self.container()?,
            (None, Some("Ec2InstanceMetadata")) => self.machine()?,
            (None, _) => {
                return Err(bad(
                    name,
                    "has role_arn without source_profile, credential_source (Environment, Ec2InstanceMetadata, \
                     EcsContainer) or web_identity_token_file; add one",
                ));
            }
        };
        let base = match base {
            Some(Found::Source(source)) => source,
            Some(Found::Fixed(credential)) => SharedCredentialSource::new(Always(credential)),
            Some(Found::Anonymous) | None => {
                return Err(bad(
                    name,
                    "assumes a role, but what it builds on has no credentials",
                ));
            }
        };
        self.role(arn, Some(name), By::Credentials(base))
    }

    fn role(&self, arn: String, profile: Option<&str>, by: By) -> Result<Found> {
        let get = |key: &str| self.profiles.value(profile?, key).map(str::to_owned);
        let session = get("role_session_name")
            .or_else(|| {
                self.environment
                    .get("AWS_ROLE_SESSION_NAME")
                    .map(str::to_owned)
            })
            .unwrap_or_else(|| format!("remote-store-{}", std::process::id()));
        let endpoint = self.token_service();
        let plain = endpoint.starts_with("http://");
        let client = self.client.clone().with_allow_http(plain);
        let role = Role {
            service: self.identity("AWS's token service", self.http(&client)?),
            endpoint,
            region: self.region.to_owned(),
            arn,
            session,
            external_id: get("external_id"),
            duration_seconds: get("duration_seconds"),
            by,
        };
        Ok(source(role))
    }

    /// Where roles are given.
    fn token_service(&self) -> String {
        let ignore = self
            .environment
            .is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
        let configured = self
            .environment
            .first(&["AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"])
            .or_else(|| self.profiles.endpoint("sts"))
            .filter(|_| !ignore);
        configured.map_or_else(
            || {
                let china = if self.region.starts_with("cn-") {
                    ".cn"
                } else {
                    ""
                };
                format!("https://sts.{}.amazonaws.com{china}", self.region)
            },
            str::to_owned,
        )
    }

    /// The profile on the way, if any, that only an installed boto3 can use.
    fn beyond_us<'n>(&'n self, name: &'n str) -> Option<(&'n str, &'static str)> {
        let mut name = name;
        for _ in 0..LONGEST_CHAIN {
            let get = |key: &str| self.profiles.value(name, key);
            if get("role_arn").is_none() {
                let sso = get("sso_session").or_else(|| get("sso_start_url"));
                return sso.map(|_| (name, "signs in through SSO"));
            }
            if get("mfa_serial").is_some() {
                return Some((name, "assumes a role with MFA"));
            }
            name = get("source_profile").filter(|other| *other != name)?;
        }
        None
    }

    /// What boto3 gives for the profile that is meant, roles on top included.
    fn signed_in(&self, name: &str, how: &str) -> Result<Found> {
        match &self.options.profile_credential {
            Some(source) => Ok(Found::Source(source.clone())),
            None => Err(bad(
                name,
                &format!(
                    "{how}, which is not done here: in Python pip install boto3, in Rust give the option 'credential'"
                ),
            )),
        }
    }

    /// The identity of the container or machine.
    fn surroundings(&self) -> Result<Option<Found>> {
        if let Some(found) = self.container()? {
            return Ok(Some(found));
        }
        if self.elsewhere {
            return Ok(None);
        }
        self.machine()
    }

    fn container(&self) -> Result<Option<Found>> {
        let service = self.identity("The container's credential service", self.plain()?);
        Ok(Container::of(self.environment, service)?.map(source))
    }

    fn machine(&self) -> Result<Option<Found>> {
        let mut service = self.identity("The machine's credential service", self.plain()?);
        service.attempts = 1;
        Ok(Machine::of(self.environment, service).map(source))
    }

    fn identity(&self, what: &'static str, client: HttpClient) -> Identity {
        let attempts = self.options.transport.retry.max_attempts;
        Identity {
            what,
            client,
            attempts,
        }
    }

    fn http(&self, client: &ClientOptions) -> Result<HttpClient> {
        let transport = &self.options.transport;
        let connector = Connector {
            read_timeout: transport.read_timeout,
            longest_pause: transport.retry.backoff_max,
        };
        connector.connect(client).map_err(|error| {
            refuse(NAME, "Backend 's3': no HTTP client can be made").caused_by(&error)
        })
    }

    /// For services on this machine: never through a proxy.
    fn plain(&self) -> Result<HttpClient> {
        install_tls();
        let client = reqwest::Client::builder()
            .no_proxy()
            // A token goes to the host that was named and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(std::time::Duration::from_millis(MACHINE_CONNECT_MS))
            .timeout(self.options.transport.read_timeout)
            .build();
        client.map(HttpClient::new).map_err(|error| {
            refuse(NAME, "Backend 's3': no HTTP client can be made").caused_by(&error)
        })
    }
}

/// The keys of a profile in one of the files.
fn static_keys<'p>(name: &str, get: impl Fn(&str) -> Option<&'p str>) -> Result<Option<Found>> {
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(key), Some(secret)) => {
            let token = get("aws_session_token").or_else(|| get("aws_security_token"));
            let credential = Credential::access_key(key, secret, token.map(Into::into));
            Ok(Some(Found::Fixed(credential)))
        }
        (None, None) => Ok(None),
        _ => Err(bad(
            name,
            "has only one of aws_access_key_id and aws_secret_access_key; write both",
        )),
    }
}

fn bad(name: &str, what: &str) -> Error {
    refuse(
        NAME,
        format!("Backend 's3': profile '{}' {what}", name.escape_debug()),
    )
}

fn source(source: impl CredentialSource) -> Found {
    Found::Source(SharedCredentialSource::new(source))
}

/// Credentials that do not change, where some are asked for.
#[derive(Debug)]
struct Always(Credential);

#[async_trait::async_trait]
impl CredentialSource for Always {
    async fn fetch(&self) -> Result<Lease> {
        Ok(Lease::new(self.0.clone()))
    }
}
