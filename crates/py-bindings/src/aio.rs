//! The asynchronous side of the boundary: calls that an event loop of Python waits for.
//!
//! A call runs on the runtime of the core and answers through the [`mailbox`] of the loop that
//! asked, so that no thread of ours holds the GIL while bytes move.

mod call;
mod mailbox;
mod reading;
mod store;
mod stream;
mod writer;

pub(crate) use call::Call;
pub(crate) use store::AsyncStore;
pub(crate) use stream::AsyncStream;
pub(crate) use writer::AsyncWriter;
