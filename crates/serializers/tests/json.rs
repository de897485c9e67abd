//! JSON equals what CPython writes; the fixtures name their Python expression.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use proptest::prelude::*;
use remote_store_serializers::{JsonSerializer, MessagePackSerializer, NonFinite, Serializer};
use serde_json::{Value, json};

const DUMPS: &str = include_str!("fixtures/json.txt");

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

#[test]
fn dag_003_the_bytes_are_those_of_json_dumps() {
    let mut checked = 0;
    for line in DUMPS.lines().filter(|line| !line.starts_with('#')) {
        let (expression, hex) = line.rsplit_once('\t').unwrap();
        let python = bytes_of_hex(hex);
        let format = JsonSerializer::default();
        let value: Value = format.deserialize(&python).unwrap();
        let ours = format.serialize(&value).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&ours),
            String::from_utf8_lossy(&python),
            "{expression}"
        );
        checked += 1;
    }
    assert_eq!(checked, 11);
}

#[test]
fn dag_003_the_extension_is_json() {
    assert_eq!(
        Serializer::<Value>::extension(&JsonSerializer::default()),
        ".json"
    );
}

#[test]
fn floats_that_are_not_finite_are_refused_and_named() {
    let format = JsonSerializer::default();
    assert!(
        format
            .serialize(&vec![Some(f64::INFINITY)])
            .unwrap_err()
            .to_string()
            .contains("NaN or infinite")
    );
    let refused: Result<Value, _> = format.deserialize(br#"{"a": -Infinity}"#);
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("-Infinity at byte 6")
    );
    let lenient: Value = format
        .with_non_finite(NonFinite::ReadAsNull)
        .deserialize(br#"{"a": -Infinity, "NaN": 1}"#)
        .unwrap();
    assert_eq!(lenient, json!({"a": null, "NaN": 1}));
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let value: Value = JsonSerializer::default()
        .deserialize(b"\xef\xbb\xbf[1]")
        .unwrap();
    assert_eq!(value, json!([1]));
}

#[test]
fn damaged_json_says_where() {
    let error =
        Serializer::<Value>::deserialize(&JsonSerializer::default(), b"{\"a\": ").unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(error.kind(), "decode-failed");
}

#[test]
fn messagepack_refuses_what_would_be_written_wrongly() {
    let error = MessagePackSerializer
        .serialize(&json!({"a": 1}))
        .unwrap_err();
    assert_eq!(error.kind(), "unsupported-data");
    let trailing: Result<u8, _> = MessagePackSerializer.deserialize(b"\x01\x02");
    assert!(trailing.unwrap_err().to_string().contains("1 bytes follow"));
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no others", |float| float.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Numbers compared as floats: arbitrary precision keeps their text apart.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left.as_i64().is_some() == right.as_i64().is_some() && left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|((a, left), (b, right))| a == b && same(left, right))
        }
        _ => left == right,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn dag_003_documents_round_trip_as_ascii(document in document()) {
        let format = JsonSerializer::default();
        let bytes = format.serialize(&document).unwrap();
        prop_assert!(bytes.is_ascii());
        let back: Value = format.deserialize(&bytes).unwrap();
        prop_assert!(same(&back, &document), "{} {}", back, document);
        prop_assert_eq!(format.serialize(&back).unwrap(), bytes);
    }

    #[test]
    fn messagepack_round_trips(value in any::<(Option<i64>, Vec<(String, f32)>, bool)>()) {
        let format = MessagePackSerializer;
        let back: (Option<i64>, Vec<(String, f32)>, bool) = format.deserialize(&format.serialize(&value).unwrap()).unwrap();
        prop_assert_eq!(format.serialize(&back).unwrap(), format.serialize(&value).unwrap());
    }
}
