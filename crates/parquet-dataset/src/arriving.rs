//! A large object that is decoded while it is read.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::thread;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::sink::SinkExt;
use futures_util::stream::StreamExt;
use remote_store_core::{
    Driver, Error as StoreError, FileParts, ObjectReader, PartsInOrder, ReadRange,
    Result as StoreResult, Store, runtime,
};
use remote_store_serializers::parquet::{ColumnRun, footer_len};
use remote_store_serializers::{ParquetFile, SerializeError, Table};

use crate::error::Result;
use crate::object::{Loaded, SMALL_TABLE_ROWS, TAIL_BYTES, decoded, is_same, outcome};

/// Runs that wait for a thread that decodes, beside the one that arrives.
const RUNS_WAITING: usize = 2;

/// Smaller objects are fetched whole: many pieces at a time use a line better.
const STREAMED_BYTES: u64 = 64 << 20;
/// Smaller files are read whole.
const LARGE_FILE_BYTES: u64 = 1 << 20;
/// Of more columns, each is decoded by itself only where it has many rows.
const FEW_COLUMNS: usize = 64;

/// A run and its bytes, each part with the place where it starts.
type Arrived = (ColumnRun, Parts);
type Parts = Vec<(u64, Bytes)>;

/// A file whose footer is known, and the columns of it that are wanted.
struct Wanted {
    file: ParquetFile,
    columns: Option<Vec<String>>,
    runs: Vec<ColumnRun>,
    /// From the front of the file to its end, and of which run each is.
    ranges: Vec<(Range<u64>, usize)>,
}

/// Whether an object is decoded while it is read.
pub(crate) fn is_worth_it(object: &ObjectReader) -> bool {
    let size = object.info().size;
    (object.is_in_pieces() && size > STREAMED_BYTES)
        || (object.is_file() && size > LARGE_FILE_BYTES)
}

/// Decodes an object while it is read.
///
/// # Errors
/// What the store fails with while the bytes move, [`StoreError::Conflict`] when it was replaced
/// meanwhile, else what decoding fails with.
pub(crate) async fn load(
    store: &Store,
    path: &str,
    columns: Option<&[String]>,
    object: ObjectReader,
) -> Result<Loaded> {
    let object = match object.into_file_parts() {
        Ok(parts) => {
            // Dropped with this future, when whoever waits for it was interrupted.
            let waiting = Arc::new(());
            let (is_waited_for, columns) = (Arc::downgrade(&waiting), columns.map(<[_]>::to_vec));
            let loaded = aside(move || load_file(&parts, columns.as_deref(), &is_waited_for));
            return outcome(loaded?).await;
        }
        Err(object) => *object,
    };
    let info = object.info();
    let mut length = TAIL_BYTES;
    let tail = loop {
        let end = store.open(path, ReadRange::Suffix(length)).await?;
        if !is_same(end.info(), info) {
            return Err(StoreError::conflict(path, store.backend().name()).into());
        }
        let tail = end.bytes().await?;
        let needed = footer_len(&tail)?;
        if needed <= tail.len() || length >= info.size {
            break tail;
        }
        length = needed as u64;
    };
    let file = ParquetFile::open_tail(info.size, tail)?;
    match Wanted::new(file, columns)? {
        Some(wanted) => Ok(Loaded::Table(wanted.decode_passing(object).await?)),
        None => decoded(object.bytes().await?, columns),
    }
}

/// Decodes a file: each thread reads what it needs.
fn load_file(
    parts: &FileParts,
    columns: Option<&[String]>,
    is_waited_for: &Weak<()>,
) -> Result<Loaded> {
    let size = parts.size();
    let load = || {
        let mut length = TAIL_BYTES.min(size);
        let tail = loop {
            let tail = parts.read(size - length..size)?;
            let needed = footer_len(&tail)? as u64;
            if needed <= length || length == size {
                break tail;
            }
            length = needed.min(size);
        };
        let file = ParquetFile::open_tail(size, tail)?;
        match Wanted::new(file, columns)? {
            Some(wanted) => Ok(Loaded::Table(wanted.decode_file(parts, is_waited_for)?)),
            None => decoded(parts.read(0..size)?, columns),
        }
    };
    let loaded = load();
    // First: what is wrong may be that it was overwritten in place.
    parts.check_unchanged()?;
    loaded
}

