//! A Rust service that reads assets which Dagster wrote.
//!
//! Run with `cargo run -p remote-store-io-manager --example read_asset`.
#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use remote_store_core::registry::{OptionValue, Options, build_store};
use remote_store_core::{Store, WriteOptions, runtime};
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use remote_store_io_manager::{AssetReader, MissingPolicy};
use remote_store_serializers::JsonSerializer;
use serde_json::Value;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The same type, options and root path as in the pipeline's `RemoteStoreIOManager(…)`.
    let folder = tempfile::tempdir()?;
    let root = folder.path().to_string_lossy().into_owned();
    let options = Options::from([("root".to_owned(), OptionValue::Text(root))]);
    let store = build_store("local", &options, "warehouse")?;

    runtime::block_on(store.driver(), async {
        play_dagster(&store).await?;

        let reader = AssetReader::new(store);
        let json = JsonSerializer::default();
        let flights = AssetKey::new(["flights", "daily"])?;

        // One partition: the object that `AssetKey(["flights", "daily"])` stored for that day.
        let day = PartitionKey::new("2013-01-02");
        let one: Value = reader.read_as(&flights, Some(&day), &json).await?;
        println!("{day}: {one}");

        // Many partitions: fetched concurrently, given in the order asked for.
        let days = ["2013-01-01", "2013-01-02"].map(PartitionKey::new);
        for (day, value) in reader
            .read_partitions_as::<Value, _>(&flights, days, &json, MissingPolicy::Fail)
            .await?
        {
            println!("{day}: {value}");
        }

        // What was never materialized is named: asset, partition, path.
        let absent = PartitionKey::new("2013-01-03");
        if let Err(error) = reader.read(&flights, Some(&absent), ".json").await {
            println!("{error}");
        }
        Ok::<(), Box<dyn std::error::Error>>(())
    })?
}

/// Stands in for the pipeline, which stores these objects with `serializer="json"`.
async fn play_dagster(store: &Store) -> Result<(), remote_store_core::Error> {
    for (day, flights) in [("2013-01-01", 842), ("2013-01-02", 943)] {
        let path = format!("flights/daily/{day}.json");
        let data = format!("{{\"flights\": {flights}}}").into();
        store.write(&path, data, &WriteOptions::overwrite()).await?;
    }
    Ok(())
}
