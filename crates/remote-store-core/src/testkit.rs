//! What tests of stores need: strategies for keys, a model to compare with, a
//! conformance suite for backends, and faults on demand. Feature `testkit`.
//!
//! A backend runs the whole suite with one line; each behaviour becomes a test
//! of its own, so that a failure names it:
//!
//! ```
//! use remote_store_core::Store;
//! use remote_store_core::testkit::Specimen;
//!
//! fn fresh() -> Specimen {
//!     Specimen::new(Store::memory()).strict_tree()
//! }
//!
//! remote_store_core::conformance_tests!(fresh);
//! ```
#![allow(
    clippy::missing_panics_doc,
    reason = "a check panics to say that a promise is broken"
)]

pub mod conformance;
pub mod faults;
pub mod model;
pub mod strategies;

use std::fmt;

use crate::store::Store;

/// How a store may differ from an object store, in which folders are prefixes and
/// nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Nothing can be written below an object or onto a folder.
    StrictTree,
    /// A folder stays when its last object goes.
    RealFolders,
    /// Listings are sorted folder by folder, as by some services that speak S3.
    FolderOrder,
    /// The parts of a large new object are put together without holding its
    /// name, so that two writers of that instant may both succeed.
    LooseParts,
}

/// A fresh, empty store to be judged, and which of the allowed differences
/// between stores it has.
pub struct Specimen {
    /// The store; nothing is in it.
    pub store: Store,
    /// How it differs from an object store.
    pub differences: Vec<Difference>,
    /// Kept as long as the store is used: a temporary folder, say.
    pub guard: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Specimen {
    /// An object store: folders are prefixes and nothing else.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            differences: Vec::new(),
            guard: None,
        }
    }

    /// Whether the store differs so.
    ///
    /// ```
    /// use remote_store_core::Store;
    /// use remote_store_core::testkit::{Difference, Specimen};
    ///
    /// let specimen = Specimen::new(Store::memory()).strict_tree();
    /// assert!(specimen.has(Difference::StrictTree));
    /// assert!(!specimen.has(Difference::RealFolders));
    /// ```
    pub fn has(&self, difference: Difference) -> bool {
        self.differences.contains(&difference)
    }

    /// A store that is a tree, as disks are.
    #[must_use]
    pub fn strict_tree(mut self) -> Self {
        self.differences.push(Difference::StrictTree);
        self
    }

    /// A store that keeps empty folders.
    #[must_use]
    pub fn real_folders(mut self) -> Self {
        self.differences.push(Difference::RealFolders);
        self
    }

    /// A store that sorts a folder by its name, without the slash that ends it.
    #[must_use]
    pub fn folder_order(mut self) -> Self {
        self.differences.push(Difference::FolderOrder);
        self
    }

    /// A store that looks for a name before it puts parts together, not while.
    #[must_use]
    pub fn loose_parts(mut self) -> Self {
        self.differences.push(Difference::LooseParts);
        self
    }

    /// Sorts keys the way the store lists them.
    pub fn sort<T: Ord + AsRef<str>>(&self, keys: &mut [T]) {
        if self.has(Difference::FolderOrder) {
            keys.sort_by(|a, b| a.as_ref().split('/').cmp(b.as_ref().split('/')));
        } else {
            keys.sort();
        }
    }

    /// With something that lives as long as the specimen.
    #[must_use]
    pub fn with_guard(mut self, guard: impl std::any::Any + Send + Sync) -> Self {
        self.guard = Some(Box::new(guard));
        self
    }
}

impl fmt::Debug for Specimen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Specimen")
            .field("store", &self.store)
            .field("differences", &self.differences)
            .finish_non_exhaustive()
    }
}
