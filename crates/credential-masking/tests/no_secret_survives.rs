//! Properties: whatever the nesting, quoting and encoding, no secret survives.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as loudly as the tests"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;
use remote_store_credential_masking::{
    Redactor, SENSITIVE_KEYS, Secret, is_sensitive_key, mask_value, redact_text,
};

/// Stand at both ends of every generated secret. No encoding used here touches them,
/// so that a secret which is cut short shows, not only one that is left whole.
const HEAD: &str = "hEaD7x";
const TAIL: &str = "TaIl9y";

/// Anything may stand in a secret: quotes, brackets, delimiters, controls, all of Unicode.
fn secret() -> impl Strategy<Value = String> {
    "([ -~]|\\PC|[\\\\\"'{}()\\[\\]\n,&]){0,12}".prop_map(|middle| format!("{HEAD}{middle}{TAIL}"))
}

/// A secret without anything that ends a value in query strings and environment files.
fn plain_secret() -> impl Strategy<Value = String> {
    "[A-Za-z0-9+/=.~_^!$-]{0,12}".prop_map(|middle| format!("{HEAD}{middle}{TAIL}"))
}

fn sensitive_name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(SENSITIVE_KEYS.to_vec()).prop_map(str::to_owned),
        prop::sample::select(vec![
            "aws_secret_access_key",
            "SessionToken",
            "api-key",
            "X-Amz-Security-Token",
            "db.password",
            "clientSecret",
        ])
        .prop_map(str::to_owned),
    ]
}

/// Nested options; every text below a sensitive name is a secret.
#[derive(Clone)]
enum Node {
    Text(String),
    List(Vec<Node>),
    Map(BTreeMap<String, Node>),
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Map(entries) => f.debug_map().entries(entries).finish(),
        }
    }
}

impl Node {
    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(entries) => serde_json::Value::Object(
                entries
                    .iter()
                    .map(|(name, node)| (name.clone(), node.json()))
                    .collect(),
            ),
        }
    }

    fn python_repr(&self, out: &mut String) {
        match self {
            Self::Text(text) => python_text(text, out),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    item.python_repr(out);
                }
                out.push(']');
            }
            Self::Map(entries) => {
                out.push('{');
                for (index, (name, node)) in entries.iter().enumerate() {
                    out.push_str(if index == 0 { "" } else { ", " });
                    python_text(name, out);
                    out.push_str(": ");
                    node.python_repr(out);
                }
                out.push('}');
            }
        }
    }
}

fn python_text(text: &str, out: &mut String) {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(mark);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c == mark => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push(mark);
}

fn below_a_sensitive_name() -> impl Strategy<Value = Node> {
    secret()
        .prop_map(Node::Text)
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Node::List),
                prop::collection::btree_map("[a-z]{1,6}", inner, 0..3).prop_map(Node::Map),
            ]
        })
}

fn options() -> impl Strategy<Value = Node> {
    let harmless = "[a-z0-9./-]{0,8}".prop_map(Node::Text);
    let entry = prop_oneof![
        2 => (sensitive_name(), below_a_sensitive_name()),
        1 => ("[a-j]{1,6}", harmless.clone()),
    ];
    let map = prop::collection::vec(entry, 1..5).prop_map(|e| Node::Map(e.into_iter().collect()));
    map.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Node::List),
            prop::collection::btree_map("[a-j]{1,6}", inner, 1..3).prop_map(Node::Map),
        ]
    })
}

fn assert_hidden(text: &str) -> Result<(), TestCaseError> {
    let redacted = redact_text(text);
    prop_assert!(
        !redacted.contains(HEAD) && !redacted.contains(TAIL),
        "{text}\nbecame\n{redacted}"
    );
    Ok(())
}

