//! A walk over a value before it is written, for what a format's library would
//! write wrongly without a word.

use std::fmt;

use serde::ser::{
    self, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

/// The name under which `serde_json::Number` writes itself with arbitrary
/// precision: a struct that only serializers of `serde_json` understand.
const JSON_NUMBER: &str = "$serde_json::private::Number";

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A float that is NaN or infinite.
    NonFinite,
    /// A `serde_json::Number`.
    JsonNumber,
}

/// The walk ends at the first finding, or at an error of the value's own.
#[derive(Debug)]
enum Stop {
    Found,
    Custom(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => formatter.write_str("found"),
            Self::Custom(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }
}

/// Whether `value` holds `sought`; errors of its own `Serialize` are left to the real run.
pub(crate) fn holds<T: Serialize + ?Sized>(value: &T, sought: Finding) -> bool {
    matches!(value.serialize(Walk { sought }), Err(Stop::Found))
}

#[derive(Clone, Copy)]
struct Walk {
    sought: Finding,
}

impl Walk {
    fn float(self, is_finite: bool) -> Walked {
        if is_finite || self.sought != Finding::NonFinite {
            Ok(())
        } else {
            Err(Stop::Found)
        }
    }
}

type Walked = Result<(), Stop>;

macro_rules! nothing_to_find {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, _: $type) -> Walked { Ok(()) })*
    };
}

impl ser::Serializer for Walk {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing_to_find!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    );

    fn serialize_f32(self, value: f32) -> Walked {
        self.float(value.is_finite())
    }

    fn serialize_f64(self, value: f64) -> Walked {
        self.float(value.is_finite())
    }

    fn serialize_none(self) -> Walked {
        Ok(())
    }

    fn serialize_unit(self) -> Walked {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Walked {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Walked {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Walked {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Walked {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Stop> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Stop> {
        if name == JSON_NUMBER && self.sought == Finding::JsonNumber {
            Err(Stop::Found)
        } else {
            Ok(self)
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Stop> {
        Ok(self)
    }
}

macro_rules! walk_elements {
    ($($trait:ident::$method:ident),* $(,)?) => {
        $(impl $trait for Walk {
            type Ok = ();
            type Error = Stop;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Walked {
                value.serialize(*self)
            }

            fn end(self) -> Walked {
                Ok(())
            }
        })*
    };
}

walk_elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
);

impl SerializeMap for Walk {
    type Ok = ();
    type Error = Stop;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Walked {
        key.serialize(*self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Walked {
        value.serialize(*self)
    }

    fn end(self) -> Walked {
        Ok(())
    }
}

macro_rules! walk_named_fields {
    ($($trait:ident),*) => {
        $(impl $trait for Walk {
            type Ok = ();
            type Error = Stop;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Walked {
                value.serialize(*self)
            }

            fn end(self) -> Walked {
                Ok(())
            }
        })*
    };
}

walk_named_fields!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_float_that_is_not_finite_is_found_at_any_depth() {
        let nested = BTreeMap::from([("a", vec![Some((1, 2.0)), Some((1, f64::INFINITY))])]);
        assert!(holds(&nested, Finding::NonFinite));
        assert!(!holds(&nested, Finding::JsonNumber));
        assert!(!holds(&BTreeMap::from([("a", 1.0)]), Finding::NonFinite));
    }

    #[test]
    fn a_number_of_serde_json_is_found() {
        assert!(holds(&serde_json::json!({"a": [1]}), Finding::JsonNumber));
        assert!(!holds(
            &serde_json::json!({"a": ["1"]}),
            Finding::JsonNumber
        ));
    }
}
