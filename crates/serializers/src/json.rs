//! JSON, byte for byte as Python's `json.dumps` writes it (DAG-003).

mod number;
mod python_style;
mod tokens;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{SerializeError, Serializer};

const FORMAT: &str = "JSON";
/// Some tools put it before UTF-8 text; Python's reader skips it too.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to do with `NaN`, `Infinity` and `-Infinity`, which Python writes by
/// default and JSON does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NonFinite {
    /// An error that says where the token is.
    #[default]
    Refuse,
    /// Read it as `null`.
    ReadAsNull,
}

/// Values as JSON, `.json` (DAG-003).
///
/// The bytes equal those of CPython's `json.dumps` with its defaults: `", "`
/// and `": "`, everything outside ASCII escaped, floats as `repr` shows them.
///
/// ```
/// use remote_store_serializers::{JsonSerializer, Serializer};
/// use serde_json::{Value, json};
///
/// let format = JsonSerializer::default();
/// let value = json!({"carrier": "Zoë", "delays": [11, 1e16, null]});
/// let bytes = format.serialize(&value)?;
/// assert_eq!(&bytes[..], br#"{"carrier": "Zo\u00eb", "delays": [11, 1e+16, null]}"#);
/// let back: Value = format.deserialize(&bytes)?;
/// assert_eq!(back["delays"][0], 11);
///
/// // A value that is not a number is refused when writing: other readers of
/// // JSON would fail on it. An Option says the same.
/// assert!(format.serialize(&vec![f64::NAN]).is_err());
/// # Ok::<(), remote_store_serializers::SerializeError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct JsonSerializer {
    non_finite: NonFinite,
}

impl JsonSerializer {
    /// Reads `NaN` and the infinities as said.
    ///
    /// ```
    /// use remote_store_serializers::{JsonSerializer, NonFinite, Serializer};
    ///
    /// let from_python = b"[1.5, NaN]";
    /// let strict: Result<Vec<Option<f64>>, _> = JsonSerializer::default().deserialize(from_python);
    /// assert!(strict.unwrap_err().to_string().contains("NaN"));
    /// let lenient: Vec<Option<f64>> =
    ///     JsonSerializer::default().with_non_finite(NonFinite::ReadAsNull).deserialize(from_python)?;
    /// assert_eq!(lenient, [Some(1.5), None]);
    /// # Ok::<(), remote_store_serializers::SerializeError>(())
    /// ```
    #[must_use]
    pub fn with_non_finite(mut self, non_finite: NonFinite) -> Self {
        self.non_finite = non_finite;
        self
    }
}

impl<T: Serialize + DeserializeOwned> Serializer<T> for JsonSerializer {
    fn extension(&self) -> &'static str {
        ".json"
    }

    fn serialize(&self, value: &T) -> Result<Bytes, SerializeError> {
        let mut out = Vec::new();
        python_style::write(value, &mut out)?;
        Ok(out.into())
    }

    fn deserialize(&self, data: &[u8]) -> Result<T, SerializeError> {
        let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data);
        let found = match serde_json::from_slice(data) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let Some(token) = tokens::first_non_finite(data) else {
            return Err(damaged(found));
        };
        match self.non_finite {
            NonFinite::ReadAsNull => {
                serde_json::from_slice(&tokens::non_finite_as_null(data)).map_err(damaged)
            }
            NonFinite::Refuse => Err(SerializeError::Decode {
                format: FORMAT,
                reason: format!(
                    "{} at byte {}, which Python writes and JSON does not know; write None, or read it with NonFinite::ReadAsNull",
                    token.text, token.at
                ),
                source: Some(Box::new(found)),
            }),
        }
    }
}

fn damaged(error: serde_json::Error) -> SerializeError {
    SerializeError::Decode {
        format: FORMAT,
        reason: error.to_string(),
        source: Some(Box::new(error)),
    }
}
