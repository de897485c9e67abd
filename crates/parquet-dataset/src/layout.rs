//! Names on storage: `manifest.json`, `_SUCCESS` and the parts.
//!
//! A first write names its parts as the pure-Python package does. Later
//! generations add eight hex digits, so that they lie beside the parts that
//! readers still use; the manifest lists the names, whatever they are.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use remote_store_core::{Error as StoreError, Prefix};
use sha2::{Digest, Sha256};

use crate::error::Result;

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const SUCCESS: &str = "_SUCCESS";
const EXTENSION: &str = ".parquet";
const GENERATION_DIGITS: usize = 8;

/// The folder of one dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    key: String,
}

impl Layout {
    pub(crate) fn new(key: &str) -> Result<Self> {
        let prefix = Prefix::parse(key)?;
        if prefix.is_root() {
            let reason = "A dataset needs a name of its own, it cannot be the store's root";
            return Err(StoreError::invalid_path(key, reason).into());
        }
        Ok(Self {
            key: prefix.as_str().to_owned(),
        })
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.key)
    }

    pub(crate) fn manifest(&self) -> String {
        self.path(MANIFEST)
    }

    pub(crate) fn success(&self) -> String {
        self.path(SUCCESS)
    }
}

/// Names the parts of one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartNames {
    /// `None` for the names of a first write.
    generation: Option<String>,
}

impl PartNames {
    pub(crate) fn first_write() -> Self {
        Self { generation: None }
    }

    pub(crate) fn new_generation() -> Self {
        Self {
            generation: Some(random_hex()),
        }
    }

    pub(crate) fn is_generation(&self) -> bool {
        self.generation.is_some()
    }

    /// From here on names are those of a generation.
    pub(crate) fn make_generation(&mut self) {
        self.generation.get_or_insert_with(random_hex);
    }

    /// The only part of a dataset.
    pub(crate) fn single(&self) -> String {
        format!("data{}{EXTENSION}", self.suffix())
    }

    /// One of several parts.
    pub(crate) fn numbered(&self, index: usize) -> String {
        format!("part-{index:05}{}{EXTENSION}", self.suffix())
    }

    fn suffix(&self) -> String {
        self.generation
            .as_deref()
            .map(|generation| format!("-{generation}"))
            .unwrap_or_default()
    }
}

/// Where a name of a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartOrigin {
    /// `data.parquet`, `part-00000.parquet`
    FirstWrite,
    /// `data-1a2b3c4d.parquet`, `part-00000-1a2b3c4d.parquet`
    Generation,
}

/// Whether a file name is one that a writer of datasets gives to a part.
pub(crate) fn part_origin(name: &str) -> Option<PartOrigin> {
    let stem = name.strip_suffix(EXTENSION)?;
    let rest = match stem.strip_prefix("part-") {
        Some(numbered) => {
            let digits = numbered.bytes().take_while(u8::is_ascii_digit).count();
            if digits < 5 {
                return None;
            }
            numbered.get(digits..)?
        }
        None => stem.strip_prefix("data")?,
    };
    if rest.is_empty() {
        return Some(PartOrigin::FirstWrite);
    }
    let generation = rest.strip_prefix('-')?;
    let is_hex = generation
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (generation.len() == GENERATION_DIGITS && is_hex).then_some(PartOrigin::Generation)
}

/// Eight hex digits. A name that is taken is not overwritten, so chance alone
/// does not carry correctness; a fork's child must not repeat its parent though.
pub(crate) fn random_hex() -> String {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(RandomState::new().build_hasher().finish().to_le_bytes());
    hash.update(std::process::id().to_le_bytes());
    hash.update(since_epoch.as_nanos().to_le_bytes());
    hex(&hash.finalize(), GENERATION_DIGITS)
}

pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    nibbles
        .take(digits)
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_writers_give_are_parts() {
        for name in ["data.parquet", "part-00000.parquet", "part-123456.parquet"] {
            assert_eq!(part_origin(name), Some(PartOrigin::FirstWrite), "{name}");
        }
        for name in ["data-0123abcd.parquet", "part-00007-deadbeef.parquet"] {
            assert_eq!(part_origin(name), Some(PartOrigin::Generation), "{name}");
        }
        for name in [
            "orders.parquet",
            "data.parquet.bak",
            "data-old.parquet",
            "part-1.parquet",
            "data-0123ABCD.parquet",
            "database.parquet",
            "manifest.json",
            "part-00000-deadbeef0.parquet",
        ] {
            assert_eq!(part_origin(name), None, "{name}");
        }
    }

    #[test]
    fn every_name_given_is_recognized() {
        let (first, later) = (PartNames::first_write(), PartNames::new_generation());
        assert_eq!(
            (first.single().as_str(), first.numbered(0).as_str()),
            ("data.parquet", "part-00000.parquet")
        );
        assert_eq!(part_origin(&later.single()), Some(PartOrigin::Generation));
        assert_eq!(
            part_origin(&later.numbered(100_000)),
            Some(PartOrigin::Generation)
        );
        assert_ne!(PartNames::new_generation(), later);
    }

    #[test]
    fn the_root_is_no_dataset() {
        assert!(Layout::new("").is_err());
        assert!(Layout::new("a/../b").is_err());
        assert_eq!(
            Layout::new("/data//orders/").unwrap().manifest(),
            "data/orders/manifest.json"
        );
    }
}
