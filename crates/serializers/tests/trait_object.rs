//! The trait: every format through it, and formats of the user's own.

use bytes::Bytes;
use remote_store_serializers::{JsonSerializer, MessagePackSerializer, SerializeError, Serializer};

/// A user's own format: text in capitals.
struct Shouting;

impl Serializer<String> for Shouting {
    fn extension(&self) -> &'static str {
        ".txt"
    }

    fn serialize(&self, value: &String) -> Result<Bytes, SerializeError> {
        Ok(value.to_uppercase().into())
    }

    fn deserialize(&self, data: &[u8]) -> Result<String, SerializeError> {
        Ok(String::from_utf8_lossy(data).to_lowercase())
    }
}

#[test]
fn dag_001_every_format_has_extension_serialize_and_deserialize() {
    let formats: [(&dyn Serializer<String>, &str); 2] = [
        (&JsonSerializer::default(), ".json"),
        (&MessagePackSerializer, ".msgpack"),
    ];
    for (format, extension) in formats {
        assert_eq!(format.extension(), extension);
        let bytes = format.serialize(&"late".to_owned()).unwrap();
        assert_eq!(format.deserialize(&bytes).unwrap(), "late");
    }
}

#[test]
fn dag_001_writing_into_a_writer_gives_the_same_bytes() {
    let mut out = Vec::new();
    JsonSerializer::default()
        .serialize_into(&vec![1, 2], &mut out)
        .unwrap();
    assert_eq!(out, b"[1, 2]");
}

#[test]
fn dag_009_a_format_of_the_users_own_is_used_where_ours_are() {
    fn store<T>(format: &dyn Serializer<T>, value: &T) -> (String, Bytes) {
        (
            format!("report{}", format.extension()),
            format.serialize(value).unwrap(),
        )
    }
    assert_eq!(
        store(&Shouting, &"late".to_owned()),
        ("report.txt".to_owned(), Bytes::from("LATE"))
    );
    assert_eq!(Shouting.deserialize(b"LATE").unwrap(), "late");
}
