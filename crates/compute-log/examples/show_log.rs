//! A Rust service that shows the log of a Dagster step, also of one whose worker died.
//!
//! Run with `cargo run -p remote-store-compute-log --example show_log`.
#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::time::Duration;

use remote_store_compute_log::{Claim, LocalFiles, LogStore, RecoverOptions};
use remote_store_core::{Store, runtime};
use remote_store_dagster_paths::{IoType, LogKey};

/// What a viewer asks for at a time.
const CHUNK_BYTES: u64 = 32;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let staging = tempfile::tempdir()?;
    let logs = LogStore::new(Store::memory(), "dagster");
    let key = LogKey::new(["run1", "compute_logs", "load_orders"])?;
    runtime::block_on(logs.store().driver(), async {
        lose_a_worker(&logs, &key, staging.path()).await?;

        // `recover` runs anywhere that sees the staging folder: as a cron job, or at start-up.
        let options = RecoverOptions::default()
            .with_idle(Duration::ZERO)
            .with_remove_local(true);
        let report = logs.recover(staging.path(), &options).await?;
        println!("recovered {} log(s) of dead workers", report.uploaded.len());

        let steps = logs
            .list_keys(
                &["run1".to_owned(), "compute_logs".to_owned()],
                IoType::Stderr,
            )
            .await?;
        for step in steps {
            println!(
                "--- stderr of {step} ({})",
                logs.display_path(&step, IoType::Stderr)?
            );
            show(&logs, &step, IoType::Stderr).await?;
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?
}

/// A worker that uploads once while its step runs and is then killed.
async fn lose_a_worker(
    logs: &LogStore,
    key: &LogKey,
    staging: &std::path::Path,
) -> Result<(), Box<dyn std::error::Error>> {
    let files = LocalFiles::new(staging, key)?;
    let claim = Claim::take(&files)?;
    let stderr = files.stream(IoType::Stderr);
    std::fs::write(&stderr, "loading orders of 2024-01-01\n")?;
    logs.upload(key, IoType::Stderr, &stderr, true).await?;
    std::fs::write(
        &stderr,
        "loading orders of 2024-01-01\nTraceback (most recent call last):\nValueError: 7 €\n",
    )?;
    // A killed process releases its lock like this; the log's last lines were never uploaded.
    drop(claim);
    Ok(())
}

/// What a viewer does: ask at the cursor until the log is complete.
async fn show(
    logs: &LogStore,
    key: &LogKey,
    io: IoType,
) -> Result<(), remote_store_compute_log::Error> {
    let mut offset = 0;
    loop {
        let chunk = logs.read_chunk(key, io, offset, CHUNK_BYTES).await?;
        print!("{}", String::from_utf8_lossy(&chunk.data));
        offset = chunk.next_offset;
        if chunk.complete {
            return Ok(());
        }
    }
}
