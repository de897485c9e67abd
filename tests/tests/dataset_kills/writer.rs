//! The process that writes generation after generation until it is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use remote_store_core::testkit::faults::FaultyBackend;
use remote_store_core::{Prefix, Store, runtime};
use remote_store_parquet_dataset::{DatasetError, DatasetStore, Result, WriteDatasetOptions};
use remote_store_serializers::{Compression, Table};

use crate::place::{self, Place};

pub(crate) const KEY: &str = "data/orders";
const PLACE: &str = "REMOTE_STORE_KILLS_PLACE";

/// What a write looks like on storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Small parts, each in one piece.
    Parts,
    /// One part that is uploaded while it is encoded.
    Stream,
    /// Folders by a column.
    Folders,
    /// One part of three times the size of a part of an upload.
    Upload,
}

pub(crate) const SHAPES: [Shape; 3] = [Shape::Parts, Shape::Stream, Shape::Folders];

/// Bytes of a row of [`Shape::Upload`].
const PAYLOAD_BYTES: usize = 64 << 10;
/// Rows of a row group of it.
const PAYLOAD_ROWS: usize = 64;

/// Rows of a generation; two that follow each other differ.
fn rows_of(generation: i64, shape: Shape) -> i64 {
    match shape {
        Shape::Upload => 300 + generation % 7,
        Shape::Stream => 15_000 + generation % 7,
        Shape::Parts | Shape::Folders => 6 + generation % 5,
    }
}

fn table(generation: i64, shape: Shape) -> Table {
    let ids = || 0..rows_of(generation, shape);
    let columns: [(&str, ArrayRef); 3] = [
        (
            "generation",
            Arc::new(Int64Array::from_iter_values(ids().map(|_| generation))),
        ),
        ("id", Arc::new(Int64Array::from_iter_values(ids()))),
        (
            "group",
            Arc::new(Int64Array::from_iter_values(ids().map(|id| id % 3))),
        ),
    ];
    let payload = || -> ArrayRef {
        let values = ids().map(|id| payload(generation, id));
        Arc::new(BinaryArray::from_iter_values(values))
    };
    let payload = (shape == Shape::Upload).then(|| ("payload", payload()));
    Table::from(RecordBatch::try_from_iter(columns.into_iter().chain(payload)).unwrap())
}

/// Bytes of one row, like those of no other; they are written as they are.
fn payload(generation: i64, id: i64) -> Vec<u8> {
    let mut bytes = vec![id.to_le_bytes()[0]; PAYLOAD_BYTES];
    bytes.splice(
        ..16,
        [generation, id].into_iter().flat_map(i64::to_le_bytes),
    );
    bytes
}

/// Which generation a table is; an error for anything but one whole.
pub(crate) fn check(table: &Table, shape: Shape) -> Result<i64, String> {
    let column = |name: &str| -> Vec<i64> {
        let batches = table.batches().iter();
        let columns = batches.filter_map(|batch| batch.column_by_name(name));
        columns
            .flat_map(|column| column.as_primitive::<Int64Type>().values().to_vec())
            .collect()
    };
    let generations: BTreeSet<i64> = column("generation").into_iter().collect();
    let ids = column("id");
    let [generation] = generations.into_iter().collect::<Vec<i64>>()[..] else {
        return Err("not one generation".to_owned());
    };
    let unique: BTreeSet<&i64> = ids.iter().collect();
    let rows = i64::try_from(ids.len()).unwrap();
    if unique.len() != ids.len()
        || rows != rows_of(generation, shape)
        || ids.iter().max() != Some(&(rows - 1))
    {
        return Err(format!("generation {generation} has {rows} rows"));
    }
    for batch in table.batches() {
        let Some(found) = batch.column_by_name("payload") else {
            continue;
        };
        let ids = batch
            .column_by_name("id")
            .unwrap()
            .as_primitive::<Int64Type>();
        let rows = found.as_binary::<i32>().iter().zip(ids.values());
        for (found, id) in rows {
            if found != Some(&payload(generation, *id)[..]) {
                return Err(format!(
                    "row {id} of generation {generation} has other bytes"
                ));
            }
        }
    }
    Ok(generation)
}

