//! Lists and streams the assets of a store over HTTP.
//!
//! ```text
//! cargo run -p asset-service -- local root=/srv/warehouse/production
//! curl 'http://127.0.0.1:8080/assets?prefix=flights&limit=10'
//! curl  http://127.0.0.1:8080/assets/flights/daily/2013-01-01.json
//! ```
//!
//! The first argument is a backend type, the others are its options; without
//! arguments it serves one small asset out of memory. `LISTEN` sets the address.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "standard output is this program's interface"
)]

mod range;
mod service;

use std::error::Error;
use std::process::ExitCode;

use remote_store_core::registry::{self, OptionValue, Options};
use remote_store_core::{Store, WriteOptions};
use tokio::net::TcpListener;

const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

#[tokio::main]
async fn main() -> ExitCode {
    match serve(std::env::args().skip(1)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let store = open(arguments).await?;
    let address = std::env::var("LISTEN").unwrap_or_else(|_unset| DEFAULT_ADDRESS.to_owned());
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}; set LISTEN=host:port"))?;
    println!("http://{}/assets", listener.local_addr()?);
    axum::serve(listener, service::router(store.clone()))
        .with_graceful_shutdown(async {
            // Without a signal handler the service runs until it is killed.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await?;
    store.close().await;
    Ok(())
}

/// Options are checked by the registry, which names what is misspelt.
async fn open(mut arguments: impl Iterator<Item = String>) -> Result<Store, Box<dyn Error>> {
    let Some(backend_type) = arguments.next() else {
        return Ok(demonstration().await?);
    };
    let mut options = Options::new();
    for argument in arguments {
        let (name, value) = argument
            .split_once('=')
            .ok_or_else(|| format!("'{argument}' is not of the form option=value"))?;
        options.insert(name.to_owned(), OptionValue::from(value));
    }
    Ok(registry::build_store(&backend_type, &options, "")?)
}

async fn demonstration() -> Result<Store, remote_store_core::Error> {
    let store = Store::memory();
    let report = r#"{"books": 3, "pens": 4}"#;
    store
        .write("orders.json", report.into(), &WriteOptions::create())
        .await?;
    Ok(store)
}
