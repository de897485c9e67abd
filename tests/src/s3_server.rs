//! The S3 server that `cargo xtask test` starts, as the environment names it.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use remote_store_core::backends::{S3Backend, S3Options};
use remote_store_core::{Driver, Prefix, Store, Subject, runtime};
use remote_store_credential_masking::Secret;
use reqwest::Method;

use crate::cloud::Cloud;
use crate::found::Server;
use crate::scripted::Scripted;
use crate::{Setup, variable};

/// Where the server listens.
const ENDPOINT: &str = "REMOTE_STORE_TEST_S3_ENDPOINT";
/// Its access key.
const KEY: &str = "REMOTE_STORE_TEST_S3_KEY";
/// The secret of that key.
const SECRET: &str = "REMOTE_STORE_TEST_S3_SECRET";

/// A running S3 server and the credentials for it.
#[derive(Debug, Clone)]
pub struct S3Server {
    endpoint: String,
    key: Secret,
    secret: Secret,
    bucket: String,
}

impl S3Server {
    /// Makes a bucket; one that exists is left as it is.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn create_bucket(&self, bucket: &str) -> Setup<()> {
        let answer = self.request(Method::PUT, bucket, &[])?;
        if answer.is_empty()
            || answer.contains("BucketAlreadyOwnedByYou")
            || answer.contains("BucketAlreadyExists")
        {
            return Ok(());
        }
        Err(format!("the server did not make the bucket: {answer}").into())
    }

    /// How many multipart uploads are open in a bucket.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub fn open_uploads(&self, bucket: &str) -> Setup<usize> {
        let listing = self.request(Method::GET, bucket, &[("uploads", "")])?;
        if !listing.contains("ListMultipartUploadsResult") {
            return Err(format!("no listing of uploads: {listing}").into());
        }
        Ok(listing.matches("<UploadId>").count())
    }

    /// A signed request to the bucket itself; the body of the answer.
    fn request(&self, method: Method, bucket: &str, query: &[(&str, &str)]) -> Setup<String> {
        let client = self.client(bucket)?;
        let options = SignedUrlOptions::default().with_query(query.iter().copied());
        let request = async {
            let url = client
                .signed_url_opts(
                    method.clone(),
                    &Path::default(),
                    Duration::from_mins(1),
                    &options,
                )
                .await?;
            let answer = reqwest::Client::new()
                .request(method, url.as_str())
                .send()
                .await?;
            Setup::Ok(answer.text().await?)
        };
        runtime::block_on(Driver::Tokio, request)?
    }

    fn client(&self, bucket: &str) -> Setup<AmazonS3> {
        // Only the first installation counts; the store under test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        let builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_endpoint(&self.endpoint)
            .with_region("us-east-1")
            .with_allow_http(true)
            .with_access_key_id(self.key.reveal())
            .with_secret_access_key(self.secret.reveal());
        Ok(builder.build()?)
    }
}

impl Server for S3Server {
    fn from_env() -> Result<Self, String> {
        Ok(Self {
            endpoint: variable(ENDPOINT)?,
            key: Secret::new(variable(KEY)?),
            secret: Secret::new(variable(SECRET)?),
            // Other runs may look for uploads left open in theirs.
            bucket: format!("core-suite-{}", std::process::id()),
        })
    }

    fn prepare(&self) -> Setup<()> {
        self.create_bucket(&self.bucket)
    }
}

impl Cloud for S3Server {
    type Options = S3Options;
    const HOLDS: Subject = Subject::Bucket;
    const ENDPOINT_OPTION: &'static str = "endpoint_url";

    fn bucket(&self) -> &str {
        &self.bucket
    }

    fn options(&self, bucket: &str) -> Setup<S3Options> {
        let mut options = S3Options::new(bucket)?;
        options.endpoint_url = Some(self.endpoint.clone());
        options.key = Some(self.key.clone());
        options.secret = Some(self.secret.clone());
        Ok(options)
    }

    fn impatient(port: u16) -> Setup<S3Options> {
        let mut options = with_any_key(&format!("http://127.0.0.1:{port}"))?;
        options.transport.retry.max_attempts = 1;
        Ok(options)
    }

    fn strict_tree(mut options: S3Options) -> S3Options {
        options.reject_write_under_file_ancestor = true;
        options
    }

    fn over(options: S3Options, root: &str) -> Setup<Store> {
        let backend = S3Backend::new(options)?;
        Ok(Store::new(Arc::new(backend), Prefix::parse(root)?))
    }
}

/// Options for a bucket `lake` on a server that looks at no signature.
fn with_any_key(url: &str) -> Setup<S3Options> {
    let mut options = S3Options::new("lake")?;
    options.endpoint_url = Some(url.to_owned());
    options.key = Some(Secret::new("AKIAEXAMPLE"));
    options.secret = Some(Secret::new("not a secret"));
    Ok(options)
}

/// A store over the bucket `lake` of a server that answers as a test tells it to; what fails is
/// asked again at once.
///
/// # Errors
/// When it cannot be made.
pub fn over_scripted(server: &Scripted) -> Setup<Store> {
    let mut options = with_any_key(&server.url)?;
    options.transport.retry.backoff_base = Duration::from_millis(1);
    S3Server::over(options, "")
}
