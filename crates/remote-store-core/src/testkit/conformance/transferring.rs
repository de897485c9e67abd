//! Promises about copies and moves.

use crate::error::{Error, ErrorKind, Result};
use crate::model::WriteMode::{Create, Overwrite};
use crate::testkit::Specimen;

use super::{put, refused};

fn assert_taken(err: &Error) {
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert!(
        err.to_string().starts_with("Destination already exists: "),
        "{err}"
    );
}

fn assert_no_source(err: &Error) {
    assert_eq!(err.kind(), ErrorKind::NotFound);
    assert!(err.to_string().starts_with("Source not found: "), "{err}");
}

/// After a copy there are two objects, and each lives on its own.
pub async fn a_copy_leaves_the_source(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    store.copy("a", "deep/b", Create).await?;
    assert_eq!(store.read_bytes("deep/b").await?, "a");
    put(store, "deep/b").await?;
    assert_eq!(
        store.read_bytes("a").await?,
        "a",
        "the source does not follow its copy"
    );
    Ok(())
}

/// A taken destination is replaced only when asked for.
pub async fn a_copy_respects_a_taken_destination(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    put(store, "b").await?;
    assert_taken(&refused(
        store.copy("a", "b", Create).await,
        "copying onto an object",
    ));
    assert_eq!(store.read_bytes("b").await?, "b");
    store.copy("a", "b", Overwrite).await?;
    assert_eq!(store.read_bytes("b").await?, "a");
    Ok(())
}

/// Without a source the destination stays as it was.
pub async fn a_copy_without_a_source_is_not_found(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "b").await?;
    assert_no_source(&refused(
        store.copy("missing", "b", Overwrite).await,
        "copying nothing",
    ));
    assert_no_source(&refused(
        store.copy("missing", "missing", Overwrite).await,
        "copying nothing",
    ));
    assert_eq!(store.read_bytes("b").await?, "b");
    Ok(())
}

/// After a move there is one object, at its new place.
pub async fn a_move_takes_the_source_away(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    store.rename("a", "deep/b", Create).await?;
    assert_eq!(store.read_bytes("deep/b").await?, "a");
    assert!(!store.exists("a").await?);
    Ok(())
}

/// A taken destination is replaced only when asked for.
pub async fn a_move_respects_a_taken_destination(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    put(store, "b").await?;
    assert_taken(&refused(
        store.rename("a", "b", Create).await,
        "moving onto an object",
    ));
    assert_eq!(store.read_bytes("a").await?, "a");
    store.rename("a", "b", Overwrite).await?;
    assert_eq!(store.read_bytes("b").await?, "a");
    assert!(!store.exists("a").await?);
    Ok(())
}

/// Without a source the destination stays as it was.
pub async fn a_move_without_a_source_is_not_found(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "b").await?;
    assert_no_source(&refused(
        store.rename("missing", "b", Overwrite).await,
        "moving nothing",
    ));
    assert_no_source(&refused(
        store.rename("missing", "missing", Create).await,
        "moving nothing",
    ));
    assert_eq!(store.read_bytes("b").await?, "b");
    Ok(())
}

/// An object copied or moved onto itself is still there.
pub async fn onto_itself_nothing_happens(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    for mode in [Create, Overwrite] {
        store.copy("a", "/a", mode).await?;
        store.rename("a", "./a", mode).await?;
    }
    assert_eq!(store.read_bytes("a").await?, "a");
    Ok(())
}
