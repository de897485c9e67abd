//! Promises about listings.

use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};

use crate::error::Result;
use crate::model::ListOptions;
use crate::store::Store;
use crate::testkit::Specimen;

use super::put;

pub(super) async fn keys(store: &Store, path: &str, options: &ListOptions) -> Result<Vec<String>> {
    store
        .list(path, options)?
        .map_ok(|info| info.key.to_string())
        .try_collect()
        .await
}

/// What is not there lists as nothing; so does an object.
pub async fn a_missing_folder_lists_nothing(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a/object").await?;
    for path in ["missing", "a/object", "a/obj"] {
        assert!(
            keys(store, path, &ListOptions::recursive())
                .await?
                .is_empty(),
            "{path}"
        );
        assert!(
            keys(store, path, &ListOptions::flat()).await?.is_empty(),
            "{path}"
        );
        assert!(store.list_level(path).await?.is_empty(), "{path}");
    }
    Ok(())
}

/// The order is that of the bytes of the keys.
pub async fn listings_are_sorted_by_key(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let mut paths = [
        "b", "a/z", "a-b/x", "a.txt", "a0", "B", "a/b/c", "ä", "a/b.txt", "a/b-c",
    ]
    .map(str::to_owned);
    for path in &paths {
        put(store, path).await?;
    }
    specimen.sort(&mut paths);
    assert_eq!(keys(store, "", &ListOptions::recursive()).await?, paths);
    let below: Vec<_> = paths
        .iter()
        .filter(|path| path.starts_with("a/"))
        .cloned()
        .collect();
    assert_eq!(keys(store, "a", &ListOptions::recursive()).await?, below);
    Ok(())
}

/// One level shows what lies directly in a folder.
pub async fn one_level_has_objects_and_folders(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["f/x", "f/y", "f/sub/z", "f/tub/deep/z", "g"] {
        put(store, path).await?;
    }
    let level = store.list_level("f").await?;
    let objects: Vec<_> = level
        .objects
        .iter()
        .map(|info| (info.key.as_str(), info.size))
        .collect();
    assert_eq!(objects, [("f/x", 3), ("f/y", 3)]);
    assert_eq!(
        level
            .folders
            .iter()
            .map(crate::key::Prefix::as_str)
            .collect::<Vec<_>>(),
        ["f/sub", "f/tub"]
    );
    assert_eq!(store.list_level("").await?.folders.len(), 1);
    Ok(())
}

/// A depth says how many levels of folders are entered.
pub async fn depth_bounds_a_listing(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["1", "a/2", "a/b/3", "a/b/c/4"] {
        put(store, path).await?;
    }
    let bounded = |depth| ListOptions::recursive().with_max_depth(depth);
    assert_eq!(keys(store, "", &ListOptions::flat()).await?, ["1"]);
    assert_eq!(keys(store, "", &bounded(0)).await?, ["1"]);
    assert_eq!(keys(store, "", &bounded(1)).await?, ["1", "a/2"]);
    assert_eq!(keys(store, "a", &bounded(1)).await?, ["a/2", "a/b/3"]);
    assert_eq!(keys(store, "", &bounded(9)).await?.len(), 4);
    Ok(())
}

/// Page after page, everything once.
pub async fn pages_cover_everything_once(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let mut paths: Vec<String> = (0..11).map(|n| format!("p/{}/{n:02}", n % 3)).collect();
    paths.extend(["p/1.txt".to_owned(), "q".to_owned()]);
    for path in &paths {
        put(store, path).await?;
    }
    paths.pop();
    specimen.sort(&mut paths);
    for limit in [1, 5, 12, 50] {
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let page = store.list_page("p", token.as_ref(), limit).await?;
            assert!(page.objects.len() <= limit);
            assert!(seen.len() <= paths.len(), "pages go round in circles");
            seen.extend(page.objects.into_iter().map(|info| info.key.to_string()));
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, paths, "limit {limit}");
    }
    Ok(())
}

/// More than a thousand, the most that one answer holds on S3.
pub async fn more_objects_are_listed_than_one_answer_holds(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let paths: Vec<String> = (0..1101).map(|n| format!("many/{n:04}")).collect();
    stream::iter(&paths)
        .for_each_concurrent(32, |path| async move { drop(put(store, path).await) })
        .await;
    assert_eq!(keys(store, "many", &ListOptions::recursive()).await?, paths);
    assert_eq!(store.list_level("many").await?.objects.len(), paths.len());
    store.delete_folder("many", true, false).await?;
    assert!(!store.exists("many").await?);
    Ok(())
}
