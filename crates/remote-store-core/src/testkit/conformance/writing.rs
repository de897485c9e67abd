//! Promises about writing.

use std::collections::BTreeMap;

use crate::capability::Capability;
use crate::error::{ErrorKind, Result};
use crate::model::{ListOptions, WriteOptions};
use crate::testkit::{Difference, Specimen};

use super::{pattern, put, refused};

/// A taken name is not replaced in create mode.
pub async fn create_refuses_a_taken_name(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("x", "old".into(), &WriteOptions::create())
        .await?;
    let err = refused(
        store
            .write("x", "new".into(), &WriteOptions::create())
            .await,
        "a second create",
    );
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    assert!(
        err.to_string().starts_with("File already exists: "),
        "{err}"
    );
    assert_eq!(store.read_bytes("x").await?, "old");
    Ok(())
}

/// Overwriting puts the new object in the place of the old one, or of none.
pub async fn overwrite_replaces_and_creates(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for content in ["first", "a longer second", "3"] {
        let result = store
            .write("x", content.into(), &WriteOptions::overwrite())
            .await?;
        assert_eq!(result.size, content.len() as u64);
        assert_eq!(store.read_bytes("x").await?, content);
    }
    Ok(())
}

/// What is known without reading is right.
pub async fn head_tells_size_and_time(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("a/x", "12345".into(), &WriteOptions::create())
        .await?;
    let info = store.head("a/x").await?;
    assert_eq!((info.key.as_str(), info.size), ("a/x", 5));
    assert!(info.modified.is_some());
    store
        .write("a/x", "other".into(), &WriteOptions::overwrite())
        .await?;
    if let (Some(before), Some(after)) = (info.etag, store.head("a/x").await?.etag) {
        assert_ne!(before, after, "the tag changes with the content");
    }
    Ok(())
}

