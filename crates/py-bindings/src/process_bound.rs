//! [`ProcessBound`]: what a forked child must neither use nor drop.

use std::process;

/// A value that talks to threads of the process that made it: a transfer under way,
/// a channel to a task. In a forked child those threads do not exist, so that using
/// the value would wait for ever, and dropping it could too; there it is forgotten.
#[derive(Debug)]
pub(crate) struct ProcessBound<T> {
    pid: u32,
    value: Option<T>,
}

impl<T> ProcessBound<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            pid: process::id(),
            value: Some(value),
        }
    }

    /// The value, in the process that made it.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if self.pid == process::id() {
            self.value.as_mut()
        } else {
            None
        }
    }

    /// The value for good, in the process that made it.
    pub(crate) fn into_inner(mut self) -> Option<T> {
        if self.pid == process::id() {
            self.value.take()
        } else {
            None
        }
    }
}

impl<T> Drop for ProcessBound<T> {
    fn drop(&mut self) {
        if self.pid != process::id() {
            std::mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessBound;
    use std::sync::Arc;

    #[test]
    fn the_maker_uses_and_drops_it() {
        let value = Arc::new(5);
        let mut bound = ProcessBound::new(Arc::clone(&value));
        assert_eq!(bound.get_mut().map(|value| **value), Some(5));
        drop(bound);
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn another_process_neither_uses_nor_drops_it() {
        let value = Arc::new(5);
        let mut bound = ProcessBound {
            pid: std::process::id().wrapping_add(1),
            value: Some(Arc::clone(&value)),
        };
        assert!(bound.get_mut().is_none());
        assert!(bound.into_inner().is_none());
        assert_eq!(Arc::strong_count(&value), 2);
    }
}
