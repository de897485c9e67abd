//! Promises about writes on condition: of many, exactly one succeeds.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{ListOptions, WriteOptions, WriteResult};
use crate::runtime;
use crate::store::Store;
use crate::testkit::{Difference, Specimen};

use super::{pattern, refused};

/// How many writers race.
const WRITERS: usize = 16;
/// How many race with large objects, all of which are in memory at once on a server.
const LARGE_WRITERS: usize = 4;

/// What was seen is replaced; what came after it is not.
pub async fn an_update_replaces_what_was_seen_and_nothing_else(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !store.supports_conditional_update() {
        let options = WriteOptions::if_match("tag");
        let asked = store.write("x", "1".into(), &options).await;
        let err = refused(asked, "an update on condition");
        assert_eq!(err.kind(), ErrorKind::CapabilityNotSupported);
        return Ok(());
    }
    let first = store
        .write("a/x", "1".into(), &WriteOptions::create())
        .await?;
    let head = store.head("a/x").await?;
    assert_eq!(first.revision(), head.revision(), "both tell the same tag");
    let seen = revision(head.revision());
    let second = store
        .write("a/x", "2".into(), &WriteOptions::if_match(seen.clone()))
        .await?;
    for late in [
        seen.clone(),
        seen.etag.as_str().into(),
        "no-such-tag".into(),
    ] {
        let options = WriteOptions::if_match(late);
        conflict(store.write("a/x", "lost".into(), &options).await, "a/x");
    }
    // The tag alone, as other processes know it, is enough.
    let by_tag = WriteOptions::if_match(revision(second.revision()).etag);
    store.write("a/x", "3".into(), &by_tag).await?;
    assert_eq!(store.read_bytes("a/x").await?, "3");
    Ok(())
}

/// Nothing is no content that could be replaced, and nothing is left behind.
pub async fn an_update_of_a_missing_object_is_a_conflict(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !store.supports_conditional_update() {
        return Ok(());
    }
    let options = WriteOptions::if_match("\"0123456789abcdef0123456789abcdef\"");
    conflict(store.write("a/x", "1".into(), &options).await, "a/x");
    let written = store
        .write("a/y", "1".into(), &WriteOptions::create())
        .await?;
    store.delete("a/y", false).await?;
    let gone = WriteOptions::if_match(revision(written.revision()));
    conflict(store.write("a/y", "2".into(), &gone).await, "a/y");
    assert!(!store.exists("a/x").await? && !store.exists("a/y").await?);
    Ok(())
}

/// Also a large object and one written piece by piece are replaced on condition.
pub async fn a_writer_replaces_on_condition(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !store.supports_conditional_update() {
        return Ok(());
    }
    let large = pattern((33 << 20) + 7);
    let first = store
        .write("x", "1".into(), &WriteOptions::create())
        .await?;
    let seen = WriteOptions::if_match(revision(first.revision()));
    let second = store.write("x", large.clone(), &seen).await?;
    conflict(store.write("x", large.clone(), &seen).await, "x");
    let mut late = match store.writer("x", &seen).await {
        // Some know at once.
        Err(err) => {
            assert_eq!(err.kind(), ErrorKind::Conflict);
            None
        }
        Ok(writer) => Some(writer),
    };
    if let Some(mut writer) = late.take() {
        writer.write("lost".into()).await?;
        conflict(writer.finish().await, "x");
    }
    assert!(store.read_bytes("x").await? == large, "the object is whole");
    let options = WriteOptions::if_match(revision(second.revision()));
    let mut writer = store.writer("x", &options).await?;
    for piece in [large.slice(..9 << 20), large.slice(9 << 20..20 << 20)] {
        writer.write(piece).await?;
    }
    writer.finish().await?;
    assert!(
        store.read_bytes("x").await? == large.slice(..20 << 20),
        "the pieces are in order"
    );
    Ok(())
}

