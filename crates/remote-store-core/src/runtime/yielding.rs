//! A pause that lets the driver look after signals.

use std::future::poll_fn;
use std::task::Poll;

/// Gives the driver one turn: long local work calls it between chunks.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
