//! What goes wrong with a store, whatever it stands on: every request that can fail, and the whole
//! text of an error.
#![allow(
    clippy::missing_panics_doc,
    reason = "a check panics to say that a promise is broken"
)]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::error::Error as _;
use std::net::{Ipv4Addr, TcpListener};

use remote_store_core::{Error, Store, WriteOptions};

use crate::wait;

/// The error of every kind of request; each has its own way to fail.
pub fn failures(store: &Store) -> Vec<Error> {
    let write = |options| async move { store.write("a", "x".into(), &options).await };
    wait(async {
        vec![
            store.read_bytes("a").await.unwrap_err(),
            store.head("a").await.unwrap_err(),
            write(WriteOptions::create()).await.unwrap_err(),
            write(WriteOptions::overwrite()).await.unwrap_err(),
            store.list_page("", None, 1).await.unwrap_err(),
            store.list_level("").await.unwrap_err(),
            store.is_file("a").await.unwrap_err(),
            store.is_folder("a").await.unwrap_err(),
            store.delete("a", false).await.unwrap_err(),
            store.ping().await.unwrap_err(),
        ]
    })
}

/// The whole text of an error: the message, and the chain with all that `Debug` shows.
#[allow(clippy::use_debug, reason = "what Debug shows is under test")]
pub fn everything(err: &Error) -> String {
    let mut text = format!("{err} {err:?}");
    let mut source = err.source();
    while let Some(cause) = source {
        text += &[" ", &cause.to_string(), " ", &format!("{cause:?}")].concat();
        source = cause.source();
    }
    text
}

/// A port of loopback on which nothing listens: it was bound and given back.
pub fn silent_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}
