#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use super::*;
use crate::error::{Error, ErrorKind};

fn options(change: impl FnOnce(&mut AzureOptions)) -> AzureOptions {
    let mut options = AzureOptions::new("c").unwrap();
    change(&mut options);
    options
}

fn connected(text: &str) -> Result<Account> {
    Account::of(&options(|o| o.connection_string = Some(text.into())))
}

fn key(text: &str) -> Credential {
    Credential::Key(text.into())
}

fn sas(text: &str) -> Credential {
    Credential::Sas(text.into())
}

/// The account completed from an environment, and the variables that are left.
fn completed(options: &AzureOptions, variables: &[(&str, &str)]) -> Result<(Account, Vec<String>)> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (account, known) = Account::of(options)?.complete("c", variables)?;
    Ok((account, known.into_iter().map(|(_, value)| value).collect()))
}

#[test]
fn a_connection_string_has_its_parts_in_any_case_and_order() {
    let account = connected(
        "EndpointSuffix=core.windows.net;accountkey=a2V5PT0=;AccountName=acme;DefaultEndpointsProtocol=https;",
    );
    assert_eq!(
        account.unwrap(),
        Account {
            name: Some("acme".into()),
            endpoint: Some("https://acme.blob.core.windows.net".into()),
            credential: Some(key("a2V5PT0=")),
        }
    );
    let account = connected(
        "BlobEndpoint=https://acme.blob.core.windows.net/;SharedAccessSignature=sv=2023&sig=a%3D",
    );
    assert_eq!(
        account.unwrap(),
        Account {
            name: Some("acme".into()),
            endpoint: Some("https://acme.blob.core.windows.net".into()),
            credential: Some(sas("sv=2023&sig=a%3D")),
        }
    );
}

#[test]
fn development_storage_is_the_emulator() {
    let account = connected("UseDevelopmentStorage=true").unwrap();
    assert_eq!(account.name.as_deref(), Some("devstoreaccount1"));
    assert_eq!(
        account.endpoint.as_deref(),
        Some("http://127.0.0.1:10000/devstoreaccount1")
    );
    assert!(!account.is_azure());
}

#[test]
fn a_bad_connection_string_is_refused_and_not_shown() {
    for text in [
        "hunter2hunter2",
        "AccountKey=hunter2hunter2",
        "AccountName;x=hunter2hunter2",
    ] {
        let err = connected(text).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidConfig);
        assert!(err.to_string().contains("'connection_string'"), "{err}");
        assert!(!err.to_string().contains("hunter2"), "{err}");
    }
}

#[test]
fn an_account_url_names_account_and_signature() {
    let given = |url: &str| Account::of(&options(|o| o.account_url = Some(url.into()))).unwrap();
    assert_eq!(
        given("acme.dfs.core.windows.net/?sv=1&sig=x"),
        Account {
            name: Some("acme".into()),
            endpoint: Some("https://acme.blob.core.windows.net".into()),
            credential: Some(sas("sv=1&sig=x")),
        }
    );
    let emulator = given("http://127.0.0.1:10000/devstoreaccount1");
    assert_eq!(emulator.name.as_deref(), Some("devstoreaccount1"));
    assert_eq!(given("http://127.0.0.1:10000").name, None);
    let refused = Account::of(&options(|o| o.account_url = Some("ftp://x".into()))).unwrap_err();
    assert!(refused.to_string().contains("'account_url'"), "{refused}");
}

#[test]
fn a_credential_is_a_key_or_a_signature_and_stands_once() {
    let given = |text: &str| Account::of(&options(|o| o.credential = Some(text.into()))).unwrap();
    assert_eq!(given("a2V5").credential, Some(key("a2V5")));
    assert_eq!(given("?sv=1&sig=x").credential, Some(sas("?sv=1&sig=x")));
    let twice = options(|o| {
        o.account_key = Some("hunter2hunter2".into());
        o.sas_token = Some("sig=hunter2hunter2".into());
    });
    let err = Account::of(&twice).unwrap_err().to_string();
    assert!(
        err.contains("'account_key'") && err.contains("'sas_token'"),
        "{err}"
    );
    assert!(!err.contains("hunter2"), "{err}");
}

#[test]
fn what_is_left_open_comes_from_the_environment() {
    let (account, left) = completed(
        &options(|_| ()),
        &[
            ("AZURE_STORAGE_ACCOUNT", "acme"),
            ("AZURE_STORAGE_KEY", "key"),
            ("AZURE_CONTAINER_NAME", "other"),
            ("AZURE_STORAGE_USE_EMULATOR", "true"),
            ("PATH", "/bin"),
        ],
    )
    .unwrap();
    assert_eq!(
        (account.name.as_deref(), account.endpoint),
        (Some("acme"), None)
    );
    assert_eq!(left, ["key"]);

    let string = [(
        "AZURE_STORAGE_CONNECTION_STRING",
        "AccountName=acme;AccountKey=a2V5",
    )];
    let (account, _) = completed(&options(|_| ()), &string).unwrap();
    assert_eq!(account.credential, Some(key("a2V5")));
    let (account, _) =
        completed(&options(|o| o.account_name = Some("mine".into())), &string).unwrap();
    assert_eq!(
        (account.name.as_deref(), account.credential),
        (Some("mine"), None)
    );

    let err = completed(&options(|_| ()), &[]).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidConfig);
    assert!(
        err.to_string().contains("AZURE_STORAGE_ACCOUNT_NAME"),
        "{err}"
    );
}

#[test]
fn credentials_of_the_environment_never_meet_given_ones() {
    let given = options(|o| {
        o.account_name = Some("acme".into());
        o.account_key = Some("a2V5".into());
    });
    let variables = [
        ("AZURE_STORAGE_SAS_TOKEN", "sas"),
        ("AZURE_CLIENT_SECRET", "secret"),
        ("AZURE_STORAGE_TOKEN", "token"),
        ("AZURE_MSI_ENDPOINT", "http://127.0.0.1:1"),
        ("AZURE_TIMEOUT", "5 s"),
    ];
    assert_eq!(completed(&given, &variables).unwrap().1, ["5 s"]);
}

#[test]
fn another_service_never_leads_to_the_identity_service_of_a_cloud() {
    let elsewhere = options(|o| o.account_url = Some("http://127.0.0.1:1/acme".into()));
    let half = [
        ("AZURE_CLIENT_ID", "id"),
        ("AZURE_MSI_ENDPOINT", "http://127.0.0.1:1"),
    ];
    for variables in [&half[..], &[]] {
        let err = completed(&elsewhere, variables).unwrap_err();
        assert!(matches!(err, Error::PermissionDenied { .. }), "{err}");
        assert!(err.to_string().contains("'account_key'"), "{err}");
    }
    let (_, left) = completed(&elsewhere, &[("AZURE_STORAGE_KEY", "key"), half[0]]).unwrap();
    assert_eq!(left, ["key"]);
    // The cloud itself may ask it.
    let azure = options(|o| o.account_name = Some("acme".into()));
    assert_eq!(completed(&azure, &half).unwrap().1.len(), 2);
}
