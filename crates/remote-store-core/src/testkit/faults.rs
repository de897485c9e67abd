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

use async_trait::async_trait;
use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::backend::{Backend, Driver, ObjectWriter};
use crate::backends::MemoryBackend;
use crate::capability::CapabilitySet;
use crate::error::{Error, Result};
use crate::key::{ObjectKey, Prefix};
use crate::model::{Level, ObjectInfo, ReadRange, WriteMode, WriteOptions, WriteResult};
use crate::reader::ObjectReader;
use crate::runtime::yield_now;
use crate::store::Store;

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

/// A backend around another one that counts calls and fails some.
#[derive(Debug)]
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl FaultyBackend {
    /// Around any backend.
    pub fn new(inner: Arc<dyn Backend>) -> (Arc<Self>, Faults) {
        let faults = Faults::default();
        (
            Arc::new(Self {
                inner,
                faults: faults.clone(),
            }),
            faults,
        )
    }

    /// A store around a fresh memory backend.
    pub fn over_memory() -> (Store, Faults) {
        Self::over(Arc::new(MemoryBackend::new()))
    }

    /// A store around any backend.
    pub fn over(inner: Arc<dyn Backend>) -> (Store, Faults) {
        let (backend, faults) = Self::new(inner);
        (Store::new(backend, Prefix::root()), faults)
    }
}

#[derive(Debug)]
struct FaultyWriter {
    inner: Box<dyn ObjectWriter>,
    faults: Faults,
    path: String,
}

#[async_trait]
impl ObjectWriter for FaultyWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let _call = self.faults.pass(Operation::WriterChunk, &self.path).await?;
        self.inner.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<WriteResult> {
        let _call = self
            .faults
            .pass(Operation::WriterFinish, &self.path)
            .await?;
        let written = self.inner.finish().await?;
        self.faults.answer(written, &self.path)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}

#[async_trait]
impl Backend for FaultyBackend {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn capabilities(&self) -> CapabilitySet {
        self.inner.capabilities()
    }
    fn driver(&self) -> Driver {
        self.inner.driver()
    }
    fn supports_conditional_update(&self) -> bool {
        self.inner.supports_conditional_update() && !self.faults.state().refuses_conditions
    }
    fn native_path(&self, prefix: &Prefix) -> String {
        self.inner.native_path(prefix)
    }
    fn key_from_native(&self, path: &str) -> Option<Prefix> {
        self.inner.key_from_native(path)
    }
    fn uri(&self, prefix: &Prefix) -> String {
        self.inner.uri(prefix)
    }
    fn describe(&self) -> Vec<(String, String)> {
        self.inner.describe()
    }

    async fn read(&self, key: &ObjectKey, range: ReadRange) -> Result<ObjectReader> {
        let _call = self.faults.pass(Operation::Read, key.as_str()).await?;
        self.inner.read(key, range).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectInfo> {
        let _call = self.faults.pass(Operation::Head, key.as_str()).await?;
        self.inner.head(key).await
    }

    async fn write(
        &self,
        key: &ObjectKey,
        bytes: Bytes,
        options: &WriteOptions,
    ) -> Result<WriteResult> {
        let _call = self.faults.pass(Operation::Write, key.as_str()).await?;
        let written = self.inner.write(key, bytes, options).await?;
        self.faults.answer(written, key.as_str())
    }

    async fn writer(
        &self,
        key: &ObjectKey,
        options: &WriteOptions,
    ) -> Result<Box<dyn ObjectWriter>> {
        let _call = self.faults.pass(Operation::Writer, key.as_str()).await?;
        let inner = self.inner.writer(key, options).await?;
        Ok(Box::new(FaultyWriter {
            inner,
            faults: self.faults.clone(),
            path: key.to_string(),
        }))
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let _call = self.faults.pass(Operation::Delete, key.as_str()).await?;
        self.inner.delete(key).await?;
        self.faults.answer((), key.as_str())
    }

    async fn delete_if_exists(&self, key: &ObjectKey) -> Result<()> {
        let _call = self.faults.pass(Operation::Delete, key.as_str()).await?;
        self.inner.delete_if_exists(key).await?;
        self.faults.answer((), key.as_str())
    }

    async fn delete_many(&self, keys: Vec<ObjectKey>) -> Result<Vec<(ObjectKey, Result<()>)>> {
        let first = keys.first().map(ToString::to_string).unwrap_or_default();
        let _call = self.faults.pass(Operation::DeleteMany, &first).await?;
        let deleted = self.inner.delete_many(keys).await?;
        self.faults.answer(deleted, &first)
    }

    fn list(
        &self,
        prefix: &Prefix,
        start_after: Option<&ObjectKey>,
    ) -> BoxStream<'static, Result<ObjectInfo>> {
        let (faults, path) = (self.faults.clone(), prefix.to_string());
        let ages = self.faults.clone();
        let inner = self.inner.list(prefix, start_after);
        let inner = inner.map_ok(move |info| ages.aged(info));
        stream::once(async move { faults.pass(Operation::List, &path).await.map(|_call| inner) })
            .try_flatten()
            .boxed()
    }

    async fn list_level(&self, prefix: &Prefix) -> Result<Level> {
        let _call = self
            .faults
            .pass(Operation::ListLevel, prefix.as_str())
            .await?;
        self.inner.list_level(prefix).await
    }

    async fn is_folder(&self, prefix: &Prefix) -> Result<bool> {
        let _call = self
            .faults
            .pass(Operation::IsFolder, prefix.as_str())
            .await?;
        self.inner.is_folder(prefix).await
    }

    async fn delete_folder(&self, prefix: &Prefix, recursive: bool) -> Result<()> {
        let _call = self
            .faults
            .pass(Operation::DeleteFolder, prefix.as_str())
            .await?;
        self.inner.delete_folder(prefix, recursive).await?;
        self.faults.answer((), prefix.as_str())
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let _call = self.faults.pass(Operation::Copy, from.as_str()).await?;
        self.inner.copy(from, to, mode).await?;
        self.faults.answer((), to.as_str())
    }

    async fn rename(&self, from: &ObjectKey, to: &ObjectKey, mode: WriteMode) -> Result<()> {
        let _call = self.faults.pass(Operation::Rename, from.as_str()).await?;
        self.inner.rename(from, to, mode).await?;
        self.faults.answer((), to.as_str())
    }

    async fn ping(&self) -> Result<()> {
        let _call = self.faults.pass(Operation::Ping, "").await?;
        self.inner.ping().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
