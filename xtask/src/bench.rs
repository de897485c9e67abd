//! Benchmarks beside the peers, and every file of `crates/*/benches` and of `tests/benches`.

mod logs;
mod parquet;
mod partitions;
mod side_by_side;

use std::fs;

use clap::Args;

use crate::workspace::{Result, Workspace};

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct Options {
    /// Run this one; without a name they are listed
    name: Option<String>,
    /// Handed to the benchmark, after `--`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Those that compare with other packages, each with what it measures.
const BESIDE_PEERS: [(&str, &str); 3] = [
    (
        "logs",
        "steps finished, viewed, followed, listed and deleted, beside three compute log managers",
    ),
    (
        "parquet",
        "tables written and read, beside pyarrow, polars, DuckDB and the pure-Python package; \
         `-- memory`, `-- options` and `-- overlap` measure ours",
    ),
    (
        "partitions",
        "365 partitions loaded at once at 0, 5, 20 and 50 ms latency, beside three IO managers",
    ),
];

/// `cargo xtask bench`.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let found = benches(workspace)?;
    let Some(wanted) = &options.name else {
        for (name, what) in BESIDE_PEERS {
            println!("{name}  ({what})");
        }
        for (package, name) in found {
            println!("{name}  ({package})");
        }
        return Ok(true);
    };
    match wanted.as_str() {
        "logs" => return logs::run(workspace, options),
        "parquet" => return parquet::run(workspace, options),
        "partitions" => return partitions::run(workspace, options),
        _ => {}
    }
    let Some((package, name)) = found.iter().find(|(_, name)| name == wanted) else {
        return Err(
            format!("no benchmark is called `{wanted}`; `cargo xtask bench` lists them").into(),
        );
    };
    let status = workspace
        .cargo(&["bench", "--package", package, "--bench", name])?
        .status()?;
    Ok(status.success())
}

/// Pairs of package and benchmark, sorted.
fn benches(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for package in workspace.metadata()?.workspace_packages() {
        let Some(room) = package.manifest_path.parent() else {
            continue;
        };
        let Ok(entries) = fs::read_dir(room.join("benches")) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "rs")
                && let Some(stem) = path.file_stem()
            {
                found.push((
                    package.name.to_string(),
                    stem.to_string_lossy().into_owned(),
                ));
            }
        }
    }
    found.sort();
    Ok(found)
}
