//! The HTTP client of one process, built on first use.

use object_store::ClientOptions;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};

use crate::backends::cloud::service::{Service, cannot_be_set_up, install_tls, no_credentials};
use crate::error::Result;

use super::options::S3Options;
use super::{NAME, WORDS};

/// What stands in the environment instead of a key and its secret.
const CREDENTIAL_VARIABLES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Builds the client. Opens no connection.
pub(super) fn build(options: &S3Options) -> Result<AmazonS3> {
    install_tls();
    let mut client = ClientOptions::new();
    let mut builder = AmazonS3Builder::new();
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    for (name, value) in environment(options, variables) {
        if let AmazonS3ConfigKey::Client(name) = name {
            client = client.with_config(name, value);
        } else {
            builder = builder.with_config(name, value);
        }
    }
    builder = builder
        .with_bucket_name(&options.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    if let (Some(key), Some(secret)) = (&options.key, &options.secret) {
        builder = builder
            .with_access_key_id(key.reveal())
            .with_secret_access_key(secret.reveal());
        if let Some(token) = &options.session_token {
            builder = builder.with_token(token.reveal());
        }
    } else if options.anonymous {
        builder = builder.with_skip_signature(true);
    } else if !CREDENTIAL_VARIABLES
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    {
        return Err(no_credentials(&WORDS, &options.bucket, "No credentials"));
    }
    if let Some(region) = &options.region_name {
        builder = builder.with_region(region);
    }
    let endpoint = options.endpoint();
    let plain = endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(with_bucket(endpoint, options));
    }
    builder
        .with_virtual_hosted_style_request(options.virtual_hosted_style)
        // TLS protects the body already; without it the signature has to.
        .with_unsigned_payload(!plain)
        .with_client_options(options.transport.client_options(NAME, client, plain)?)
        .with_retry(options.transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.bucket).caused_by(&err))
}

/// With virtual hosting the client takes the endpoint as it stands.
fn with_bucket(endpoint: String, options: &S3Options) -> String {
    match endpoint.split_once("://") {
        Some((scheme, host)) if options.virtual_hosted_style => {
            format!("{scheme}://{}.{host}", options.bucket)
        }
        _ => endpoint,
    }
}

/// The `AWS_…` variables that the options do not override. Credentials are
/// never mixed: a token of the environment does not belong to a given key.
fn environment(
    options: &S3Options,
    variables: impl Iterator<Item = (String, String)>,
) -> Vec<(AmazonS3ConfigKey, String)> {
    let explicit = options.key.is_some() || options.anonymous;
    variables
        .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
        .filter_map(|(name, value)| {
            Some((
                name.to_ascii_lowercase()
                    .parse::<AmazonS3ConfigKey>()
                    .ok()?,
                value,
            ))
        })
        .filter(|(key, _)| {
            let credential = matches!(
                key,
                AmazonS3ConfigKey::AccessKeyId
                    | AmazonS3ConfigKey::SecretAccessKey
                    | AmazonS3ConfigKey::Token
            );
            let endpoint = matches!(
                key,
                AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint
            );
            let ours = matches!(
                key,
                AmazonS3ConfigKey::Bucket | AmazonS3ConfigKey::VirtualHostedStyleRequest
            );
            !(credential && explicit || endpoint && options.endpoint_url.is_some() || ours)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use remote_store_credential_masking::Secret;

    fn taken(options: &S3Options) -> Vec<String> {
        let all = [
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_REGION", "region"),
            ("AWS_ENDPOINT_URL", "endpoint"),
            ("AWS_ENDPOINT_URL_S3", "s3-endpoint"),
            ("AWS_BUCKET", "bucket"),
            ("AWS_PROFILE", ""),
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
    fn a_token_of_the_environment_never_meets_a_given_key() {
        let mut options = S3Options::new("b").unwrap();
        assert_eq!(
            taken(&options),
            [
                "key",
                "secret",
                "token",
                "region",
                "endpoint",
                "s3-endpoint"
            ]
        );
        options.key = Some(Secret::new("k"));
        assert_eq!(taken(&options), ["region", "endpoint", "s3-endpoint"]);
        options.endpoint_url = Some("http://localhost".into());
        assert_eq!(taken(&options), ["region"]);
    }
}
