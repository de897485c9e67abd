//! A map that forgets what was longest unused, so that a server that runs for months stays small.

use std::collections::HashMap;

/// At most `capacity` entries.
#[derive(Debug)]
pub(crate) struct Lru<V> {
    capacity: usize,
    clock: u64,
    entries: HashMap<String, (u64, V)>,
}

impl<V> Lru<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            clock: 0,
            entries: HashMap::new(),
        }
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<&mut V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.0 = self.clock;
        Some(&mut entry.1)
    }

    pub(crate) fn insert(&mut self, key: &str, value: V) {
        self.clock += 1;
        self.entries.insert(key.to_owned(), (self.clock, value));
        if self.entries.len() > self.capacity {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                self.entries.remove(&oldest);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_longest_unused_is_forgotten() {
        let mut lru = Lru::new(2);
        lru.insert("a", 1);
        lru.insert("b", 2);
        assert_eq!(lru.get("a"), Some(&mut 1));
        lru.insert("c", 3);
        assert_eq!(lru.entries.len(), 2);
        assert_eq!(lru.get("b"), None);
        assert_eq!(lru.get("a"), Some(&mut 1));
        assert_eq!(lru.get("c"), Some(&mut 3));
    }
}