/// Of writers that saw the same content, exactly one replaces it, every time.
pub async fn racing_updates_have_one_winner(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    if !store.supports_conditional_update() {
        return Ok(());
    }
    let mut seen = store
        .write("race", "0".into(), &WriteOptions::create())
        .await?;
    for round in 0..3 {
        let options = WriteOptions::if_match(revision(seen.revision()));
        let contents: Vec<Bytes> = (0..WRITERS)
            .map(|writer| format!("round {round}, writer {writer}").into())
            .collect();
        let outcomes = race(store, "race", &contents, &options);
        seen = one_winner(store, "race", &contents, outcomes, ErrorKind::Conflict).await?;
    }
    Ok(())
}

/// A counter that many raise at once loses no step.
pub async fn updates_lose_no_step_of_a_counter(specimen: &Specimen) -> Result<()> {
    const RAISERS: usize = 4;
    const STEPS: usize = 3;
    let store = &specimen.store;
    if !store.supports_conditional_update() {
        return Ok(());
    }
    store
        .write("counter", "0".into(), &WriteOptions::create())
        .await?;
    let raised = std::thread::scope(|scope| {
        let raise = || runtime::block_on(store.driver(), raise(store, STEPS)).and_then(|done| done);
        let raisers: Vec<_> = (0..RAISERS).map(|_| scope.spawn(raise)).collect();
        raisers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect::<Vec<_>>()
    });
    for outcome in raised {
        assert!(matches!(outcome, Ok(Ok(()))), "a raiser failed");
    }
    let steps = (RAISERS * STEPS).to_string();
    assert_eq!(store.read_bytes("counter").await?, steps);
    Ok(())
}

async fn raise(store: &Store, steps: usize) -> Result<()> {
    for _ in 0..steps {
        loop {
            // Content and tag of one answer, not of two.
            let reader = store.read("counter").await?;
            let seen = revision(reader.info().revision());
            let text = reader.bytes().await?;
            let count: usize = String::from_utf8_lossy(&text).parse().unwrap_or_default();
            let next = (count + 1).to_string();
            let options = WriteOptions::if_match(seen);
            match store.write("counter", next.into(), &options).await {
                Err(Error::Conflict { .. }) => {}
                outcome => break outcome.map(drop)?,
            }
        }
    }
    Ok(())
}

/// Of writers that create the same name at once, exactly one succeeds.
pub async fn racing_creates_have_one_winner(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let contents: Vec<Bytes> = (0..WRITERS)
        .map(|writer| format!("writer {writer}").into())
        .collect();
    let outcomes = race(store, "race", &contents, &WriteOptions::create());
    one_winner(store, "race", &contents, outcomes, ErrorKind::AlreadyExists)
        .await
        .map(drop)
}

/// As small objects, so those that go out in parts.
pub async fn racing_creates_of_large_objects_have_one_winner(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let whole = pattern((33 << 20) + LARGE_WRITERS);
    // Slices that differ, of one buffer: as many contents as writers would not fit.
    let contents: Vec<Bytes> = (0..LARGE_WRITERS)
        .map(|writer| whole.slice(writer..whole.len() - LARGE_WRITERS + writer))
        .collect();
    let outcomes = race(store, "race", &contents, &WriteOptions::create());
    one_winner(store, "race", &contents, outcomes, ErrorKind::AlreadyExists)
        .await
        .map(drop)
}

/// Also writers that were all begun before any is finished have one winner.
pub async fn racing_writers_of_one_name_have_one_winner(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let whole = pattern((9 << 20) + WRITERS);
    let contents: Vec<Bytes> = (0..WRITERS)
        .map(|writer| whole.slice(writer..whole.len() - WRITERS + writer))
        .collect();
    let begun = std::sync::Barrier::new(WRITERS);
    let write = async |content: Bytes| {
        let writer = store.writer("race", &WriteOptions::create()).await;
        begun.wait();
        let mut writer = writer?;
        for piece in [content.slice(..1 << 20), content.slice(1 << 20..)] {
            writer.write(piece).await?;
        }
        writer.finish().await
    };
    let write = |content| runtime::block_on(store.driver(), write(content)).and_then(|done| done);
    let outcomes = side_by_side(&contents, &write);
    if specimen.has(Difference::LooseParts) {
        return some_winner(store, "race", &contents, outcomes).await;
    }
    one_winner(store, "race", &contents, outcomes, ErrorKind::AlreadyExists)
        .await
        .map(drop)
}

