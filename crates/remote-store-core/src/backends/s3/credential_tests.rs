//! Where credentials come from: files, variables and services on this machine, no other.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use std::path::Path;

use async_trait::async_trait;
use object_store::aws::{AmazonS3, AmazonS3ConfigKey, AwsCredential};

use super::*;
use crate::backends::cloud::configured::{environment, fixed};
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::loopback::Loopback;
use crate::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime;

mod services;

const CONFIG: &str = "\
[default]
region = eu-central-1
[profile keys]
aws_access_key_id = CONFIGKEY
aws_secret_access_key = CONFIGSECRET
region = ap-south-1
services = local
[services local]
s3 =
  endpoint_url = http://127.0.0.1:9
[profile role]
role_arn = arn:aws:iam::1:role/reader
source_profile = file
external_id = a&b
[profile ring]
role_arn = arn:aws:iam::1:role/a
source_profile = ring2
[profile ring2]
role_arn = arn:aws:iam::1:role/b
source_profile = ring
[profile half]
aws_access_key_id = ONLY
[profile sso]
sso_session = corp
[profile on-sso]
role_arn = arn:aws:iam::1:role/reader
source_profile = sso
[profile mfa]
role_arn = arn:aws:iam::1:role/reader
source_profile = file
mfa_serial = arn:aws:iam::1:mfa/me
[profile lonely]
role_arn = arn:aws:iam::1:role/reader
";

const CREDENTIALS: &str = "\
[default]
aws_access_key_id = FILEDEFAULT
aws_secret_access_key = FILESECRET
[file]
aws_access_key_id = FILEKEY
aws_secret_access_key = FILESECRET
aws_session_token = FILETOKEN
";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config"), CONFIG).unwrap();
        std::fs::write(folder.path().join("credentials"), CREDENTIALS).unwrap();
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn append(&self, text: &str) {
        let path = self.path().join("config");
        let before = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, before + text).unwrap();
    }

    /// The variables of a process that knows these files and no machine.
    fn with(&self, further: &[(&str, &str)]) -> Environment {
        let file = |name: &str| self.path().join(name).display().to_string();
        let (config, credentials) = (file("config"), file("credentials"));
        let own = [
            ("AWS_CONFIG_FILE", config.as_str()),
            ("AWS_SHARED_CREDENTIALS_FILE", credentials.as_str()),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        environment(&[own.as_slice(), further].concat())
    }
}

fn options(profile: Option<&str>) -> S3Options {
    let mut options = S3Options::new("lake").unwrap();
    options.profile = profile.map(str::to_owned);
    options.transport.retry.max_attempts = 1;
    options
}

fn credential_of(client: &AmazonS3) -> object_store::Result<AwsCredential> {
    let fetched = runtime::block_on(crate::Driver::Tokio, async {
        client.credentials().get_credential().await
    });
    let credential = fetched.unwrap()?;
    Ok(AwsCredential {
        key_id: credential.key_id.clone(),
        secret_key: credential.secret_key.clone(),
        token: credential.token.clone(),
    })
}

fn key_id(options: &S3Options, environment: &Environment) -> String {
    let client = client::build(options, environment).unwrap();
    credential_of(&client).unwrap().key_id
}

fn refusal(options: &S3Options, environment: &Environment) -> Error {
    client::build(options, environment).err().unwrap()
}

#[test]
fn options_come_before_variables_and_variables_before_files() {
    let home = Home::new();
    let variables = [
        ("AWS_ACCESS_KEY_ID", "ENVKEY"),
        ("AWS_SECRET_ACCESS_KEY", "ENVSECRET"),
        ("AWS_SESSION_TOKEN", "ENVTOKEN"),
    ];
    let mut given = options(None);
    assert_eq!(key_id(&given, &home.with(&[])), "FILEDEFAULT");
    let environment = home.with(&variables);
    assert_eq!(key_id(&given, &environment), "ENVKEY");
    let named = home.with(&[variables.as_slice(), &[("AWS_PROFILE", "file")]].concat());
    assert_eq!(key_id(&given, &named), "ENVKEY");
    // A profile among the options is meant, whatever the variables say.
    assert_eq!(key_id(&options(Some("file")), &environment), "FILEKEY");
    given.key = Some("OWNKEY".into());
    given.secret = Some("OWNSECRET".into());
    let own = credential_of(&client::build(&given, &named).unwrap()).unwrap();
    // A token of the environment does not belong to a given key.
    assert_eq!((own.key_id.as_str(), own.token), ("OWNKEY", None));
}

#[test]
fn a_profile_gives_keys_region_and_endpoint() {
    let home = Home::new();
    let environment = home.with(&[("AWS_PROFILE", "keys")]);
    assert_eq!(key_id(&options(None), &environment), "CONFIGKEY");
    let profiles = profile::Profiles::read(None, &environment).unwrap();
    let endpoint =
        |environment: &Environment| client::endpoint(&options(None), environment, &profiles);
    assert_eq!(endpoint(&environment).unwrap(), "http://127.0.0.1:9");
    let environment = home.with(&[
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2/"),
    ]);
    assert_eq!(endpoint(&environment).unwrap(), "http://127.0.0.1:2");
    let environment = home.with(&[("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")]);
    assert_eq!(endpoint(&environment), None);
}

#[test]
fn an_endpoint_of_the_environment_is_reached_by_plain_http() {
    let home = Home::new();
    let server = Loopback::start(|_asked| (200, vec![], "hello".to_owned()));
    let environment = home.with(&[("AWS_ENDPOINT_URL", server.url.as_str())]);
    let client = client::build(&options(None), &environment).unwrap();
    let path = object_store::path::Path::from("a");
    let got = runtime::block_on(crate::Driver::Tokio, async {
        object_store::ObjectStoreExt::head(&client, &path).await
    });
    drop(got.unwrap());
    let asked = server.asked();
    assert_eq!(asked[0].line, "HEAD /lake/a");
    let signed = asked[0].header("authorization").unwrap();
    assert!(signed.contains("Credential=FILEDEFAULT/"), "{signed}");
    assert!(signed.contains("/eu-central-1/s3/"), "{signed}");
}

