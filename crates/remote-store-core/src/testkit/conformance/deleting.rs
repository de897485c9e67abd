//! Promises about deleting objects.

use futures_util::StreamExt;
use futures_util::stream;

use crate::error::{ErrorKind, Result};
use crate::testkit::Specimen;

use super::{put, refused};

/// Deleted is gone, and only that.
pub async fn a_deleted_object_is_gone(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a/x").await?;
    put(store, "a/xy").await?;
    store.delete("a/x", false).await?;
    assert!(!store.exists("a/x").await?);
    assert_eq!(store.read_bytes("a/xy").await?, "a/xy");
    Ok(())
}

/// Deleting nothing is an error, unless asked otherwise.
pub async fn deleting_a_missing_object_is_not_found(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let err = refused(store.delete("no/such", false).await, "deleting nothing");
    assert_eq!(err.kind(), ErrorKind::NotFound);
    store.delete("no/such", true).await
}

/// Every path gets its result, in order; missing ones count as deleted.
pub async fn many_are_deleted_with_one_result_each(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["a", "b/c", "keep"] {
        put(store, path).await?;
    }
    let paths = ["b/c", "missing", "a"].map(str::to_owned).to_vec();
    let results = store.delete_many(paths.clone()).await?;
    assert_eq!(
        results
            .iter()
            .map(|(path, _)| path.clone())
            .collect::<Vec<_>>(),
        paths
    );
    assert!(results.iter().all(|(_, result)| result.is_ok()));
    assert!(!store.is_file("a").await? && !store.is_file("b/c").await?);
    assert!(store.is_file("keep").await?);
    assert!(store.delete_many(Vec::new()).await?.is_empty());
    Ok(())
}

/// More than a thousand, the most that one request takes on S3.
pub async fn more_are_deleted_than_one_request_takes(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let paths: Vec<String> = (0..1003).map(|n| format!("many/{n:04}")).collect();
    stream::iter(&paths)
        .for_each_concurrent(32, |path| async move { drop(put(store, path).await) })
        .await;
    assert!(store.is_file("many/1002").await?);
    let results = store.delete_many(paths).await?;
    assert_eq!(
        results.iter().filter(|(_, result)| result.is_ok()).count(),
        1003
    );
    assert!(store.list_page("many", None, 1).await?.objects.is_empty());
    Ok(())
}
