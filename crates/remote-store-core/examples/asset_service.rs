//! A service that answers requests for assets out of a store.
//!
//! Each line on standard input names an asset, as in `daily/2013-01-01.json`;
//! the answer is one line about it. A missing asset is an answer, not the end
//! of the service.
//!
//! ```text
//! echo report.json | cargo run -p remote-store-core --example asset_service -- local root=/data
//! echo report.json | cargo run -p remote-store-core --example asset_service -- s3 bucket=lake
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is this program's interface"
)]

use std::io::BufRead;
use std::process::ExitCode;

use remote_store_core::registry::{self, OptionValue, Options};
use remote_store_core::{Error, Store};

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let backend_type = arguments.next().unwrap_or_else(|| "memory".to_owned());
    let store = match open(&backend_type, arguments) {
        Ok(store) => store,
        Err(err) => {
            eprintln!("{err}");
            return ExitCode::FAILURE;
        }
    };
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", answer(&store, line.trim()).await);
    }
    store.close().await;
    ExitCode::SUCCESS
}

/// Options are checked by the registry: a misspelt one is named.
fn open(backend_type: &str, arguments: impl Iterator<Item = String>) -> Result<Store, Error> {
    let options: Options = arguments
        .filter_map(|argument| {
            let (name, value) = argument.split_once('=')?;
            Some((name.to_owned(), OptionValue::from(value)))
        })
        .collect();
    registry::build_store(backend_type, &options, "")
}

async fn answer(store: &Store, asset: &str) -> String {
    match store.read_bytes(asset).await {
        Ok(bytes) => format!("{asset}: {} bytes, {}", bytes.len(), preview(&bytes)),
        Err(err) if err.is_missing_object() => format!("{asset}: not materialized yet"),
        Err(err) => format!("{asset}: {err}"),
    }
}

/// The beginning of the content, for people.
fn preview(bytes: &[u8]) -> String {
    let head = bytes.get(..bytes.len().min(60)).unwrap_or_default();
    String::from_utf8_lossy(head)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}