/// Text pairs come back, also after an overwrite without them they do not.
pub async fn user_metadata_is_kept(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let pairs: BTreeMap<String, String> = [("run-id", "r1"), ("step", "load orders")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let options = WriteOptions::overwrite()
        .with_user_metadata(pairs.clone())
        .with_content_type("text/plain");
    store.write("x", "y".into(), &options).await?;
    let info = store.head("x").await?;
    assert_eq!(info.user_metadata, pairs);
    assert_eq!(info.content_type.as_deref(), Some("text/plain"));
    store
        .write("x", "y".into(), &WriteOptions::overwrite())
        .await?;
    assert!(store.head("x").await?.user_metadata.is_empty());
    Ok(())
}

/// What cannot be kept is refused before anything is written.
pub async fn user_metadata_that_cannot_be_kept_is_refused(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let with = |name: &str, value: String| {
        WriteOptions::create().with_user_metadata([(name.to_owned(), value)].into())
    };
    for options in [
        with("", "v".into()),
        with("_x", "v".into()),
        with("ü", "v".into()),
        with("x", "v".repeat(2048)),
    ] {
        let err = refused(store.write("x", "y".into(), &options).await, "bad metadata");
        assert_eq!(err.kind(), ErrorKind::InvalidMetadata);
    }
    if !store.supports(Capability::UserMetadata) {
        let err = refused(
            store.write("x", "y".into(), &with("a", "b".into())).await,
            "metadata",
        );
        assert_eq!(err.kind(), ErrorKind::CapabilityNotSupported);
    }
    assert!(!store.exists("x").await?);
    Ok(())
}

/// Objects larger than a part are whole.
pub async fn a_large_object_is_written_whole(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let bytes = pattern((33 << 20) + 7);
    let result = store
        .write("large", bytes.clone(), &WriteOptions::create())
        .await?;
    assert_eq!(result.size, bytes.len() as u64);
    assert!(
        store.read_bytes("large").await? == bytes,
        "the object is whole"
    );
    let err = refused(
        store.write("large", bytes, &WriteOptions::create()).await,
        "a second create",
    );
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    Ok(())
}

/// Before the end there is nothing, in no listing either.
pub async fn a_writer_shows_nothing_before_it_is_finished(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let mut writer = store.writer("new/x", &WriteOptions::create()).await?;
    writer.write("some".into()).await?;
    assert!(!store.is_file("new/x").await?);
    assert!(store.list_page("", None, 10).await?.objects.is_empty());
    assert!(store.list_level("new").await?.is_empty());
    writer.write(" bytes".into()).await?;
    let result = writer.finish().await?;
    assert_eq!(result.size, 10);
    assert_eq!(store.read_bytes("new/x").await?, "some bytes");
    Ok(())
}

/// A writer that is dropped leaves what was there, and nothing else.
pub async fn a_dropped_writer_leaves_the_old_object(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("x", "old".into(), &WriteOptions::create())
        .await?;
    let mut writer = store.writer("x", &WriteOptions::overwrite()).await?;
    writer.write(pattern(100_000)).await?;
    drop(writer);
    assert_eq!(store.read_bytes("x").await?, "old");
    assert_eq!(store.list_level("").await?.objects.len(), 1);
    Ok(())
}

/// An aborted writer leaves nothing, also when parts were sent already.
pub async fn an_aborted_writer_leaves_nothing(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let mut writer = store.writer("x", &WriteOptions::create()).await?;
    writer.write(pattern(9 << 20)).await?;
    writer.abort().await?;
    assert!(!store.exists("x").await?);
    assert!(store.list_level("").await?.is_empty());
    Ok(())
}

/// Pieces of any size make one object.
pub async fn a_writer_takes_large_objects_in_pieces(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let bytes = pattern((20 << 20) + 3);
    let mut writer = store.writer("large", &WriteOptions::overwrite()).await?;
    let mut rest = bytes.clone();
    for size in [1, 70_000, 9 << 20, 0, 5, 8 << 20] {
        writer.write(rest.split_to(size.min(rest.len()))).await?;
    }
    writer.write(rest).await?;
    let result = writer.finish().await?;
    assert_eq!(result.size, bytes.len() as u64);
    assert!(
        store.read_bytes("large").await? == bytes,
        "the object is whole"
    );
    assert_eq!(
        store
            .list("", &ListOptions::recursive())?
            .count_ok()
            .await?,
        1
    );
    Ok(())
}

/// A taken name is refused, at the latest when the writer is finished.
pub async fn a_writer_in_create_mode_refuses_a_taken_name(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let mut late = store.writer("x", &WriteOptions::create()).await?;
    late.write("late".into()).await?;
    put(store, "x").await?;
    let err = refused(late.finish().await, "finishing over an object");
    assert_eq!(err.kind(), ErrorKind::AlreadyExists);
    let early = match store.writer("x", &WriteOptions::create()).await {
        Err(err) => err,
        Ok(writer) => refused(writer.finish().await, "a create over an object"),
    };
    assert_eq!(early.kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.read_bytes("x").await?, "x");
    Ok(())
}

/// Stores that are trees refuse to write below an object.
pub async fn nothing_is_written_below_an_object(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !specimen.has(Difference::StrictTree) {
        return Ok(());
    }
    put(store, "a").await?;
    for path in ["a/b", "a/b/c"] {
        let err = refused(
            store
                .write(path, "y".into(), &WriteOptions::overwrite())
                .await,
            "writing below an object",
        );
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
        assert!(
            err.to_string().contains('a'),
            "the error names the object in the way: {err}"
        );
    }
    assert_eq!(store.read_bytes("a").await?, "a");
    Ok(())
}

/// Stores that are trees refuse to write onto a folder.
pub async fn nothing_is_written_onto_a_folder(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !specimen.has(Difference::StrictTree) {
        return Ok(());
    }
    put(store, "a/b").await?;
    for options in [WriteOptions::create(), WriteOptions::overwrite()] {
        let err = refused(
            store.write("a", "y".into(), &options).await,
            "writing onto a folder",
        );
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
    assert_eq!(store.read_bytes("a/b").await?, "a/b");
    Ok(())
}

/// Counts what a listing yields.
trait CountOk {
    async fn count_ok(self) -> Result<usize>;
}

impl CountOk for futures_util::stream::BoxStream<'static, Result<crate::model::ObjectInfo>> {
    async fn count_ok(self) -> Result<usize> {
        use futures_util::TryStreamExt;
        self.try_fold(0, |count, _| std::future::ready(Ok(count + 1)))
            .await
    }
}
