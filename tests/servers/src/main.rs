//! Servers for tests and benchmarks, on loopback only.
//!
//! ```text
//! test-server memory-s3 --port 9400
//! test-server proxy --port 9401 --upstream 127.0.0.1:9400 --delay-ms 20
//! test-server proxy --port 9402 --upstream 127.0.0.1:8333 --dialect gcs
//! ```
//!
//! `memory-s3` speaks as much of S3 as object store clients use (put, ranged
//! get, head, delete, bulk delete, copy, list, multipart, conditional create)
//! and checks no signature, so that a benchmark measures the client.
//! `proxy` forwards HTTP and adds what a network adds: latency, a speed, faults,
//! and a count of requests and bytes that tests read at `/__stats`.

mod dialect;
mod memory_s3;
mod pace;
mod proxy;
mod serve;
mod xml;

use clap::{Parser, Subcommand};

#[derive(Parser, Debug)]
#[command(about = "Servers for tests and benchmarks, on loopback only")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// S3 in memory, without authentication
    MemoryS3 {
        /// Port on 127.0.0.1; 0 picks a free one, which the first line of output names
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// A proxy with latency, faults and counts
    Proxy(proxy::Options),
}

fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::MemoryS3 { port } => serve::run(port, memory_s3::MemoryS3::default()).await,
            Command::Proxy(options) => serve::run(options.port, proxy::Proxy::new(options)).await,
        }
    })
}
