//! Values of partition columns as text in the names of folders, and back.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "types that are not named here have no one text"
)]

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, LargeStringArray, PrimitiveArray,
    StringArray, StringViewArray, new_null_array,
};
use arrow_schema::DataType;
use chrono::{NaiveDate, TimeDelta};

/// What stands for a null in the name of a folder.
pub(super) const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The type that a value read from a name has: categories come back as their text.
pub(super) fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        other => other,
    }
}

/// Whether [`value`] reads it: whatever [`plain`] makes of a type that [`texts`] tells.
pub(super) fn is_plain(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Date32
        )
}

macro_rules! each_integer {
    ($data_type:expr, $do:ident) => {
        match $data_type {
            DataType::Int8 => $do!(Int8Type),
            DataType::Int16 => $do!(Int16Type),
            DataType::Int32 => $do!(Int32Type),
            DataType::Int64 => $do!(Int64Type),
            DataType::UInt8 => $do!(UInt8Type),
            DataType::UInt16 => $do!(UInt16Type),
            DataType::UInt32 => $do!(UInt32Type),
            DataType::UInt64 => $do!(UInt64Type),
            _ => None,
        }
    };
}

pub(super) type TextAt<'a> = Box<dyn Fn(usize) -> Option<String> + 'a>;

/// How to tell the values of a column as text; none for a type that has no one form.
pub(super) fn texts(column: &dyn Array) -> Option<TextAt<'_>> {
    fn text_of<T>(column: &dyn Array, text: fn(T::Native) -> Option<String>) -> Option<TextAt<'_>>
    where
        T: ArrowPrimitiveType,
    {
        let column = column.as_primitive_opt::<T>()?;
        let is_there = |row: usize| !column.is_null(row);
        Some(Box::new(move |row| {
            is_there(row).then(|| column.value(row)).and_then(text)
        }))
    }
    macro_rules! strings {
        ($array:expr) => {{
            let column = $array?;
            Some(Box::new(move |row| {
                (!column.is_null(row)).then(|| column.value(row).to_string())
            }))
        }};
    }
    macro_rules! integers {
        ($type:ty) => {
            text_of::<$type>(column, |value| Some(value.to_string()))
        };
    }
    match column.data_type() {
        DataType::Boolean => strings!(column.as_boolean_opt()),
        DataType::Utf8 => strings!(column.as_string_opt::<i32>()),
        DataType::LargeUtf8 => strings!(column.as_string_opt::<i64>()),
        DataType::Utf8View => strings!(column.as_string_view_opt()),
        DataType::Date32 => {
            // Beyond the calendar there are only days.
            text_of::<Date32Type>(column, |days| {
                Some(date(days).map_or_else(|| days.to_string(), |date| date.to_string()))
            })
        }
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary_opt()?;
            // Without categories all rows are null, and there are no keys to ask for.
            let keys = if column.values().is_empty() {
                Vec::new()
            } else {
                column.normalized_keys()
            };
            let value_at = texts(column.values().as_ref())?;
            Some(Box::new(move |row| {
                let key = keys.get(row).filter(|_| !column.is_null(row))?;
                value_at(*key)
            }))
        }
        integer => each_integer!(integer, integers),
    }
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(days.into())?)
}

/// One value of a type from its text.
pub(super) fn value(text: Option<&str>, data_type: &DataType) -> Option<ArrayRef> {
    let Some(text) = text else {
        return Some(new_null_array(data_type, 1));
    };
    macro_rules! parsed {
        ($type:ty) => {{
            let value: <$type as ArrowPrimitiveType>::Native = text.parse().ok()?;
            let array = PrimitiveArray::<$type>::from_iter_values([value]);
            Some(Arc::new(array) as ArrayRef)
        }};
    }
    match data_type {
        DataType::Boolean => Some(Arc::new(BooleanArray::from(vec![
            text.parse::<bool>().ok()?,
        ]))),
        DataType::Utf8 => Some(Arc::new(StringArray::from(vec![text]))),
        DataType::LargeUtf8 => Some(Arc::new(LargeStringArray::from(vec![text]))),
        DataType::Utf8View => Some(Arc::new(StringViewArray::from(vec![text]))),
        DataType::Date32 => {
            let days = match text.parse::<NaiveDate>() {
                Ok(date) => i32::try_from((date - NaiveDate::default()).num_days()).ok()?,
                Err(_beyond_the_calendar) => text.parse().ok()?,
            };
            Some(Arc::new(PrimitiveArray::<Date32Type>::from_iter_values([
                days,
            ])))
        }
        integer => each_integer!(integer, parsed),
    }
}

/// A value as part of a folder's name; text that reads as a null is told apart from one.
pub(super) fn encode_value(text: &str, out: &mut String) {
    match text.strip_prefix('_') {
        Some(rest) if text == NULL => {
            out.push_str("%5F");
            out.push_str(rest);
        }
        _ => percent_encode(text, out),
    }
}

/// All but letters, digits and `-._~`, as pyarrow's `segment_encoding="uri"` does.
pub(super) fn percent_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Written to memory, which does not fail.
            let _written = write!(out, "%{byte:02X}");
        }
    }
}

pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let value = digit(rest.next())? * 16 + digit(rest.next())?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_are_those_of_pyarrow() {
        // What pyarrow.parquet.write_to_dataset made of the same values.
        for (value, name) in [
            ("a b/c%é:=", "a%20b%2Fc%25%C3%A9%3A%3D"),
            ("x~y-_.!*'()", "x~y-_.%21%2A%27%28%29"),
            ("", ""),
            (".", "."),
        ] {
            let mut out = String::new();
            percent_encode(value, &mut out);
            assert_eq!(out, name);
            assert_eq!(percent_decode(name).as_deref(), Some(value));
        }
    }
}