impl Wanted {
    /// None where all of it is to be decoded at once: by pyarrow; as many columns of few rows; or
    /// because chunks overlap, as no writer makes them, and what a forged footer claims again and
    /// again would be read as often.
    fn new(file: ParquetFile, columns: Option<&[String]>) -> Result<Option<Self>, SerializeError> {
        let is_wide = file.schema().fields().len() > FEW_COLUMNS;
        if (is_wide && file.num_rows() < SMALL_TABLE_ROWS)
            || file.read_support_for(columns)?.fallback_reason().is_some()
        {
            return Ok(None);
        }
        let runs = file.column_runs(columns)?;
        let ranges = runs.iter().enumerate().flat_map(|(index, run)| {
            let ranges = run.ranges().iter();
            ranges.map(move |range| (range.clone(), index))
        });
        let mut ranges: Vec<_> = ranges.collect();
        ranges.sort_by_key(|(range, _)| (range.start, range.end));
        let nexts = ranges.iter().skip(1);
        let mut pairs = ranges.iter().zip(nexts);
        let are_apart = pairs.all(|((one, _), (next, _))| one.end <= next.start);
        Ok(are_apart.then(|| Self {
            file,
            columns: columns.map(<[String]>::to_vec),
            runs,
            ranges,
        }))
    }

    fn decode_file(
        mut self,
        parts: &FileParts,
        is_waited_for: &Weak<()>,
    ) -> Result<Table, SerializeError> {
        self.runs.sort_by_cached_key(ColumnRun::turn);
        let runs = self.runs.into_iter().map(|run| {
            let ranges = run.ranges().to_vec();
            let read = || {
                let part = |range: Range<u64>| Ok((range.start, parts.read(range)?));
                let parts: StoreResult<Parts> = ranges.into_iter().map(part).collect();
                parts.map_err(|error| io::Error::other(error).into())
            };
            (run, read)
        });
        let runs = runs.take_while(|_| is_waited_for.strong_count() > 0);
        self.file.decode_runs(self.columns.as_deref(), runs)
    }

    async fn decode_passing(self, object: ObjectReader) -> Result<Table> {
        let Self { file, columns, .. } = self;
        let (sender, receiver) = mpsc::channel(RUNS_WAITING);
        let decoded = aside(move || {
            let arriving = Waiting(receiver).map(|(run, parts)| (run, || Ok(parts)));
            file.decode_runs(columns.as_deref(), arriving)
        })?;
        let fed = feed(self.ranges, self.runs, PartsInOrder::new(object), sender).await;
        let decoded = outcome(decoded).await;
        // First: what could not be fetched is missing to the decoder, too.
        fed?;
        Ok(decoded?)
    }
}

/// Takes each range as it passes by, and gives each run to the decoder when all of it is there.
///
/// Ends early when the decoder has given up; why it has, it tells.
async fn feed(
    ranges: Vec<(Range<u64>, usize)>,
    runs: Vec<ColumnRun>,
    mut bytes: PartsInOrder,
    mut decoder: mpsc::Sender<Arrived>,
) -> StoreResult<()> {
    let runs = runs.into_iter().map(|run| Some((run, Vec::new())));
    let mut runs: Vec<Option<Arrived>> = runs.collect();
    let mut at = 0;
    for (range, index) in ranges {
        bytes.skip(range.start.saturating_sub(at)).await?;
        let length = range.end.saturating_sub(range.start);
        let part = bytes
            .next(usize::try_from(length).unwrap_or(usize::MAX))
            .await?;
        at = range.end;
        let Some(waiting) = runs.get_mut(index) else {
            continue;
        };
        if let Some((_, parts)) = waiting {
            parts.push((range.start, part));
        }
        let is_whole = |(run, parts): &mut Arrived| parts.len() == run.ranges().len();
        if let Some(run) = waiting.take_if(is_whole)
            && decoder.send(run).await.is_err()
        {
            break;
        }
    }
    Ok(())
}

