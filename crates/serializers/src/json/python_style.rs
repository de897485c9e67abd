//! Writing as CPython's `json.dumps` does with its defaults.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use super::FORMAT;
use super::number::{python_float, python_number};
use crate::SerializeError;
use crate::inspect::{Finding, holds};

pub(super) fn write<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), SerializeError> {
    // serde_json would write `null` for these without a word.
    if holds(value, Finding::NonFinite) {
        return Err(SerializeError::encode(
            FORMAT,
            "a float is NaN or infinite, which JSON does not know; use an Option, or another format",
        ));
    }
    let mut serializer = serde_json::Serializer::with_formatter(out, PythonStyle);
    value
        .serialize(&mut serializer)
        .map_err(|error| SerializeError::Encode {
            format: FORMAT,
            reason: error.to_string(),
            source: Some(Box::new(error)),
        })
}

struct PythonStyle;

impl PythonStyle {
    fn separate<W: ?Sized + Write>(writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }
}

impl Formatter for PythonStyle {
    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        writer.write_all(python_float(&format!("{value:e}")).as_bytes())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(python_float(&format!("{value:e}")).as_bytes())
    }

    fn write_number_str<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        value: &str,
    ) -> io::Result<()> {
        match python_number(value) {
            Some(text) => writer.write_all(text.as_bytes()),
            None => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "the number {value} is beyond the range of 64-bit floats, Python would read it as infinity"
                ),
            )),
        }
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    /// Escapes what Python escapes beyond JSON's own rules: everything from DEL on.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|character| character >= '\x7f') {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}
