//! A wait that runs under any executor.
//!
//! Local and memory stores are driven without tokio, cloud stores inside it: tokio's own timer
//! would panic in the first case. Waits are rare (only between retries), so a short-lived thread
//! each is cheap; it ends at once when the waiting future is dropped, as on Ctrl-C.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::channel::oneshot;

/// Waits for `duration`.
pub(crate) async fn delay(duration: Duration) {
    if duration.is_zero() {
        return;
    }
    let (rang, ringing) = oneshot::channel();
    let (alive, dropped) = mpsc::channel::<()>();
    let started = std::thread::Builder::new().name("remote-store-retry".to_owned()).spawn(move || {
        // Returns early with an error when `alive` is dropped together with the future.
        let _ended = dropped.recv_timeout(duration);
        let _receiver_gone = rang.send(());
    });
    if started.is_err() {
        // No thread to be had: better to try again at once than not at all.
        return;
    }
    let _sender_gone = ringing.await;
    drop(alive);
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
