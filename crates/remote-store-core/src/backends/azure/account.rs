//! Which storage account is meant, out of options, a connection string and the environment.

use std::collections::BTreeMap;

use object_store::azure::AzureConfigKey;
use remote_store_credential_masking::Secret;

use crate::backends::cloud::service::no_credentials;
use crate::backends::cloud::transport::{check_endpoint, refuse, with_scheme};
use crate::credential::SharedCredentialSource;
use crate::error::Result;

use super::options::AzureOptions;
use super::{NAME, WORDS};

/// The account of the emulator that Azure's own tools know; its key is public.
const DEVELOPMENT: &str = "AccountName=devstoreaccount1;\
     AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;\
     BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1";
/// Where Azure itself answers.
const AZURE_HOSTS: [&str; 5] = [
    ".core.windows.net",
    ".core.chinacloudapi.cn",
    ".core.usgovcloudapi.net",
    ".storage.azure.net",
    ".fabric.microsoft.com",
];
/// Names in the environment that Azure's command line uses and the client does not know.
const OTHER_NAMES: [(&str, AzureConfigKey); 3] = [
    ("azure_storage_account", AzureConfigKey::AccountName),
    ("azure_storage_key", AzureConfigKey::AccessKey),
    // The managed identity of an App Service.
    ("identity_endpoint", AzureConfigKey::MsiEndpoint),
];

/// A credential that was given.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Credential {
    Key(Secret),
    Sas(Secret),
    /// An application that is registered in a tenant.
    Application {
        tenant: String,
        id: String,
        secret: Secret,
    },
    Source(SharedCredentialSource),
    Anonymous,
}

/// An account, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Account {
    pub(super) name: Option<String>,
    /// With the account in its path where the host does not name it; none for Azure's own.
    pub(super) endpoint: Option<String>,
    pub(super) credential: Option<Credential>,
}

impl Account {
    /// What the options say, which must not contradict each other.
    pub(super) fn of(options: &AzureOptions) -> Result<Self> {
        let said = match &options.connection_string {
            Some(text) => Self::parse(text.reveal())?,
            None => Self::default(),
        };
        let mut found: Vec<(&str, Credential)> = Vec::new();
        found.extend(said.credential.map(|given| ("connection_string", given)));
        let key = options.account_key.clone().map(Credential::Key);
        found.extend(key.map(|given| ("account_key", given)));
        let sas = options.sas_token.clone().map(Credential::Sas);
        found.extend(sas.map(|given| ("sas_token", given)));
        found.extend(
            options
                .credential
                .clone()
                .map(|given| ("credential", either(given))),
        );
        let source = options.credential_source.clone().map(Credential::Source);
        found.extend(source.map(|given| ("credential", given)));
        found.extend(application(options)?.map(|given| ("client_secret", given)));
        let anonymous = options.anonymous.then_some(Credential::Anonymous);
        found.extend(anonymous.map(|given| ("anonymous", given)));
        let mut endpoint = said.endpoint;
        if let Some(url) = &options.account_url {
            let (url, query) = url.split_once('?').unwrap_or((url, ""));
            if !query.is_empty() {
                found.push(("account_url", Credential::Sas(Secret::new(query))));
            }
            // The blob protocol is spoken here, also with accounts that have folders.
            endpoint = Some(with_scheme(url).replacen(".dfs.", ".blob.", 1));
        }
        check_endpoint(NAME, WORDS.endpoint_option, endpoint.as_deref())?;
        if let [(first, _), (second, _), ..] = found.as_slice() {
            return Err(refuse(
                NAME,
                format!(
                    "Backend 'azure' got a credential in '{first}' and one in '{second}'; give one of them"
                ),
            ));
        }
        let name = options.account_name.clone().or(said.name);
        Ok(Self {
            name: name.or_else(|| endpoint.as_deref().and_then(name_in)),
            endpoint,
            credential: found.pop().map(|(_, given)| given),
        })
    }

