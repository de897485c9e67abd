//! A backend that counts its calls and fails those that a test picks.
//!
//! ```
//! use remote_store_core::testkit::faults::{FaultyBackend, Operation};
//! use remote_store_core::{ErrorKind, Store, WriteOptions, runtime};
//!
//! let (store, faults) = FaultyBackend::over_memory();
//! faults.fail_nth(Operation::Write, 2);
//! runtime::block_on(store.driver(), async {
//!     store.write("a", "1".into(), &WriteOptions::create()).await?;
//!     let failed = store.write("b", "2".into(), &WriteOptions::create()).await;
//!     assert_eq!(failed.unwrap_err().kind(), ErrorKind::BackendUnavailable);
//!     assert_eq!(faults.count(Operation::Write), 2);
//!     Ok::<(), remote_store_core::Error>(())
//! })??;
//! # Ok::<(), remote_store_core::Error>(())
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use futures_util::future::BoxFuture;

use crate::error::{Error, Result};
use crate::model::ObjectInfo;
use crate::runtime::yield_now;

mod backend;

pub use backend::FaultyBackend;

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Opening a reader.
    Read,
    /// Asking what is known about an object.
    Head,
    /// Writing in one piece.
    Write,
    /// Opening a writer.
    Writer,
    /// Giving bytes to a writer.
    WriterChunk,
    /// Finishing a writer.
    WriterFinish,
    /// Deleting one object.
    Delete,
    /// Deleting many.
    DeleteMany,
    /// Listing everything below.
    List,
    /// Listing one level.
    ListLevel,
    /// Asking for a folder.
    IsFolder,
    /// Deleting a folder.
    DeleteFolder,
    /// Copying.
    Copy,
    /// Moving.
    Rename,
    /// Asking whether the backend is there.
    Ping,
}

/// One call that was made, failed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// What was called.
    pub operation: Operation,
    /// Its (first) full key or prefix.
    pub path: String,
}

type Rule = Box<dyn FnMut(&Call) -> Option<Error> + Send>;
type Gate = Arc<dyn Fn(&Call) -> BoxFuture<'static, ()> + Send + Sync>;

/// The switches of a [`FaultyBackend`], shared with the test.
#[derive(Clone, Default)]
pub struct Faults {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    rules: Vec<Rule>,
    gate: Option<Gate>,
    ages: HashMap<String, TimeDelta>,
    pauses: usize,
    /// Changes until the one whose answer is lost; 0 for none.
    answers_left: usize,
    answers_lost: usize,
    refuses_conditions: bool,
    in_flight: usize,
    max_in_flight: usize,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults")
            .field("calls", &self.state().calls)
            .finish_non_exhaustive()
    }
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails the `nth` call of an operation from now on, counted from 1.
    pub fn fail_nth(&self, operation: Operation, nth: usize) {
        let mut seen = 0;
        self.fail_when(move |call| {
            seen += usize::from(call.operation == operation);
            (call.operation == operation && seen == nth).then(|| injected(call))
        });
    }

    /// Fails the `nth` call of any operation from now on, counted from 1: the
    /// way to try every place where a crash may happen.
    pub fn fail_nth_call(&self, nth: usize) {
        let mut seen = 0;
        self.fail_when(move |call| {
            seen += 1;
            (seen == nth).then(|| injected(call))
        });
    }

    /// Fails the `nth` call of any operation and every call after it, as when
    /// the process or the network dies there.
    pub fn fail_from_call(&self, nth: usize) {
        let mut seen = 0;
        self.fail_when(move |call| {
            seen += 1;
            (seen >= nth).then(|| injected(call))
        });
    }

    /// Fails calls with the error that `rule` returns for them.
    pub fn fail_when(&self, rule: impl FnMut(&Call) -> Option<Error> + Send + 'static) {
        self.state().rules.push(Box::new(rule));
    }

    /// Loses the answer to the `nth` change from now on, counted from 1: it takes place, and
    /// the caller sees a failure.
    pub fn lose_nth_answer(&self, nth: usize) {
        self.state().answers_left = nth;
    }

    /// Says from here on that the backend cannot compare before it replaces.
    pub fn refuse_conditional_updates(&self) {
        self.state().refuses_conditions = true;
    }

    /// How many answers were lost so far.
    pub fn answers_lost(&self) -> usize {
        self.state().answers_lost
    }

    /// Lets every call through again.
    pub fn heal(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.gate = None;
        state.answers_left = 0;
    }

    /// Makes each call give way to others that many times before it runs, so
    /// that concurrency shows without waiting.
    pub fn pause_each_call(&self, turns: usize) {
        self.state().pauses = turns;
    }

    /// Lets each call wait for the future that `gate` gives for it before it runs: the way to
    /// put the calls of several tasks in an order of the test's choice.
    pub fn hold_calls(
        &self,
        gate: impl Fn(&Call) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        self.state().gate = Some(Arc::new(gate));
    }

    /// Lists the object of that full key as so much older than it is.
    pub fn backdate(&self, key: &str, by: TimeDelta) {
        self.state().ages.insert(key.to_owned(), by);
    }

    /// The calls made so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How many calls of an operation were made so far.
    pub fn count(&self, operation: Operation) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| call.operation == operation)
            .count()
    }

    /// The most calls that were under way at once.
    pub fn max_in_flight(&self) -> usize {
        self.state().max_in_flight
    }

    /// Forgets the calls made so far; rules stay.
    pub fn forget_calls(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.max_in_flight = 0;
    }

    async fn pass(&self, operation: Operation, path: &str) -> Result<InFlight> {
        let (verdict, pauses, guard) = self.note(operation, path);
        let gate = self.state().gate.clone();
        if let Some(gate) = gate {
            let path = path.to_owned();
            gate(&Call { operation, path }).await;
        }
        for _ in 0..pauses {
            yield_now().await;
        }
        verdict.map_or(Ok(guard), Err)
    }

    fn aged(&self, mut info: ObjectInfo) -> ObjectInfo {
        if let Some(age) = self.state().ages.get(info.key.as_str()) {
            info.modified = info.modified.map(|modified| modified - *age);
        }
        info
    }

    /// The answer to a change that took place, unless it is to be lost.
    fn answer<T>(&self, answer: T, path: &str) -> Result<T> {
        let mut state = self.state();
        let left = state.answers_left;
        state.answers_left = left.saturating_sub(1);
        if left != 1 {
            return Ok(answer);
        }
        state.answers_lost += 1;
        Err(Error::BackendUnavailable {
            message: format!("The answer was lost at {path}"),
            path: Some(path.to_owned()),
            backend: "faulty".into(),
            source: None,
        })
    }

    fn note(&self, operation: Operation, path: &str) -> (Option<Error>, usize, InFlight) {
        let call = Call {
            operation,
            path: path.to_owned(),
        };
        let mut guard = self.state();
        let state = &mut *guard;
        let verdict = state.rules.iter_mut().find_map(|rule| rule(&call));
        state.calls.push(call);
        state.in_flight += 1;
        state.max_in_flight = state.max_in_flight.max(state.in_flight);
        (verdict, state.pauses, InFlight(self.clone()))
    }
}

fn injected(call: &Call) -> Error {
    Error::BackendUnavailable {
        message: format!("Injected fault at {}", call.path),
        path: Some(call.path.clone()),
        backend: "faulty".into(),
        source: None,
    }
}

/// Counts one call as under way until it is dropped.
#[derive(Debug)]
struct InFlight(Faults);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.state().in_flight -= 1;
    }
}
