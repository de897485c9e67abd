//! Plain data to pickle, protocol 4.

use super::ops::{
    ADDITEMS, APPENDS, BINBYTES, BINBYTES8, BINFLOAT, BININT, BININT1, BININT2, BINUNICODE,
    BINUNICODE8, EMPTY_DICT, EMPTY_LIST, EMPTY_SET, EMPTY_TUPLE, FROZENSET, LONG1, LONG4, MARK,
    NEWFALSE, NEWTRUE, NONE, PROTO, REDUCE, SETITEMS, SHORT_BINBYTES, SHORT_BINUNICODE,
    STACK_GLOBAL, STOP, TUPLE, TUPLE1, TUPLE2, TUPLE3,
};
use super::{FORMAT, MAX_DEPTH, PickleValue};
use crate::SerializeError;

const PROTOCOL: u8 = 4;

pub(super) fn write(value: &PickleValue) -> Result<Vec<u8>, SerializeError> {
    let mut out = vec![PROTO, PROTOCOL];
    put(&mut out, value, 0)?;
    out.push(STOP);
    Ok(out)
}

fn put(out: &mut Vec<u8>, value: &PickleValue, depth: usize) -> Result<(), SerializeError> {
    if depth > MAX_DEPTH {
        return Err(SerializeError::encode(
            FORMAT,
            format!("the value is nested deeper than {MAX_DEPTH} levels; flatten it"),
        ));
    }
    match value {
        PickleValue::None => out.push(NONE),
        PickleValue::Bool(value) => out.push(if *value { NEWTRUE } else { NEWFALSE }),
        PickleValue::Int(value) => put_int(out, *value)?,
        PickleValue::BigInt(value) => put_long(out, value.as_le_bytes())?,
        PickleValue::Float(value) => {
            out.push(BINFLOAT);
            out.extend_from_slice(&value.to_be_bytes());
        }
        PickleValue::Str(text) => put_counted(
            out,
            text.as_bytes(),
            [SHORT_BINUNICODE, BINUNICODE, BINUNICODE8],
        ),
        PickleValue::Bytes(bytes) => put_counted(out, bytes, [SHORT_BINBYTES, BINBYTES, BINBYTES8]),
        PickleValue::ByteArray(bytes) => put_byte_array(out, bytes),
        PickleValue::List(items) => {
            out.push(EMPTY_LIST);
            put_items(out, items, depth, APPENDS)?;
        }
        PickleValue::Tuple(items) => put_tuple(out, items, depth)?,
        PickleValue::Dict(entries) => put_dict(out, entries, depth)?,
        PickleValue::Set(items) => {
            hashable(items.iter(), "element of a set")?;
            out.push(EMPTY_SET);
            put_items(out, items, depth, ADDITEMS)?;
        }
        PickleValue::FrozenSet(items) => {
            hashable(items.iter(), "element of a frozenset")?;
            out.push(MARK);
            for item in items {
                put(out, item, depth + 1)?;
            }
            out.push(FROZENSET);
        }
    }
    Ok(())
}

fn put_int(out: &mut Vec<u8>, value: i64) -> Result<(), SerializeError> {
    if let Ok(small) = u8::try_from(value) {
        out.extend_from_slice(&[BININT1, small]);
    } else if let Ok(small) = u16::try_from(value) {
        out.push(BININT2);
        out.extend_from_slice(&small.to_le_bytes());
    } else if let Ok(small) = i32::try_from(value) {
        out.push(BININT);
        out.extend_from_slice(&small.to_le_bytes());
    } else {
        put_long(out, &value.to_le_bytes())?;
    }
    Ok(())
}

fn put_long(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), SerializeError> {
    if let Ok(length) = u8::try_from(bytes.len()) {
        out.extend_from_slice(&[LONG1, length]);
    } else {
        let length = i32::try_from(bytes.len()).map_err(|error| SerializeError::Encode {
            format: FORMAT,
            reason: "a whole number has more than 2 GiB of digits".to_owned(),
            source: Some(Box::new(error)),
        })?;
        out.push(LONG4);
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(bytes);
    Ok(())
}

/// Bytes after their count, which takes one, four or eight bytes.
fn put_counted(out: &mut Vec<u8>, bytes: &[u8], [short, medium, long]: [u8; 3]) {
    if let Ok(length) = u8::try_from(bytes.len()) {
        out.extend_from_slice(&[short, length]);
    } else if let Ok(length) = u32::try_from(bytes.len()) {
        out.push(medium);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.push(long);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    out.extend_from_slice(bytes);
}

/// Protocol 4 has no opcode for it: `builtins.bytearray(bytes)`.
fn put_byte_array(out: &mut Vec<u8>, bytes: &[u8]) {
    put_counted(
        out,
        b"builtins",
        [SHORT_BINUNICODE, BINUNICODE, BINUNICODE8],
    );
    put_counted(
        out,
        b"bytearray",
        [SHORT_BINUNICODE, BINUNICODE, BINUNICODE8],
    );
    out.push(STACK_GLOBAL);
    put_counted(out, bytes, [SHORT_BINBYTES, BINBYTES, BINBYTES8]);
    out.extend_from_slice(&[TUPLE1, REDUCE]);
}

fn put_items(
    out: &mut Vec<u8>,
    items: &[PickleValue],
    depth: usize,
    finish: u8,
) -> Result<(), SerializeError> {
    if items.is_empty() {
        return Ok(());
    }
    out.push(MARK);
    for item in items {
        put(out, item, depth + 1)?;
    }
    out.push(finish);
    Ok(())
}

fn put_tuple(out: &mut Vec<u8>, items: &[PickleValue], depth: usize) -> Result<(), SerializeError> {
    let finish = match items.len() {
        0 => EMPTY_TUPLE,
        1 => TUPLE1,
        2 => TUPLE2,
        3 => TUPLE3,
        _ => {
            out.push(MARK);
            TUPLE
        }
    };
    for item in items {
        put(out, item, depth + 1)?;
    }
    out.push(finish);
    Ok(())
}

fn put_dict(
    out: &mut Vec<u8>,
    entries: &[(PickleValue, PickleValue)],
    depth: usize,
) -> Result<(), SerializeError> {
    hashable(entries.iter().map(|(key, _)| key), "key of a dict")?;
    out.push(EMPTY_DICT);
    if entries.is_empty() {
        return Ok(());
    }
    out.push(MARK);
    for (key, value) in entries {
        put(out, key, depth + 1)?;
        put(out, value, depth + 1)?;
    }
    out.push(SETITEMS);
    Ok(())
}

/// What Python could not hash, it could not unpickle.
fn hashable<'a>(
    values: impl Iterator<Item = &'a PickleValue>,
    place: &str,
) -> Result<(), SerializeError> {
    let mut unhashable = values.filter(|value| !value.is_hashable());
    unhashable.next().map_or(Ok(()), |value| {
        let name = value.type_name();
        Err(SerializeError::encode(
            FORMAT,
            format!("a {name} cannot be the {place} in Python; use a tuple or frozenset"),
        ))
    })
}
