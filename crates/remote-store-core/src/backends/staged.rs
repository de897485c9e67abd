//! The names of files that are being written, on every backend that is a tree
//! of files: what one backend leaves behind another hides and sweeps.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// How every staged name starts; keys may not have a segment that does.
pub(super) const RESERVED: &str = ".remote-store-staged-";
/// How the names of locks go on.
pub(super) const LOCK: &str = "lock-";
/// How the names of objects go on that wait for their successor.
const ASIDE: &str = "aside-";
/// Longer names are refused by most file systems.
#[cfg(any(feature = "sftp", test))]
const NAME_BYTES: usize = 255;
/// A staged file untouched for longer belongs to nobody any more.
pub(super) const STALE: Duration = Duration::from_hours(24);
/// A folder larger than this is swept only in part: a write must not cost a full listing.
pub(super) const SWEEP_ENTRIES: usize = 4096;
/// How many folders are remembered as swept.
const SWEPT_FOLDERS: usize = 1024;
/// How often a free name is looked for; names are random, so once is enough.
pub(super) const NAME_ATTEMPTS: usize = 8;

/// True when a file of that name is never shown and a key may not use it.
pub(super) fn is_reserved(name: &str) -> bool {
    name.starts_with(RESERVED)
}

/// The name of the lock that guards changes of `name`.
pub(super) fn lock_name(name: &str) -> String {
    format!("{RESERVED}{LOCK}{:016x}", hash(name))
}

fn hash(value: impl Hash) -> u64 {
    use std::hash::BuildHasher;
    // Fixed keys: processes must agree on the name of a lock.
    std::hash::BuildHasherDefault::<std::collections::hash_map::DefaultHasher>::default()
        .hash_one(value)
}

/// A name that nobody else has.
pub(super) fn fresh_name() -> String {
    use std::hash::BuildHasher;
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    // Seeded by the operating system: unique also among machines that share a folder.
    let seed = std::collections::hash_map::RandomState::new();
    let random = seed.hash_one((std::process::id(), count, SystemTime::now()));
    format!("{RESERVED}{random:016x}{count:x}")
}

/// An object that was moved out of the way of its successor: nothing but it may
/// be left of what a user wrote, so that a sweep puts it back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Aside<'a> {
    /// When it was moved, since the epoch.
    pub(super) since: Duration,
    /// The name that it had, unless that was too long to be kept.
    pub(super) target: Option<&'a str>,
}

/// A name for the object `target` while its successor takes its place.
#[cfg(any(feature = "sftp", test))]
pub(super) fn aside_name(target: &str, now: Duration) -> String {
    let fresh = fresh_name();
    let random = fresh.strip_prefix(RESERVED).unwrap_or(&fresh);
    let name = format!("{RESERVED}{ASIDE}{:x}-{random}-", now.as_secs());
    if name.len() + target.len() > NAME_BYTES {
        name
    } else {
        name + target
    }
}

/// What a name of [`aside_name`] says; `None` for every other one.
pub(super) fn aside(name: &str) -> Option<Aside<'_>> {
    let rest = name.strip_prefix(RESERVED)?.strip_prefix(ASIDE)?;
    let mut parts = rest.splitn(3, '-');
    let since = u64::from_str_radix(parts.next()?, 16).ok()?;
    let (_random, target) = (parts.next()?, parts.next()?);
    let is_name = !target.is_empty()
        && !is_reserved(target)
        && target != "."
        && target != ".."
        && !target.contains('/');
    Some(Aside {
        since: Duration::from_secs(since),
        target: is_name.then_some(target),
    })
}

/// The folders that were looked through for leftovers.
#[derive(Debug)]
pub(super) struct SweptFolders<P>(Mutex<HashSet<P>>);

impl<P> Default for SweptFolders<P> {
    fn default() -> Self {
        Self(Mutex::new(HashSet::new()))
    }
}

impl<P: Eq + Hash> SweptFolders<P> {
    /// True the first time that a folder is asked for.
    pub(super) fn is_first(&self, folder: P) -> bool {
        // A lock that cannot be had at once may belong to a thread that a fork
        // left behind; the sweep can wait, the write cannot.
        let Ok(mut swept) = self.0.try_lock() else {
            return false;
        };
        if swept.contains(&folder) {
            return false;
        }
        if swept.len() >= SWEPT_FOLDERS {
            swept.clear();
        }
        swept.insert(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_object_that_was_moved_aside_tells_when_and_from_where() {
        let now = Duration::from_secs(1_800_000_001);
        for target in ["a", "a-b-.c", "ä"] {
            let name = aside_name(target, now);
            assert!(is_reserved(&name), "{name}");
            let target = Some(target);
            assert_eq!(aside(&name), Some(Aside { since: now, target }));
        }
        let long = aside_name(&"x".repeat(255), now);
        assert!(long.len() <= 255, "{long}");
        assert_eq!(aside(&long).unwrap().target, None);
        for other in [fresh_name(), lock_name("a"), "aside-1-2-a".to_owned()] {
            assert_eq!(aside(&other), None, "{other}");
        }
        let outside = format!("{RESERVED}{ASIDE}1-2-..");
        assert_eq!(aside(&outside).unwrap().target, None);
    }
}
