//! DAG-008: an asset is read by its key, and a missing one is named.

use remote_store_core::ErrorKind;
use remote_store_dagster_paths::PartitionKey;
use remote_store_io_manager::{AssetReader, Error, Layout, MissingPolicy, Target};
use remote_store_serializers::JsonSerializer;
use serde_json::{Value, json};

use crate::support::*;

on_each_backend!(
    dag_008_an_asset_is_read_and_decoded,
    dag_008_a_missing_asset_is_a_not_found_that_names_it,
    dag_020_partitions_are_decoded_in_order,
);

fn dag_008_an_asset_is_read_and_decoded(place: Place) {
    place.put("report.json", br#"{"rows": 3}"#);
    place.put("report/2026-01.json", b"[1]");
    let reader = AssetReader::new(place.store.clone());
    let json = JsonSerializer::default();
    let whole: Value = place
        .run(reader.read_as(&asset(["report"]), None, &json))
        .unwrap();
    assert_eq!(whole, json!({"rows": 3}));
    let january = PartitionKey::new("2026-01");
    let part: Vec<u8> = place
        .run(reader.read_as(&asset(["report"]), Some(&january), &json))
        .unwrap();
    assert_eq!(part, [1]);
}

fn dag_008_a_missing_asset_is_a_not_found_that_names_it(place: Place) {
    let reader = AssetReader::new(place.store.clone());
    let january = PartitionKey::new("2026-01");
    let error = place
        .run(reader.read(&asset(["a", "b"]), Some(&january), ".pkl"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let message = error.to_string();
    for named in [
        "asset a/b",
        "partition '2026-01'",
        "a/b/2026-01.pkl",
        "Materialize",
    ] {
        assert!(message.contains(named), "{message}");
    }
}

fn dag_020_partitions_are_decoded_in_order(place: Place) {
    for (day, value) in [("01", "1"), ("02", "2")] {
        place.put(&format!("events/{day}.json"), value);
    }
    let reader = AssetReader::new(place.store.clone()).with_window(0);
    let keys = partitions(["02", "03", "01"]);
    let json = JsonSerializer::default();
    let events = asset(["events"]);
    let read =
        reader.read_partitions_as::<i64, _>(&events, keys.clone(), &json, MissingPolicy::Skip);
    let values: Vec<(String, i64)> = place
        .run(read)
        .unwrap()
        .into_iter()
        .map(|(key, value)| (key.to_string(), value))
        .collect();
    assert_eq!(values, [("02".to_owned(), 2), ("01".to_owned(), 1)]);
    let strict = reader.read_partitions_as::<i64, _>(&events, keys, &json, MissingPolicy::Fail);
    assert_eq!(
        place.run(strict).unwrap_err().path(),
        Some("events/03.json")
    );
}

#[test]
fn an_object_of_another_format_is_named_with_its_path() {
    let place = Place::memory();
    place.put("report.json", b"\x80\x05 a pickle");
    let reader = AssetReader::new(place.store.clone());
    let json = JsonSerializer::default();
    let read = place.run(reader.read_as::<Value, _>(&asset(["report"]), None, &json));
    let error = read.unwrap_err();
    assert!(matches!(error, Error::Undecodable { .. }));
    let message = error.to_string();
    assert!(
        message.contains("asset report") && message.contains("report.json"),
        "{message}"
    );
}

#[test]
fn an_op_output_is_read_by_its_identifier() {
    let place = Place::memory();
    place.put("run1/step/result.pkl", "x");
    let reader = AssetReader::new(place.store.clone());
    let target = Target::op_output(["run1", "step", "result"]);
    let pickle = Layout::object(".pkl");
    assert_eq!(
        place.run(reader.read_target(&target, &pickle)).unwrap(),
        "x"
    );
    let dataset = place.run(reader.read_target(&target, &Layout::Dataset));
    assert!(matches!(dataset, Err(Error::NotAnObject { .. })));
}
