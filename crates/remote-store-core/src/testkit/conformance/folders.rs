//! Promises about folders.

use crate::error::{ErrorKind, Result};
use crate::testkit::Specimen;

use super::{put, refused};

/// A folder exists while something lies below it.
pub async fn a_folder_is_seen_through_its_objects(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    assert!(store.is_folder("").await?, "the root always is one");
    put(store, "a/b/c").await?;
    for folder in ["a", "a/b", "/a/./b/"] {
        assert!(store.is_folder(folder).await? && store.exists(folder).await?);
        assert!(!store.is_file(folder).await?);
    }
    for none in ["a/b/c", "a/b/c/d", "b", "a/bb"] {
        assert!(!store.is_folder(none).await?);
    }
    assert!(!store.is_file("").await?);
    Ok(())
}

/// What holds something is only deleted when asked for.
pub async fn a_folder_with_content_needs_recursive(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a/b/c").await?;
    put(store, "a/d").await?;
    let err = refused(
        store.delete_folder("a", false, false).await,
        "deleting a full folder",
    );
    assert_eq!(err.kind(), ErrorKind::DirectoryNotEmpty);
    assert!(store.is_file("a/d").await?);
    store.delete_folder("a", true, false).await?;
    assert!(!store.exists("a").await? && !store.exists("a/b/c").await?);
    Ok(())
}

/// Deleting no folder is an error, unless asked otherwise.
pub async fn a_missing_folder_is_not_found(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for recursive in [false, true] {
        let err = refused(
            store.delete_folder("no/such", recursive, false).await,
            "deleting nothing",
        );
        assert_eq!(err.kind(), ErrorKind::NotFound);
        assert!(err.to_string().starts_with("Folder not found: "), "{err}");
        store.delete_folder("no/such", recursive, true).await?;
    }
    assert_eq!(
        refused(store.folder_info("no/such", None).await, "info").kind(),
        ErrorKind::NotFound
    );
    Ok(())
}

/// An object is not deleted as a folder.
pub async fn an_object_is_no_folder_to_delete(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    for recursive in [false, true] {
        let err = refused(
            store.delete_folder("a", recursive, false).await,
            "deleting an object as a folder",
        );
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
    assert!(store.is_file("a").await?);
    Ok(())
}

/// `data` goes, `data-old`, `data.json` and `database` stay.
pub async fn a_neighbour_with_the_same_beginning_stays(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let neighbours = ["data-old/x", "data.json", "database/x"];
    for path in neighbours.into_iter().chain(["data/x"]) {
        put(store, path).await?;
    }
    store.delete_folder("data", true, false).await?;
    for path in neighbours {
        assert!(store.is_file(path).await?, "{path} stays");
    }
    Ok(())
}

/// Neither the root nor an object of that name can be deleted.
pub async fn the_root_cannot_be_deleted(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    for root in ["", ".", "/"] {
        let err = refused(
            store.delete_folder(root, true, true).await,
            "deleting the root",
        );
        assert_eq!(err.to_string(), "Cannot delete the store root");
        assert_eq!(
            refused(store.delete(root, true).await, "deleting the root").kind(),
            ErrorKind::InvalidPath
        );
    }
    assert!(store.is_file("a").await?);
    Ok(())
}

/// The sums are right, to any depth.
pub async fn folder_info_sums_what_lies_below(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["f/1", "f/sub/22", "f/sub/sub/333", "other"] {
        put(store, path).await?;
    }
    let info = store.folder_info("f", None).await?;
    assert_eq!(
        (info.prefix.as_str(), info.object_count, info.total_size),
        ("f", 3, 3 + 8 + 13)
    );
    let info = store.folder_info("f", Some(1)).await?;
    assert_eq!((info.object_count, info.total_size), (2, 3 + 8));
    assert_eq!(store.folder_info("", None).await?.object_count, 4);
    Ok(())
}