pub(crate) fn write(datasets: &DatasetStore, generation: i64, shape: Shape) -> Result<()> {
    let options = WriteDatasetOptions::default()
        .with_overwrite(true)
        .with_run_id(generation.to_string());
    let options = match shape {
        Shape::Parts => options.with_max_rows_per_file(3),
        Shape::Stream => options,
        Shape::Folders => options.with_partition_by(["group"]),
        Shape::Upload => options
            .with_compression(Compression::None)
            .with_row_group_rows(PAYLOAD_ROWS),
    };
    let table = table(generation, shape);
    let written = datasets.write(KEY, table.reader(), options);
    runtime::block_on(datasets.store().driver(), written)?.map(|_manifest| ())
}

/// How a child stopped by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It waits at the call that it was to be killed at.
    AtCall,
    /// It committed before it made as many calls.
    Committed,
}

/// A child that writes.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    output: BufReader<ChildStdout>,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Child {
    pub(crate) fn start(place: &Place, shape: Shape, first: i64, call: Option<usize>) -> Self {
        Self::start_at(place.told(shape), shape, first, call)
    }

    /// A child that is told another address than the place's.
    pub(crate) fn start_at(
        (kind, address, root): (String, String, String),
        shape: Shape,
        first: i64,
        call: Option<usize>,
    ) -> Self {
        let call = call.map(|call| call.to_string()).unwrap_or_default();
        let told = [
            kind,
            address,
            root,
            format!("{shape:?}"),
            first.to_string(),
            call,
        ];
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "the_writer_that_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(PLACE, told.join("\n"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the writer ended by itself");
        line
    }

    pub(crate) fn wait_until_it_writes(&mut self) {
        while !self.next_line().contains("writes") {}
    }

    pub(crate) fn wait_for_end(&mut self, last: i64) -> (End, i64) {
        loop {
            let line = self.next_line();
            if line.contains("at the call") {
                return (End::AtCall, last);
            }
            if let Some(committed) = committed(&line) {
                return (End::Committed, committed);
            }
        }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// SIGKILL: nothing of the process runs any more.
    pub(crate) fn kill(&mut self) {
        let _it_may_have_ended = self.process.kill();
        let _its_status_is_known = self.process.wait();
    }

    /// What it said it had committed, after it was killed.
    pub(crate) fn last_committed(&mut self, before: i64) -> i64 {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        rest.lines()
            .filter_map(committed)
            .next_back()
            .unwrap_or(before)
    }
}

fn committed(line: &str) -> Option<i64> {
    line.trim().strip_prefix("committed ")?.parse().ok()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// What the child does.
pub(crate) fn run() {
    let Ok(told) = std::env::var(PLACE) else {
        return;
    };
    let told: Vec<&str> = told.split('\n').collect();
    let [kind, address, root, shape, first, call] = told[..] else {
        panic!("the writer was told something else");
    };
    let shape = SHAPES
        .into_iter()
        .chain([Shape::Upload])
        .find(|one| format!("{one:?}") == shape)
        .unwrap();
    let backend = place::backend(kind, address);
    let (backend, faults) = FaultyBackend::new(backend);
    if let Ok(call) = call.parse::<usize>() {
        let mut seen = 0;
        faults.fail_when(move |_| {
            seen += 1;
            if seen < call {
                return None;
            }
            say("\nat the call");
            loop {
                std::thread::park();
            }
        });
    }
    let datasets = DatasetStore::new(Store::new(backend, Prefix::parse(root).unwrap()));
    say("\nwrites");
    for generation in first.parse::<i64>().unwrap().. {
        let written = write(&datasets, generation, shape);
        // The last request of a process that was killed may be answered after its end.
        let written = match written {
            Err(DatasetError::Conflict { .. }) => write(&datasets, generation, shape),
            written => written,
        };
        written.unwrap();
        say(&format!("committed {generation}"));
    }
}
