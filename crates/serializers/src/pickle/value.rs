//! Plain Python data.

use std::fmt;

use super::ops::decimal_text;

/// A plain Python value.
///
/// Dictionaries keep their order; sets the order in which Python wrote them.
///
/// ```
/// use remote_store_serializers::PickleValue;
///
/// let value = PickleValue::Dict(vec![("late".into(), PickleValue::List(vec![11.into()]))]);
/// assert_eq!(value.get("late"), Some(&PickleValue::List(vec![PickleValue::Int(11)])));
/// assert_eq!(value.get("early"), None);
/// assert_eq!(value.type_name(), "dict");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum PickleValue {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int` of up to 64 bits
    Int(i64),
    /// `int` beyond 64 bits
    BigInt(PickleBigInt),
    /// `float`
    Float(f64),
    /// `str`
    Str(String),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `bytearray`
    ByteArray(Vec<u8>),
    /// `list`
    List(Vec<PickleValue>),
    /// `tuple`
    Tuple(Vec<PickleValue>),
    /// `dict`, in its order
    Dict(Vec<(PickleValue, PickleValue)>),
    /// `set`
    Set(Vec<PickleValue>),
    /// `frozenset`
    FrozenSet(Vec<PickleValue>),
}

/// A Python `int` that does not fit into 64 bits.
///
/// ```
/// use remote_store_serializers::{PickleSerializer, PickleValue, Serializer};
/// // python3: pickle.dumps(2**64, 2)
/// let value = PickleSerializer::default().deserialize(b"\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.")?;
/// let PickleValue::BigInt(number) = value else { panic!("2**64 is beyond 64 bits") };
/// assert_eq!(number.to_string(), "18446744073709551616");
/// # Ok::<(), remote_store_serializers::SerializeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PickleBigInt {
    /// Two's complement, least byte first, no more bytes than needed.
    bytes: Vec<u8>,
}

impl PickleBigInt {
    /// Two's complement, least byte first, as pickle has it.
    pub fn as_le_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Display for PickleBigInt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&decimal_text(&self.bytes))
    }
}

impl PickleValue {
    /// An `int` from two's complement bytes, least byte first.
    ///
    /// ```
    /// use remote_store_serializers::PickleValue;
    /// assert_eq!(PickleValue::from_le_bytes(&[0xff]), PickleValue::Int(-1));
    /// assert_eq!(PickleValue::from_le_bytes(&[]), PickleValue::Int(0));
    /// ```
    pub fn from_le_bytes(bytes: &[u8]) -> Self {
        let mut bytes = bytes;
        // A last byte that only repeats the sign of the one before says nothing.
        while let [rest @ .., before, last] = bytes {
            let repeats =
                (*last == 0 && before & 0x80 == 0) || (*last == 0xff && before & 0x80 != 0);
            if !repeats {
                break;
            }
            bytes = bytes.get(..rest.len() + 1).unwrap_or_default();
        }
        let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        match wide.get_mut(..bytes.len()) {
            Some(low) => {
                low.copy_from_slice(bytes);
                Self::Int(i64::from_le_bytes(wide))
            }
            None => Self::BigInt(PickleBigInt {
                bytes: bytes.to_vec(),
            }),
        }
    }

    /// The value under a string key of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(name, _)| matches!(name, Self::Str(name) if name == key))
            .map(|(_, value)| value)
    }

    /// Python's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::BigInt(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::ByteArray(_) => "bytearray",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::FrozenSet(_) => "frozenset",
        }
    }

    /// Bytes on the heap of a value that holds no other values.
    pub(crate) fn payload_len(&self) -> usize {
        match self {
            Self::Str(text) => text.len(),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => bytes.len(),
            Self::BigInt(number) => number.bytes.len(),
            Self::None
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::List(_)
            | Self::Tuple(_)
            | Self::Dict(_)
            | Self::Set(_)
            | Self::FrozenSet(_) => 0,
        }
    }

    /// Whether Python could use it as a dictionary key or an element of a set.
    pub(crate) fn is_hashable(&self) -> bool {
        match self {
            Self::Tuple(items) => items.iter().all(Self::is_hashable),
            Self::ByteArray(_) | Self::List(_) | Self::Dict(_) | Self::Set(_) => false,
            Self::None
            | Self::Bool(_)
            | Self::Int(_)
            | Self::BigInt(_)
            | Self::Float(_)
            | Self::Str(_)
            | Self::Bytes(_)
            | Self::FrozenSet(_) => true,
        }
    }
}

macro_rules! from {
    ($($type:ty => |$value:ident| $result:expr),* $(,)?) => {
        $(impl From<$type> for PickleValue {
            fn from($value: $type) -> Self {
                $result
            }
        })*
    };
}

from!(
    bool => |value| Self::Bool(value),
    i32 => |value| Self::Int(value.into()),
    i64 => |value| Self::Int(value),
    u64 => |value| {
        let mut bytes = value.to_le_bytes().to_vec();
        bytes.push(0);
        Self::from_le_bytes(&bytes)
    },
    f64 => |value| Self::Float(value),
    &str => |value| Self::Str(value.to_owned()),
    String => |value| Self::Str(value),
);

impl From<Vec<PickleValue>> for PickleValue {
    fn from(items: Vec<PickleValue>) -> Self {
        Self::List(items)
    }
}
