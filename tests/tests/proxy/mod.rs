//! A TCP proxy that cuts connections when it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Nothing is counted down.
const NEVER: i64 = i64::MAX;

struct State {
    streams: Mutex<Vec<TcpStream>>,
    connections: AtomicUsize,
    /// How many bytes to the server may still pass before every connection is cut.
    left: AtomicI64,
}

/// A proxy in front of a port of loopback; it ends with the process.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl State {
    fn kill_all(&self) {
        for stream in self.streams.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }

    /// False once the bytes are used up.
    fn may_pass(&self, bytes: usize) -> bool {
        if self.left.load(Ordering::SeqCst) == NEVER {
            return true;
        }
        let bytes = i64::try_from(bytes).unwrap();
        if self.left.fetch_sub(bytes, Ordering::SeqCst) > bytes {
            return true;
        }
        self.left.store(NEVER, Ordering::SeqCst);
        false
    }
}

impl Proxy {
    pub(crate) fn start(upstream: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            streams: Mutex::default(),
            connections: AtomicUsize::new(0),
            left: AtomicI64::new(NEVER),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", upstream)).unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let mut streams = shared.streams.lock().unwrap();
                streams.push(client.try_clone().unwrap());
                streams.push(server.try_clone().unwrap());
                drop(streams);
                pump(
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    Some(Arc::clone(&shared)),
                );
                pump(server, client, None);
            }
        });
        Self { port, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Cuts every connection now.
    pub(crate) fn kill_all(&self) {
        self.state.kill_all();
    }

    /// Cuts every connection once this many more bytes went to the server.
    pub(crate) fn kill_after(&self, bytes: i64) {
        self.state.left.store(bytes, Ordering::SeqCst);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, counted: Option<Arc<State>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if let Some(state) = &counted
                && !state.may_pass(length)
            {
                state.kill_all();
                return;
            }
            let passed = buffer.get(..length).unwrap_or_default();
            if to.write_all(passed).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    });
}
