//! [`Mailbox`]: what one event loop is told, many answers at a time.
//!
//! Workers of the runtime leave their answers here without the GIL. Only the first one of a heap
//! takes it, to wake the loop, which then opens all of them: waking is what costs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::process;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// How long a loop opens answers before others have their turn; an answer copies its bytes.
const TURN: Duration = Duration::from_millis(2);

/// Makes the answer, with the GIL held.
type Content = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// An answer on its way to its future.
struct Letter {
    future: Py<PyAny>,
    /// None when the call was dropped: the future is cancelled then.
    content: Option<Content>,
}

#[derive(Default)]
struct Letters {
    waiting: VecDeque<Letter>,
    /// The loop was told to look.
    announced: bool,
    /// The loop is closed: nobody will look any more.
    closed: bool,
}

/// Where the answers for one event loop wait.
pub(super) struct Mailbox {
    pid: u32,
    event_loop: Py<PyAny>,
    letters: Mutex<Letters>,
}

thread_local! {
    /// The mailbox of the loop that runs in this thread; it lives while calls are under way.
    static CURRENT: RefCell<Weak<Mailbox>> = const { RefCell::new(Weak::new()) };
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl Mailbox {
    /// The mailbox of the running loop.
    ///
    /// # Errors
    /// `RuntimeError` when no asyncio loop runs in this thread.
    pub(super) fn of_running_loop(py: Python<'_>) -> PyResult<Arc<Self>> {
        static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let running = RUNNING_LOOP
            .import(py, "asyncio", "get_running_loop")?
            .call0()
            .map_err(|_none| {
                PyRuntimeError::new_err(
                    "an AsyncStore is used where no asyncio event loop runs; await it in a coroutine \
                     under asyncio.run, or use the blocking remote_store.Store",
                )
            })?;
        Ok(CURRENT.with(|slot| {
            let known = slot.borrow().upgrade();
            if let Some(mailbox) = known.filter(|mailbox| mailbox.belongs_to(&running)) {
                return mailbox;
            }
            let mailbox = Arc::new(Self {
                pid: process::id(),
                event_loop: running.unbind(),
                letters: Mutex::new(Letters::default()),
            });
            slot.replace(Arc::downgrade(&mailbox));
            mailbox
        }))
    }

    /// Whether it is this loop's, in this process: a fork leaves no one behind to answer.
    fn belongs_to(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        self.pid == process::id() && self.event_loop.bind(event_loop.py()).is(event_loop)
    }

    /// A future of the loop.
    ///
    /// # Errors
    /// What the loop raises.
    pub(super) fn create_future<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.event_loop.bind(py).call_method0("create_future")
    }

    fn letters(&self) -> std::sync::MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn post(self: &Arc<Self>, letter: Letter) {
        {
            let mut letters = self.letters();
            if letters.closed {
                return;
            }
            letters.waiting.push_back(letter);
            if letters.announced {
                return;
            }
            letters.announced = true;
        }
        self.announce();
    }

    /// Tells the loop to look. An interpreter that is going down is not disturbed.
    fn announce(self: &Arc<Self>) {
        Python::try_attach(|py| {
            let postman = Postman {
                mailbox: Arc::clone(self),
            };
            let told = self
                .event_loop
                .bind(py)
                .call_method1("call_soon_threadsafe", (postman,));
            if told.is_err() {
                // Only a closed loop refuses; its futures are of no more interest.
                self.close();
            }
        });
    }

    fn close(&self) {
        let mut letters = self.letters();
        letters.closed = true;
        let unread = std::mem::take(&mut letters.waiting);
        drop(letters);
        drop(unread);
    }

    fn next(&self) -> Option<Letter> {
        let mut letters = self.letters();
        let letter = letters.waiting.pop_front();
        if letter.is_none() {
            letters.announced = false;
        }
        letter
    }
}

/// What the loop calls to open its answers.
#[pyclass(frozen, module = "remote_store._native")]
struct Postman {
    mailbox: Arc<Mailbox>,
}

#[pymethods]
impl Postman {
    fn __call__(slf: Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let mailbox = &slf.get().mailbox;
        let begun = Instant::now();
        while let Some(letter) = mailbox.next() {
            letter.open(py)?;
            if begun.elapsed() > TURN {
                mailbox
                    .event_loop
                    .bind(py)
                    .call_method1("call_soon", (slf.clone(),))?;
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Letter {
    fn open(self, py: Python<'_>) -> PyResult<()> {
        let future = self.future.bind(py);
        if future.call_method0("done")?.is_truthy()? {
            return Ok(());
        }
        match self.content.map(|content| content(py)) {
            None => future.call_method0("cancel")?,
            Some(Ok(value)) => future.call_method1("set_result", (value,))?,
            Some(Err(raised)) => future.call_method1("set_exception", (raised.into_value(py),))?,
        };
        Ok(())
    }
}

/// The right to answer a future once. Dropped unused it cancels the future, so that nobody waits
/// for ever for a call that was given up.
#[derive(Debug)]
pub(super) struct Answer {
    mailbox: Arc<Mailbox>,
    future: Option<Py<PyAny>>,
}

impl Answer {
    pub(super) fn new(mailbox: Arc<Mailbox>, future: Py<PyAny>) -> Self {
        Self {
            mailbox,
            future: Some(future),
        }
    }

    /// Sends what `content` makes in the loop's own thread.
    pub(super) fn send(
        mut self,
        content: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send + 'static,
    ) {
        if let Some(future) = self.future.take() {
            let content: Option<Content> = Some(Box::new(content));
            self.mailbox.post(Letter { future, content });
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let Some(future) = self.future.take() else {
            return;
        };
        if self.mailbox.pid != process::id() {
            std::mem::forget(future);
            return;
        }
        let content: Option<Content> = std::thread::panicking().then(|| {
            let content: Content = Box::new(|_py| {
                Err(PyRuntimeError::new_err(
                    "the call ended in a bug of remote-store; please report it",
                ))
            });
            content
        });
        self.mailbox.post(Letter { future, content });
    }
}
