//! Where credentials come from: options, variables and services on this machine, no other.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use object_store::azure::MicrosoftAzure;

use super::*;
use crate::backends::cloud::configured::{environment, fixed};
use crate::backends::cloud::environment::Environment;
use crate::backends::cloud::loopback::{Asked, Loopback};
use crate::credential::Credential;
use crate::error::ErrorKind;
use crate::runtime;

/// Options for a service on this machine, which knows nobody.
fn options(service: &Loopback) -> AzureOptions {
    let mut options = AzureOptions::new("lake").unwrap();
    options.account_name = Some("acme".to_owned());
    options.account_url = Some(format!("{}/acme", service.url));
    options.transport.retry.max_attempts = 1;
    options
}

/// A token service and a blob service at once.
fn service() -> Loopback {
    Loopback::start(|asked| {
        if asked.line.contains("/oauth2/") {
            let token = r#"{"access_token": "signedin", "expires_in": 3600}"#;
            return (200, vec![], token.to_owned());
        }
        (404, vec![], String::new())
    })
}

fn ask(client: &MicrosoftAzure) {
    let path = object_store::path::Path::from("a");
    let answer = runtime::block_on(crate::Driver::Tokio, async {
        object_store::ObjectStoreExt::head(client, &path).await
    });
    drop(answer.unwrap().unwrap_err());
}

fn last(service: &Loopback) -> Asked {
    service.asked().pop().unwrap()
}

#[test]
fn each_kind_of_credential_of_a_source_signs_as_it_should() {
    let service = service();
    let mut given = options(&service);
    let mut asked_with = |credential: Credential| {
        given.credential_source = Some(fixed(credential));
        ask(&client::build(&given, &Environment::default()).unwrap());
        last(&service)
    };
    let bearer = asked_with(Credential::Bearer("tok".into()));
    assert_eq!(bearer.header("authorization"), Some("Bearer tok"));
    let key = asked_with(Credential::AccountKey("a2V5".into()));
    let signed = key.header("authorization").unwrap();
    assert!(signed.starts_with("SharedKey acme:"), "{signed}");
    let sas = asked_with(Credential::SharedAccessSignature(
        "?sv=1&sig=a%2Bb%26c".into(),
    ));
    assert!(sas.line.contains("sv=1&sig=a%2Bb%26c"), "{}", sas.line);
    assert_eq!(sas.header("authorization"), None);
}

#[test]
fn an_application_of_the_options_signs_in_where_the_environment_says() {
    let service = service();
    let mut given = options(&service);
    given.client_secret = Some("hunter2".into());
    let refused = AzureBackend::new(given.clone()).unwrap_err().to_string();
    assert!(refused.contains("'tenant_id' and 'client_id'"), "{refused}");
    given.tenant_id = Some("tenant".to_owned());
    given.client_id = Some("app".to_owned());
    let variables = environment(&[
        ("AZURE_AUTHORITY_HOST", service.url.as_str()),
        // Of somebody else: never mixed.
        ("AZURE_CLIENT_SECRET", "other"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "b3RoZXI="),
    ]);
    ask(&client::build(&given, &variables).unwrap());
    let asked = service.asked();
    assert!(
        asked[0].line.contains("/tenant/oauth2/v2.0/token"),
        "{}",
        asked[0].line
    );
    assert!(asked[0].body.contains("client_id=app"));
    assert!(asked[0].body.contains("client_secret=hunter2"));
    assert_eq!(asked[1].header("authorization"), Some("Bearer signedin"));
}

#[test]
fn without_a_signature_nothing_is_signed() {
    let service = service();
    let mut given = options(&service);
    given.anonymous = true;
    ask(&client::build(&given, &Environment::default()).unwrap());
    assert_eq!(last(&service).header("authorization"), None);
    given.sas_token = Some("sig=x".into());
    let refused = AzureBackend::new(given).unwrap_err().to_string();
    assert!(
        refused.contains("'sas_token' and one in 'anonymous'"),
        "{refused}"
    );
}

fn bearer_of(options: &AzureOptions, variables: &[(&str, &str)]) -> Option<String> {
    let client = client::build(options, &environment(variables)).unwrap();
    let credential = runtime::block_on(crate::Driver::Tokio, async {
        client.credentials().get_credential().await
    });
    let credential = credential.unwrap().unwrap();
    if let object_store::azure::AzureCredential::BearerToken(token) = &*credential {
        return Some(token.clone());
    }
    None
}

#[test]
fn the_default_credential_stands_in_for_the_machine_and_for_nobody_else() {
    let mut given = AzureOptions::new("lake").unwrap();
    given.account_name = Some("acme".to_owned());
    given.default_credential = Some(fixed(Credential::Bearer("default".into())));
    assert_eq!(bearer_of(&given, &[]).as_deref(), Some("default"));
    let own = [("AZURE_STORAGE_TOKEN", "own")];
    assert_eq!(bearer_of(&given, &own).as_deref(), Some("own"));
    let key = [("AZURE_STORAGE_KEY", "a2V5")];
    assert_eq!(bearer_of(&given, &key), None);
    // It goes to no other service than Azure's.
    given.account_url = Some("http://127.0.0.1:9/acme".to_owned());
    let refused = client::build(&given, &Environment::default())
        .err()
        .unwrap();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_source_of_another_cloud_is_refused_without_its_credential() {
    let service = service();
    let mut given = options(&service);
    given.credential_source = Some(fixed(Credential::access_key("AKIA", "hunter2", None)));
    let store = crate::Store::new(
        Arc::new(AzureBackend::new(given).unwrap()),
        crate::Prefix::root(),
    );
    let error = runtime::block_on(crate::Driver::Tokio, store.read_bytes("a"));
    let error = error.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let text = error.to_string();
    assert!(
        text.contains("gave an access key; it takes a bearer token"),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
    assert!(service.asked().is_empty());
}
