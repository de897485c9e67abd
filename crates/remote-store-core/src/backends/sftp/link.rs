//! The one connection of a process: opened on first need, and again after it was lost.

use std::future::Future;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::backends::retry::RetryOptions;
use crate::error::{Error, Result};
use crate::runtime::PerProcess;

use super::NAME;
use super::connect::{self, Connection, NotConnected};
use super::options::SftpOptions;

/// The way to the server.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) options: SftpOptions,
    /// A mutex that sleeps: while one caller connects, the others wait for the same connection.
    current: PerProcess<Mutex<Option<Arc<Connection>>>>,
    closed: AtomicBool,
}

/// The attempts of one call.
struct Attempts<'a> {
    policy: &'a RetryOptions,
    made: usize,
    since: Instant,
}

impl<'a> Attempts<'a> {
    fn new(policy: &'a RetryOptions) -> Self {
        Self {
            policy,
            made: 0,
            since: Instant::now(),
        }
    }

    /// Waits before the next attempt; false when there is none.
    async fn another(&mut self) -> bool {
        self.made += 1;
        if self.made >= self.policy.max_attempts {
            return false;
        }
        let doublings = u32::try_from(self.made - 1).unwrap_or(31).min(31);
        let pause = self
            .policy
            .backoff_base
            .saturating_mul(1 << doublings)
            .min(self.policy.backoff_max);
        let pause = pause.mul_f64(0.5 + jitter() / 2.0);
        if self.since.elapsed().saturating_add(pause) > self.policy.timeout {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

/// From 0 to 1: processes that lost the same server do not come back at the same moment.
fn jitter() -> f64 {
    let seed = std::collections::hash_map::RandomState::new().hash_one(Instant::now());
    f64::from(u32::try_from(seed >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

impl Link {
    pub(super) fn new(options: SftpOptions) -> Self {
        Self {
            options,
            current: PerProcess::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// An error once the backend is closed.
    pub(super) fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Error::Closed {
                backend: NAME.into(),
            });
        }
        Ok(())
    }

    /// The connection, opened if there is none.
    async fn connection(&self) -> Result<Arc<Connection>, NotConnected> {
        let refused = |error| NotConnected {
            error,
            again: false,
        };
        self.open().map_err(refused)?;
        let slot = self
            .current
            .get_or_try_init(|| Ok::<_, Error>(Mutex::new(None)))
            .map_err(refused)?;
        let mut held = slot.lock().await;
        if let Some(live) = held.as_ref().filter(|live| !live.session.is_lost()) {
            return Ok(Arc::clone(live));
        }
        *held = None;
        let fresh = Arc::new(connect::connect(&self.options).await?);
        // It may have been closed in the meantime.
        self.open().map_err(refused)?;
        *held = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Calls `operation` with a connection. Connecting is tried again as the
    /// policy says; so is the operation when its connection was lost and
    /// `repeatable` says that doing it twice is doing it once.
    pub(super) async fn run<T, F>(
        &self,
        repeatable: impl Fn() -> bool,
        operation: impl Fn(Arc<Connection>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut attempts = Attempts::new(&self.options.retry);
        loop {
            let (error, again) = match self.connection().await {
                Ok(connection) => {
                    let lost = Arc::clone(&connection);
                    match operation(connection).await {
                        Ok(done) => return Ok(done),
                        Err(error) => (error, lost.session.is_lost() && repeatable()),
                    }
                }
                Err(NotConnected { error, again }) => (error, again),
            };
            self.open()?;
            if !again || !attempts.another().await {
                return Err(error);
            }
            tracing::debug!(error = %error, "the SFTP server is tried again");
        }
    }

    /// [`Link::run`] for what may be done twice.
    pub(super) async fn repeat<T, F>(&self, operation: impl Fn(Arc<Connection>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.run(|| true, operation).await
    }

    /// [`Link::run`] for what may not.
    pub(super) async fn once<T, F>(&self, operation: impl Fn(Arc<Connection>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        self.run(|| false, operation).await
    }

    /// Ends the connection for good.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(slot) = self.current.take() {
            let waited = tokio::time::timeout(Duration::from_secs(1), slot.lock()).await;
            if let Ok(mut held) = waited
                && let Some(connection) = held.take()
            {
                connection.session.abandon("the backend was closed");
            }
        }
    }
}
