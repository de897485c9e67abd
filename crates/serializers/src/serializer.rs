//! The trait that every format implements (DAG-001).

use std::io::Write;

use bytes::Bytes;

use crate::SerializeError;

/// Turns values of type `T` into bytes and back (DAG-001, DAG-009).
///
/// Any implementation can be used where one of this crate's own can; the trait
/// is dyn-safe.
///
/// ```
/// use bytes::Bytes;
/// use remote_store_serializers::{SerializeError, Serializer};
///
/// /// One number for each line.
/// struct Lines;
///
/// impl Serializer<Vec<i64>> for Lines {
///     fn extension(&self) -> &str {
///         ".txt"
///     }
///     fn serialize(&self, value: &Vec<i64>) -> Result<Bytes, SerializeError> {
///         Ok(value.iter().map(|number| format!("{number}\n")).collect::<String>().into())
///     }
///     fn deserialize(&self, data: &[u8]) -> Result<Vec<i64>, SerializeError> {
///         let text = String::from_utf8_lossy(data);
///         text.lines()
///             .map(|line| {
///                 line.parse().map_err(|error| SerializeError::Decode {
///                     format: "lines",
///                     reason: format!("'{line}' is not a whole number"),
///                     source: Some(Box::new(error)),
///                 })
///             })
///             .collect()
///     }
/// }
///
/// let format: &dyn Serializer<Vec<i64>> = &Lines;
/// assert_eq!(&format.serialize(&vec![1, -2])?[..], b"1\n-2\n");
/// assert_eq!(format.deserialize(b"1\n-2\n")?, [1, -2]);
/// assert_eq!(format.deserialize(b"one").unwrap_err().to_string(), "cannot read lines: 'one' is not a whole number");
/// # Ok::<(), SerializeError>(())
/// ```
pub trait Serializer<T> {
    /// The file extension with its dot, e.g. `.parquet`.
    fn extension(&self) -> &str;

    /// Turns `value` into bytes.
    ///
    /// # Errors
    /// [`SerializeError`] when the format cannot hold the value.
    fn serialize(&self, value: &T) -> Result<Bytes, SerializeError>;

    /// Turns bytes back into a value.
    ///
    /// # Errors
    /// [`SerializeError`] when the bytes are damaged or hold something else.
    fn deserialize(&self, data: &[u8]) -> Result<T, SerializeError>;

    /// Writes the bytes of `value` to `out`, in parts where the format allows it.
    ///
    /// On an error `out` may hold a part of the bytes: the caller discards it.
    ///
    /// # Errors
    /// As [`serialize`](Self::serialize), and [`SerializeError::Io`] when `out` fails.
    fn serialize_into(&self, value: &T, out: &mut dyn Write) -> Result<(), SerializeError> {
        out.write_all(&self.serialize(value)?)?;
        Ok(())
    }
}
