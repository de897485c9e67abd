//! The credentials of the container or the machine that this process runs on.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use async_trait::async_trait;
use remote_store_credential_masking::Secret;

use crate::backends::cloud::credential::denied;
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::service::no_credentials;
use crate::backends::given::refuse;
use crate::credential::{CredentialSource, Lease};
use crate::error::Result;

use super::identity::Identity;
use super::{NAME, WORDS};

/// Where containers of ECS find theirs; only a path is given there.
const CONTAINER_HOST: &str = "http://169.254.170.2";
/// Hosts to which a token may go without TLS, beside this machine's own.
const PLAIN_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];
/// Where machines of EC2 find theirs.
const MACHINE_HOST: &str = "http://169.254.169.254";
const MACHINE_HOST_V6: &str = "http://[fd00:ec2::254]";
/// The session with the machine's service, in seconds; a new one is begun for each lease.
const SESSION_SECONDS: &str = "300";

/// A container's credentials: ECS, EKS.
#[derive(Debug)]
pub(super) struct Container {
    service: Identity,
    url: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
}

impl Container {
    /// What the variables of a container say; nothing outside of one.
    pub(super) fn of(environment: &Environment, service: Identity) -> Result<Option<Self>> {
        let relative = environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = match relative {
            Some(path) => format!("{CONTAINER_HOST}/{}", path.trim_start_matches('/')),
            None => match environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
                Some(url) => url.to_owned(),
                None => return Ok(None),
            },
        };
        let parsed = url.parse::<reqwest::Url>().ok();
        let host = parsed.as_ref().and_then(|url| url.host_str()).unwrap_or("");
        let near = host == "localhost"
            || host == "[::1]"
            // An address, not a name that only begins like one.
            || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || PLAIN_HOSTS.contains(&host);
        if host.is_empty() || !(url.starts_with("https://") || near) {
            return Err(refuse(
                NAME,
                "Backend 's3': AWS_CONTAINER_CREDENTIALS_FULL_URI names another host without https; a token does not \
                 go there",
            ));
        }
        Ok(Some(Self {
            service,
            url,
            token: environment
                .get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
                .map(Into::into),
            token_file: environment
                .get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
                .map(PathBuf::from),
        }))
    }
}

#[async_trait]
impl CredentialSource for Container {
    async fn fetch(&self) -> Result<Lease> {
        let read = match &self.token_file {
            None => None,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                let message = format!("The container's token {} cannot be read", path.display());
                denied(NAME, message).caused_by(&error)
            })?),
        };
        let given = self.token.as_ref().map(Secret::reveal);
        let token = read.as_deref().map(str::trim).or(given);
        let headers: Vec<_> = token
            .map(|token| ("authorization", token))
            .into_iter()
            .collect();
        let request = self
            .service
            .request(reqwest::Method::GET, &self.url, &headers)?;
        self.service
            .lease_from_json(&self.service.ask(&request).await?)
    }
}

/// A machine's credentials: EC2, by the second version of its protocol.
#[derive(Debug)]
pub(super) struct Machine {
    service: Identity,
    host: String,
}

impl Machine {
    /// Unless the variables forbid to ask.
    pub(super) fn of(environment: &Environment, service: Identity) -> Option<Self> {
        if environment.is_on("AWS_EC2_METADATA_DISABLED") {
            return None;
        }
        let mode = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let v6 = mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ipv6"));
        let own = environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let host = own.unwrap_or(if v6 { MACHINE_HOST_V6 } else { MACHINE_HOST });
        Some(Self {
            service,
            host: host.trim_end_matches('/').to_owned(),
        })
    }

    async fn get(&self, path: &str, session: &str) -> Result<String> {
        let url = format!(
            "{}/latest/meta-data/iam/security-credentials/{path}",
            self.host
        );
        let headers = [("x-aws-ec2-metadata-token", session)];
        let request = self.service.request(reqwest::Method::GET, &url, &headers)?;
        self.service.ask(&request).await
    }
}

#[async_trait]
impl CredentialSource for Machine {
    async fn fetch(&self) -> Result<Lease> {
        let url = format!("{}/latest/api/token", self.host);
        let headers = [("x-aws-ec2-metadata-token-ttl-seconds", SESSION_SECONDS)];
        let request = self.service.request(reqwest::Method::PUT, &url, &headers)?;
        // On a machine that is none of AWS's, the usual advice is what helps.
        let session = self.service.ask(&request).await.map_err(|error| {
            let what = "No credentials, and this machine has none of its own,";
            no_credentials(&WORDS, "", what).caused_by(&error)
        })?;
        let role = self.get("", session.trim()).await?;
        let role = role.lines().next().unwrap_or_default().trim();
        let answer = self.get(role, session.trim()).await?;
        self.service.lease_from_json(&answer)
    }
}
