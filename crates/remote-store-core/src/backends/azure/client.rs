//! The HTTP client of one process, built on first use.

use std::sync::Arc;

use object_store::ClientOptions;
use object_store::azure::{
    AzureAccessKey, AzureConfigKey, AzureCredential, MicrosoftAzure, MicrosoftAzureBuilder,
};
use percent_encoding::percent_decode_str;

use crate::backends::cloud::credential::{Renewed, denied, wrong_kind};
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::service::{cannot_be_set_up, install_tls};
use crate::credential::{self, SharedCredentialSource};
use crate::error::Result;

use super::account::{Account, Credential, names_someone};
use super::options::AzureOptions;
use super::{NAME, WORDS};

/// Builds the client. Opens no connection.
pub(super) fn build(options: &AzureOptions, environment: &Environment) -> Result<MicrosoftAzure> {
    install_tls();
    let variables = environment.iter();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (account, known) = Account::of(options)?.complete(&options.container, variables)?;
    let mut client = ClientOptions::new();
    let mut builder = MicrosoftAzureBuilder::new();
    let named = known.iter().any(|(key, _)| names_someone(*key));
    for (key, value) in known {
        if let AzureConfigKey::Client(name) = key {
            client = client.with_config(name, value);
        } else {
            builder = builder.with_config(key, value);
        }
    }
    if let Some(id) = &options.client_id {
        builder = builder.with_client_id(id);
    }
    if let Some(tenant) = &options.tenant_id {
        builder = builder.with_tenant_id(tenant);
    }
    builder = match &account.credential {
        Some(Credential::Key(key)) => builder.with_access_key(key.reveal()),
        Some(Credential::Sas(sas)) => builder.with_config(AzureConfigKey::SasKey, sas.reveal()),
        Some(Credential::Application { tenant, id, secret }) => {
            builder.with_client_secret_authorization(id, secret.reveal(), tenant)
        }
        Some(Credential::Source(source)) => builder.with_credentials(renewed(source)),
        Some(Credential::Anonymous) => builder.with_skip_signature(true),
        // Only where the machine's own identity would be asked, and where that may be sent.
        None => match &options.default_credential {
            Some(source) if !named && account.is_azure() => {
                builder.with_credentials(renewed(source))
            }
            _ => builder,
        },
    };
    if let Some(name) = &account.name {
        builder = builder.with_account(name);
    }
    let plain = account
        .endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"));
    if let Some(endpoint) = account.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    builder
        .with_container_name(&options.container)
        .with_client_options(options.transport.client_options(NAME, client, plain)?)
        .with_http_connector(options.transport.connector())
        .with_retry(options.transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.container).caused_by(&err))
}

fn renewed(source: &SharedCredentialSource) -> Arc<Renewed<AzureCredential>> {
    Renewed::new("MicrosoftAzure", source.clone(), azure_credential)
}

/// What a client of Azure signs with.
fn azure_credential(given: credential::Credential) -> Result<AzureCredential> {
    match given {
        credential::Credential::Bearer(token) => {
            Ok(AzureCredential::BearerToken(token.reveal().to_owned()))
        }
        credential::Credential::AccountKey(key) => AzureAccessKey::try_new(key.reveal())
            .map(AzureCredential::AccessKey)
            .map_err(|_not_base64| {
                let what = "The credential source of backend 'azure' gave an account key that is no base64";
                denied(NAME, what)
            }),
        credential::Credential::SharedAccessSignature(sas) => {
            Ok(AzureCredential::SASToken(pairs(sas.reveal())))
        }
        other @ credential::Credential::AccessKey { .. } => Err(wrong_kind(
            NAME,
            &other,
            "a bearer token, an account key or a shared access signature",
        )),
    }
}

/// The parts of a signature, each as it was before it was put into a URL.
fn pairs(sas: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    sas.trim_start_matches('?')
        .split('&')
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
