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
