//! Waiting for a future from a synchronous thread.
//!
//! One small park loop serves both drivers. Unlike the blocking calls of the
//! executors it may be nested: a backend written in another language may call
//! back into a store while a store waits for it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::backend::Driver;
use crate::error::{Error, Result};

/// How often [`block_on_interruptible`] asks whether to go on, in milliseconds.
pub const TICK_MS: u64 = 50;

struct Signal {
    thread: Thread,
    woken: AtomicBool,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Runs a future to its end on this thread.
///
/// ```
/// use remote_store_core::{Driver, runtime};
/// assert_eq!(runtime::block_on(Driver::Inline, async { 1 + 1 })?, 2);
/// # Ok::<(), remote_store_core::Error>(())
/// ```
///
/// # Errors
/// [`Error::BackendUnavailable`] when the runtime that [`Driver::Tokio`] needs
/// cannot be started; the future's own result is inside.
pub fn block_on<F: Future>(driver: Driver, future: F) -> Result<F::Output> {
    block_on_interruptible(driver, future, || Ok::<(), Error>(()))
}

/// Runs a future to its end on this thread, asking `tick` about every
/// [`TICK_MS`] milliseconds whether to go on. When it answers with an error the
/// future is dropped, which cancels what it had under way.
///
/// ```
/// use remote_store_core::{Driver, Error, runtime};
///
/// #[derive(Debug)]
/// enum Stop { Interrupted, Store(Error) }
/// impl From<Error> for Stop {
///     fn from(err: Error) -> Self { Self::Store(err) }
/// }
/// let never = std::future::pending::<()>();
/// let stopped = runtime::block_on_interruptible(Driver::Inline, never, || Err(Stop::Interrupted));
/// assert!(matches!(stopped, Err(Stop::Interrupted)));
/// ```
///
/// # Errors
/// What `tick` returned, or that the runtime cannot be started.
pub fn block_on_interruptible<F, E, T>(
    driver: Driver,
    future: F,
    mut tick: T,
) -> Result<F::Output, E>
where
    F: Future,
    E: From<Error>,
    T: FnMut() -> Result<(), E>,
{
    let runtime = match driver {
        Driver::Inline => None,
        Driver::Tokio => Some(super::handle()?),
    };
    // Sockets and timers created by the future find the runtime through this.
    let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
    let mut future = pin!(future);
    let signal = Arc::new(Signal {
        thread: thread::current(),
        woken: AtomicBool::new(true),
    });
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    let interval = Duration::from_millis(TICK_MS);
    let mut last_tick = Instant::now();
    loop {
        if signal.woken.swap(false, Ordering::AcqRel)
            && let Poll::Ready(output) = future.as_mut().poll(&mut context)
        {
            return Ok(output);
        }
        let since = last_tick.elapsed();
        if since >= interval {
            tick()?;
            last_tick = Instant::now();
        } else if !signal.woken.load(Ordering::Acquire) {
            thread::park_timeout(interval.saturating_sub(since));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn both_drivers_may_be_nested_in_each_other() {
        let value = block_on(Driver::Tokio, async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            block_on(Driver::Inline, async {
                block_on(Driver::Tokio, async { 7 })
            })
        });
        assert_eq!(value.unwrap().unwrap().unwrap(), 7);
    }

    #[test]
    fn a_wake_from_another_thread_ends_the_wait() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let other = thread::spawn(move || sender.send(5).unwrap());
        assert_eq!(block_on(Driver::Inline, receiver).unwrap().unwrap(), 5);
        other.join().unwrap();
    }

    #[test]
    fn a_refusing_tick_drops_the_future() {
        struct Notice(Arc<AtomicBool>);
        impl Drop for Notice {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        let dropped = Arc::new(AtomicBool::new(false));
        let notice = Notice(Arc::clone(&dropped));
        let future = async move {
            let _held = notice;
            std::future::pending::<()>().await;
        };
        let stopped = block_on_interruptible(Driver::Tokio, future, || {
            Err(Error::Closed {
                backend: "test".into(),
            })
        });
        assert!(stopped.is_err());
        assert!(dropped.load(Ordering::SeqCst));
    }
}