/// One thread for each content; what became of each.
fn race(
    store: &Store,
    path: &str,
    contents: &[Bytes],
    options: &WriteOptions,
) -> Vec<Result<WriteResult>> {
    let start = std::sync::Barrier::new(contents.len());
    let write = |content: Bytes| {
        start.wait();
        runtime::block_on(store.driver(), store.write(path, content, options))
            .and_then(|written| written)
    };
    side_by_side(contents, &write)
}

fn side_by_side(
    contents: &[Bytes],
    write: &(impl Fn(Bytes) -> Result<WriteResult> + Sync),
) -> Vec<Result<WriteResult>> {
    let panicked = |_| Err(Error::unavailable("race", "A writer panicked"));
    std::thread::scope(|scope| {
        let writers: Vec<_> = contents
            .iter()
            .map(|content| scope.spawn(move || write(content.clone())))
            .collect();
        let outcomes = writers.into_iter().map(std::thread::ScopedJoinHandle::join);
        outcomes
            .map(|outcome| outcome.unwrap_or_else(panicked))
            .collect()
    })
}

/// Exactly one succeeded, all others were told `refusal`, the winner's content
/// is there whole, and nothing else is.
async fn one_winner(
    store: &Store,
    path: &str,
    contents: &[Bytes],
    outcomes: Vec<Result<WriteResult>>,
    refusal: ErrorKind,
) -> Result<WriteResult> {
    let mut winner = None;
    for (content, outcome) in contents.iter().zip(outcomes) {
        match outcome {
            Ok(result) => {
                assert!(winner.is_none(), "two writers won");
                winner = Some((content, result));
            }
            Err(err) => assert_eq!(err.kind(), refusal, "{err}"),
        }
    }
    let Some((content, result)) = winner else {
        return Err(Error::unavailable("race", "No writer won"));
    };
    assert!(
        store.read_bytes(path).await? == content,
        "the winner's content is there"
    );
    let info = store.head(path).await?;
    if result.etag.is_some() {
        assert_eq!(result.etag, info.etag, "the winner knows its tag");
    }
    let all = super::listing::keys(store, "", &ListOptions::recursive()).await?;
    assert_eq!(all, [path], "nothing else is left");
    Ok(result)
}

/// At least one succeeded, the others were refused, and a winner's content is there whole.
async fn some_winner(
    store: &Store,
    path: &str,
    contents: &[Bytes],
    outcomes: Vec<Result<WriteResult>>,
) -> Result<()> {
    let mut winners = Vec::new();
    for (content, outcome) in contents.iter().zip(outcomes) {
        match outcome {
            Ok(_) => winners.push(content),
            Err(err) => assert_eq!(err.kind(), ErrorKind::AlreadyExists, "{err}"),
        }
    }
    let stored = store.read_bytes(path).await?;
    assert!(
        winners.iter().any(|content| stored == *content),
        "a winner's content is there"
    );
    Ok(())
}

#[allow(
    clippy::panic,
    reason = "a check panics to say that a promise is broken"
)]
fn revision(told: Option<crate::model::Revision>) -> crate::model::Revision {
    told.unwrap_or_else(|| panic!("a store that compares tags tells them"))
}

fn conflict<T>(outcome: Result<T>, path: &str) {
    let err = refused(outcome, "an update of something else");
    assert_eq!(err.kind(), ErrorKind::Conflict, "{err}");
    let text = err.to_string();
    assert!(text.contains(path) && text.contains("retry"), "{text}");
}