fn percent_encode(text: &str, keep: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").unwrap();
        }
    }
    encoded
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_usize, |group, byte| group << 8 | usize::from(*byte));
        for index in 0..4 {
            text.push(if index <= chunk.len() {
                char::from(ALPHABET[group >> (18 - 6 * index) & 63])
            } else {
                '='
            });
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn dag_033_no_secret_survives_in_nested_options(node in options()) {
        let compact = node.json().to_string();
        assert_hidden(&compact)?;
        assert_hidden(&serde_json::to_string_pretty(&node.json()).unwrap())?;
        assert_hidden(&format!("{node:?}"))?;
        assert_hidden(&format!("failed with {node:#?}."))?;
        let mut repr = String::new();
        node.python_repr(&mut repr);
        assert_hidden(&format!("Backend 's3' rejected {repr}: no"))?;
        // Text in text, as traces and log records wrap it.
        let mut wrapped = compact;
        for _ in 0..3 {
            wrapped = serde_json::Value::from(wrapped).to_string();
            assert_hidden(&wrapped)?;
        }
    }

    #[test]
    fn dag_033_no_secret_survives_in_the_debug_of_a_struct(
        secrets in prop::collection::vec(secret(), 1..4),
    ) {
        #[derive(Debug)]
        #[expect(dead_code, reason = "read by the derived Debug only")]
        struct Config { bucket: &'static str, chain: Vec<Option<Secret>> }
        let chain = secrets.iter().map(|secret| Some(Secret::new(secret.as_str()))).collect();
        let config = Config { bucket: "lake", chain };
        for text in [format!("{config:?}"), format!("{config:#?}")] {
            prop_assert!(!text.contains(HEAD) && !text.contains(TAIL));
            prop_assert!(text.contains("lake"));
        }
    }

    #[test]
    fn no_secret_survives_in_flat_text(name in sensitive_name(), secret in plain_secret()) {
        let encoded = percent_encode(&secret, "");
        for text in [
            format!("{name}={secret}"),
            format!("a=1;{name}={secret};b=2"),
            format!("https://h/p?a=1&{name}={encoded}&b=2"),
            format!("next=%3Fa%3D1%26{name}%3D{encoded}%26b%3D2"),
            format!("tool --{name} {secret} run"),
            format!("{name}: {secret}"),
            format!("top:\n  {name}: {secret}\n  b: 2"),
            format!("https://user:{secret}@host/path"),
            format!("Authorization: Bearer {secret}"),
        ] {
            assert_hidden(&text)?;
        }
    }

    #[test]
    fn no_secret_survives_behind_a_url_scheme(secret in secret()) {
        let encoded = percent_encode(&secret, "!*'();");
        assert_hidden(&format!("GET https://me:{encoded}@host/a?b failed"))?;
    }

    #[test]
    fn redacting_twice_changes_nothing(node in options()) {
        let once = redact_text(&node.json().to_string());
        prop_assert_eq!(redact_text(&once), once);
    }

    #[test]
    fn any_text_is_redacted_without_failing(
        text in "(\\PC|[\\\\\"'=:%<>{}()\\[\\] \n,&/@-]|key|password|Bearer |://|%3D|%22){0,40}",
    ) {
        let redacted = redact_text(&text);
        prop_assert!(redacted.len() <= text.len() + 3 * text.len());
    }

    #[test]
    fn words_and_paths_stay(text in "[a-j]{1,8}( [a-j./]{1,8}){0,6}") {
        prop_assert_eq!(redact_text(&text), text);
    }

    #[test]
    fn a_known_secret_is_gone_in_every_spelling(
        before in "[ -~]{0,5}",
        secret in "[ -)+-~]{4,16}|[a-zé\\\\\"'&<\n%+ /]{4,12}",
        behind in "[ -~]{0,5}",
    ) {
        let redactor = Redactor::new([Secret::new(secret.as_str())]);
        let json = serde_json::Value::from(secret.as_str()).to_string();
        let debug = format!("{secret:?}");
        for spelling in [
            secret.clone(),
            percent_encode(&secret, ""),
            percent_encode(&secret, "/-._~").to_lowercase(),
            percent_encode(&percent_encode(&secret, ""), ""),
            json[1..json.len() - 1].to_owned(),
            debug[1..debug.len() - 1].to_owned(),
        ] {
            if spelling.to_lowercase() == spelling && secret.to_lowercase() != secret {
                // Lower-casing changed the secret itself and not only its hex digits.
                continue;
            }
            let redacted = redactor.redact(&format!("{before}{spelling}{behind}"));
            prop_assert!(!redacted.contains(&spelling), "{} in {}", spelling, redacted);
            prop_assert!(redacted.contains("***"));
        }
        let text = base64(format!("{before}{secret}{behind}").as_bytes());
        prop_assert_eq!(redactor.redact(&format!("<{text}>")), "<***>");
    }

    #[test]
    fn several_secrets_in_one_text_are_all_gone(
        secrets in prop::collection::vec("[a-c]{4,7}", 1..4),
        text in "[a-c -]{0,60}",
    ) {
        let redacted = Redactor::new(secrets.iter().map(|s| Secret::new(s.as_str()))).redact(&text);
        for secret in &secrets {
            prop_assert!(!redacted.contains(secret.as_str()));
        }
    }

    #[test]
    fn dag_033_a_masked_option_shows_no_secret(name in sensitive_name(), secret in secret()) {
        prop_assert!(is_sensitive_key(&name));
        prop_assert_eq!(mask_value(&name, &secret), "***");
    }
}
