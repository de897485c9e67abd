//! Kills between the requests of an upload: a proxy holds one, and the writer dies waiting.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use remote_store_parquet_dataset::DatasetStore;

use crate::place::{Place, Server};
use crate::writer::{Child, Shape, write};
use crate::{assert_clean, survivor};

/// More requests than a write here makes.
const MOST_REQUESTS: usize = 60;

/// A proxy that holds a request, and all after it.
struct Proxy {
    address: String,
    held: Receiver<String>,
    _server: Server,
}

impl Proxy {
    fn start(upstream: &str, hold_from: usize, hold_answers: bool) -> Self {
        let upstream = upstream.trim_start_matches("http://");
        let hold_from = hold_from.to_string();
        let mut arguments = vec!["proxy", "--upstream", upstream, "--hold-from", &hold_from];
        if hold_answers {
            arguments.push("--hold-answers");
        }
        let (server, address, mut output) = Server::start(&arguments).unwrap();
        let (tell, held) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            while output.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                if tell.send(std::mem::take(&mut line)).is_err() {
                    return;
                }
            }
        });
        Self {
            address,
            held,
            _server: server,
        }
    }

    /// Waits for the request that is held; which it is.
    fn wait(&self, child: &mut Child) -> String {
        loop {
            match self.held.recv_timeout(Duration::from_millis(20)) {
                Ok(line) => return line,
                Err(RecvTimeoutError::Timeout) => {
                    assert!(!child.has_ended(), "the writer ended by itself");
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the proxy ended by itself"),
            }
        }
    }
}

/// Kills the writer before each request reaches the server, and after each before its answer
/// reaches the writer.
pub(crate) fn killed_around_every_request(place: &Place) {
    let shape = Shape::Upload;
    let upstream = place.endpoint().unwrap();
    let datasets = DatasetStore::new(place.store(shape));
    write(&datasets, 1, shape).unwrap();
    let mut last = 1;
    for hold_answers in [false, true] {
        let mut held = Vec::new();
        let mut ended = false;
        for request in 1..MOST_REQUESTS {
            let proxy = Proxy::start(upstream, request, hold_answers);
            let (kind, _, root) = place.told(shape);
            let told = (kind, proxy.address.clone(), root);
            let mut child = Child::start_at(told, shape, last + 1, None);
            let what = proxy.wait(&mut child);
            child.kill();
            let committed = child.last_committed(last);
            ended = committed > last;
            last = survivor(&datasets, shape, committed, &what);
            held.push(what);
            if ended {
                break;
            }
        }
        assert!(ended, "a write makes more than {MOST_REQUESTS} requests");
        let kills = |what: &str| held.iter().filter(|held| held.contains(what)).count();
        assert_eq!(
            kills("?uploads"),
            1,
            "at the beginning of an upload: {held:?}"
        );
        // Parts go side by side: which of them is held is chance, that more follow is not.
        assert!(kills("partNumber=") > 1, "between the parts: {held:?}");
        assert_eq!(kills("?uploadId="), 1, "at its completion: {held:?}");
        // What is asked before the write goes side by side as well.
        let is_swap = |held: &&String| held.contains(" PUT ") && held.contains("manifest.json");
        let swaps = held.iter().filter(is_swap).count();
        assert_eq!(swaps, 1, "at the swap: {held:?}");
    }
    assert_clean(&datasets, last + 1, shape);
}
