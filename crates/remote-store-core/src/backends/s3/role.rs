//! Roles that are assumed at AWS's token service: with other credentials, or with the token of a
//! web identity.

use std::path::PathBuf;

use async_trait::async_trait;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::backends::cloud::credential::denied;
use crate::credential::{CredentialSource, Lease, SharedCredentialSource};
use crate::error::Result;

use super::NAME;
use super::client::aws_credential;
use super::identity::Identity;

const VERSION: &str = "2011-06-15";

/// A role, and who asks for it.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) service: Identity,
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
    pub(super) duration_seconds: Option<String>,
    pub(super) by: By,
}

/// Who asks for a role.
#[derive(Debug)]
pub(super) enum By {
    /// Whoever these credentials belong to.
    Credentials(SharedCredentialSource),
    /// Whoever the token in this file belongs to; read again for each lease.
    TokenFile(PathBuf),
}

impl Role {
    fn url(&self, action: &str, further: &[(&str, &str)]) -> String {
        let mut url = format!(
            "{}/?Action={action}&Version={VERSION}",
            self.endpoint.trim_end_matches('/')
        );
        let own = [
            ("RoleArn", Some(self.arn.as_str())),
            ("RoleSessionName", Some(self.session.as_str())),
            ("ExternalId", self.external_id.as_deref()),
            ("DurationSeconds", self.duration_seconds.as_deref()),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        for (name, value) in own.chain(further.iter().copied()) {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            url.extend(["&", name, "=", &value.to_string()]);
        }
        url
    }
}

#[async_trait]
impl CredentialSource for Role {
    async fn fetch(&self) -> Result<Lease> {
        let answer = match &self.by {
            By::Credentials(source) => {
                let credential: AwsCredential = aws_credential(source.fetch().await?.credential)?;
                let url = self.url("AssumeRole", &[]);
                let mut request = self.service.request(reqwest::Method::GET, &url, &[])?;
                AwsAuthorizer::new(&credential, "sts", &self.region)
                    .try_authorize(&mut request, None)
                    .map_err(|error| {
                        denied(NAME, "The request for a role cannot be signed").caused_by(&error)
                    })?;
                self.service.ask(&request).await?
            }
            By::TokenFile(path) => {
                let token = std::fs::read_to_string(path).map_err(|error| {
                    let message =
                        format!("The web identity token {} cannot be read", path.display());
                    denied(NAME, message).caused_by(&error)
                })?;
                let further = [("WebIdentityToken", token.trim())];
                let url = self.url("AssumeRoleWithWebIdentity", &further);
                let request = self.service.request(reqwest::Method::GET, &url, &[])?;
                self.service.ask(&request).await?
            }
        };
        self.service.lease_from_xml(&answer)
    }
}
