//! Promises about reading.

use futures_util::{StreamExt, TryStreamExt};

use crate::error::{ErrorKind, Result};
use crate::model::{ReadRange, WriteOptions};
use crate::testkit::Specimen;

use super::{pattern, put, refused};

/// Reading, or asking about, what is not there is `NotFound` and names it.
pub async fn a_missing_object_is_not_found(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    for path in ["missing", "no/such/object"] {
        let read = refused(store.read_bytes(path).await, "reading");
        let head = refused(store.head(path).await, "head");
        for err in [read, head] {
            assert_eq!(err.kind(), ErrorKind::NotFound);
            assert!(
                err.is_missing_object(),
                "an object is missing, not a bucket"
            );
            assert!(
                err.path().is_some_and(|named| named.ends_with(path)),
                "the error names the path"
            );
            assert_eq!(err.backend(), Some(store.backend().name()));
        }
        assert!(!store.exists(path).await?);
        assert!(!store.is_file(path).await?);
    }
    Ok(())
}

/// Bytes come back as they went in.
pub async fn what_was_written_is_read_back(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let bytes = pattern(100_000);
    store
        .write(
            "deep/down/object.bin",
            bytes.clone(),
            &WriteOptions::create(),
        )
        .await?;
    assert_eq!(store.read_bytes("deep/down/object.bin").await?, bytes);
    assert!(store.is_file("deep/down/object.bin").await?);
    assert!(store.exists("deep/down").await?);
    Ok(())
}

/// No bytes are an object too.
pub async fn an_empty_object_is_an_object(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("empty", "".into(), &WriteOptions::create())
        .await?;
    assert!(store.is_file("empty").await?);
    assert_eq!(store.read_bytes("empty").await?.len(), 0);
    assert_eq!(store.head("empty").await?.size, 0);
    assert!(store.read("empty").await?.next_chunk().await?.is_none());
    Ok(())
}

/// A range gives its bytes, and says which they are.
pub async fn ranges_are_those_asked_for(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("digits", "0123456789".into(), &WriteOptions::create())
        .await?;
    let ranges = [
        (ReadRange::All, "0123456789", 0..10),
        (ReadRange::Bounded(2..5), "234", 2..5),
        (ReadRange::Bounded(8..20), "89", 8..10),
        (ReadRange::From(7), "789", 7..10),
        (ReadRange::From(0), "0123456789", 0..10),
        (ReadRange::Suffix(3), "789", 7..10),
        (ReadRange::Suffix(30), "0123456789", 0..10),
    ];
    for (range, expected, place) in ranges {
        let reader = store.open("digits", range).await?;
        assert_eq!(reader.info().size, 10, "the size is that of the object");
        assert_eq!(reader.range(), place);
        assert_eq!(reader.bytes().await?, expected);
    }
    Ok(())
}

/// Where nothing is, nothing is read; that is how a growing log is followed.
pub async fn a_range_beyond_the_end_reads_as_empty(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    store
        .write("digits", "0123456789".into(), &WriteOptions::create())
        .await?;
    store
        .write("empty", "".into(), &WriteOptions::create())
        .await?;
    let ranges = [
        ReadRange::From(10),
        ReadRange::From(99),
        ReadRange::Bounded(10..12),
        ReadRange::Bounded(3..3),
    ];
    for range in ranges.into_iter().chain([ReadRange::Suffix(0)]) {
        assert_eq!(store.read_range("digits", range.clone()).await?.len(), 0);
        assert_eq!(store.read_range("empty", range.clone()).await?.len(), 0);
        let missing = refused(store.read_range("missing", range).await, "reading");
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
    Ok(())
}

/// Several ranges come in the order asked, overlapping or not.
pub async fn several_ranges_come_in_the_order_asked(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let bytes = pattern(300_000);
    store
        .write("parts", bytes.clone(), &WriteOptions::create())
        .await?;
    let got = store
        .get_ranges(
            "parts",
            &[250_000..250_010, 0..4, 2..6, 100_000..100_001, 5..5],
        )
        .await?;
    let expected = [
        bytes.slice(250_000..250_010),
        bytes.slice(0..4),
        bytes.slice(2..6),
        bytes.slice(100_000..100_001),
        <_>::default(),
    ];
    assert_eq!(got, expected);
    Ok(())
}

/// A reader gives all bytes once, in order.
pub async fn a_reader_yields_the_object_in_pieces(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let bytes = pattern(9 << 20);
    store
        .write("large", bytes.clone(), &WriteOptions::create())
        .await?;
    let pieces: Vec<_> = store
        .read("large")
        .await?
        .into_stream()
        .try_collect()
        .await?;
    assert!(pieces.concat() == bytes, "the pieces are the object");
    let mut reader = store.read("large").await?;
    assert!(
        reader.next_chunk().await?.is_some(),
        "a reader may be dropped half way"
    );
    Ok(())
}

/// Many objects come in the order asked, whatever comes first.
pub async fn many_reads_come_in_the_order_asked(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    let paths: Vec<String> = (0..40).rev().map(|n| format!("many/{n:02}")).collect();
    for path in &paths {
        put(store, path).await?;
    }
    for window in [0, 1, 7, 100] {
        let all: Vec<_> = store.read_many(paths.clone(), window).try_collect().await?;
        assert_eq!(all, paths);
    }
    Ok(())
}

/// The first path in order that fails is the one that is told, and the last.
pub async fn the_first_failing_path_ends_many_reads(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "a").await?;
    put(store, "c").await?;
    let paths = ["a", "missing-1", "c", "missing-2"]
        .map(str::to_owned)
        .to_vec();
    let all: Vec<_> = store.read_many(paths, 4).collect().await;
    assert_eq!(all.len(), 2, "nothing follows the error");
    let last = all.into_iter().next_back().and_then(Result::err);
    assert!(last.is_some_and(|err| err.path().is_some_and(|path| path.ends_with("missing-1"))));
    Ok(())
}

/// Missing objects can be asked for without an error.
pub async fn missing_objects_are_none_when_asked_so(specimen: &Specimen) -> Result<()> {
    let store = &specimen.store;
    put(store, "there").await?;
    let paths = ["missing", "there"].map(str::to_owned).to_vec();
    let all: Vec<_> = store.read_many_or_missing(paths, 2).try_collect().await?;
    assert_eq!(all, [None, Some("there".into())]);
    Ok(())
}
