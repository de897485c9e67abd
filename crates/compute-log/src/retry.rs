//! How often a final upload is tried, and how long between.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use remote_store_core::ErrorKind;

use crate::delay::delay;
use crate::{Error, Result};

/// Attempts of a final upload, on top of the store's own retries of single requests.
///
/// ```
/// use std::time::Duration;
/// use remote_store_compute_log::RetryPolicy;
///
/// let patient = RetryPolicy::default().with_max_attempts(6).with_backoff(Duration::from_secs(1), Duration::from_secs(20));
/// assert_eq!(patient.backoff(0), Duration::from_secs(1));
/// assert_eq!(patient.backoff(9), Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts in all; 0 counts as 1.
    pub max_attempts: u32,
    /// Wait before the second attempt; doubled for each further one.
    pub backoff_base: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            backoff_base: Duration::from_millis(500),
            backoff_max: Duration::from_secs(8),
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub fn disabled() -> Self {
        Self {
            max_attempts: 1,
            ..Self::default()
        }
    }

    /// With this many attempts in all.
    #[must_use]
    pub fn with_max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// With these waits.
    #[must_use]
    pub fn with_backoff(mut self, base: Duration, max: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_max = max;
        self
    }

    /// The wait after the failed attempt with this number, counted from 0, before jitter.
    pub fn backoff(&self, attempt: u32) -> Duration {
        let factor = 2_u32.saturating_pow(attempt.min(20));
        self.backoff_base
            .saturating_mul(factor)
            .min(self.backoff_max)
    }

    /// Runs `operation` until it succeeds, fails for good, or the attempts are used up.
    pub(crate) async fn run<T, F, Fut>(&self, what: &str, mut operation: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let mut attempt = 0;
        loop {
            let error = match operation().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            if attempt + 1 >= self.max_attempts || !may_pass(&error) {
                return Err(error);
            }
            tracing::debug!(what, attempt, error = %error, "upload failed, trying again");
            delay(jittered(self.backoff(attempt))).await;
            attempt += 1;
        }
    }
}

/// Whether waiting can help: an unreachable store comes back, a refusal does not.
fn may_pass(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BackendUnavailable
            | ErrorKind::ResourceLocked
            | ErrorKind::Conflict
            | ErrorKind::Foreign
    )
}

/// Between half and the whole of the wait, so that a thousand steps do not come back at once.
fn jittered(wait: Duration) -> Duration {
    // The standard library's hasher keys are the only randomness here; nothing depends on its quality.
    let random = RandomState::new().build_hasher().finish() % 1024;
    let share = u32::try_from(random).unwrap_or(0);
    wait / 2 + (wait / 2).saturating_mul(share) / 1024
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;

    fn quick() -> RetryPolicy {
        RetryPolicy::default().with_backoff(Duration::ZERO, Duration::ZERO)
    }

    fn attempts(policy: RetryPolicy, error: impl Fn() -> remote_store_core::Error) -> u32 {
        let mut count = 0;
        let outcome: Result<()> = block_on(policy.run("test", || {
            count += 1;
            let error = error();
            async move { Err(error.into()) }
        }));
        assert!(outcome.is_err());
        count
    }

    #[test]
    fn an_unreachable_store_is_tried_again() {
        assert_eq!(
            attempts(quick(), || remote_store_core::Error::unavailable(
                "s3", "down"
            )),
            3
        );
        assert_eq!(
            attempts(RetryPolicy::disabled(), || {
                remote_store_core::Error::unavailable("s3", "down")
            }),
            1
        );
    }

    #[test]
    fn a_refusal_is_final() {
        assert_eq!(
            attempts(quick(), || remote_store_core::Error::not_found(
                "bucket", "s3"
            )),
            1
        );
    }

    #[test]
    fn jitter_never_lengthens_the_wait() {
        let wait = Duration::from_secs(8);
        for _ in 0..100 {
            let jittered = jittered(wait);
            assert!(jittered <= wait && jittered >= wait / 2);
        }
    }
}
