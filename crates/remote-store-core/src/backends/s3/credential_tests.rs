//! Where credentials come from: files, variables and services on this machine, no other.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use std::path::Path;

use async_trait::async_trait;
use object_store::aws::{AmazonS3, AmazonS3ConfigKey, AwsCredential};

use super::*;
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::loopback::{Asked, Loopback};
use crate::credential::{Credential, CredentialSource, Lease, SharedCredentialSource};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime;

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
        let mut all = vec![
            ("AWS_CONFIG_FILE".to_owned(), file("config")),
            (
                "AWS_SHARED_CREDENTIALS_FILE".to_owned(),
                file("credentials"),
            ),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ];
        let further = further.iter();
        all.extend(further.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.into_iter().collect()
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
    let environment = [
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("HOME", "/nonexistent"),
    ];
    let environment = environment
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let error = refusal(&options(None), &environment);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("anonymous=true"), "{error}");
    let mut anonymous = options(None);
    anonymous.anonymous = true;
    client::build(&anonymous, &environment).unwrap();
}

#[derive(Debug)]
struct SignedIn;

#[async_trait]
impl CredentialSource for SignedIn {
    async fn fetch(&self) -> Result<Lease> {
        let key = Credential::access_key("SSOKEY", "SSOSECRET", Some("SSOTOKEN".into()));
        Ok(Lease::new(key))
    }
}

#[test]
fn a_profile_that_needs_sso_or_mfa_asks_the_source_given_for_it() {
    let home = Home::new();
    let mut given = options(Some("on-sso"));
    given.profile_credential = Some(SharedCredentialSource::new(SignedIn));
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

const ASSUMED: &str = "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ROLEKEY</AccessKeyId>\
     <SecretAccessKey>r</SecretAccessKey><SessionToken>ROLETOKEN</SessionToken>\
     <Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

#[test]
fn a_role_is_assumed_with_the_credentials_of_its_source_profile() {
    let home = Home::new();
    let service = Loopback::start(|_asked| (200, vec![], ASSUMED.to_owned()));
    let environment = home.with(&[("AWS_ENDPOINT_URL_STS", service.url.as_str())]);
    let client = client::build(&options(Some("role")), &environment).unwrap();
    let credential = credential_of(&client).unwrap();
    assert_eq!(credential.key_id, "ROLEKEY");
    assert_eq!(credential.token.as_deref(), Some("ROLETOKEN"));
    // A second request does not ask again: the lease is long.
    credential_of(&client).unwrap();
    let [asked] = service.asked().try_into().unwrap();
    let Asked { line, .. } = &asked;
    assert!(line.contains("Action=AssumeRole&"), "{line}");
    assert!(
        line.contains("&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Freader"),
        "{line}"
    );
    assert!(line.contains("&ExternalId=a%26b"), "{line}");
    let signed = asked.header("authorization").unwrap();
    assert!(
        signed.contains("Credential=FILEKEY/") && signed.contains("/sts/"),
        "{signed}"
    );
    assert_eq!(asked.header("x-amz-security-token"), Some("FILETOKEN"));
}

#[test]
fn a_role_that_is_refused_says_why_and_is_no_retry() {
    let home = Home::new();
    let answer = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not yours: secret=hunter2hunter2</Message>\
                  </Error></ErrorResponse>";
    let service = Loopback::start(move |_asked| (403, vec![], answer.to_owned()));
    let environment = home.with(&[("AWS_ENDPOINT_URL_STS", service.url.as_str())]);
    let mut given = options(Some("role"));
    given.transport.retry.max_attempts = 3;
    let client = client::build(&given, &environment).unwrap();
    let error = credential_of(&client).unwrap_err().to_string();
    assert!(
        error.contains("403 AccessDenied") && error.contains("not yours"),
        "{error}"
    );
    assert!(!error.contains("hunter2"), "{error}");
    assert_eq!(service.asked().len(), 1);
}

#[test]
fn the_token_of_a_web_identity_is_read_from_its_file() {
    let home = Home::new();
    let token = home.path().join("token");
    std::fs::write(&token, "webtoken\n").unwrap();
    let service = Loopback::start(|_asked| (200, vec![], ASSUMED.to_owned()));
    let token = token.display().to_string();
    let environment = home.with(&[
        ("AWS_ENDPOINT_URL_STS", service.url.as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/pod"),
        ("AWS_ROLE_SESSION_NAME", "me"),
    ]);
    assert_eq!(key_id(&options(None), &environment), "ROLEKEY");
    let [asked] = service.asked().try_into().unwrap();
    assert!(asked.line.contains("Action=AssumeRoleWithWebIdentity&"));
    assert!(
        asked.line.contains("&RoleSessionName=me&"),
        "{}",
        asked.line
    );
    assert!(asked.line.ends_with("&WebIdentityToken=webtoken"));
    assert_eq!(asked.header("authorization"), None);
}

const MACHINE: &str = r#"{"AccessKeyId": "HOSTKEY", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}"#;

#[test]
fn a_container_is_asked_with_its_token() {
    let service = Loopback::start(|_asked| (200, vec![], MACHINE.to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "podtoken").unwrap();
    let with = |url: &str, further: (&str, &str)| -> Environment {
        let all = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            further,
        ];
        let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.into_iter().collect()
    };
    let token = token.display().to_string();
    let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.as_str());
    assert_eq!(key_id(&options(None), &with(&service.url, file)), "HOSTKEY");
    let given = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic x");
    assert_eq!(
        key_id(&options(None), &with(&service.url, given)),
        "HOSTKEY"
    );
    let tokens: Vec<_> = service
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["podtoken", "Basic x"]);
    // The last one is a name of somebody, whatever it begins with.
    for elsewhere in ["http://example.org/x", "http://127.0.0.1.example.org/x"] {
        let error = refusal(&options(None), &with(elsewhere, given));
        assert!(error.to_string().contains("without https"), "{error}");
    }
    let other = Loopback::start(|_asked| (200, vec![], MACHINE.to_owned()));
    let to = other.url.clone();
    let service = Loopback::start(move |_| (307, vec![("location", to.clone())], String::new()));
    let client = client::build(&options(None), &with(&service.url, given)).unwrap();
    let error = credential_of(&client).err().unwrap();
    assert!(error.to_string().contains("(307)"), "{error}");
    assert!(other.asked().is_empty(), "the token's way is not changed");
}

#[test]
fn a_machine_is_asked_through_a_session_and_only_for_a_service_of_aws() {
    let service = Loopback::start(|asked| {
        let body = match asked.line.as_str() {
            "PUT /latest/api/token" => "session",
            "GET /latest/meta-data/iam/security-credentials/" => "the-role",
            "GET /latest/meta-data/iam/security-credentials/the-role" => MACHINE,
            _ => return (404, vec![], String::new()),
        };
        (200, vec![], body.to_owned())
    });
    let url = service.url.clone();
    let environment: Environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), url)]
        .into_iter()
        .collect();
    assert_eq!(key_id(&options(None), &environment), "HOSTKEY");
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[2].header("x-aws-ec2-metadata-token"), Some("session"));
    let mut elsewhere = options(None);
    elsewhere.endpoint_url = Some("http://127.0.0.1:9".to_owned());
    let error = refusal(&elsewhere, &environment);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(service.asked().len(), 3);
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
