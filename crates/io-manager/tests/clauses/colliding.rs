//! Assets that share a path by the specification, found before one overwrites the other.

use std::collections::HashMap;

use proptest::prelude::*;
use remote_store_dagster_paths::{AssetKey, PartitionKey};
use remote_store_io_manager::{AssetPartitions, Layout, Target, collisions};

use crate::support::*;

#[test]
fn dag_005_a_partition_and_an_asset_of_one_path_are_both_named() {
    for layout in [Layout::object(".pkl"), Layout::Dataset] {
        let foo = AssetPartitions::partitioned(asset(["foo"]), partitions(["a", "bar"]));
        let foo_bar = AssetPartitions::unpartitioned(asset(["foo", "bar"]));
        let found = collisions(&[foo_bar, foo], &layout).unwrap();
        assert_eq!(found.len(), 1);
        let message = found[0].to_string();
        assert!(
            message.contains("asset foo/bar and asset foo, partition 'bar'"),
            "{message}"
        );
        assert!(message.contains(&found[0].path), "{message}");
    }
}

#[test]
fn partitions_with_slashes_collide_across_assets() {
    let one = AssetPartitions::partitioned(asset(["a"]), partitions(["b/c"]));
    let other = AssetPartitions::partitioned(asset(["a", "b"]), partitions(["c"]));
    assert_eq!(
        collisions(&[one, other], &Layout::Dataset).unwrap().len(),
        1
    );
}

#[test]
fn an_asset_listed_twice_and_one_without_partitions_so_far_collide_with_nothing() {
    let foo = AssetPartitions::partitioned(asset(["foo"]), partitions(["bar"]));
    let none_yet = AssetPartitions::partitioned(asset(["foo", "bar"]), Vec::new());
    let found = collisions(&[foo.clone(), foo, none_yet], &Layout::object(".pkl")).unwrap();
    assert!(found.is_empty());
}

#[test]
fn a_segment_with_a_slash_is_another_asset() {
    let joined = AssetPartitions::unpartitioned(asset(["a/b"]));
    let nested = AssetPartitions::unpartitioned(asset(["a", "b"]));
    assert!(
        collisions(&[joined, nested], &Layout::object(".pkl"))
            .unwrap()
            .is_empty()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// The model: every target's path, grouped.
    #[test]
    fn every_shared_path_is_found_and_no_other(
        assets in proptest::collection::btree_map(
            proptest::collection::vec("[ab]", 1..4),
            proptest::option::of(proptest::collection::btree_set("[ab](/[ab])?", 0..4)),
            0..6,
        ),
    ) {
        let layout = Layout::object(".pkl");
        let mut paths: HashMap<String, usize> = HashMap::new();
        let mut listed = Vec::new();
        for (segments, keys) in assets {
            let key = AssetKey::new(segments).unwrap();
            let keys = keys.map(|keys| keys.into_iter().map(PartitionKey::new).collect::<Vec<_>>());
            let targets = match &keys {
                None => vec![Target::asset(key.clone())],
                Some(keys) => keys.iter().map(|p| Target::partition(key.clone(), p.clone())).collect(),
            };
            for target in targets {
                *paths.entry(target.path(&layout).unwrap()).or_default() += 1;
            }
            listed.push(match keys {
                None => AssetPartitions::unpartitioned(key),
                Some(keys) => AssetPartitions::partitioned(key, keys),
            });
        }
        let expected: usize = paths.values().map(|count| count - 1).sum();
        prop_assert_eq!(collisions(&listed, &layout).unwrap().len(), expected);
    }
}
