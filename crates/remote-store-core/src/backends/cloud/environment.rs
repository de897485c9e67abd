//! The variables of the process, as a value: what a backend takes from them can be tested without
//! changing them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Variables by name; empty ones count as not set.
#[derive(Clone, Default)]
pub(in crate::backends) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Those of this process, as they are now.
    pub(in crate::backends) fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    pub(in crate::backends) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The first of several that is set.
    pub(in crate::backends) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.get(name))
    }

    /// True for the ways in which a switch is said to be on.
    pub(in crate::backends) fn is_on(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// The home folder of the user.
    pub(in crate::backends) fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.get(name).map(PathBuf::from)
    }

    pub(in crate::backends) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        let set = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Self(set.collect())
    }
}

/// Variables hold credentials: only how many there are is shown.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Environment({} variables)", self.0.len())
    }
}
