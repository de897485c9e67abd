//! DAG-005, DAG-006 and DAG-018: where targets live.

use proptest::prelude::*;
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use remote_store_io_manager::{Layout, Target};

use crate::support::*;

#[test]
fn dag_005_the_paths_of_the_specification() {
    let pickle = Layout::object(".pkl");
    let path = |target: Target| target.path(&pickle).unwrap();
    assert_eq!(path(Target::asset(asset(["foo", "bar"]))), "foo/bar.pkl");
    assert_eq!(path(Target::asset(asset(["report"]))), "report.pkl");
    let january = Target::partition(asset(["foo", "bar"]), PartitionKey::new("2026-01"));
    assert_eq!(path(january), "foo/bar/2026-01.pkl");
}

#[test]
fn dag_006_segments_nest() {
    let target = Target::asset(asset(["ns", "group", "table"]));
    assert_eq!(
        target.path(&Layout::object(".json")).unwrap(),
        "ns/group/table.json"
    );
}

#[test]
fn dag_018_datasets_have_no_extension() {
    let orders = asset(["data", "orders"]);
    assert_eq!(
        Target::asset(orders.clone())
            .path(&Layout::Dataset)
            .unwrap(),
        "data/orders"
    );
    let january = Target::partition(orders, PartitionKey::new("2026-01"));
    assert_eq!(
        january.path(&Layout::Dataset).unwrap(),
        "data/orders/2026-01"
    );
}

#[test]
fn an_op_output_lives_below_its_run() {
    let output = Target::op_output(["run1", "step", "result"]);
    assert_eq!(
        output.path(&Layout::object(".pkl")).unwrap(),
        "run1/step/result.pkl"
    );
    assert_eq!(output.path(&Layout::Dataset).unwrap(), "run1/step/result");
    let mapped = Target::op_output(["run1", "step", "result", "a"]);
    assert_eq!(
        mapped.path(&Layout::object(".pkl")).unwrap(),
        "run1/step/result/a.pkl"
    );
    assert!(Target::op_output([""; 0]).path(&Layout::Dataset).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn dag_005_no_key_leaves_the_root_and_partitions_of_an_asset_never_share_a_path(
        segments in proptest::collection::vec("[a./\\\\%~=\\x01ü]{0,4}", 1..4),
        first in "[a./\\\\%~=\\x01ü]{0,5}",
        second in "[a./\\\\%~=\\x01ü]{0,5}",
    ) {
        let key = AssetKey::new(segments).unwrap();
        for layout in [Layout::object(".pkl"), Layout::Dataset] {
            let place = |partition: &str| {
                Target::partition(key.clone(), PartitionKey::new(partition)).path(&layout).unwrap()
            };
            let (one, other) = (place(&first), place(&second));
            prop_assert_eq!(one == other, first == second);
            prop_assert!(one.split('/').all(|part| !matches!(part, "" | "." | "..")));
            prop_assert!(!one.contains('\\'));
        }
    }
}
