//! Strategies for property tests: names as people and machines make them up.

use bytes::Bytes;
use proptest::prelude::*;

use crate::key::ObjectKey;

/// One segment of a key: plain, accented, or with characters that services and
/// shells treat in a special way.
pub fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z][a-z0-9_-]{0,8}",
        1 => "[a-z]=[0-9]{4}-[0-9]{2}",
        1 => "[ #%&+*?~=!@$'(),;\\[\\]{}|^`<>\"]{1,4}x",
        1 => "[äöüßéñ中文🦀]{1,4}",
        1 => "[a-z]{1,3}(%2F|%2e|#1|\\.\\.\\.)",
    ]
}

/// A key that every store takes.
pub fn object_key() -> impl Strategy<Value = ObjectKey> {
    prop::collection::vec(segment(), 1..4).prop_filter_map("no name", |segments| {
        ObjectKey::parse(&segments.join("/")).ok()
    })
}

/// Text that tries to be a path, with what must be refused among it.
pub fn hostile_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just(String::new()),
        Just("\0".to_owned()),
        Just("\\".to_owned()),
        Just("C:".to_owned()),
        segment(),
    ];
    (
        prop::collection::vec(part, 0..6),
        prop_oneof![Just("/"), Just("\\"), Just("//")],
    )
        .prop_map(|(parts, separator)| parts.join(separator))
}

/// A few names close together, so that a sequence of operations meets the same
/// ones again, as objects and as folders.
pub fn crowded_path() -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("a-b")], 1..4)
        .prop_map(|parts| parts.join("/"))
}

/// Names close together, of which none is an object and a folder at once: some
/// services keep a tree of folders behind their flat names.
pub fn leaf_path() -> impl Strategy<Value = String> + Clone {
    (crowded_path(), prop_oneof![Just("x"), Just("y.z")])
        .prop_map(|(folder, name)| format!("{folder}/{name}"))
}

/// The content of an object.
pub fn payload() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..64).prop_map(Bytes::from)
}
