//! Backends by type name, with options that are checked before they are used.
//!
//! ```
//! use remote_store_core::registry::{self, OptionValue, Options};
//!
//! let store = registry::build_store("memory", &Options::new(), "team-a")?;
//! assert_eq!(store.native_path("x")?, "team-a/x");
//!
//! // What is misspelt is named, with what was probably meant.
//! let mut options = Options::new();
//! options.insert("rot".into(), OptionValue::Text("/data".into()));
//! let err = registry::build_backend("local", &options).unwrap_err();
//! assert!(err.to_string().contains("Did you mean 'root'?"), "{err}");
//! # Ok::<(), remote_store_core::Error>(())
//! ```

mod checking;
mod location;
mod nearest;
mod value;

use std::fmt;
use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;

use crate::backend::Backend;
use crate::error::{Error, Result};
use crate::key::Prefix;
use crate::store::Store;

pub use location::{Location, from_url};
pub use nearest::nearest;
pub use value::{OptionKind, OptionSpec, OptionValue, Options};

/// Builds a backend from checked options.
pub type Build = dyn Fn(&Options) -> Result<Arc<dyn Backend>> + Send + Sync;

/// What the registry knows about a backend type.
#[derive(Clone)]
#[non_exhaustive]
pub struct BackendSpec {
    /// The type name.
    pub name: String,
    /// Other names of the same type.
    pub aliases: Vec<String>,
    /// The options it takes.
    pub options: Vec<OptionSpec>,
    /// Its constructor, called with checked options under their main names.
    pub build: Arc<Build>,
}

impl BackendSpec {
    /// A backend type without options.
    pub fn new(
        name: impl Into<String>,
        build: impl Fn(&Options) -> Result<Arc<dyn Backend>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            options: Vec::new(),
            build: Arc::new(build),
        }
    }

    /// With options.
    #[must_use]
    pub fn with_options(mut self, options: Vec<OptionSpec>) -> Self {
        self.options = options;
        self
    }

    /// With another name.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }
}

impl fmt::Debug for BackendSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackendSpec")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Swapped whole, never locked: a lock held at a fork would stay locked in the child.
static BACKENDS: LazyLock<ArcSwap<Vec<BackendSpec>>> =
    LazyLock::new(|| ArcSwap::from_pointee(crate::backends::specs()));

/// Makes a backend type known to the whole process. A second one of the same
/// name replaces the first.
pub fn register(spec: BackendSpec) {
    let added = [spec];
    BACKENDS.rcu(|known| {
        let replaced = |other: &&BackendSpec| added.iter().any(|spec| spec.name == other.name);
        let kept = known.iter().filter(|other| !replaced(other));
        kept.chain(&added).cloned().collect::<Vec<BackendSpec>>()
    });
}

/// The names of all known types and their aliases, sorted.
pub fn registered() -> Vec<String> {
    let known = BACKENDS.load();
    let mut names: Vec<String> = known
        .iter()
        .flat_map(|spec| std::iter::once(&spec.name).chain(&spec.aliases))
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What is known about a type.
///
/// # Errors
/// [`Error::UnknownBackend`] with the types there are and the nearest of them.
pub fn spec(backend_type: &str) -> Result<BackendSpec> {
    let known = BACKENDS.load();
    // A type of its own wins over an alias of another one.
    let by_name = known.iter().find(|spec| spec.name == backend_type);
    by_name
        .or_else(|| known.iter().find(|spec| spec.answers_to(backend_type)))
        .cloned()
        .ok_or_else(|| {
            let registered = registered();
            let nearest =
                nearest(backend_type, registered.iter().map(String::as_str)).map(str::to_owned);
            Error::UnknownBackend {
                name: backend_type.to_owned(),
                registered,
                nearest,
            }
        })
}

/// Builds a backend of a type.
///
/// # Errors
/// [`Error::UnknownBackend`]; [`Error::InvalidConfig`] for an option that is
/// unknown, missing or of the wrong type; what the constructor reports.
pub fn build_backend(backend_type: &str, options: &Options) -> Result<Arc<dyn Backend>> {
    let spec = spec(backend_type)?;
    let checked = checking::check(&spec.name, &spec.options, options)?;
    (spec.build)(&checked)
}

/// Builds a store of a type from a root path.
///
/// # Errors
/// As [`build_backend`], and [`Error::InvalidPath`] for the root path.
pub fn build_store(backend_type: &str, options: &Options, root_path: &str) -> Result<Store> {
    let root = Prefix::parse(root_path)?;
    Ok(Store::new(build_backend(backend_type, options)?, root))
}

#[cfg(test)]
mod tests;
