//! The HTTP client of one process, built on first use.

use object_store::ClientOptions;
use object_store::aws::{
    AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, S3ConditionalPut,
};

use crate::backends::cloud::credential::{Renewed, wrong_kind};
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::service::{cannot_be_set_up, install_tls};
use crate::backends::cloud::transport::{check_endpoint, with_scheme};
use crate::credential::Credential;
use crate::error::Result;

use super::chain::{Chain, Found};
use super::options::S3Options;
use super::profile::Profiles;
use super::{NAME, WORDS};

/// The region of services that do not care for it.
const ANY_REGION: &str = "us-east-1";
/// Endpoints of AWS itself.
const AWS_HOSTS: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];

/// Builds the client. Opens no connection.
pub(super) fn build(options: &S3Options, environment: &Environment) -> Result<AmazonS3> {
    install_tls();
    let profiles = Profiles::read(options.profile.as_deref(), environment)?;
    let (client, mut builder) = features(environment);
    let region = region(options, environment, &profiles).unwrap_or(ANY_REGION);
    let endpoint = endpoint(options, environment, &profiles);
    check_endpoint(NAME, WORDS.endpoint_option, endpoint.as_deref())?;
    let plain = endpoint
        .as_deref()
        .is_some_and(|url| url.starts_with("http://"));
    let mut transport = options.transport.clone();
    if transport.tls_ca_bundle.is_none() {
        let bundle = environment.get("AWS_CA_BUNDLE");
        let bundle = bundle.or_else(|| profiles.configured(&profiles.name, "ca_bundle"));
        transport.tls_ca_bundle = bundle.map(Into::into);
    }
    let client = transport.client_options(NAME, client, plain)?;
    let chain = Chain {
        options,
        environment,
        profiles: &profiles,
        region,
        client: client.clone(),
        elsewhere: endpoint.as_deref().is_some_and(|url| !is_aws(url)),
    };
    builder = match chain.find()? {
        Found::Anonymous => builder.with_skip_signature(true),
        Found::Fixed(credential) => {
            let AwsCredential {
                key_id,
                secret_key,
                token,
            } = aws_credential(credential)?;
            let builder = builder
                .with_access_key_id(key_id)
                .with_secret_access_key(secret_key);
            match token {
                Some(token) => builder.with_token(token),
                None => builder,
            }
        }
        Found::Source(source) => {
            builder.with_credentials(Renewed::new("S3", source, aws_credential))
        }
    };
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(with_bucket(endpoint, options));
    }
    builder
        .with_bucket_name(&options.bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_region(region)
        .with_virtual_hosted_style_request(options.virtual_hosted_style)
        // TLS protects the body already; without it the signature has to.
        .with_unsigned_payload(!plain)
        .with_client_options(client)
        .with_http_connector(transport.connector())
        .with_retry(transport.retry.config())
        .build()
        .map_err(|err| cannot_be_set_up(&WORDS, &options.bucket).caused_by(&err))
}

/// What a client of S3 signs with.
pub(super) fn aws_credential(given: Credential) -> Result<AwsCredential> {
    match given {
        Credential::AccessKey {
            key,
            secret,
            session_token,
        } => Ok(AwsCredential {
            key_id: key.reveal().to_owned(),
            secret_key: secret.reveal().to_owned(),
            token: session_token.map(|token| token.reveal().to_owned()),
        }),
        other @ (Credential::AccountKey(_)
        | Credential::SharedAccessSignature(_)
        | Credential::Bearer(_)) => Err(wrong_kind(NAME, &other, "an access key")),
    }
}

/// Where the service is: options, environment, profile; none for AWS's own place.
pub(super) fn endpoint(
    options: &S3Options,
    environment: &Environment,
    profiles: &Profiles,
) -> Option<String> {
    let ignore = environment.is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let configured = || {
        environment
            .first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
            .or_else(|| profiles.endpoint("s3"))
            .filter(|_| !ignore)
    };
    options
        .endpoint_url
        .as_deref()
        .or_else(configured)
        .map(with_scheme)
}

fn region<'a>(
    options: &'a S3Options,
    environment: &'a Environment,
    profiles: &'a Profiles,
) -> Option<&'a str> {
    options
        .region_name
        .as_deref()
        .or_else(|| environment.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
        .or_else(|| profiles.value(&profiles.name, "region"))
}

fn is_aws(endpoint: &str) -> bool {
    let url = endpoint.parse::<reqwest::Url>().ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or("");
    AWS_HOSTS.iter().any(|known| host.ends_with(known))
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

/// What else the client takes from `AWS_…` variables: neither who one is nor
/// where the service is, which is decided here.
fn features(environment: &Environment) -> (ClientOptions, AmazonS3Builder) {
    let (mut client, mut builder) = (ClientOptions::new(), AmazonS3Builder::new());
    for (name, value) in environment.iter() {
        if !name.starts_with("AWS_") {
            continue;
        }
        match name.to_ascii_lowercase().parse() {
            Ok(AmazonS3ConfigKey::Client(key)) => client = client.with_config(key, value),
            Ok(
                key @ (AmazonS3ConfigKey::UnsignedPayload
                | AmazonS3ConfigKey::Checksum
                | AmazonS3ConfigKey::DisableTagging
                | AmazonS3ConfigKey::DisableBulkDelete
                | AmazonS3ConfigKey::RequestPayer
                | AmazonS3ConfigKey::S3Express
                | AmazonS3ConfigKey::Encryption(_)),
            ) => builder = builder.with_config(key, value),
            Ok(_) | Err(_) => {}
        }
    }
    (client, builder)
}
