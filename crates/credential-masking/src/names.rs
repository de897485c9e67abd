//! Which option and field names carry a credential.

use std::borrow::Cow;

use crate::{MASK, redact_text};

/// The option names whose values the specification wraps (DAG-033): the pure-Python
/// package's `_SENSITIVE_KEYS`, exactly.
///
/// ```
/// use remote_store_credential_masking::SENSITIVE_KEYS;
///
/// assert!(SENSITIVE_KEYS.contains(&"account_key"));
/// assert!(!SENSITIVE_KEYS.contains(&"bucket"));
/// ```
pub const SENSITIVE_KEYS: [&str; 8] = [
    "key",
    "secret",
    "password",
    "account_key",
    "sas_token",
    "connection_string",
    "client_secret",
    "client_certificate",
];

/// Names, lower-case and without punctuation, that are credentials as a whole.
const WHOLE: [&str; 11] = [
    "key",
    "pwd",
    "pass",
    "authorization",
    "proxyauthorization",
    "cookie",
    "setcookie",
    "auth",
    "pkey",
    "clientcertificate",
    "serviceaccountkey",
];

/// Endings, lower-case and without punctuation, of names that carry a credential.
const ENDINGS: [&str; 19] = [
    "secret",
    "secretkey",
    "secretvalue",
    "password",
    "passwd",
    "passphrase",
    "token",
    "accountkey",
    "accesskey",
    "accesskeyid",
    "secretaccesskey",
    "sharedaccesskey",
    "sharedaccesssignature",
    "apikey",
    "privatekey",
    "masterkey",
    "connectionstring",
    "credential",
    "credentials",
];

/// Whether the value under this option name must become a [`Secret`](crate::Secret)
/// before a backend sees it (DAG-033): the names of [`SENSITIVE_KEYS`] and no other,
/// letter case counts.
///
/// ```
/// use remote_store_credential_masking::must_wrap;
///
/// assert!(must_wrap("secret"));
/// assert!(!must_wrap("Secret") && !must_wrap("session_token"));
/// ```
pub fn must_wrap(name: &str) -> bool {
    SENSITIVE_KEYS.contains(&name)
}

/// Whether a value under this name is to be hidden wherever it is shown.
///
/// Wider than [`must_wrap`]: letter case and punctuation do not count, and names that
/// end in `token`, `password`, `secret`, `access_key` and their like are included, also
/// in the plural. Hiding too much costs a look into the configuration; showing too
/// much costs the credential.
///
/// ```
/// use remote_store_credential_masking::is_sensitive_key;
///
/// assert!(is_sensitive_key("AWS_SECRET_ACCESS_KEY"));
/// assert!(is_sensitive_key("X-Amz-Security-Token"));
/// assert!(!is_sensitive_key("bucket") && !is_sensitive_key("partition_key"));
/// ```
pub fn is_sensitive_key(name: &str) -> bool {
    let folded: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let matches =
        |name: &str| WHOLE.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending));
    matches(&folded)
        || folded
            .strip_suffix('s')
            // `keys` names object keys far more often than credentials.
            .is_some_and(|one| one != "key" && matches(one))
}

/// How an option is shown: `***` under a name that carries a credential, else the value
/// with whatever looks like one taken out of it.
///
/// An empty value stays empty: that nothing was given is worth showing.
///
/// ```
/// use remote_store_credential_masking::mask_value;
///
/// assert_eq!(mask_value("secret", "hunter2"), "***");
/// assert_eq!(mask_value("bucket", "lake"), "lake");
/// assert_eq!(mask_value("endpoint_url", "https://me:pw@host"), "https://***@host");
/// ```
pub fn mask_value<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if value.is_empty() {
        Cow::Borrowed(value)
    } else if is_sensitive_key(name) {
        Cow::Borrowed(MASK)
    } else {
        Cow::Owned(redact_text(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dag_033_exactly_the_specified_names_are_wrapped() {
        let expected = [
            "key",
            "secret",
            "password",
            "account_key",
            "sas_token",
            "connection_string",
            "client_secret",
            "client_certificate",
        ];
        assert_eq!(SENSITIVE_KEYS, expected);
        assert!(expected.into_iter().all(must_wrap));
        for other in [
            "",
            "Key",
            "SECRET",
            "keys",
            "bucket",
            "token",
            "session_token",
            "key ",
            "account_name",
        ] {
            assert!(!must_wrap(other), "{other}");
        }
    }

    #[test]
    fn dag_033_every_wrapped_name_is_hidden_in_any_spelling() {
        for name in SENSITIVE_KEYS {
            assert!(is_sensitive_key(name));
            assert!(is_sensitive_key(&name.to_uppercase()));
            assert!(is_sensitive_key(&name.replace('_', "-")));
            assert!(is_sensitive_key(&name.replace('_', "")));
        }
    }

    #[test]
    fn names_that_clearly_carry_a_credential_are_hidden() {
        for name in [
            "aws_secret_access_key",
            "aws_access_key_id",
            "session_token",
            "AccountKey",
            "x-amz-security-token",
            "Authorization",
            "db.password",
            "api_key",
            "passphrase",
            "secrets",
            "credentials",
            "google_application_credentials",
            "set-cookie",
        ] {
            assert!(is_sensitive_key(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_shown() {
        for name in [
            "",
            "bucket",
            "endpoint_url",
            "region_name",
            "partition_key",
            "asset_key",
            "keys",
            "max-keys",
            "key_file",
            "account_name",
            "skip_signature",
            "tokenizer",
            "passed",
            "author",
            "host_keys_path",
            "known_host_keys",
        ] {
            assert!(!is_sensitive_key(name), "{name}");
        }
    }

    #[test]
    fn a_value_is_shown_by_its_name() {
        assert_eq!(mask_value("password", "hunter2"), MASK);
        assert_eq!(mask_value("password", ""), "");
        assert_eq!(mask_value("region_name", "eu-1"), "eu-1");
    }
}
