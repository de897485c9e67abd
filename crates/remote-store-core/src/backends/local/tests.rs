#![allow(clippy::unwrap_used, reason = "helpers of tests may fail loudly too")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;

use super::*;
use crate::error::ErrorKind;
use crate::model::ListOptions;
use crate::runtime;
use crate::store::Store;

mod obstacles;

struct Place {
    folder: tempfile::TempDir,
    store: Store,
}

impl Place {
    fn new() -> Self {
        Self::with(true)
    }

    /// On a file system that may have no hard links.
    fn with(hard_links: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut backend = LocalBackend::new(LocalOptions::new(folder.path().join("root"))).unwrap();
        Arc::get_mut(&mut backend.inner).unwrap().hard_links = hard_links;
        fs::create_dir(backend.root()).unwrap();
        Self {
            store: Store::new(Arc::new(backend), Prefix::root()),
            folder,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    fn put(&self, key: &str, content: &'static str) -> Result<WriteResult> {
        wait(
            self.store
                .write(key, content.into(), &WriteOptions::overwrite()),
        )
    }

    fn get(&self, key: &str) -> Result<Bytes> {
        wait(self.store.read_bytes(key))
    }

    fn keys(&self) -> Vec<String> {
        let all = self.store.list("", &ListOptions::recursive()).unwrap();
        wait(all.map_ok(|info| info.key.to_string()).try_collect()).unwrap()
    }

    /// What really lies in a folder.
    fn files(&self, folder: &str) -> usize {
        fs::read_dir(self.path(folder)).unwrap().count()
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    runtime::block_on(Driver::Inline, future).unwrap()
}

fn age(path: &Path, by: Duration) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - by).unwrap();
}

const LEFTOVER: &str = ".remote-store-staged-0123";

#[test]
fn leftovers_of_killed_processes_are_hidden_and_swept_when_old() {
    let place = Place::new();
    fs::create_dir(place.path("a")).unwrap();
    for (name, days) in [("old", 2), ("young", 0)] {
        let leftover = place.path(&format!("a/{LEFTOVER}-{name}"));
        fs::write(&leftover, "torn").unwrap();
        age(&leftover, Duration::from_hours(days * 24));
    }
    assert!(place.keys().is_empty());
    assert!(wait(place.store.list_level("a")).unwrap().is_empty());
    place.put("a/x", "1").unwrap();
    assert!(
        !place.path(&format!("a/{LEFTOVER}-old")).exists(),
        "the old one is swept"
    );
    assert!(
        place.path(&format!("a/{LEFTOVER}-young")).exists(),
        "the young one may be in use"
    );
    assert_eq!(place.keys(), ["a/x"]);
}

#[test]
fn names_of_staged_files_cannot_be_used_as_keys() {
    let place = Place::new();
    fs::write(place.path(LEFTOVER), "torn").unwrap();
    for key in [
        LEFTOVER.to_owned(),
        format!("new/{LEFTOVER}/x"),
        format!("{LEFTOVER}/x"),
    ] {
        assert_eq!(
            place.put(&key, "x").unwrap_err().kind(),
            ErrorKind::InvalidPath
        );
        assert_eq!(place.get(&key).unwrap_err().kind(), ErrorKind::InvalidPath);
    }
}

#[test]
fn a_folder_in_use_by_a_writer_is_not_deleted_as_empty() {
    let place = Place::new();
    let mut writer = wait(place.store.writer("a/x", &WriteOptions::create())).unwrap();
    wait(writer.write("bytes".into())).unwrap();
    let err = wait(place.store.delete_folder("a", false, false)).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::DirectoryNotEmpty);
    wait(writer.finish()).unwrap();
    assert_eq!(place.get("a/x").unwrap(), "bytes");
    assert_eq!(place.files("a"), 1, "nothing staged is left");
}

