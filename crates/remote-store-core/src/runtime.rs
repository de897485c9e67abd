//! How asynchronous stores are called from synchronous code.
//!
//! Nothing starts at load time. The tokio runtime is built on first need, once
//! per process: after a fork the child builds its own, since the threads of
//! the parent's do not exist there.

mod block;
mod per_process;
mod yielding;

pub use block::{TICK_MS, block_on, block_on_interruptible};
pub use per_process::PerProcess;
pub(crate) use yielding::yield_now;

use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::{Error, Result};

/// More threads would only wait: the work is sockets, checksums and TLS.
const MAX_WORKERS: usize = 4;

static RUNTIME: PerProcess<OwnedRuntime> = PerProcess::new();

/// A runtime that may be dropped anywhere, also inside another one.
struct OwnedRuntime(Option<Runtime>);

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn build() -> Result<OwnedRuntime> {
    let workers = std::thread::available_parallelism()
        .map_or(2, usize::from)
        .clamp(2, MAX_WORKERS);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("remote-store-io")
        .enable_all()
        .build()
        .map(|runtime| OwnedRuntime(Some(runtime)))
        .map_err(|err| {
            Error::unavailable("runtime", "Cannot start the threads for network stores; check the limit of processes (ulimit -u)")
                .caused_by(&err)
        })
}

/// The runtime of this process, built when it is first asked for.
///
/// # Errors
/// [`Error::BackendUnavailable`] when its threads cannot be started.
pub fn handle() -> Result<Handle> {
    let owned: Arc<OwnedRuntime> = RUNTIME.get_or_try_init(build)?;
    owned
        .0
        .as_ref()
        .map(|runtime| runtime.handle().clone())
        .ok_or_else(|| Error::unavailable("runtime", "The runtime was shut down"))
}
