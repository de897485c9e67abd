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
