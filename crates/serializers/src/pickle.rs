//! Pickle for plain data: what Python pickled, and what Python can unpickle (DAG-002).
//!
//! A pickle is a program; this reader runs only the part of it that builds
//! plain data and refuses, by name, everything that would call into a class.
//! The crate `serde-pickle` was considered and left: it sorts dictionaries,
//! turns byte arrays into bytes, and has no bound on nesting or expansion, so
//! that a crafted object ends the process.

mod convert;
mod input;
mod ops;
mod reader;
mod tree;
mod value;
mod writer;

use bytes::Bytes;

pub use value::{PickleBigInt, PickleValue};

use crate::{SerializeError, Serializer};

pub(crate) const FORMAT: &str = "pickle";
/// Deeper nesting than this is refused; CPython's own limit is about the same.
pub(crate) const MAX_DEPTH: usize = 500;

/// Plain Python data as pickle, `.pkl` (DAG-002).
///
/// Reads protocols 0 to 5; writes protocol 4, which every Python from 3.4 on
/// reads. Plain data is `None`, `bool`, `int` of any size, `float`, `str`,
/// `bytes`, `bytearray`, `list`, `tuple`, `dict`, `set` and `frozenset`
/// (`collections.OrderedDict` is read as `dict`). Anything else is refused with
/// the name of its class.
///
/// ```
/// use remote_store_serializers::{PickleSerializer, PickleValue, Serializer};
///
/// let format = PickleSerializer::default();
/// let bytes = format.serialize(&PickleValue::List(vec![1.into(), "two".into(), PickleValue::None]))?;
/// // python3: pickle.loads(bytes) == [1, "two", None]
/// assert_eq!(format.deserialize(&bytes)?, PickleValue::List(vec![1.into(), "two".into(), PickleValue::None]));
///
/// // python3: pickle.dumps(datetime.date(2013, 1, 1), 2)
/// let date = b"\x80\x02cdatetime\ndate\nq\x00c_codecs\nencode\nq\x01X\x05\x00\x00\x00\x07\xc3\x9d\x01\x01q\x02X\x06\x00\x00\x00latin1q\x03\x86q\x04Rq\x05\x85q\x06Rq\x07.";
/// let refused = format.deserialize(date).unwrap_err();
/// assert!(refused.to_string().contains("datetime.date"));
/// # Ok::<(), remote_store_serializers::SerializeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct PickleSerializer {
    max_expanded_bytes: Option<u64>,
}

impl PickleSerializer {
    /// Sets how large the value may become in memory.
    ///
    /// Python shares an object that a pickle refers to many times; here every
    /// place gets its own copy, and a small pickle can be made to grow without
    /// end. The default is 64 MiB or 32 times the pickle, whichever is more.
    #[must_use]
    pub fn with_max_expanded_bytes(mut self, bytes: u64) -> Self {
        self.max_expanded_bytes = Some(bytes);
        self
    }
}

impl Serializer<PickleValue> for PickleSerializer {
    fn extension(&self) -> &'static str {
        ".pkl"
    }

    fn serialize(&self, value: &PickleValue) -> Result<Bytes, SerializeError> {
        writer::write(value).map(Bytes::from)
    }

    fn deserialize(&self, data: &[u8]) -> Result<PickleValue, SerializeError> {
        let limit = self
            .max_expanded_bytes
            .unwrap_or_else(|| (data.len() as u64).saturating_mul(32).max(64 << 20));
        reader::read(data, limit)
    }
}
