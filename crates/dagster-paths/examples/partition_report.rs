//! A service that answers, from a plain listing of object names, which partitions of an
//! asset are stored and which are missing. It needs this crate only: no Dagster, no
//! client of any store.
//!
//! ```sh
//! cargo run -p remote-store-dagster-paths --example partition_report
//! aws s3 ls --recursive s3://lake | awk '{print $4}' |
//!     cargo run -p remote-store-dagster-paths --example partition_report -- shop/orders .parquet
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{BufRead, Write};

use remote_store_dagster_paths::{
    AssetKey, PartitionKey, PathError, asset_path, parse_partition_key,
};

/// What a store holds in this example; the last four are traps.
const LISTING: &str = "\
shop/orders/2024-01-01.parquet
shop/orders/2024-01-02.parquet
shop/orders/eu/2024-01-02.parquet
shop/orders/%~%2E%2E/escape.parquet
shop/orders_old/2024-01-03.parquet
shop/orders/notes.txt
shop/orders/%~not-ours.parquet
";

/// What the listing says about one asset.
#[derive(Default)]
struct Report {
    stored: BTreeSet<PartitionKey>,
    skipped: Vec<PathError>,
}

impl Report {
    fn of(asset: &AssetKey, extension: &str, listing: impl BufRead) -> std::io::Result<Self> {
        let mut report = Self::default();
        for path in listing.lines() {
            match parse_partition_key(asset, path?.trim_end(), extension) {
                Ok(partition) => {
                    report.stored.insert(partition);
                }
                Err(reason) => report.skipped.push(reason),
            }
        }
        Ok(report)
    }

    fn write(
        &self,
        asset: &AssetKey,
        extension: &str,
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        writeln!(
            out,
            "asset {asset}: {} partitions stored",
            self.stored.len()
        )?;
        for partition in &self.stored {
            let path = asset_path(asset, Some(partition), extension)?;
            writeln!(out, "  {:<24} {path}", partition.as_str())?;
        }
        writeln!(
            out,
            "{} objects are not partitions of it",
            self.skipped.len()
        )?;
        for reason in &self.skipped {
            writeln!(out, "  {reason}")?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let out = &mut std::io::stdout().lock();
    if let (Some(asset), Some(extension)) = (arguments.next(), arguments.next()) {
        let asset = AssetKey::new(asset.split('/'))?;
        let report = Report::of(&asset, &extension, std::io::stdin().lock())?;
        return report.write(&asset, &extension, out);
    }

    let asset = AssetKey::new(["shop", "orders"])?;
    let report = Report::of(&asset, ".parquet", LISTING.as_bytes())?;
    report.write(&asset, ".parquet", out)?;

    writeln!(out, "still to be written:")?;
    for day in 1..=3 {
        let day = PartitionKey::new(format!("2024-01-0{day}"));
        if !report.stored.contains(&day) {
            writeln!(out, "  {}", asset_path(&asset, Some(&day), ".parquet")?)?;
        }
    }

    // Run in CI: a wrong answer fails the build.
    let stored: Vec<&str> = report.stored.iter().map(PartitionKey::as_str).collect();
    if stored != ["../escape", "2024-01-01", "2024-01-02", "eu/2024-01-02"] {
        return Err("the report does not say what the listing holds".into());
    }
    Ok(())
}
