//! Promises about names, roots and the end of a store.

use futures_util::TryStreamExt;

use crate::error::{ErrorKind, Result};
use crate::model::{ListOptions, WriteOptions};
use crate::testkit::Specimen;

use super::{put, refused};

/// Names that shells, URLs or services treat in a special way.
const NAMES: [&str; 20] = [
    "plain.txt",
    "with space",
    "plus+plus",
    "per%cent",
    "%41",
    "%2F",
    "hash#1",
    "file#1",
    "query?",
    "star*",
    "~tilde",
    "[brackets]",
    "{braces}",
    "quote'",
    "a=b&c",
    "ümläut",
    "中文",
    "🦀",
    "...",
    ".hidden",
];

/// A name is kept byte for byte and means nothing else.
pub async fn names_of_every_kind_are_kept(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let long = "l".repeat(200);
    let names = || NAMES.into_iter().chain([long.as_str()]);
    for name in names() {
        store
            .write(
                &format!("dir {name}/{name}"),
                name.to_owned().into(),
                &WriteOptions::create(),
            )
            .await?;
    }
    for name in names() {
        assert_eq!(store.read_bytes(&format!("dir {name}/{name}")).await?, name);
    }
    let mut expected: Vec<String> = names().map(|name| format!("dir {name}/{name}")).collect();
    specimen.sort(&mut expected);
    let listed: Vec<String> = store
        .list("", &ListOptions::recursive())?
        .map_ok(|info| info.key.to_string())
        .try_collect()
        .await?;
    assert_eq!(listed, expected);
    Ok(())
}

/// Nothing above the root can be named.
pub async fn names_outside_the_root_are_refused(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["..", "../x", "a/../../x", "a\\..\\..\\x", "a\0b"] {
        let write = refused(
            store
                .write(path, "x".into(), &WriteOptions::overwrite())
                .await,
            path,
        );
        let read = refused(store.read_bytes(path).await, path);
        let list = refused(store.list_level(path).await, path);
        let folder = refused(store.delete_folder(path, true, true).await, path);
        for err in [write, read, list, folder] {
            assert_eq!(err.kind(), ErrorKind::InvalidPath, "{path}");
        }
    }
    for path in ["", ".", "//"] {
        let err = refused(store.read_bytes(path).await, "reading the root");
        assert_eq!(
            err.to_string(),
            "Path must not be empty or root for file operations"
        );
    }
    Ok(())
}

/// A child sees what lies in its folder, and nothing beside it.
pub async fn a_child_store_sees_its_folder_only(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "team/a/x").await?;
    put(store, "team-b/y").await?;
    let child = store.child("team")?;
    assert_eq!(child.read_bytes("a/x").await?, "team/a/x");
    let keys: Vec<_> = child
        .list("", &ListOptions::recursive())?
        .map_ok(|info| info.key)
        .try_collect()
        .await?;
    assert_eq!(
        keys.iter()
            .map(crate::key::ObjectKey::as_str)
            .collect::<Vec<_>>(),
        ["a/x"]
    );
    assert_eq!(
        refused(
            child.delete_folder("", true, true).await,
            "deleting the root"
        )
        .kind(),
        ErrorKind::InvalidPath
    );
    assert!(store.child("..").is_err());
    Ok(())
}

/// The native path of a name leads back to the name.
pub async fn native_paths_lead_back(specimen: &Specimen) -> Result<()> {
    let child = specimen.store.child("root folder")?;
    put(&child, "a/b.txt").await?;
    for path in ["a", "a/b.txt", ""] {
        assert_eq!(child.to_key(&child.native_path(path)?)?, path);
        assert!(child.uri(path)?.contains("://"));
    }
    let outside = specimen.store.native_path("elsewhere/a")?;
    assert_eq!(
        refused(child.to_key(&outside), "a path of elsewhere").kind(),
        ErrorKind::InvalidPath
    );
    Ok(())
}

/// Results never show the root; errors name the full path.
pub async fn results_are_relative_to_the_root(specimen: &Specimen) -> Result<()> {
    let child = specimen.store.child("deep/root")?;
    let written = child
        .write("a/x", "1".into(), &WriteOptions::create())
        .await?;
    assert_eq!(written.key.as_str(), "a/x");
    assert_eq!(child.head("a/x").await?.key.as_str(), "a/x");
    assert_eq!(child.read("a/x").await?.info().key.as_str(), "a/x");
    assert_eq!(
        child
            .list_level("")
            .await?
            .folders
            .iter()
            .map(crate::key::Prefix::as_str)
            .collect::<Vec<_>>(),
        ["a"]
    );
    let err = refused(child.read_bytes("missing").await, "reading nothing");
    assert!(
        err.path()
            .is_some_and(|path| path.ends_with("deep/root/missing"))
    );
    Ok(())
}

/// After the end every call says that it is over.
pub async fn a_closed_store_says_so(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    store.close().await;
    store.close().await;
    let read = refused(store.read_bytes("a").await, "reading");
    let write = refused(
        store
            .write("a", "b".into(), &WriteOptions::overwrite())
            .await,
        "writing",
    );
    let list = refused(store.list_page("", None, 1).await, "listing");
    let ping = refused(store.ping().await, "asking");
    for err in [read, write, list, ping] {
        assert_eq!(err.kind(), ErrorKind::Closed);
        assert_eq!(
            err.to_string(),
            format!("{} backend is closed", store.backend().name())
        );
    }
    Ok(())
}
