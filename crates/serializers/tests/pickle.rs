//! Pickles that CPython wrote, read here; the fixtures name their Python expression.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may fail loudly; the lints spare test functions, not what they call"
)]

use proptest::prelude::*;
use remote_store_serializers::{PickleSerializer, PickleValue, SerializeError, Serializer};

const PICKLES: &str = include_str!("fixtures/pickles.txt");

/// Protocol, Python expression and bytes of each fixture.
fn fixtures() -> impl Iterator<Item = (u32, String, Vec<u8>)> {
    PICKLES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut parts = line.split('\t');
            let protocol = parts.next().unwrap().parse().unwrap();
            let expression = unescaped(parts.next().unwrap());
            (protocol, expression, bytes_of_hex(parts.next().unwrap()))
        })
}

/// Python's `unicode_escape`, as far as the fixtures need it.
fn unescaped(text: &str) -> String {
    text.replace("\\xeb", "ë")
        .replace("\\U0001f600", "😀")
        .replace("\\\\", "\\")
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn read(bytes: &[u8]) -> Result<PickleValue, SerializeError> {
    PickleSerializer::default().deserialize(bytes)
}

fn int(value: i64) -> PickleValue {
    PickleValue::Int(value)
}

fn text(value: &str) -> PickleValue {
    value.into()
}

/// What a Python expression of the fixtures is, `None` when it must be refused.
fn expected(expression: &str) -> Option<PickleValue> {
    use PickleValue::{
        Bool, ByteArray, Bytes, Dict, Float, FrozenSet, List, None as Nothing, Set, Str, Tuple,
    };
    Some(match expression {
        "None" => Nothing,
        "True" => Bool(true),
        "False" => Bool(false),
        "0" => int(0),
        "255" => int(255),
        "256" => int(256),
        "65536" => int(65536),
        "-1" => int(-1),
        "-2**31" => int(-(1 << 31)),
        "2**31" => int(1 << 31),
        "2**63 - 1" => int(i64::MAX),
        "-2**63" => int(i64::MIN),
        "2**63" => (1_u64 << 63).into(),
        "2**64" => PickleValue::from_le_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 1]),
        "-2**70" => PickleValue::from_le_bytes(&[0, 0, 0, 0, 0, 0, 0, 0, 0xc0]),
        "10**40" => PickleValue::from(
            serde_json::from_str::<serde_json::Value>(&format!("1{}", "0".repeat(40))).unwrap(),
        ),
        "1.5" => Float(1.5),
        "-0.0" => Float(-0.0),
        "1e300" => Float(1e300),
        "float('inf')" => Float(f64::INFINITY),
        "''" => text(""),
        "'plain'" => text("plain"),
        "'Zoë 😀'" => text("Zoë 😀"),
        "'line\\nbreak \\\\ back\\x00nul'" => text("line\nbreak \\ back\0nul"),
        "'x' * 300" => Str("x".repeat(300)),
        "b''" => Bytes(vec![]),
        "b'\\x00\\xff'" => Bytes(vec![0, 255]),
        "b'y' * 300" => Bytes(vec![b'y'; 300]),
        "bytearray()" => ByteArray(vec![]),
        "bytearray(b'ab\\xfe')" => ByteArray(b"ab\xfe".to_vec()),
        "[]" => List(vec![]),
        "[1, 'two', None]" => List(vec![int(1), text("two"), Nothing]),
        "list(range(1100))" => List((0..1100).map(int).collect()),
        "()" => Tuple(vec![]),
        "(1,)" => Tuple(vec![int(1)]),
        "(1, 2)" => Tuple((1..3).map(int).collect()),
        "(1, 2, 3)" => Tuple((1..4).map(int).collect()),
        "(1, 2, 3, 4)" => Tuple((1..5).map(int).collect()),
        "{}" => Dict(vec![]),
        "{'b': 1, 'a': [2.5, True]}" => Dict(vec![
            (text("b"), int(1)),
            (text("a"), List(vec![Float(2.5), Bool(true)])),
        ]),
        "{1: 'x', (2, 3): 'y', None: b'z'}" => Dict(vec![
            (int(1), text("x")),
            (Tuple(vec![int(2), int(3)]), text("y")),
            (Nothing, Bytes(b"z".to_vec())),
        ]),
        "set()" => Set(vec![]),
        "{7}" => Set(vec![int(7)]),
        "frozenset()" => FrozenSet(vec![]),
        "frozenset({'k'})" => FrozenSet(vec![text("k")]),
        "[[1]] * 3" => List(vec![List(vec![int(1)]); 3]),
        "{'deep': [{'er': ({'est': set()},)}]}" => {
            let est = Dict(vec![(text("est"), Set(vec![]))]);
            Dict(vec![(
                text("deep"),
                List(vec![Dict(vec![(text("er"), Tuple(vec![est]))])]),
            )])
        }
        "collections.OrderedDict(z=1, a=2)" => Dict(vec![(text("z"), int(1)), (text("a"), int(2))]),
        _ => return None,
    })
}

