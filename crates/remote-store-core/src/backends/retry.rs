//! How failed requests are tried again: the same for every backend behind a network.

use std::time::Duration;

#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
use object_store::{BackoffConfig, RetryConfig};

use crate::error::Result;
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::given::{refuse, seconds};

/// A pause of nothing would make the client's random pauses panic.
#[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
const MIN_BACKOFF: Duration = Duration::from_millis(1);

/// How often and how long a failed request is tried again. Small on purpose:
/// an endpoint that cannot be reached is reported within seconds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryOptions {
    /// How often a request is tried in all; 1 never tries again.
    pub max_attempts: usize,
    /// The first pause.
    pub backoff_base: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// No new attempt is begun after this time.
    pub timeout: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff_base: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
            timeout: Duration::from_mins(1),
        }
    }
}

impl RetryOptions {
    pub(super) fn read(&mut self, backend: &str, given: &Options) -> Result<()> {
        if let Some(attempts) = given.get("max_attempts").and_then(OptionValue::as_int) {
            self.max_attempts = usize::try_from(attempts)
                .ok()
                .filter(|attempts| *attempts > 0)
                .ok_or_else(|| {
                    refuse(
                        backend,
                        format!(
                            "Option 'retry.max_attempts' of backend '{backend}' must be at least 1, got {attempts}"
                        ),
                    )
                })?;
        }
        let pause = |name: &str| seconds(backend, given, "retry", name);
        if let Some(wait) = pause("backoff_base")? {
            self.backoff_base = wait;
        }
        if let Some(wait) = pause("backoff_max")? {
            self.backoff_max = wait;
        }
        if let Some(limit) = pause("timeout")? {
            self.timeout = limit;
        }
        Ok(())
    }

    /// The client's own form.
    #[cfg(any(feature = "s3", feature = "azure", feature = "gcs"))]
    pub(super) fn config(&self) -> RetryConfig {
        let first = self.backoff_base.max(MIN_BACKOFF);
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: first,
                max_backoff: self.backoff_max.max(first),
                base: 2.0,
            },
            max_retries: self.max_attempts.saturating_sub(1),
            retry_timeout: self.timeout,
        }
    }
}

/// The option that holds them.
pub(super) fn retry_spec() -> OptionSpec {
    let float = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Float, help);
    let retry = vec![
        OptionSpec::new(
            "max_attempts",
            OptionKind::Int,
            "how often a request is tried in all",
        ),
        float("backoff_base", "seconds of the first pause"),
        float("backoff_max", "seconds of the longest pause"),
        float(
            "jitter",
            "pauses are always random; accepted for compatibility",
        ),
        float("timeout", "seconds after which no new attempt is begun"),
    ];
    OptionSpec::new(
        "retry",
        OptionKind::Map(retry),
        "how failed requests are tried again",
    )
}

#[cfg(all(test, any(feature = "s3", feature = "azure", feature = "gcs")))]
mod tests {
    use super::*;

    #[test]
    fn pauses_that_the_client_cannot_take_are_raised() {
        let none = Duration::ZERO;
        let given = RetryOptions {
            max_attempts: 1,
            backoff_base: none,
            backoff_max: none,
            timeout: none,
        };
        let config = given.config();
        assert_eq!(config.max_retries, 0);
        assert!(!config.backoff.init_backoff.is_zero());
        assert!(config.backoff.max_backoff >= config.backoff.init_backoff);
    }
}
