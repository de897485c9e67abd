//! Credentials that a service gives: a role, a web identity, a container, the machine.

use super::*;
use crate::backends::cloud::loopback::Asked;

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
        environment(&[
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            further,
        ])
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
    let url = service.url.as_str();
    let environment = environment(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", url)]);
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