    /// A connection string: `Name=value` pairs between semicolons.
    fn parse(text: &str) -> Result<Self> {
        let refuse = |what: &str| {
            // The text itself is a credential.
            refuse(
                NAME,
                format!(
                    "Option 'connection_string' of backend 'azure' {what}; copy it from the account's access keys"
                ),
            )
        };
        let mut pairs: BTreeMap<String, &str> = BTreeMap::new();
        for pair in text
            .split(';')
            .map(str::trim)
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| refuse("has a part without '='"))?;
            pairs.insert(name.trim().to_ascii_lowercase(), value.trim());
        }
        let get = |name: &str| pairs.get(name).copied().filter(|value| !value.is_empty());
        if get("usedevelopmentstorage").is_some_and(|on| on.eq_ignore_ascii_case("true")) {
            return Self::parse(DEVELOPMENT);
        }
        let name = get("accountname").map(str::to_owned);
        let key = get("accountkey").map(|key| Credential::Key(Secret::new(key)));
        let sas = get("sharedaccesssignature").map(|sas| Credential::Sas(Secret::new(sas)));
        let endpoint = match (get("blobendpoint"), &name, get("endpointsuffix")) {
            (Some(url), ..) => Some(with_scheme(url)),
            (None, Some(name), Some(suffix)) => Some(format!(
                "{}://{name}.blob.{suffix}",
                get("defaultendpointsprotocol").unwrap_or("https")
            )),
            (None, ..) => None,
        };
        let name = name.or_else(|| endpoint.as_deref().and_then(name_in));
        if name.is_none() {
            return Err(refuse("names no account (AccountName or BlobEndpoint)"));
        }
        Ok(Self {
            name,
            endpoint,
            credential: key.or(sas),
        })
    }

    /// Adds what the options leave open from `AZURE_…` variables; returns what
    /// else the client takes from there. Credentials are never mixed.
    pub(super) fn complete(
        mut self,
        container: &str,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(Self, Vec<(AzureConfigKey, String)>)> {
        let mut known: Vec<(AzureConfigKey, String)> = Vec::new();
        for (name, value) in variables {
            let name = name.to_ascii_lowercase();
            let other = OTHER_NAMES.iter().find(|(other, _)| *other == name);
            if !(name.starts_with("azure_") || other.is_some()) || value.is_empty() {
                continue;
            }
            if name == "azure_storage_connection_string" && self == Self::default() {
                self = Self::parse(&value)?;
            } else if let Ok(key) = name.parse() {
                known.push((key, value));
            } else if let Some((_, key)) = other {
                known.push((*key, value));
            }
        }
        let take = |wanted: AzureConfigKey| {
            let mut all = known.iter().filter(|(key, _)| *key == wanted);
            all.next().map(|(_, value)| value.clone())
        };
        self.endpoint = self
            .endpoint
            .or_else(|| take(AzureConfigKey::Endpoint).as_deref().map(with_scheme));
        check_endpoint(NAME, WORDS.endpoint_option, self.endpoint.as_deref())?;
        self.name = self
            .name
            .or_else(|| take(AzureConfigKey::AccountName))
            .or_else(|| self.endpoint.as_deref().and_then(name_in));
        if self.name.is_none() {
            return Err(refuse(
                NAME,
                "Backend 'azure' knows no account; give 'account_name', 'account_url' or 'connection_string', \
                 or set AZURE_STORAGE_ACCOUNT_NAME",
            ));
        }
        let elsewhere = !self.is_azure();
        known.retain(|(key, _)| self.takes(*key, elsewhere));
        // Elsewhere, nobody may be sent to the identity service of a cloud.
        if elsewhere && self.credential.is_none() && !known.iter().any(|(key, _)| is_static(*key)) {
            return Err(no_credentials(&WORDS, container, "No credentials"));
        }
        Ok((self, known))
    }

    /// Which variables the client may see.
    fn takes(&self, key: AzureConfigKey, elsewhere: bool) -> bool {
        let ours = matches!(
            key,
            AzureConfigKey::AccountName
                | AzureConfigKey::Endpoint
                | AzureConfigKey::ContainerName
                | AzureConfigKey::UseEmulator
        );
        let harmless = matches!(
            key,
            AzureConfigKey::Client(_)
                | AzureConfigKey::EncryptionKey
                | AzureConfigKey::DisableTagging
        );
        // Where an application of the options signs in.
        let authority = key == AzureConfigKey::AuthorityHost
            && matches!(self.credential, Some(Credential::Application { .. }));
        // What is neither says who one is.
        !ours
            && (harmless
                || authority
                || self.credential.is_none() && (is_static(key) || !elsewhere))
    }

    /// True when Azure itself is meant, not an emulator or another service.
    pub(super) fn is_azure(&self) -> bool {
        let Some(endpoint) = &self.endpoint else {
            return true;
        };
        let url = endpoint.parse::<reqwest::Url>().ok();
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("");
        AZURE_HOSTS.iter().any(|known| host.ends_with(known))
    }
}

/// True for what leads to an identity of its own, not the machine's.
pub(super) fn names_someone(key: AzureConfigKey) -> bool {
    is_static(key)
        || matches!(
            key,
            AzureConfigKey::ClientSecret
                | AzureConfigKey::FederatedTokenFile
                | AzureConfigKey::UseAzureCli
                | AzureConfigKey::MsiEndpoint
                | AzureConfigKey::CredentialType
                | AzureConfigKey::SkipSignature
                | AzureConfigKey::FabricSessionToken
        )
}

/// The application that the options name, whole.
fn application(options: &AzureOptions) -> Result<Option<Credential>> {
    let Some(secret) = &options.client_secret else {
        return Ok(None);
    };
    match (&options.tenant_id, &options.client_id) {
        (Some(tenant), Some(id)) => Ok(Some(Credential::Application {
            tenant: tenant.clone(),
            id: id.clone(),
            secret: secret.clone(),
        })),
        _ => Err(refuse(
            NAME,
            "Backend 'azure' got 'client_secret' without 'tenant_id' and 'client_id'; give all three",
        )),
    }
}

/// A credential that needs no identity service.
fn is_static(key: AzureConfigKey) -> bool {
    matches!(
        key,
        AzureConfigKey::AccessKey | AzureConfigKey::SasKey | AzureConfigKey::Token
    )
}

/// A text that may be a shared access signature or a key, as Azure's own client takes it.
fn either(given: Secret) -> Credential {
    if given.reveal().contains("sig=") {
        Credential::Sas(given)
    } else {
        Credential::Key(given)
    }
}

/// The account that an endpoint names: in its path, or first in its host.
fn name_in(endpoint: &str) -> Option<String> {
    let url = endpoint.parse::<reqwest::Url>().ok()?;
    let in_path = url.path().split('/').rfind(|part| !part.is_empty());
    let in_host = || {
        let (first, rest) = url.host_str()?.split_once('.')?;
        rest.contains(|c: char| c.is_ascii_alphabetic())
            .then_some(first)
    };
    in_path.or_else(in_host).map(str::to_owned)
}

#[cfg(test)]
mod tests;
