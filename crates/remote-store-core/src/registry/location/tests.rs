use remote_store_credential_masking::Secret;

use super::Location;
use crate::registry::{OptionValue, Options};

fn parse(url: &str) -> Location {
    Location::parse(url, &Options::new()).unwrap()
}

fn refusal(url: &str) -> String {
    Location::parse(url, &Options::new())
        .unwrap_err()
        .to_string()
}

/// Type, options as text, root.
fn shown(url: &str) -> (String, Vec<(String, String)>, String) {
    let location = parse(url);
    let options = location.options.iter().map(|(name, value)| {
        let text = value.as_text().map(str::to_owned);
        let text = text.or_else(|| value.as_int().map(|number| number.to_string()));
        (name.clone(), text.unwrap())
    });
    let options = options.collect();
    (location.backend_type, options, location.root_path)
}

fn expected(
    kind: &str,
    options: &[(&str, &str)],
    root: &str,
) -> (String, Vec<(String, String)>, String) {
    let options = options
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    (kind.to_owned(), options, root.to_owned())
}

#[test]
fn each_scheme_names_its_backend_its_options_and_its_root() {
    let account = [("account_name", "acc"), ("container", "c")];
    for (url, want) in [
        (
            "s3://lake/a/b",
            expected("s3", &[("bucket", "lake")], "a/b"),
        ),
        ("S3A://lake", expected("s3", &[("bucket", "lake")], "")),
        (
            "gs://lake/a%20b",
            expected("gcs", &[("bucket", "lake")], "a%20b"),
        ),
        ("gcs://lake", expected("gcs", &[("bucket", "lake")], "")),
        ("az://c/p", expected("azure", &[("container", "c")], "p")),
        (
            "abfss://c@acc.dfs.core.windows.net/p",
            expected("azure", &account, "p"),
        ),
        ("abfs://c@acc/p", expected("azure", &account, "p")),
        (
            "https://acc.blob.core.windows.net/c/p%20q",
            expected("azure", &account, "p q"),
        ),
        (
            "abfss://c@acc.dfs.core.usgovcloudapi.net",
            expected(
                "azure",
                &[
                    ("account_url", "https://acc.dfs.core.usgovcloudapi.net"),
                    ("container", "c"),
                ],
                "",
            ),
        ),
        ("memory://a/b", expected("memory", &[], "a/b")),
        ("memory:///a/b", expected("memory", &[], "a/b")),
        (
            "sftp://me@host:2222/data",
            expected(
                "sftp",
                &[
                    ("base_path", "/data"),
                    ("host", "host"),
                    ("port", "2222"),
                    ("username", "me"),
                ],
                "",
            ),
        ),
        (
            "sftp://[::1]",
            expected("sftp", &[("base_path", "/"), ("host", "::1")], ""),
        ),
        (
            "https://data.example/lake",
            expected("http", &[("base_url", "https://data.example/lake")], ""),
        ),
        (
            "fsspec+zip://inner/x",
            expected("fsspec:zip", &[], "inner/x"),
        ),
    ] {
        assert_eq!(shown(url), want, "{url}");
    }
}

#[test]
#[cfg(unix)]
fn files_are_named_by_url_or_by_absolute_path() {
    assert_eq!(
        shown("/data/a%20b"),
        expected("local", &[("root", "/data/a%20b")], "")
    );
    assert_eq!(
        shown("file:///data/a%20b"),
        expected("local", &[("root", "/data/a b")], "")
    );
    assert!(refusal("data/lake").contains("absolute path"));
    assert!(refusal("file://host/data").contains("file:///folder"));
    assert!(refusal("").contains("absolute path"));
}

#[test]
fn credentials_become_secrets_and_are_decoded() {
    let location = parse("s3://AKIA:a%2Fb%3D@lake/p");
    let secret = |text: &str| OptionValue::Secret(Secret::new(text));
    assert_eq!(location.options["key"], secret("AKIA"));
    assert_eq!(location.options["secret"], secret("a/b="));
    let signed = parse("https://acc.blob.core.windows.net/c?sv=2024&sig=abc%3D");
    assert_eq!(signed.options["sas_token"], secret("sv=2024&sig=abc%3D"));
    let sftp = parse("sftp://me:s3cr3t@host/");
    assert_eq!(sftp.options["password"], secret("s3cr3t"));
    let http = parse("https://me:s3cr3t@data.example/");
    assert_eq!(
        http.options["base_url"],
        secret("https://me:s3cr3t@data.example/")
    );
    for location in [location, signed, sftp, http] {
        let debug = format!("{location:?}");
        assert!(
            !debug.contains("a/b=") && !debug.contains("abc%3D") && !debug.contains("s3cr3t"),
            "{debug}"
        );
    }
}

#[test]
fn what_a_url_lacks_is_said_and_no_credential_is_repeated() {
    for (url, word) in [
        ("s3://", "s3://bucket/prefix"),
        ("s3://AKIA@lake", "without its secret"),
        ("gs://me:s3cr3t@lake", "as options"),
        ("az:///p", "az://container"),
        ("abfss://@acc.dfs.core.windows.net/", "container"),
        ("abfss://c:s3cr3t@acc/", "as options"),
        ("https://acc.blob.core.windows.net/", "container"),
        ("sftp://me:s3cr3t@/x", "sftp://user@host"),
        ("sftp://me:s3cr3t@host:99999/x", "port"),
        ("memory://me:s3cr3t@x", "as options"),
        ("fsspec+ftp://me:s3cr3t@x", "as options"),
        ("s3://%FF:s3cr3t@lake", "UTF-8"),
        ("gss://s3cr3t@x", "Did you mean 'gcs'?"),
        ("fsspec+://s3cr3t@x", "fsspec+<protocol>"),
        ("my s3cr3t://x", "Known schemes: abfs, abfss, az"),
    ] {
        let message = refusal(url);
        assert!(message.contains(word), "{url}: {message}");
        assert!(!message.contains("s3cr3t"), "{message}");
    }
}

#[test]
fn an_option_is_given_once() {
    let beside = Options::from([("bucket".to_owned(), OptionValue::from("other"))]);
    let err = Location::parse("s3://lake", &beside)
        .unwrap_err()
        .to_string();
    assert!(err.contains("'bucket' is given twice"), "{err}");
    let nothing = Options::from([("bucket".to_owned(), OptionValue::Null)]);
    assert!(Location::parse("s3://lake", &nothing).is_ok());
}

#[cfg(feature = "s3")]
#[test]
fn a_query_gives_options_with_their_types_under_their_main_names() {
    let location = parse("s3://lake?region=eu&anon=true&token=s3cr3t");
    assert_eq!(location.options["region_name"], OptionValue::from("eu"));
    assert_eq!(location.options["anonymous"], OptionValue::Bool(true));
    assert_eq!(
        location.options["session_token"],
        OptionValue::Secret(Secret::new("s3cr3t"))
    );
    assert!(refusal("s3://lake?anon=perhaps").contains("true or false"));
    assert!(refusal("s3://lake?retry=3").contains("pass it beside"));
    let beside = Options::from([("region_name".to_owned(), OptionValue::from("us"))]);
    assert!(Location::parse("s3://lake?region=eu", &beside).is_err());
    let err = super::from_url("s3://lake?bukket=x", &Options::new())
        .unwrap_err()
        .to_string();
    assert!(err.contains("Did you mean 'bucket'?"), "{err}");
}
