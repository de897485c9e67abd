//! The HTTP client of one process, built on first use.

use object_store::ClientOptions;
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};

use crate::backends::cloud::service::{Service, cannot_be_set_up, install_tls};
use crate::backends::cloud::transport::{check_endpoint, with_scheme};
use crate::error::Result;

use super::options::GcsOptions;
use super::{NAME, WORDS};

/// Builds the client. Opens no connection.
pub(super) fn build(options: &GcsOptions) -> Result<GoogleCloudStorage> {
    install_tls();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut client = ClientOptions::new();
    let mut builder = GoogleCloudStorageBuilder::new();
    let mut endpoint = options.endpoint();
    let mut credential = options.key()?;
    let mut found = false;
    for (key, value) in environment(options, variables) {
        if let GoogleConfigKey::Client(name) = key {
            client = client.with_config(name, value);
        } else if key == GoogleConfigKey::BaseUrl {
            endpoint = Some(with_scheme(&value));
        } else {
            found = true;
            builder = builder.with_config(key, value);
        }
    }
    check_endpoint(NAME, WORDS.endpoint_option, endpoint.as_deref())?;
    if let Some(endpoint) = &endpoint {
        builder = builder.with_base_url(endpoint);
        if credential.is_none() && !found {
            credential = Some(anonymous(endpoint));
        }
    }
    if let Some(key) = credential {
        builder = builder.with_service_account_key(key);
    }
    let plain = endpoint.is_some_and(|url| url.starts_with("http://"));
    builder
        .with_bucket_name(&options.bucket)
        .with_client_options(options.transport.client_options(NAME, client, plain)?)
        .with_retry(options.transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.bucket).caused_by(&err))
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
fn environment(
    options: &GcsOptions,
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<(GoogleConfigKey, String)> {
    let credentials = options.service_account_key.is_none()
        && options.service_account_path.is_none()
        && options.endpoint_url.is_none();
    variables
        .filter(|(name, value)| name.starts_with("GOOGLE_") && !value.is_empty())
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value)))
        .filter(|(key, _)| {
            let credential = matches!(
                key,
                GoogleConfigKey::ServiceAccount
                    | GoogleConfigKey::ServiceAccountKey
                    | GoogleConfigKey::ApplicationCredentials
                    | GoogleConfigKey::BearerToken
            );
            // The bucket is ours, and unsigned writes do not work.
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
        let variables = all
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        environment(options, variables)
            .into_iter()
            .map(|(_, value)| value)
            .collect()
    }

    #[test]
    fn credentials_of_the_environment_go_to_no_other_endpoint() {
        let mut options = GcsOptions::new("b").unwrap();
        assert_eq!(taken(&options), ["file", "key", "token", "url"]);
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
        let client = build(&options).unwrap();
        let token = client.credentials().get_credential().now_or_never();
        assert_eq!(token.unwrap().unwrap().bearer, "");
        assert!(anonymous("http://h").contains("\"disable_oauth\":true"));
    }
}
