//! Work spread over scoped threads. No pool is kept: a pool's threads would be
//! missing in a forked child, and work handed to it would wait for ever.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::panics::caught;
use crate::SerializeError;

/// Below this many rows a thread costs more than it saves.
pub(crate) const SMALL_TABLE_ROWS: usize = 10_000;

/// How many threads `jobs` jobs should get.
pub(crate) fn thread_count(asked: Option<NonZeroUsize>, rows: usize, jobs: usize) -> usize {
    if rows < SMALL_TABLE_ROWS || jobs < 2 {
        return 1;
    }
    asked.map_or_else(cores, NonZeroUsize::get).min(jobs)
}

/// The number of cores; asked once, since the answer costs reading cgroup files.
///
/// An atomic and no lock: a lock held by another thread at fork stays locked.
fn cores() -> usize {
    static CORES: AtomicUsize = AtomicUsize::new(0);
    match CORES.load(Ordering::Relaxed) {
        0 => {
            let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
            CORES.store(cores, Ordering::Relaxed);
            cores
        }
        cores => cores,
    }
}

/// Runs `work` on every job, on `threads` threads, and gives the results in the
/// order of the jobs. Each thread takes the next job when it is free. The error
/// of the first failing job (in job order) is returned, whatever the timing.
pub(crate) fn run<J: Send, R: Send>(
    during: &'static str,
    threads: usize,
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<R, SerializeError> + Sync,
) -> Result<Vec<R>, SerializeError> {
    if threads < 2 {
        return jobs
            .into_iter()
            .map(|job| caught(during, || work(job)))
            .collect();
    }
    let count = jobs.len();
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let done: Mutex<Vec<(usize, Result<R, SerializeError>)>> =
        Mutex::new(Vec::with_capacity(count));
    let worker = || {
        loop {
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, job)) = next else { break };
            let result = caught(during, || work(job));
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be started (limits of the machine) is no
            // error: the others and this one do its work.
            let started = std::thread::Builder::new()
                .name("remote-store-parquet".to_owned())
                .spawn_scoped(scope, worker);
            if started.is_err() {
                break;
            }
        }
        worker();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
