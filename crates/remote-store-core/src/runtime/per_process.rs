//! A value that belongs to one process id.

use std::fmt;
use std::mem;
use std::process;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

/// A lazily built value that a forked child does not inherit: the child builds
/// its own, and the parent's is forgotten rather than dropped, because its
/// threads and locks do not exist in the child. No lock is involved, since one
/// held by another thread at the fork would stay locked for ever.
///
/// ```
/// use remote_store_core::runtime::PerProcess;
///
/// let cell: PerProcess<u32> = PerProcess::new();
/// assert_eq!(*cell.get_or_try_init(|| Ok::<_, ()>(7))?, 7);
/// assert_eq!(*cell.get_or_try_init(|| Ok::<_, ()>(8))?, 7, "built once");
/// # Ok::<(), ()>(())
/// ```
pub struct PerProcess<T> {
    slot: ArcSwapOption<Entry<T>>,
}

struct Entry<T> {
    pid: u32,
    value: Option<Arc<T>>,
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        if self.pid != process::id() {
            mem::forget(self.value.take());
        }
    }
}

impl<T> PerProcess<T> {
    /// An empty cell; builds nothing.
    pub const fn new() -> Self {
        Self {
            slot: ArcSwapOption::const_empty(),
        }
    }

    /// The value of this process, when it was built.
    pub fn get(&self) -> Option<Arc<T>> {
        let pid = process::id();
        let entry = self.slot.load();
        entry
            .as_ref()
            .filter(|entry| entry.pid == pid)
            .and_then(|entry| entry.value.clone())
    }

    /// The value of this process, built on first need. When two threads build
    /// at once, both get the one that was stored first.
    ///
    /// # Errors
    /// What `build` returns; nothing is stored then and the next call tries again.
    pub fn get_or_try_init<E>(&self, build: impl FnOnce() -> Result<T, E>) -> Result<Arc<T>, E> {
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let value = Arc::new(build()?);
        let fresh = Arc::new(Entry {
            pid: process::id(),
            value: Some(Arc::clone(&value)),
        });
        loop {
            let current = self.slot.load();
            if let Some(stored) = self.get() {
                return Ok(stored);
            }
            let before = self
                .slot
                .compare_and_swap(&*current, Some(Arc::clone(&fresh)));
            let unchanged = match (before.as_ref(), current.as_ref()) {
                (None, None) => true,
                (Some(before), Some(current)) => Arc::ptr_eq(before, current),
                (None, Some(_)) | (Some(_), None) => false,
            };
            if unchanged {
                return Ok(value);
            }
        }
    }

    /// Empties the cell and returns what this process had built.
    pub fn take(&self) -> Option<Arc<T>> {
        let value = self.get();
        self.slot.store(None);
        value
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for PerProcess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerProcess")
            .field("built", &self.get().is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn many_threads_get_one_value() {
        let cell = PerProcess::new();
        let built = AtomicUsize::new(0);
        let values: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        *cell
                            .get_or_try_init(|| Ok::<_, ()>(built.fetch_add(1, Ordering::SeqCst)))
                            .unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(
            values.windows(2).all(|pair| pair[0] == pair[1]),
            "{values:?}"
        );
    }

    #[test]
    fn a_failed_build_is_tried_again() {
        let cell = PerProcess::new();
        assert!(cell.get_or_try_init(|| Err::<u8, _>("no")).is_err());
        assert_eq!(*cell.get_or_try_init(|| Ok::<_, ()>(1)).unwrap(), 1);
        assert!(cell.take().is_some());
        assert!(cell.get().is_none());
    }

    #[test]
    fn the_value_of_another_process_is_neither_used_nor_dropped() {
        struct MustNotDrop;
        impl Drop for MustNotDrop {
            fn drop(&mut self) {
                panic!("dropped in the wrong process");
            }
        }
        let cell = PerProcess::new();
        let parent = Entry {
            pid: process::id().wrapping_add(1),
            value: Some(Arc::new(Some(MustNotDrop))),
        };
        cell.slot.store(Some(Arc::new(parent)));
        assert!(cell.get().is_none());
        assert!(
            cell.get_or_try_init(|| Ok::<_, ()>(None))
                .unwrap()
                .is_none()
        );
    }
}
