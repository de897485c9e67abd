//! Work spread over scoped threads. No pool is kept: a pool's threads would be
//! missing in a forked child, and work handed to it would wait for ever.

use std::cmp::Reverse;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

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
/// order of the jobs. Each thread takes the next job when it is free; the others wait while
/// that job is waited for. The error
/// of the first failing job (in job order) is returned, whatever the timing.
pub(crate) fn run<J: Send, R: Send>(
    during: &'static str,
    threads: usize,
    jobs: impl IntoIterator<Item = J, IntoIter: Send>,
    work: impl Fn(J) -> Result<R, SerializeError> + Sync,
) -> Result<Vec<R>, SerializeError> {
    let jobs = jobs.into_iter();
    if threads < 2 {
        return jobs.map(|job| caught(during, || work(job))).collect();
    }
    let done: Mutex<Vec<(usize, Result<R, SerializeError>)>> =
        Mutex::new(Vec::with_capacity(jobs.size_hint().0));
    let queue = Mutex::new(jobs.enumerate());
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

/// Jobs that wait for a thread.
struct Waiting<J> {
    jobs: Vec<Option<J>>,
    /// Their places from the first on, and the greatest cost first; what was looked at is gone.
    in_order: Range<usize>,
    by_cost: std::vec::IntoIter<usize>,
}

impl<J> Waiting<J> {
    fn new(jobs: Vec<J>, cost: impl Fn(&J) -> usize) -> Self {
        let mut by_cost: Vec<(Reverse<usize>, usize)> = jobs
            .iter()
            .enumerate()
            .map(|(place, job)| (Reverse(cost(job)), place))
            .collect();
        by_cost.sort_unstable();
        let by_cost: Vec<usize> = by_cost.into_iter().map(|(_, place)| place).collect();
        Self {
            in_order: 0..jobs.len(),
            by_cost: by_cost.into_iter(),
            jobs: jobs.into_iter().map(Some).collect(),
        }
    }

    fn first(&mut self) -> Option<(usize, J)> {
        let jobs = &mut self.jobs;
        let mut job = |place: usize| Some((place, jobs.get_mut(place)?.take()?));
        self.in_order.find_map(&mut job)
    }

    fn costliest(&mut self) -> Option<(usize, J)> {
        let jobs = &mut self.jobs;
        let mut job = |place: usize| Some((place, jobs.get_mut(place)?.take()?));
        self.by_cost.find_map(&mut job)
    }
}

/// Runs `work` on every job, on `threads` threads. `take` gets the results on this thread and in
/// the order of the jobs, each as soon as all before it are there.
///
/// This thread goes through the jobs in their order, so that there is something to take soon; the
/// others begin with the costliest: one that is begun last would run alone at the end.
///
/// # Errors
/// The first in the order of the jobs, whatever the timing; later results are not taken.
pub(crate) fn run_in_order<J: Send, R: Send>(
    during: &'static str,
    threads: usize,
    jobs: Vec<J>,
    cost: impl Fn(&J) -> usize,
    work: impl Fn(J) -> Result<R, SerializeError> + Sync,
    mut take: impl FnMut(R) -> Result<(), SerializeError>,
) -> Result<(), SerializeError> {
    let work = |job| caught(during, || work(job));
    if threads < 2 {
        return jobs.into_iter().try_for_each(|job| take(work(job)?));
    }
    let mut untaken: Vec<Option<Result<R, SerializeError>>> = Vec::new();
    untaken.resize_with(jobs.len(), || None);
    let mut taken = 0;
    let mut add = |(place, result): (usize, _)| {
        if let Some(free) = untaken.get_mut(place) {
            *free = Some(result);
        }
        while let Some(result) = untaken.get_mut(taken).and_then(Option::take) {
            take(result?)?;
            taken += 1;
        }
        Ok(())
    };
    let waiting = Mutex::new(Waiting::new(jobs, cost));
    let waiting = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
    let (first, costliest) = (|| waiting().first(), || waiting().costliest());
    let (done, results) = mpsc::channel();
    let worker = |done: mpsc::Sender<_>| {
        while let Some((place, job)) = costliest() {
            if done.send((place, work(job))).is_err() {
                break;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let (worker, done) = (&worker, done.clone());
            // A thread that cannot be started is no error: the others do its work.
            let started = std::thread::Builder::new()
                .name("remote-store-parquet".to_owned())
                .spawn_scoped(scope, move || worker(done));
            if started.is_err() {
                break;
            }
        }
        drop(done);
        let mut all = || {
            while let Some((place, job)) = first() {
                add((place, work(job)))?;
                results.try_iter().try_for_each(&mut add)?;
            }
            results.iter().try_for_each(&mut add)
        };
        let outcome = all();
        // After an error nobody needs the rest.
        waiting().jobs.clear();
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(threads: usize, failing: &[usize]) -> (Vec<usize>, Result<(), SerializeError>) {
        let mut taken = Vec::new();
        let outcome = run_in_order(
            "testing",
            threads,
            (0..40).collect(),
            |job| (job * 7) % 11,
            |job| {
                if failing.contains(&job) {
                    Err(SerializeError::encode("test", format!("job {job}")))
                } else {
                    Ok(job)
                }
            },
            |result| {
                taken.push(result);
                Ok(())
            },
        );
        (taken, outcome)
    }

    #[test]
    fn results_are_taken_in_the_order_of_the_jobs() {
        for threads in [1, 2, 5] {
            let (taken, outcome) = run(threads, &[]);
            outcome.unwrap();
            assert_eq!(taken, (0..40).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_first_failure_in_that_order_is_returned() {
        for threads in [1, 2, 5] {
            let (taken, outcome) = run(threads, &[31, 12]);
            assert!(outcome.unwrap_err().to_string().contains("job 12"));
            assert_eq!(taken, (0..12).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_result_that_cannot_be_taken_ends_the_work() {
        let refuse = |_result| Err(SerializeError::encode("test", "full"));
        let outcome = run_in_order("testing", 3, vec![1, 2, 3], |_| 1, Ok, refuse);
        assert!(outcome.unwrap_err().to_string().contains("full"));
    }

    #[test]
    fn a_result_is_taken_before_all_jobs_are_begun() {
        let begun = AtomicUsize::new(0);
        let mut begun_when_taken = Vec::new();
        let work = |job: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            Ok(job)
        };
        let take = |_result| {
            begun_when_taken.push(begun.load(Ordering::SeqCst));
            Ok(())
        };
        run_in_order("testing", 1, vec![0, 1, 2], |_| 1, work, take).unwrap();
        assert_eq!(begun_when_taken, [1, 2, 3]);
    }
}
