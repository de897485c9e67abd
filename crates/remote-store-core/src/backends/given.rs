//! Values out of checked options, as the constructors of backends take them.

use std::time::Duration;

use remote_store_credential_masking::Secret;

#[cfg(feature = "cloud")]
use crate::credential::SharedCredentialSource;
use crate::error::{Error, Result};
use crate::registry::{OptionValue, Options};

/// Refuses what cannot be configured.
pub(super) fn refuse(backend: &str, message: impl Into<String>) -> Error {
    Error::InvalidConfig {
        message: message.into(),
        backend: Some(backend.to_owned()),
        source: None,
    }
}

/// A text that was given and is not empty.
pub(super) fn text<'o>(given: &'o Options, name: &str) -> Option<&'o str> {
    given
        .get(name)
        .and_then(OptionValue::as_text)
        .filter(|text| !text.is_empty())
}

/// A secret that was given and is not empty.
pub(super) fn secret(given: &Options, name: &str) -> Option<Secret> {
    text(given, name).map(Secret::new)
}

/// A source of credentials that was given.
#[cfg(feature = "cloud")]
pub(super) fn source(given: &Options, name: &str) -> Option<SharedCredentialSource> {
    given.get(name).and_then(OptionValue::as_source).cloned()
}

/// A switch that is off unless given.
#[cfg(feature = "cloud")]
pub(super) fn flag(given: &Options, name: &str) -> bool {
    given
        .get(name)
        .and_then(OptionValue::as_bool)
        .unwrap_or(false)
}

/// Longer than any program runs.
const FOREVER: Duration = Duration::from_hours(24 * 365 * 10);

/// A positive number of seconds; `map` is the option it stands in, or nothing.
pub(super) fn seconds(
    backend: &str,
    given: &Options,
    map: &str,
    name: &str,
) -> Result<Option<Duration>> {
    let Some(value) = given.get(name).and_then(OptionValue::as_float) else {
        return Ok(None);
    };
    let dot = if map.is_empty() { "" } else { "." };
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|duration| !duration.is_zero())
        // A time so far away cannot be added to the clock.
        .map(|duration| Some(duration.min(FOREVER)))
        .ok_or_else(|| {
            refuse(
                backend,
                format!(
                    "Option '{map}{dot}{name}' of backend '{backend}' takes a positive number of seconds, got {value}"
                ),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_beyond_all_clocks_are_cut_and_no_time_is_refused() {
        let of = |value: f64| {
            let given = Options::from([("wait".to_owned(), OptionValue::Float(value))]);
            seconds("test", &given, "", "wait")
        };
        let longest = of(1e19).unwrap().unwrap();
        assert!(std::time::Instant::now().checked_add(longest).is_some());
        assert_eq!(of(1.5).unwrap(), Some(Duration::from_millis(1500)));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
