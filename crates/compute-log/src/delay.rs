//! A wait that runs under any executor.
//!
//! Local and memory stores are driven without tokio, cloud stores inside it: tokio's own timer
//! would panic in the first case. Waits are rare (only between retries), so a short-lived thread
//! each is cheap; it ends at once when the waiting future is dropped, as on Ctrl-C.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;

/// What the waiting future and the sleeping thread share.
#[derive(Debug, Default)]
struct Bell {
    rang: bool,
    waiting: Option<Waker>,
}

/// Waits for `duration`.
pub(crate) async fn delay(duration: Duration) {
    if duration.is_zero() {
        return;
    }
    let bell = Arc::new(Mutex::new(Bell::default()));
    let ringer = Arc::clone(&bell);
    let (waiting, abandoned) = mpsc::channel::<()>();
    let started = std::thread::Builder::new()
        .name("remote-store-retry".to_owned())
        .spawn(move || {
            // Returns early when `waiting` is dropped together with the future.
            let _elapsed = abandoned.recv_timeout(duration);
            let mut bell = ringer.lock().unwrap_or_else(PoisonError::into_inner);
            bell.rang = true;
            if let Some(waker) = bell.waiting.take() {
                waker.wake();
            }
        });
    if started.is_err() {
        // No thread to be had: better to try again at once than not at all.
        return;
    }
    poll_fn(|context| {
        let mut bell = bell.lock().unwrap_or_else(PoisonError::into_inner);
        if bell.rang {
            return Poll::Ready(());
        }
        bell.waiting = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
    drop(waiting);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn waits_at_least_as_long_as_asked_without_any_runtime() {
        let wait = Duration::from_millis(5);
        let start = Instant::now();
        futures_executor::block_on(delay(wait));
        assert!(start.elapsed() >= wait);
    }
}
