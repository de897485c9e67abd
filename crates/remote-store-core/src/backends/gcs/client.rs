//! The HTTP client of one process, built on first use.

use std::sync::Arc;

use object_store::ClientOptions;
use object_store::gcp::{
    GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey,
};

use crate::backends::cloud::credential::{Renewed, wrong_kind};
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::service::{Service, cannot_be_set_up, install_tls};
use crate::backends::cloud::transport::{check_endpoint, with_scheme};
use crate::credential::{Credential, SharedCredentialSource};
use crate::error::Result;

use super::default_file::DefaultFile;
use super::options::GcsOptions;
use super::{NAME, WORDS};

/// Where Google itself answers.
const HOME: &str = "https://storage.googleapis.com";

/// Builds the client. Opens no connection.
pub(super) fn build(options: &GcsOptions, environment: &Environment) -> Result<GoogleCloudStorage> {
    install_tls();
    let mut client = ClientOptions::new();
    let mut builder = GoogleCloudStorageBuilder::new();
    let mut endpoint = options.endpoint();
    let mut key = options.key()?;
    let mut found = key.is_some() || options.credential.is_some();
    for (name, value) in variables(options, environment) {
        if let GoogleConfigKey::Client(name) = name {
            client = client.with_config(name, value);
        } else if name == GoogleConfigKey::BaseUrl {
            endpoint = Some(with_scheme(value));
        } else {
            found = true;
            builder = builder.with_config(name, value);
        }
    }
    check_endpoint(NAME, WORDS.endpoint_option, endpoint.as_deref())?;
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(endpoint);
    }
    if options.anonymous || !found && endpoint.is_some() {
        key = Some(anonymous(endpoint.as_deref().unwrap_or(HOME)));
    } else if !found && let Some(file) = DefaultFile::find(environment)? {
        builder = file.give(builder, options)?;
    }
    if let Some(key) = key {
        builder = builder.with_service_account_key(key);
    }
    if let Some(source) = &options.credential {
        builder = builder.with_credentials(renewed(source));
    }
    let plain = endpoint.is_some_and(|url| url.starts_with("http://"));
    builder
        .with_bucket_name(&options.bucket)
        .with_client_options(options.transport.client_options(NAME, client, plain)?)
        .with_http_connector(options.transport.connector())
        .with_retry(options.transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.bucket).caused_by(&err))
}

pub(super) fn renewed(source: &SharedCredentialSource) -> Arc<Renewed<GcpCredential>> {
    Renewed::new("GCS", source.clone(), |given| match given {
        Credential::Bearer(token) => Ok(GcpCredential {
            bearer: token.reveal().to_owned(),
        }),
        other @ (Credential::AccessKey { .. }
        | Credential::AccountKey(_)
        | Credential::SharedAccessSignature(_)) => Err(wrong_kind(NAME, &other, "a bearer token")),
    })
}

/// What makes the client send requests without a token. Not to sign them would
/// not do: writes ask the cloud's identity service for a token all the same.
fn anonymous(endpoint: &str) -> String {
    serde_json::json!({
        "gcs_base_url": endpoint,
        "disable_oauth": true,
        "client_email": "",
        "private_key": "",
        "private_key_id": "",
    })
    .to_string()
}

/// The `GOOGLE_…` variables that the options do not override. A credential of
/// the environment goes neither beside a given one nor to a given endpoint.
fn variables<'e>(
    options: &GcsOptions,
    environment: &'e Environment,
) -> Vec<(GoogleConfigKey, &'e str)> {
    let credentials = options.service_account_key.is_none()
        && options.service_account_path.is_none()
        && options.credential.is_none()
        && !options.anonymous
        && options.endpoint_url.is_none();
    environment
        .iter()
        .filter(|(name, _)| name.starts_with("GOOGLE_"))
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)))
        .filter(|(key, _)| {
            let credential = matches!(
                key,
                GoogleConfigKey::ServiceAccount
                    | GoogleConfigKey::ServiceAccountKey
                    | GoogleConfigKey::BearerToken
            );
            // The bucket is ours, unsigned writes do not work, and the file of default
            // credentials is looked into first.
            matches!(key, GoogleConfigKey::Client(_))
                || *key == GoogleConfigKey::BaseUrl && options.endpoint_url.is_none()
                || credential && credentials
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use remote_store_credential_masking::Secret;

    fn taken(options: &GcsOptions) -> Vec<String> {
        let all = [
            ("GOOGLE_APPLICATION_CREDENTIALS", "file"),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", "key"),
            ("GOOGLE_BEARER_TOKEN", "token"),
            ("GOOGLE_BASE_URL", "url"),
            ("GOOGLE_SKIP_SIGNATURE", "true"),
            ("GOOGLE_BUCKET", "bucket"),
            ("GOOGLE_CLOUD_PROJECT", "project"),
            ("GOOGLE_SERVICE_ACCOUNT", ""),
            ("PATH", "/bin"),
        ];
        let environment = all
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        variables(options, &environment)
            .into_iter()
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    #[test]
    fn credentials_of_the_environment_go_to_no_other_endpoint() {
        let mut options = GcsOptions::new("b").unwrap();
        assert_eq!(taken(&options), ["url", "token", "key"]);
        options.endpoint_url = Some("http://127.0.0.1:1".into());
        assert!(taken(&options).is_empty());
        options.endpoint_url = None;
        options.service_account_key = Some(Secret::new("{}"));
        assert_eq!(taken(&options), ["url"]);
    }

    #[test]
    fn an_endpoint_without_a_credential_needs_no_identity_service() {
        let mut options = GcsOptions::new("b").unwrap();
        options.endpoint_url = Some("http://127.0.0.1:1".into());
        // There at once, since nobody is asked for it.
        let client = build(&options, &Environment::default()).unwrap();
        let token = client.credentials().get_credential().now_or_never();
        assert_eq!(token.unwrap().unwrap().bearer, "");
        assert!(anonymous("http://h").contains("\"disable_oauth\":true"));
    }
}