#[test]
fn what_is_written_wrong_is_named_without_its_content() {
    let home = Home::new();
    let environment = home.with(&[]);
    let said = |profile: &str| {
        let error = refusal(&options(Some(profile)), &environment);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        error.to_string()
    };
    assert!(said("nobody").contains("'nobody' is neither in"));
    assert!(said("nobody").contains("[default, file, half, keys, lonely,"));
    assert!(said("half").contains("only one of"));
    assert!(said("ring").contains("leads to itself"));
    assert!(said("lonely").contains("without source_profile"));
    for (profile, why) in [
        ("sso", "SSO"),
        ("on-sso", "profile 'sso' signs in through SSO"),
        ("mfa", "MFA"),
    ] {
        let text = said(profile);
        assert!(
            text.contains(why) && text.contains("pip install boto3"),
            "{text}"
        );
    }
    home.append("hunter2hunter2\n");
    let text = said("keys");
    assert!(text.contains("line ") && text.contains("config"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    let half = home.with(&[("AWS_ACCESS_KEY_ID", "x"), ("AWS_CONFIG_FILE", "/dev/null")]);
    let text = refusal(&options(None), &half).to_string();
    assert!(text.contains("AWS_SECRET_ACCESS_KEY"), "{text}");
}

#[test]
fn without_any_credential_the_ways_to_give_one_are_named() {
    let environment = environment(&[
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ]);
    let error = refusal(&options(None), &environment);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("anonymous=true"), "{error}");
    let mut anonymous = options(None);
    anonymous.anonymous = true;
    client::build(&anonymous, &environment).unwrap();
}

#[test]
fn a_profile_that_needs_sso_or_mfa_asks_the_source_given_for_it() {
    let home = Home::new();
    let mut given = options(Some("on-sso"));
    let key = Credential::access_key("SSOKEY", "SSOSECRET", Some("SSOTOKEN".into()));
    given.profile_credential = Some(fixed(key));
    assert_eq!(key_id(&given, &home.with(&[])), "SSOKEY");
    // Others do not.
    given.profile = Some("file".to_owned());
    assert_eq!(key_id(&given, &home.with(&[])), "FILEKEY");
}

#[cfg(unix)]
#[test]
fn a_program_gives_credentials_and_its_failure_shows_nothing_it_printed() {
    let home = Home::new();
    let good = home.path().join("good key.json");
    std::fs::write(
        &good,
        r#"{"Version": 1, "AccessKeyId": "RUNKEY", "SecretAccessKey": "s", "SessionToken": "t"}"#,
    )
    .unwrap();
    home.append(&format!(
        "[profile run]\ncredential_process = cat \"{}\"\n\
         [profile fails]\ncredential_process = sh -c \"echo hunter2; exit 3\"\n\
         [profile odd]\ncredential_process = echo hunter2\n",
        good.display()
    ));
    let environment = home.with(&[]);
    assert_eq!(key_id(&options(Some("run")), &environment), "RUNKEY");
    for (profile, why) in [("fails", "exit status: 3"), ("odd", "cannot be read")] {
        let client = client::build(&options(Some(profile)), &environment).unwrap();
        let error = credential_of(&client).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[derive(Debug)]
struct Shut;

#[async_trait]
impl CredentialSource for Shut {
    async fn fetch(&self) -> Result<Lease> {
        Err(crate::backends::cloud::credential::denied(
            "s3",
            "The vault is shut",
        ))
    }
}

#[test]
fn the_error_of_a_source_reaches_the_caller_as_it_is() {
    let server = Loopback::start(|_asked| (200, vec![], String::new()));
    let mut given = options(None);
    given.endpoint_url = Some(server.url.clone());
    given.credential = Some(SharedCredentialSource::new(Shut));
    let store = crate::Store::new(
        Arc::new(S3Backend::new(given).unwrap()),
        crate::Prefix::root(),
    );
    let errors = runtime::block_on(crate::Driver::Tokio, async {
        let options = crate::WriteOptions::overwrite();
        vec![
            store.read_bytes("a").await.unwrap_err(),
            store.write("a", "x".into(), &options).await.unwrap_err(),
            store.list_page("", None, 1).await.unwrap_err(),
            store.delete("a", false).await.unwrap_err(),
        ]
    });
    for error in errors.unwrap() {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.to_string().contains("The vault is shut"), "{error}");
    }
    assert!(server.asked().is_empty());
}

#[test]
fn two_ways_to_say_who_one_is_are_refused() {
    let mut given = options(Some("file"));
    given.anonymous = true;
    let error = S3Backend::new(given).unwrap_err().to_string();
    assert!(error.contains("'anonymous' and 'profile'"), "{error}");
}

#[test]
fn variables_that_the_client_knows_reach_it_and_no_identity_does() {
    let home = Home::new();
    let environment = home.with(&[
        ("AWS_UNSIGNED_PAYLOAD", "true"),
        ("AWS_SKIP_SIGNATURE", "true"),
        ("AWS_BUCKET", "other"),
        ("AWS_TIMEOUT", "1h"),
    ]);
    // The signature is not skipped, since a credential was found.
    assert_eq!(key_id(&options(None), &environment), "FILEDEFAULT");
    assert!("aws_timeout".parse::<AmazonS3ConfigKey>().is_ok());
}
