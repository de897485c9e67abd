//! Roots, links and names that stand in the way of a write or a move.

use super::*;

#[test]
fn a_root_that_cannot_be_made_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dead) = (folder.path().join("file"), folder.path().join("dead"));
    fs::write(&file, "").unwrap();
    symlink("nowhere", &dead).unwrap();
    let mut roots = vec![file.join("root"), dead];
    if cfg!(target_os = "linux") {
        roots.push("/proc/foo".into());
    }
    for root in roots {
        let backend = LocalBackend::new(LocalOptions::new(&root)).unwrap();
        let store = Store::new(Arc::new(backend), Prefix::root());
        for key in ["a", "a/b"] {
            let err = wait(store.write(key, "x".into(), &WriteOptions::create())).unwrap_err();
            let text = err.to_string();
            assert_eq!(err.kind(), ErrorKind::InvalidPath, "{text}");
            assert!(text.contains(&*root.to_string_lossy()), "{text}");
            assert!(text.contains("choose another root"), "{text}");
        }
    }
}

#[test]
fn a_dead_link_in_the_place_of_a_folder_is_named() {
    let place = Place::new();
    symlink("nowhere", place.path("a")).unwrap();
    let err = place.put("a/x", "1").unwrap_err();
    assert_eq!(err.kind(), ErrorKind::InvalidPath);
    assert!(err.to_string().contains("dead link"), "{err}");
}

#[test]
fn a_move_onto_another_name_of_the_same_file_leaves_one() {
    let place = Place::new();
    place.put("a/x", "1").unwrap();
    fs::hard_link(place.path("a/x"), place.path("a/y")).unwrap();
    symlink("a", place.path("link")).unwrap();
    let replace = WriteMode::Overwrite;
    wait(place.store.rename("a/x", "a/y", replace)).unwrap();
    assert_eq!(place.keys(), ["a/y"]);
    // One name, reached on two ways, is not lost.
    wait(place.store.rename("a/y", "link/y", replace)).unwrap();
    assert_eq!(place.get("a/y").unwrap(), "1");
}

#[test]
fn a_root_that_cannot_be_made_is_told_before_it_is_written_to() {
    // No file system lets a folder be made below a file.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let store = |root: &str| {
        let options = LocalOptions::new(folder.path().join(root));
        Store::new(
            Arc::new(LocalBackend::new(options).unwrap()),
            Prefix::root(),
        )
    };
    let err = wait(store("file/below/root").ping()).unwrap_err();
    assert!(err.to_string().contains("choose another root"), "{err}");
    wait(store("not/yet/there").ping()).unwrap();
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "the look leaves nothing");
}

#[test]
fn a_name_like_a_drive_stays_below_the_root() {
    let place = Place::new();
    place.put("C:/x", "1").unwrap();
    assert_eq!(fs::read(place.path("C:").join("x")).unwrap(), b"1");
}

#[test]
fn a_file_that_is_replaced_in_a_moment_never_shows_an_earlier_tag() {
    let place = Place::new();
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..200 {
        place.put("x", ["a", "b"][round % 2]).unwrap();
        let etag = wait(place.store.head("x")).unwrap().etag.unwrap();
        assert!(seen.insert(etag), "a tag came twice");
    }
}
