//! The HTTP client of one process, built on first use.

use object_store::ClientOptions;
use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};

use crate::backends::cloud::service::{cannot_be_set_up, install_tls};
use crate::error::Result;

use super::account::{Account, Credential};
use super::options::AzureOptions;
use super::{NAME, WORDS};

/// Builds the client. Opens no connection.
pub(super) fn build(options: &AzureOptions) -> Result<MicrosoftAzure> {
    install_tls();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let (account, known) = Account::of(options)?.complete(&options.container, variables)?;
    let mut client = ClientOptions::new();
    let mut builder = MicrosoftAzureBuilder::new();
    for (key, value) in known {
        if let AzureConfigKey::Client(name) = key {
            client = client.with_config(name, value);
        } else {
            builder = builder.with_config(key, value);
        }
    }
    builder = match &account.credential {
        Some(Credential::Key(key)) => builder.with_access_key(key.reveal()),
        Some(Credential::Sas(sas)) => builder.with_config(AzureConfigKey::SasKey, sas.reveal()),
        None => builder,
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
        .with_retry(options.transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.container).caused_by(&err))
}