/// Runs for threads that may wait.
struct Waiting(mpsc::Receiver<Arrived>);

impl Iterator for Waiting {
    type Item = Arrived;

    fn next(&mut self) -> Option<Arrived> {
        runtime::block_on(Driver::Inline, self.0.next())
            .ok()
            .flatten()
    }
}

/// Works on a thread of its own.
fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<oneshot::Receiver<T>, SerializeError> {
    let (done, outcome) = oneshot::channel();
    let work = move || {
        let _nobody_asks = done.send(work());
    };
    let started = thread::Builder::new()
        .name("remote-store-decode".to_owned())
        .spawn(work);
    started.map_err(SerializeError::from)?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use futures_executor::block_on;
    use futures_util::stream;
    use proptest::prelude::*;
    use remote_store_core::{ObjectInfo, ObjectKey};
    use remote_store_serializers::{ParquetOptions, parquet};

    use super::*;

    /// A file of two runs: of two row groups, and of one.
    static OBJECT: LazyLock<Bytes> = LazyLock::new(|| {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..150_000));
        let words = (0..150_000).map(|row| format!("{}", row % 999));
        let words: ArrayRef = Arc::new(StringArray::from_iter_values(words));
        let columns = [("a", Arc::clone(&numbers)), ("b", words), ("c", numbers)];
        let table = Table::from(RecordBatch::try_from_iter(columns).unwrap());
        let options = ParquetOptions::default().with_row_group_rows(70_000.try_into().unwrap());
        parquet::encode_table(&table, &options).unwrap()
    });

    /// The object as it comes from a network, broken off after so many chunks.
    fn passing(object: &Bytes, chunk: usize, whole_chunks: usize) -> ObjectReader {
        let size = object.len() as u64;
        let chunks: Vec<_> = object.chunks(chunk).map(Bytes::copy_from_slice).collect();
        let mut chunks: Vec<StoreResult<Bytes>> = chunks.into_iter().map(Ok).collect();
        if whole_chunks < chunks.len() {
            chunks.truncate(whole_chunks);
            chunks.push(Err(StoreError::unavailable("s3", "the line is down")));
        }
        let info = ObjectInfo::new(ObjectKey::parse("t.parquet").unwrap(), size);
        ObjectReader::new(info, 0..size, "s3", stream::iter(chunks).boxed())
    }

    fn wanted(object: &Bytes, columns: Option<&[String]>) -> Wanted {
        let tail = object.slice(object.len() / 2..);
        let file = ParquetFile::open_tail(object.len() as u64, tail).unwrap();
        Wanted::new(file, columns).unwrap().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn what_passes_by_is_decoded_as_it_is_whole(
            chunk in 1_000_usize..200_000,
            names in prop::sample::subsequence(vec!["a", "b", "c"], 1..=3),
        ) {
            let object = &*OBJECT;
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let columns = (names.len() < 3).then_some(names.as_slice());
            let passing = passing(object, chunk, usize::MAX);
            let found = block_on(wanted(object, columns).decode_passing(passing)).unwrap();
            let whole = ParquetFile::open(object.clone()).unwrap().decode(columns).unwrap();
            prop_assert!(found == whole);
        }
    }

    #[test]
    fn a_line_that_breaks_is_its_own_error_and_no_damage() {
        let object = &*OBJECT;
        for whole_chunks in 0..object.len() / 60_000 {
            let passing = passing(object, 60_000, whole_chunks);
            let error = block_on(wanted(object, None).decode_passing(passing)).unwrap_err();
            assert!(error.to_string().contains("the line is down"), "{error}");
        }
    }

    #[test]
    fn chunks_that_are_claimed_twice_are_not_read_twice() {
        let object = &*OBJECT;
        let file = ParquetFile::open_tail(object.len() as u64, object.slice(4..)).unwrap();
        for (row_groups, is_taken) in [
            (vec![0, 1], true),
            (vec![0, 0], false),
            (vec![1, 0, 1], false),
        ] {
            let file = file.with_row_groups(&row_groups).unwrap();
            assert_eq!(
                Wanted::new(file, None).unwrap().is_some(),
                is_taken,
                "{row_groups:?}"
            );
        }
    }
}
