//! A server of the environment, looked for once in a test binary, and what every test of one shares.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Setup;

/// A server that a test run may have.
pub trait Server: Sized {
    /// The server of the environment; says why there is none.
    ///
    /// # Errors
    /// Which variable is not set, or cannot be used.
    fn from_env() -> Result<Self, String>;

    /// Makes what the tests expect on it.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    fn prepare(&self) -> Setup<()> {
        Ok(())
    }
}

/// The server of a test binary, as a `static`: found and prepared by the first test that asks.
#[derive(Debug)]
pub struct Found<S>(OnceLock<Option<S>>);

impl<S: Server> Found<S> {
    /// Nothing is looked for yet.
    #[allow(
        clippy::new_without_default,
        reason = "it is the value of a static, which no default can be"
    )]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// The server; without one the reason is on the screen, and the test has nothing to do.
    ///
    /// # Panics
    /// When there is a server that cannot be prepared: that is no reason to skip.
    #[allow(clippy::print_stderr, reason = "a skipped test says why")]
    pub fn get(&self) -> Option<&S> {
        let found = self.0.get_or_init(|| match S::from_env() {
            Ok(server) => {
                let prepared = server.prepare().map_err(|err| err.to_string());
                assert_eq!(prepared, Ok(()), "the server is there and of no use");
                Some(server)
            }
            Err(reason) => {
                eprintln!("{reason}");
                None
            }
        });
        found.as_ref()
    }
}

/// A root that no other test and no other run uses.
pub fn fresh_root(suite: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (run, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("{suite}-{run}-{count}")
}