#[test]
fn the_mode_of_a_replaced_file_is_kept() {
    let place = Place::new();
    place.put("x", "old").unwrap();
    fs::set_permissions(place.path("x"), fs::Permissions::from_mode(0o640)).unwrap();
    place.put("x", "new").unwrap();
    assert_eq!(
        fs::metadata(place.path("x")).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert_eq!(place.get("x").unwrap(), "new");
}

#[test]
fn creates_work_without_hard_links_and_leave_no_lock() {
    let place = Place::with(false);
    wait(
        place
            .store
            .write("a/x", "1".into(), &WriteOptions::create()),
    )
    .unwrap();
    let err = wait(
        place
            .store
            .write("a/x", "2".into(), &WriteOptions::create()),
    )
    .unwrap_err();
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    wait(place.store.rename("a/x", "a/y", WriteMode::Create)).unwrap();
    assert_eq!(place.get("a/y").unwrap(), "1");
    assert_eq!(place.files("a"), 1);
}

#[test]
fn a_lock_file_that_a_killed_process_left_locks_nobody_out() {
    let place = Place::with(false);
    fs::write(place.path(&staging::lock_name("x")), "").unwrap();
    wait(place.store.write("x", "1".into(), &WriteOptions::create())).unwrap();
    assert_eq!(place.get("x").unwrap(), "1");
    assert_eq!(place.files(""), 1, "the lock file went with its lock");
}

#[test]
fn of_many_threads_that_create_one_name_exactly_one_wins() {
    for hard_links in [true, false] {
        let place = Place::with(hard_links);
        for round in 0..20 {
            let key = format!("race-{round}");
            let wins = std::thread::scope(|scope| {
                let create =
                    || wait(place.store.write(&key, "x".into(), &WriteOptions::create())).is_ok();
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
                threads
                    .into_iter()
                    .filter_map(|thread| thread.join().ok())
                    .filter(|won| *won)
                    .count()
            });
            assert_eq!(wins, 1);
        }
        assert_eq!(place.files(""), 20, "nothing staged is left");
    }
}

#[test]
fn readers_see_the_old_or_the_new_object_while_it_is_replaced() {
    let place = Place::new();
    let versions: Vec<Bytes> = (0..2_u8).map(|n| Bytes::from(vec![n; 300_000])).collect();
    wait(
        place
            .store
            .write("x", versions[0].clone(), &WriteOptions::create()),
    )
    .unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..50 {
                wait(place.store.write(
                    "x",
                    versions[round % 2].clone(),
                    &WriteOptions::overwrite(),
                ))
                .unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = place.get("x").unwrap();
            assert!(
                versions.contains(&seen),
                "a torn object of {} bytes",
                seen.len()
            );
        }
    });
}

#[test]
fn links_that_leave_the_root_are_refused_and_not_listed() {
    let place = Place::new();
    fs::write(place.folder.path().join("secret"), "outside").unwrap();
    fs::create_dir(place.folder.path().join("outside")).unwrap();
    fs::write(place.folder.path().join("outside/x"), "outside").unwrap();
    symlink("../secret", place.path("file")).unwrap();
    symlink(place.folder.path().join("outside"), place.path("folder")).unwrap();
    for key in ["file", "folder/x", "folder/new"] {
        let errors = [
            place.get(key).unwrap_err(),
            place.put(key, "y").unwrap_err(),
            wait(place.store.delete(key, true)).unwrap_err(),
            wait(place.store.copy(key, "copy", WriteMode::Overwrite)).unwrap_err(),
        ];
        for err in errors {
            assert_eq!(err.kind(), ErrorKind::InvalidPath, "{err}");
            assert!(err.to_string().contains("leaves the root"), "{err}");
        }
    }
    assert!(wait(place.store.delete_folder("folder", true, false)).is_err());
    assert!(wait(place.store.list_level("folder")).is_err());
    assert!(place.keys().is_empty());
    assert_eq!(
        fs::read(place.folder.path().join("secret")).unwrap(),
        b"outside"
    );
    assert!(place.folder.path().join("outside/x").exists());
}

#[test]
fn links_inside_the_root_are_followed_and_survive_a_write() {
    let place = Place::new();
    place.put("data/x", "1").unwrap();
    symlink("data/x", place.path("file")).unwrap();
    symlink("data", place.path("folder")).unwrap();
    assert_eq!(place.get("file").unwrap(), "1");
    assert_eq!(place.get("folder/x").unwrap(), "1");
    place.put("file", "2").unwrap();
    place.put("folder/y", "3").unwrap();
    assert!(place.path("file").is_symlink(), "the link stays a link");
    assert_eq!(place.get("data/x").unwrap(), "2");
    assert_eq!(
        place.keys(),
        ["data/x", "data/y", "file"],
        "each object once, links to folders not entered"
    );
    wait(place.store.rename("file", "moved", WriteMode::Create)).unwrap();
    assert_eq!(place.get("moved").unwrap(), "2");
    assert!(!place.path("file").is_symlink());
    wait(place.store.delete_folder("folder", true, false)).unwrap();
    assert!(
        place.path("data/y").exists(),
        "the link goes, not what it leads to"
    );
}

