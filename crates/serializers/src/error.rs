//! What can go wrong between a value and its bytes, and the way out of it.

use thiserror::Error;

/// A value could not become bytes, or bytes could not become a value.
///
/// The text names what is wrong and what to do; the underlying error of the
/// format's own library is the [source](std::error::Error::source), never
/// repeated in the text.
///
/// ```
/// use remote_store_serializers::{JsonSerializer, SerializeError, Serializer};
///
/// let broken: Result<Vec<u32>, SerializeError> = JsonSerializer::default().deserialize(b"[1, ");
/// let error = broken.unwrap_err();
/// assert_eq!(error.kind(), "decode-failed");
/// assert!(error.to_string().contains("line 1 column 4"));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SerializeError {
    /// The value cannot be written in this format.
    #[error("cannot write {format}: {reason}")]
    Encode {
        /// Name of the format, e.g. `JSON`.
        format: &'static str,
        /// What is wrong and what to do.
        reason: String,
        /// The error of the format's library.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The bytes are not what the format demands, or not the type asked for.
    #[error("cannot read {format}: {reason}")]
    Decode {
        /// Name of the format, e.g. `pickle`.
        format: &'static str,
        /// What is wrong and what to do.
        reason: String,
        /// The error of the format's library.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The data is well formed, but this crate does not handle what is in it.
    #[error("{format} does not take {what}: {way_out}")]
    Unsupported {
        /// Name of the format.
        format: &'static str,
        /// The thing that is not handled, e.g. `column 'day' of type Date64`.
        what: String,
        /// What to do instead.
        way_out: String,
    },
    /// A projection, a filter or an option names a column that the table does not have.
    #[error("{}", unknown_column_text(name, nearest.as_deref(), available))]
    UnknownColumn {
        /// The name asked for.
        name: String,
        /// The column whose name comes closest.
        nearest: Option<String>,
        /// All columns of the table, in order.
        available: Vec<String>,
    },
    /// Reading would go past a bound that protects the process.
    #[error(
        "cannot read {format}: {what} is over the limit of {limit}; if the data is trusted, {way_out}"
    )]
    LimitExceeded {
        /// Name of the format.
        format: &'static str,
        /// What grew too large.
        what: String,
        /// The limit, in the unit that `what` names.
        limit: u64,
        /// How to raise the limit.
        way_out: &'static str,
    },
    /// The format's library panicked; nothing of its output was kept.
    #[error(
        "the {format} library failed while {during} ({message}); the input is damaged or of a kind it does not handle"
    )]
    Panicked {
        /// Name of the format.
        format: &'static str,
        /// `reading` or `writing`.
        during: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The writer given to [`serialize_into`](crate::Serializer::serialize_into) or `encode` failed.
    #[error("the destination of the bytes failed")]
    Io(#[from] std::io::Error),
}

impl SerializeError {
    /// A stable name of the kind of error, in kebab case.
    ///
    /// ```
    /// use remote_store_serializers::SerializeError;
    /// let error = SerializeError::from(std::io::Error::other("disk full"));
    /// assert_eq!(error.kind(), "io");
    /// ```
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Encode { .. } => "encode-failed",
            Self::Decode { .. } => "decode-failed",
            Self::Unsupported { .. } => "unsupported-data",
            Self::UnknownColumn { .. } => "unknown-column",
            Self::LimitExceeded { .. } => "limit-exceeded",
            Self::Panicked { .. } => "library-panicked",
            Self::Io(_) => "io",
        }
    }

    pub(crate) fn decode(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Decode {
            format,
            reason: reason.into(),
            source: None,
        }
    }

    pub(crate) fn encode(format: &'static str, reason: impl Into<String>) -> Self {
        Self::Encode {
            format,
            reason: reason.into(),
            source: None,
        }
    }
}

fn unknown_column_text(name: &str, nearest: Option<&str>, available: &[String]) -> String {
    /// More names than this would drown the message.
    const SHOWN: usize = 20;
    let mut text = format!("no column '{name}' in the table");
    if let Some(nearest) = nearest {
        text = format!("{text}, did you mean '{nearest}'?");
    }
    let shown: Vec<String> = available
        .iter()
        .take(SHOWN)
        .map(|column| format!("'{column}'"))
        .collect();
    let count = match available.len() {
        0 => return format!("{text}; it has no columns"),
        1 => "1 column".to_owned(),
        more => format!("{more} columns"),
    };
    text = format!("{text}; it has {count}: {}", shown.join(", "));
    if available.len() > SHOWN {
        text.push_str(", …");
    }
    text
}
