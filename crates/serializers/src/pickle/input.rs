//! The bytes of a pickle, taken from the front.

use super::ops::from_decimal;
use super::{FORMAT, PickleValue};
use crate::SerializeError;

pub(super) type Read<T = ()> = Result<T, SerializeError>;

pub(super) struct Input<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    pub(super) fn damaged(&self, what: &str) -> SerializeError {
        SerializeError::decode(
            FORMAT,
            format!(
                "{what}, before byte {} of {}; the object is damaged",
                self.at,
                self.data.len()
            ),
        )
    }

    pub(super) fn bytes(&mut self, count: usize) -> Read<&'a [u8]> {
        let found = self
            .at
            .checked_add(count)
            .and_then(|end| self.data.get(self.at..end));
        match found {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => Err(SerializeError::decode(
                FORMAT,
                format!(
                    "it ends at byte {} within a value; the object is empty or cut off",
                    self.data.len()
                ),
            )),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = self.bytes(N)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    pub(super) fn length1(&mut self) -> Read<usize> {
        Ok(u8::from_le_bytes(self.array()?).into())
    }

    pub(super) fn length4(&mut self) -> Read<usize> {
        let length = u32::from_le_bytes(self.array()?);
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(super) fn length8(&mut self) -> Read<usize> {
        let length = u64::from_le_bytes(self.array()?);
        Ok(usize::try_from(length).unwrap_or(usize::MAX))
    }

    pub(super) fn length(&mut self, op: u8, [short, medium]: [u8; 2]) -> Read<usize> {
        if op == short {
            self.length1()
        } else if op == medium {
            self.length4()
        } else {
            self.length8()
        }
    }

    pub(super) fn utf8(&mut self, length: usize) -> Read<String> {
        let bytes = self.bytes(length)?.to_vec();
        String::from_utf8(bytes).map_err(|error| SerializeError::Decode {
            format: FORMAT,
            reason: "a string is not UTF-8 (Python can hold lone surrogates, Rust cannot)"
                .to_owned(),
            source: Some(Box::new(error)),
        })
    }

    pub(super) fn python2_text(&mut self, length: usize) -> Read<String> {
        let text = self.utf8(length)?;
        if text.is_ascii() {
            Ok(text)
        } else {
            Err(python2())
        }
    }

    pub(super) fn line(&mut self) -> Read<&'a str> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        let start = self.at;
        self.bytes(end + 1)?;
        let line = self.data.get(start..start + end).unwrap_or_default();
        std::str::from_utf8(line).map_err(|error| SerializeError::Decode {
            format: FORMAT,
            reason: format!("the text at byte {start} is not UTF-8"),
            source: Some(Box::new(error)),
        })
    }

    pub(super) fn text_int(&mut self) -> Read<PickleValue> {
        let line = self.line()?;
        let value = match line {
            "00" => Some(PickleValue::Bool(false)),
            "01" => Some(PickleValue::Bool(true)),
            text => from_decimal(text.strip_suffix('L').unwrap_or(text))
                .map(|bytes| PickleValue::from_le_bytes(&bytes)),
        };
        value.ok_or_else(|| self.damaged("a whole number is none"))
    }

    pub(super) fn text_float(&mut self) -> Read<PickleValue> {
        let value = self.line()?.parse().ok().map(PickleValue::Float);
        value.ok_or_else(|| self.damaged("a float is none"))
    }

    /// Latin-1 with `\uXXXX` and `\UXXXXXXXX`; a backslash of the text itself is escaped too.
    pub(super) fn text_unicode(&mut self) -> Read<String> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        let line = self.bytes(end + 1)?.get(..end).unwrap_or_default();
        let mut text = String::with_capacity(line.len());
        let mut at = 0;
        while let Some(byte) = line.get(at) {
            let digits = match (byte, line.get(at + 1)) {
                (b'\\', Some(b'u')) => 4,
                (b'\\', Some(b'U')) => 8,
                _ => {
                    text.push(char::from(*byte));
                    at += 1;
                    continue;
                }
            };
            let hex = line
                .get(at + 2..at + 2 + digits)
                .and_then(|hex| std::str::from_utf8(hex).ok());
            let code = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
            let character = code.and_then(char::from_u32);
            text.push(
                character
                    .ok_or_else(|| self.damaged("a string has an escape that is no character"))?,
            );
            at += 2 + digits;
        }
        Ok(text)
    }
}

pub(super) fn python2() -> SerializeError {
    SerializeError::Unsupported {
        format: FORMAT,
        what: "byte strings of Python 2".to_owned(),
        way_out: "load it in Python 3 and pickle it again".to_owned(),
    }
}
