//! Writers of one name in several processes: of those that create an object or
//! replace one content, exactly one succeeds.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, reason = "a child tells its parent")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use remote_store_core::backends::{LocalBackend, LocalOptions};
use remote_store_core::{ErrorKind, Prefix, Revision, Store, WriteOptions, runtime};

const PROCESSES: usize = 8;
const ROUNDS: usize = 40;
/// Names the folder to a child.
const FOLDER: &str = "REMOTE_STORE_TEST_RACE_FOLDER";
const OUTCOME: &str = "outcome: ";

fn store(folder: &str) -> Store {
    let backend = LocalBackend::new(LocalOptions::new(folder)).unwrap();
    Store::new(Arc::new(backend), Prefix::root())
}

/// A child: for each line, a name and perhaps the tag of what it may replace,
/// writes its own number there and tells how that went.
fn write_as_told(folder: &str) {
    let (store, own) = (store(folder), std::process::id().to_string());
    // The name of the test stands on this line already.
    println!();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (name, tag) = line.split_once(' ').unwrap();
        let options = if tag.is_empty() {
            WriteOptions::create()
        } else {
            WriteOptions::if_match(Revision::new(tag))
        };
        let written = store.write(name, own.clone().into(), &options);
        let outcome = match runtime::block_on(store.driver(), written).unwrap() {
            Ok(_) => own.as_str(),
            Err(err) => err.kind().as_str(),
        };
        println!("{OUTCOME}{outcome}");
    }
}

struct Writer {
    child: Child,
    tell: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Writer {
    fn start(test: &str, folder: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let tell = child.stdin.take().unwrap();
        let hear = BufReader::new(child.stdout.take().unwrap());
        Self { child, tell, hear }
    }

    fn outcome(&mut self) -> String {
        let mut lines = self.hear.by_ref().lines().map(Result::unwrap);
        let said = lines.find_map(|line| line.strip_prefix(OUTCOME).map(str::to_owned));
        said.unwrap()
    }
}

/// All rounds: `tag_of` says what a round's writers may replace; whoever loses
/// has to say `loss`.
fn race(test: &str, loss: ErrorKind, tag_of: impl Fn(&Store, &str) -> String) {
    if let Ok(folder) = std::env::var(FOLDER) {
        return write_as_told(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let store = store(path);
    let start = || Writer::start(test, path);
    let mut writers: Vec<_> = std::iter::repeat_with(start).take(PROCESSES).collect();
    for round in 0..ROUNDS {
        let name = format!("round-{round}/object");
        let tag = tag_of(&store, &name);
        for writer in &mut writers {
            writeln!(writer.tell, "{name} {tag}").unwrap();
        }
        let outcomes: Vec<_> = writers.iter_mut().map(Writer::outcome).collect();
        let (losers, winners): (Vec<_>, Vec<_>) =
            outcomes.iter().partition(|said| *said == loss.as_str());
        assert_eq!(losers.len(), PROCESSES - 1, "{outcomes:?}");
        let stored = runtime::block_on(store.driver(), store.read_bytes(&name));
        let stored = String::from_utf8(stored.unwrap().unwrap().to_vec()).unwrap();
        assert_eq!(winners, [&stored], "what the winner wrote is there");
    }
    for writer in writers {
        let Writer {
            mut child, tell, ..
        } = writer;
        drop(tell);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn of_many_processes_that_create_one_object_one_succeeds() {
    race(
        "of_many_processes_that_create_one_object_one_succeeds",
        ErrorKind::AlreadyExists,
        |_, _| String::new(),
    );
}

#[test]
fn of_many_processes_that_replace_one_content_one_succeeds() {
    race(
        "of_many_processes_that_replace_one_content_one_succeeds",
        ErrorKind::Conflict,
        |store, name| {
            let options = WriteOptions::create();
            let first = store.write(name, "first".into(), &options);
            let written = runtime::block_on(store.driver(), first).unwrap().unwrap();
            written.etag.unwrap()
        },
    );
}
