//! MessagePack.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::inspect::{Finding, holds};
use crate::{SerializeError, Serializer};

const FORMAT: &str = "MessagePack";

/// Values as MessagePack, `.msgpack`; structs as maps, so that other languages
/// see the field names.
///
/// `Vec<u8>` is written as an array of numbers, as serde does by default; use a
/// type that serializes as bytes for binary data. A `serde_json::Number` is
/// private to the formats of `serde_json` and is refused.
///
/// ```
/// use remote_store_serializers::{MessagePackSerializer, Serializer};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct Summary {
///     flights: u64,
/// }
///
/// let format = MessagePackSerializer;
/// let bytes = format.serialize(&Summary { flights: 842 })?;
/// // What Python's msgpack.packb({"flights": 842}) gives.
/// assert_eq!(&bytes[..], b"\x81\xa7flights\xcd\x03\x4a");
/// let back: Summary = format.deserialize(&bytes)?;
/// assert_eq!(back, Summary { flights: 842 });
///
/// let cut: Result<Summary, _> = format.deserialize(&bytes[..4]);
/// assert_eq!(cut.unwrap_err().kind(), "decode-failed");
/// # Ok::<(), remote_store_serializers::SerializeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct MessagePackSerializer;

impl<T: Serialize + DeserializeOwned> Serializer<T> for MessagePackSerializer {
    fn extension(&self) -> &'static str {
        ".msgpack"
    }

    fn serialize(&self, value: &T) -> Result<Bytes, SerializeError> {
        // It would be written as a map with a private name, which nothing reads.
        if holds(value, Finding::JsonNumber) {
            return Err(SerializeError::Unsupported {
                format: FORMAT,
                what: "a number of serde_json".to_owned(),
                way_out: "turn the value into a type of your own, or PickleValue::from(value)"
                    .to_owned(),
            });
        }
        rmp_serde::to_vec_named(value)
            .map(Bytes::from)
            .map_err(|error| SerializeError::Encode {
                format: FORMAT,
                reason: error.to_string(),
                source: Some(Box::new(error)),
            })
    }

    fn deserialize(&self, data: &[u8]) -> Result<T, SerializeError> {
        let mut rest = data;
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        let value = T::deserialize(&mut reader).map_err(|error| SerializeError::Decode {
            format: FORMAT,
            reason: error.to_string(),
            source: Some(Box::new(error)),
        })?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(SerializeError::decode(
                FORMAT,
                format!(
                    "{} bytes follow the value; the object is damaged",
                    rest.len()
                ),
            ))
        }
    }
}
