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

/// A fresh, empty store to be judged, and which of the allowed differences
/// between stores it has.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one allowed difference between stores"
)]
pub struct Specimen {
    /// The store; nothing is in it.
    pub store: Store,
    /// Nothing can be written below an object or onto a folder.
    pub strict_tree: bool,
    /// A folder stays when its last object goes.
    pub real_folders: bool,
    /// Listings are sorted folder by folder, as by some services that speak S3.
    pub folder_order: bool,
    /// The parts of a large new object are put together without holding its
    /// name, so that two writers of that instant may both succeed.
    pub loose_parts: bool,
    /// Kept as long as the store is used: a temporary folder, say.
    pub guard: Option<Box<dyn std::any::Any + Send + Sync>>,
}

impl Specimen {
    /// An object store: folders are prefixes and nothing else.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            strict_tree: false,
            real_folders: false,
            folder_order: false,
            loose_parts: false,
            guard: None,
        }
    }

    /// A store that is a tree, as disks are.
    #[must_use]
    pub fn strict_tree(mut self) -> Self {
        self.strict_tree = true;
        self
    }

    /// A store that keeps empty folders.
    #[must_use]
    pub fn real_folders(mut self) -> Self {
        self.real_folders = true;
        self
    }

    /// A store that sorts a folder by its name, without the slash that ends it.
    #[must_use]
    pub fn folder_order(mut self) -> Self {
        self.folder_order = true;
        self
    }

    /// A store that looks for a name before it puts parts together, not while.
    #[must_use]
    pub fn loose_parts(mut self) -> Self {
        self.loose_parts = true;
        self
    }

    /// Sorts keys the way the store lists them.
    pub fn sort<T: Ord + AsRef<str>>(&self, keys: &mut [T]) {
        if self.folder_order {
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
            .field("strict_tree", &self.strict_tree)
            .field("real_folders", &self.real_folders)
            .finish_non_exhaustive()
    }
}
