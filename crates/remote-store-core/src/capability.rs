//! What a backend can do, as a small set that callers ask before they start.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// One ability of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Objects can be read.
    Read,
    /// Objects can be written.
    Write,
    /// Objects can be deleted.
    Delete,
    /// Objects and folders can be listed.
    List,
    /// Objects can be found by pattern.
    Glob,
    /// Objects can be moved.
    Move,
    /// Objects can be copied.
    Copy,
    /// A write is all or nothing.
    AtomicWrite,
    /// A move is all or nothing.
    AtomicMove,
    /// Size and times are known without reading.
    Metadata,
    /// Text pairs can be kept with an object.
    UserMetadata,
    /// A reader can jump.
    SeekableRead,
    /// Opening a reader does not fetch the object.
    LazyRead,
    /// The answer to a write carries what the store itself reported.
    WriteResultNative,
}

impl Capability {
    /// All capabilities, in the order in which they are listed in messages.
    pub const ALL: [Self; 14] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::List,
        Self::Glob,
        Self::Move,
        Self::Copy,
        Self::AtomicWrite,
        Self::AtomicMove,
        Self::Metadata,
        Self::UserMetadata,
        Self::SeekableRead,
        Self::LazyRead,
        Self::WriteResultNative,
    ];

    /// The name in lower case, as in messages and in Python.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::List => "list",
            Self::Glob => "glob",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::AtomicWrite => "atomic_write",
            Self::AtomicMove => "atomic_move",
            Self::Metadata => "metadata",
            Self::UserMetadata => "user_metadata",
            Self::SeekableRead => "seekable_read",
            Self::LazyRead => "lazy_read",
            Self::WriteResultNative => "write_result_native",
        }
    }

    const fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|capability| capability.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                Error::invalid_config(format!(
                    "Unknown capability '{text}'. Choose from: {}",
                    CapabilitySet::all()
                ))
            })
    }
}

/// A set of capabilities; two bytes, copied freely.
///
/// ```
/// use remote_store_core::{Capability, CapabilitySet};
///
/// let set = CapabilitySet::empty().with(Capability::Read).with(Capability::List);
/// assert!(set.contains(Capability::Read));
/// assert!(!set.contains(Capability::Write));
/// assert_eq!(set.to_string(), "['read', 'list']");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CapabilitySet(u16);

impl CapabilitySet {
    /// The set without any capability.
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Every capability there is.
    pub fn all() -> Self {
        Capability::ALL.into_iter().collect()
    }

    /// True when the capability is in the set.
    pub const fn contains(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// The set and one more.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | capability.bit())
    }

    /// The set without one.
    #[must_use]
    pub const fn without(self, capability: Capability) -> Self {
        Self(self.0 & !capability.bit())
    }

    /// The members, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL
            .into_iter()
            .filter(move |capability| self.contains(*capability))
    }

    /// How many there are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// True when there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Capability> for CapabilitySet {
    fn from_iter<I: IntoIterator<Item = Capability>>(iter: I) -> Self {
        iter.into_iter().fold(Self::empty(), Self::with)
    }
}

impl fmt::Display for CapabilitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, capability) in self.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}'{capability}'")?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_capability_has_its_own_bit_and_its_name_parses_back() {
        assert_eq!(CapabilitySet::all().len(), Capability::ALL.len());
        for capability in Capability::ALL {
            assert_eq!(
                capability.as_str().parse::<Capability>().unwrap(),
                capability
            );
            assert!(
                !CapabilitySet::all()
                    .without(capability)
                    .contains(capability)
            );
        }
        assert!("fly".parse::<Capability>().is_err());
    }
}
