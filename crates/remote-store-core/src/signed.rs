//! Links that let their holder do one thing with one object, for a while, without a credential.

use std::time::Duration;

use crate::error::{Error, Result};

/// What the holder of a signed link may do with its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UrlMethod {
    /// Read it.
    Get,
    /// Ask what is known about it.
    Head,
    /// Write it.
    Put,
    /// Delete it.
    Delete,
}

/// The longest that all services sign for: seven days.
pub const MAX_URL_LIFE: Duration = Duration::from_hours(7 * 24);

/// Refuses what no service signs, before any of them is asked.
pub(crate) fn check_life(expires_in: Duration, backend: &str) -> Result<()> {
    if !expires_in.is_zero() && expires_in <= MAX_URL_LIFE {
        return Ok(());
    }
    Err(Error::InvalidConfig {
        message: format!(
            "A link can be signed for 1 second to {} seconds (7 days), not for {} seconds",
            MAX_URL_LIFE.as_secs(),
            expires_in.as_secs()
        ),
        backend: Some(backend.to_owned()),
        source: None,
    })
}
