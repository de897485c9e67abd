//! Pickled data and Rust's own types.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::{Deserializer, Serialize, Serializer, forward_to_deserialize_any};

use super::{FORMAT, PickleValue};
use crate::SerializeError;

impl PickleValue {
    /// Turns the value into a type of your own.
    ///
    /// # Errors
    /// [`SerializeError::Decode`] when the value is not what the type demands.
    ///
    /// ```
    /// use remote_store_serializers::{PickleSerializer, Serializer};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Day {
    ///     flights: u32,
    /// }
    ///
    /// // python3: pickle.dumps({"flights": 842}, 2)
    /// let bytes = b"\x80\x02}q\x00X\x07\x00\x00\x00flightsq\x01MJ\x03s.";
    /// let day: Day = PickleSerializer::default().deserialize(bytes)?.deserialize_into()?;
    /// assert_eq!(day.flights, 842);
    ///
    /// let wrong = PickleSerializer::default().deserialize(bytes)?.deserialize_into::<Vec<u32>>();
    /// assert!(wrong.unwrap_err().to_string().contains("invalid type: map"));
    /// # Ok::<(), remote_store_serializers::SerializeError>(())
    /// ```
    pub fn deserialize_into<T: DeserializeOwned>(self) -> Result<T, SerializeError> {
        T::deserialize(self).map_err(|error: de::value::Error| SerializeError::Decode {
            format: FORMAT,
            reason: error.to_string(),
            source: Some(Box::new(error)),
        })
    }
}

impl IntoDeserializer<'_, de::value::Error> for PickleValue {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for PickleValue {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Self::None => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Int(value) => visitor.visit_i64(value),
            Self::BigInt(value) => {
                let text = value.to_string();
                match (text.parse::<u64>(), text.parse::<i128>()) {
                    (Ok(value), _) => visitor.visit_u64(value),
                    (_, Ok(value)) => visitor.visit_i128(value),
                    _ => Err(de::Error::custom(format!(
                        "the whole number {text} is beyond 128 bits"
                    ))),
                }
            }
            Self::Float(value) => visitor.visit_f64(value),
            Self::Str(text) => visitor.visit_string(text),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => visitor.visit_byte_buf(bytes),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                let mut sequence = SeqDeserializer::new(items.into_iter());
                let value = visitor.visit_seq(&mut sequence)?;
                sequence.end()?;
                Ok(value)
            }
            Self::Dict(entries) => {
                let mut map = MapDeserializer::new(entries.into_iter());
                let value = visitor.visit_map(&mut map)?;
                map.end()?;
                Ok(value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self == Self::None {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let found = self.type_name();
        if let Self::Dict(entries) = self {
            let map = MapDeserializer::new(entries.into_iter());
            return visitor.visit_enum(de::value::MapAccessDeserializer::new(map));
        }
        let Self::Str(variant) = self else {
            return Err(de::Error::custom(format!(
                "a {found} cannot be a variant of {name}"
            )));
        };
        let variant: de::value::StringDeserializer<Self::Error> = variant.into_deserializer();
        variant.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl Serialize for PickleValue {
    /// As the nearest of serde's types; a whole number beyond 128 bits is an error.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::BigInt(value) => {
                let text = value.to_string();
                match (text.parse::<u64>(), text.parse::<i128>()) {
                    (Ok(value), _) => serializer.serialize_u64(value),
                    (_, Ok(value)) => serializer.serialize_i128(value),
                    _ => Err(serde::ser::Error::custom(format!(
                        "the whole number {text} is beyond 128 bits"
                    ))),
                }
            }
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) | Self::ByteArray(bytes) => serializer.serialize_bytes(bytes),
            Self::List(items) | Self::Tuple(items) | Self::Set(items) | Self::FrozenSet(items) => {
                serializer.collect_seq(items)
            }
            Self::Dict(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

impl From<serde_json::Value> for PickleValue {
    /// Whole numbers of any length stay exact.
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(value) => Self::Bool(value),
            serde_json::Value::Number(number) => {
                let text = number.to_string();
                super::ops::from_decimal(&text)
                    .map(|bytes| Self::from_le_bytes(&bytes))
                    .or_else(|| text.parse().ok().map(Self::Float))
                    .unwrap_or(Self::Str(text))
            }
            serde_json::Value::String(text) => Self::Str(text),
            serde_json::Value::Array(items) => {
                Self::List(items.into_iter().map(Self::from).collect())
            }
            serde_json::Value::Object(entries) => Self::Dict(
                entries
                    .into_iter()
                    .map(|(key, value)| (Self::Str(key), Self::from(value)))
                    .collect(),
            ),
        }
    }
}
