//! The HTTP client of one process, built on first use.

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{BackoffConfig, Certificate, ClientOptions, RetryConfig};

use crate::error::{Error, Result};

use super::NAME;
use super::options::{RetryOptions, S3Options};

/// A pause of nothing would make the client's random pauses panic.
const MIN_BACKOFF_MS: u64 = 1;

/// What stands in the environment instead of a key and its secret.
const CREDENTIAL_VARIABLES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// Builds the client. Opens no connection.
pub(super) fn build(options: &S3Options) -> Result<AmazonS3> {
    // Only the first installation counts; one by the application is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
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
        return Err(no_credentials(&options.bucket));
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
        .with_client_options(client_options(client, options, plain)?)
        .with_retry(retry(&options.retry))
        .build()
        .map_err(|err| {
            let message = format!(
                "Backend 's3' for the bucket '{}' cannot be set up; check its options",
                options.bucket
            );
            Error::InvalidConfig {
                message,
                backend: Some(NAME.into()),
                source: None,
            }
            .caused_by(&err)
        })
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

fn client_options(
    client: ClientOptions,
    options: &S3Options,
    plain: bool,
) -> Result<ClientOptions> {
    let mut client = client
        .with_connect_timeout(options.connect_timeout)
        .with_timeout_disabled()
        .with_read_timeout(options.read_timeout);
    if plain {
        client = client.with_allow_http(true);
    }
    if let Some(proxy) = &options.proxy_url {
        client = client.with_proxy_url(proxy.reveal());
    }
    let Some(path) = &options.tls_ca_bundle else {
        return Ok(client);
    };
    let refuse = |what: &str| Error::InvalidConfig {
        message: format!(
            "Option 'tls_ca_bundle' of backend 's3': {} {what}",
            path.display()
        ),
        backend: Some(NAME.into()),
        source: None,
    };
    let pem = std::fs::read(path).map_err(|err| refuse("cannot be read").caused_by(&err))?;
    let bundle = Certificate::from_pem_bundle(&pem)
        .map_err(|err| refuse("is no PEM file of certificates").caused_by(&err))?;
    if bundle.is_empty() {
        return Err(refuse("holds no certificate"));
    }
    Ok(bundle
        .into_iter()
        .fold(client, ClientOptions::with_root_certificate))
}

fn retry(options: &RetryOptions) -> RetryConfig {
    let shortest = std::time::Duration::from_millis(MIN_BACKOFF_MS);
    let first = options.backoff_base.max(shortest);
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: first,
            max_backoff: options.backoff_max.max(first),
            base: 2.0,
        },
        max_retries: options.max_attempts.saturating_sub(1),
        retry_timeout: options.timeout,
    }
}

fn no_credentials(bucket: &str) -> Error {
    Error::PermissionDenied {
        message:
            "No credentials for backend 's3'. Give 'key' and 'secret', set AWS_ACCESS_KEY_ID and \
                  AWS_SECRET_ACCESS_KEY, or ask for unsigned requests with anonymous=true"
                .into(),
        path: bucket.to_owned(),
        backend: NAME.into(),
        source: None,
    }
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

    #[test]
    fn pauses_that_the_client_cannot_take_are_raised() {
        let none = std::time::Duration::ZERO;
        let given = RetryOptions {
            max_attempts: 1,
            backoff_base: none,
            backoff_max: none,
            timeout: none,
        };
        let config = retry(&given);
        assert_eq!(config.max_retries, 0);
        assert!(!config.backoff.init_backoff.is_zero());
        assert!(config.backoff.max_backoff >= config.backoff.init_backoff);
    }
}