#[test]
fn loops_and_dead_links_break_no_listing() {
    let place = Place::new();
    place.put("a/x", "1").unwrap();
    symlink("..", place.path("a/up")).unwrap();
    symlink("self", place.path("self")).unwrap();
    symlink("nowhere", place.path("dead")).unwrap();
    assert_eq!(place.keys(), ["a/x"]);
    for key in ["self", "dead", "self/x"] {
        assert_eq!(place.get(key).unwrap_err().kind(), ErrorKind::NotFound);
    }
    let taken = wait(
        place
            .store
            .write("dead", "1".into(), &WriteOptions::create()),
    )
    .unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    place.put("dead", "alive").unwrap();
    assert_eq!(place.get("dead").unwrap(), "alive");
    wait(place.store.delete("self", false)).unwrap();
}

#[test]
fn what_is_neither_object_nor_folder_is_not_listed() {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixListener;
    let place = Place::new();
    let _socket = UnixListener::bind(place.path("socket")).unwrap();
    fs::write(
        place
            .path("")
            .join(std::ffi::OsStr::from_bytes(b"not-utf8-\xff")),
        "",
    )
    .unwrap();
    fs::write(place.path("back\\slash"), "").unwrap();
    place.put("x", "1").unwrap();
    assert_eq!(place.keys(), ["x"]);
    assert_eq!(
        place.get("socket").unwrap_err().kind(),
        ErrorKind::InvalidPath
    );
    assert_eq!(
        place.put("socket", "x").unwrap_err().kind(),
        ErrorKind::InvalidPath
    );
}

#[test]
fn empty_folders_are_real() {
    let place = Place::new();
    place.put("a/b/x", "1").unwrap();
    wait(place.store.delete("a/b/x", false)).unwrap();
    assert!(wait(place.store.is_folder("a/b")).unwrap());
    assert_eq!(
        wait(place.store.folder_info("a", None))
            .unwrap()
            .object_count,
        0
    );
    assert_eq!(
        wait(place.store.delete_folder("a", false, false))
            .unwrap_err()
            .kind(),
        ErrorKind::DirectoryNotEmpty
    );
    wait(place.store.delete_folder("a/b", false, false)).unwrap();
    assert!(!wait(place.store.exists("a/b")).unwrap());
}

#[test]
fn what_the_system_refuses_is_named_with_the_way_out() {
    use std::io::{Error as Io, ErrorKind as K};
    let folder = Path::new("/srv/data/a");
    let denied = io_error::writing("a/x", folder, &Io::from(K::PermissionDenied));
    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    assert!(
        denied.to_string().contains("/srv/data/a") && denied.to_string().contains("chmod"),
        "{denied}"
    );
    let full = io_error::writing("a/x", folder, &Io::from(K::StorageFull));
    assert_eq!(full.kind(), ErrorKind::BackendUnavailable);
    assert!(full.to_string().contains("No space left"), "{full}");
    let long = wait(Place::new().store.write(
        &"n".repeat(300),
        "x".into(),
        &WriteOptions::create(),
    ))
    .unwrap_err();
    assert_eq!(long.kind(), ErrorKind::InvalidPath);
}

#[test]
fn a_staged_file_goes_with_its_writer() {
    let place = Place::new();
    let mut staged = Staged::create(&place.path("")).unwrap();
    wait(staged.write(b"half")).unwrap();
    assert_eq!(place.files(""), 1);
    drop(staged);
    assert_eq!(place.files(""), 0, "no debris, whatever ended the write");
}

#[test]
fn a_root_that_cannot_be_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for root in [Path::new(""), &file] {
        assert_eq!(
            LocalBackend::new(LocalOptions::new(root))
                .unwrap_err()
                .kind(),
            ErrorKind::InvalidConfig
        );
    }
}

#[test]
fn a_missing_root_is_empty_until_it_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let backend =
        LocalBackend::new(LocalOptions::new(folder.path().join("not/yet")).with_fsync(true))
            .unwrap();
    let store = Store::new(Arc::new(backend), Prefix::root());
    wait(store.ping()).unwrap();
    assert!(wait(store.list_level("")).unwrap().is_empty());
    assert!(!folder.path().join("not").exists(), "looking makes nothing");
    wait(store.write("x", "1".into(), &WriteOptions::create())).unwrap();
    assert_eq!(fs::read(folder.path().join("not/yet/x")).unwrap(), b"1");
}
