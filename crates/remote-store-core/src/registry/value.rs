//! Values and descriptions of options.

use std::collections::BTreeMap;
use std::fmt;

use remote_store_credential_masking::Secret;

use crate::credential::SharedCredentialSource;

/// The value of one option, as configuration files and Python give it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum OptionValue {
    /// Nothing: as if the option were not given.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Text that is a credential.
    Secret(Secret),
    /// Several values.
    List(Vec<OptionValue>),
    /// Named values.
    Map(Options),
    /// Something that gives credentials when asked.
    Source(SharedCredentialSource),
}

/// Options by name.
pub type Options = BTreeMap<String, OptionValue>;

impl OptionValue {
    /// The name of its type in messages.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::Secret(_) => "secret",
            Self::List(_) => "list",
            Self::Map(_) => "dict",
            Self::Source(_) => "credential source",
        }
    }

    /// The source of a credential.
    pub const fn as_source(&self) -> Option<&SharedCredentialSource> {
        if let Self::Source(source) = self {
            Some(source)
        } else {
            None
        }
    }

    /// The text of a text or of a secret.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Secret(secret) => Some(secret.reveal()),
            Self::Null
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Float(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Source(_) => None,
        }
    }

    /// The value of a bool.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The value of a whole number.
    pub const fn as_int(&self) -> Option<i64> {
        if let Self::Int(value) = self {
            Some(*value)
        } else {
            None
        }
    }

    /// The value of a number.
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds and counts, far below 2^53"
    )]
    pub const fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Int(value) => Some(*value as f64),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Secret(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Source(_) => None,
        }
    }

    /// The named values of a map.
    pub const fn as_map(&self) -> Option<&Options> {
        if let Self::Map(values) = self {
            Some(values)
        } else {
            None
        }
    }
}

impl From<&str> for OptionValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for OptionValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for OptionValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for OptionValue {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<SharedCredentialSource> for OptionValue {
    fn from(value: SharedCredentialSource) -> Self {
        Self::Source(value)
    }
}

impl From<Secret> for OptionValue {
    fn from(value: Secret) -> Self {
        Self::Secret(value)
    }
}

/// What kind of value an option takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionKind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Text; a secret is text too.
    Text,
    /// Several values.
    List,
    /// Named values, checked by the same rules; any names when empty.
    Map(Vec<OptionSpec>),
    /// Something that gives credentials when asked.
    Source,
    /// A credential: as text, or something that gives one when asked.
    Credential,
}

impl OptionKind {
    /// True when the value is of this kind.
    pub const fn accepts(&self, value: &OptionValue) -> bool {
        match self {
            Self::Bool => matches!(value, OptionValue::Bool(_)),
            Self::Int => matches!(value, OptionValue::Int(_)),
            Self::Float => matches!(value, OptionValue::Float(_) | OptionValue::Int(_)),
            Self::Text => matches!(value, OptionValue::Text(_) | OptionValue::Secret(_)),
            Self::List => matches!(value, OptionValue::List(_)),
            Self::Map(_) => matches!(value, OptionValue::Map(_)),
            Self::Source => matches!(value, OptionValue::Source(_)),
            Self::Credential => matches!(
                value,
                OptionValue::Text(_) | OptionValue::Secret(_) | OptionValue::Source(_)
            ),
        }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "str",
            Self::List => "list",
            Self::Map(_) => "dict",
            Self::Source => "credential source",
            Self::Credential => "str or credential source",
        })
    }
}

/// One option of a backend.
///
/// ```
/// use remote_store_core::registry::{OptionKind, OptionSpec};
/// let root = OptionSpec::new("root", OptionKind::Text, "the folder").required();
/// assert!(root.required && !root.secret);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionSpec {
    /// Its main name.
    pub name: String,
    /// Names used elsewhere for the same thing.
    pub aliases: Vec<String>,
    /// What it takes.
    pub kind: OptionKind,
    /// True when the backend cannot be built without it.
    pub required: bool,
    /// True when its value is a credential.
    pub secret: bool,
    /// One line for people.
    pub help: String,
}

impl OptionSpec {
    /// An optional, harmless option.
    pub fn new(name: impl Into<String>, kind: OptionKind, help: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            kind,
            required: false,
            secret: false,
            help: help.into(),
        }
    }

    /// One that must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// One that is a credential.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// With another name.
    #[must_use]
    pub fn alias(mut self, name: impl Into<String>) -> Self {
        self.aliases.push(name.into());
        self
    }
}