#[test]
fn dag_002_what_python_pickled_in_any_protocol_is_read() {
    let mut refused = 0;
    for (protocol, expression, bytes) in fixtures() {
        let read = read(&bytes);
        if let Some(value) = expected(&expression) {
            assert_eq!(read.unwrap(), value, "{expression}, protocol {protocol}");
        } else {
            let error = read.unwrap_err();
            assert_eq!(
                error.kind(),
                "unsupported-data",
                "{expression}, protocol {protocol}: {error}"
            );
            refused += 1;
        }
    }
    assert_eq!(refused, 5 * 6);
}

#[test]
fn dag_002_a_refused_class_is_named() {
    let (_, _, date) = fixtures()
        .find(|(_, expression, _)| expression.starts_with("datetime"))
        .unwrap();
    let message = read(&date).unwrap_err().to_string();
    assert!(message.contains("datetime.date"), "{message}");
    assert!(message.contains("unpickle it with Python"), "{message}");
}

#[test]
fn dag_002_the_extension_is_pkl() {
    assert_eq!(PickleSerializer::default().extension(), ".pkl");
}

#[test]
fn every_cut_of_a_pickle_is_an_error_and_no_panic() {
    for (_, expression, bytes) in fixtures().filter(|(_, _, bytes)| bytes.len() < 200) {
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err(), "{expression} cut at {end}");
        }
    }
}

#[test]
fn a_list_that_contains_itself_is_refused() {
    // l = []; l.append(l); pickle.dumps(l, 2)
    let error = read(b"\x80\x02]q\x00h\x00a.").unwrap_err();
    assert!(error.to_string().contains("contains itself"), "{error}");
}

#[test]
fn a_deep_pickle_is_refused_before_it_ends_the_stack() {
    let mut deep = vec![b']'; 100_000];
    deep.extend(vec![b'a'; 99_999]);
    deep.push(b'.');
    assert!(
        read(&deep)
            .unwrap_err()
            .to_string()
            .contains("nested deeper")
    );
}

#[test]
fn a_pickle_that_grows_without_end_is_refused() {
    // l = []; for _ in range(100): l = [l, l]
    let mut bomb = vec![b']'];
    for index in 0..100_u8 {
        bomb.extend([
            b'q', index, b'0', b']', b'(', b'h', index, b'h', index, b'e',
        ]);
    }
    bomb.push(b'.');
    let error = read(&bomb).unwrap_err();
    assert_eq!(error.kind(), "limit-exceeded", "{error}");
    assert!(
        error.to_string().contains("with_max_expanded_bytes"),
        "{error}"
    );
}

#[test]
fn a_length_beyond_the_object_allocates_nothing() {
    assert!(read(b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    assert!(read(b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.").is_err());
}

#[test]
fn what_python_could_not_unpickle_is_not_written() {
    let list_as_key = PickleValue::Dict(vec![(PickleValue::List(vec![]), PickleValue::None)]);
    let error = PickleSerializer::default()
        .serialize(&list_as_key)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a list cannot be the key of a dict"),
        "{error}"
    );
    let mut deep = PickleValue::None;
    for _ in 0..600 {
        deep = PickleValue::List(vec![deep]);
    }
    assert!(PickleSerializer::default().serialize(&deep).is_err());
}

fn leaf() -> impl Strategy<Value = PickleValue> {
    prop_oneof![
        Just(PickleValue::None),
        any::<bool>().prop_map(PickleValue::Bool),
        any::<i64>().prop_map(PickleValue::Int),
        proptest::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| PickleValue::from_le_bytes(&bytes)),
        any::<f64>()
            .prop_filter("NaN is unequal to itself", |float| !float.is_nan())
            .prop_map(PickleValue::Float),
        any::<String>().prop_map(PickleValue::Str),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(PickleValue::Bytes),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(PickleValue::ByteArray),
    ]
}

fn value() -> impl Strategy<Value = PickleValue> {
    let hashable = any::<i64>().prop_map(PickleValue::Int);
    leaf().prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(PickleValue::List),
            proptest::collection::vec(inner.clone(), 0..6).prop_map(PickleValue::Tuple),
            proptest::collection::vec((any::<String>().prop_map(PickleValue::Str), inner), 0..6)
                .prop_map(PickleValue::Dict),
            proptest::collection::vec(hashable.clone(), 0..4).prop_map(PickleValue::Set),
            proptest::collection::vec(hashable.clone(), 0..4).prop_map(PickleValue::FrozenSet),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn dag_002_plain_data_round_trips(value in value()) {
        let format = PickleSerializer::default();
        prop_assert_eq!(format.deserialize(&format.serialize(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ignored = read(&bytes);
    }
}
