//! What holds for every key: distinct, inside the root, the specification's, reversible.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail as loudly as the tests"
)]

use proptest::prelude::*;
use remote_store_dagster_paths::{
    AssetKey, IoType, LogKey, PartitionKey, PathError, asset_path, dataset_key, log_folder,
    log_path, op_output_path, parse_asset_path, parse_log_name, parse_log_path,
    parse_partition_key,
};

/// Few letters and many hostile ones, so that near misses are frequent: markers,
/// separators, escapes of escapes, dots, controls, names at the limit of length.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "(a|b|/|\\.|\\\\|%|~|=|%~|%=|2F|2E|25|\\n|é| ){0,4}",
        2 => prop::sample::select(vec!["", ".", "..", "...", "%~", "%=", "%~%2E", "%~%252E", "a/b"])
            .prop_map(str::to_owned),
        2 => "\\PC{0,6}",
        1 => (240_usize..270, "(x|é|/|%){0,2}").prop_map(|(n, end)| "x".repeat(n) + &end),
        1 => (60_usize..130, "(x|é|/|%)").prop_map(|(n, piece)| piece.repeat(n)),
    ]
}

fn segments() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(segment(), 1..4)
}

/// Two lists that are often nearly the same: one segment is another one's neighbour.
fn two_lists() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let unrelated = (segments(), segments());
    let joined = segments().prop_map(|list| {
        let one = vec![list.join("/")];
        (list, one)
    });
    let respelled = segments().prop_map(|list| {
        let stored = AssetKey::new(list.clone()).unwrap();
        let stored = dataset_key(&stored, None).unwrap();
        (list, stored.split('/').map(str::to_owned).collect())
    });
    prop_oneof![2 => unrelated, 1 => joined, 1 => respelled]
}

fn safe_segment() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_|:#@+=, -][A-Za-z0-9_|:#%~=@+., éßЖ日-]{0,20}"
}

fn extension() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", ".pkl", ".json", ".parquet", "json"])
}

fn asset(segments: &[String]) -> AssetKey {
    AssetKey::new(segments.iter().cloned()).unwrap()
}

fn is_inside_and_safe(path: &str) -> bool {
    !path.starts_with('/')
        && path.split('/').all(|name| {
            !matches!(name, "" | "." | "..")
                && name.len() <= 255
                && !name.contains('\\')
                && !name.chars().any(char::is_control)
        })
}

/// The list of names that the specification's join gives: asset key, then the
/// partition key, whose `/` separates.
fn names(segments: &[String], partition: &str) -> Vec<String> {
    let below = partition.split('/').map(str::to_owned);
    segments.iter().cloned().chain(below).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn dag_005_different_asset_keys_never_share_a_path(
        (one, two) in two_lists(),
        extension in extension(),
    ) {
        let paths = [&one, &two].map(|list| asset_path(&asset(list), None, extension).unwrap());
        prop_assert_eq!(one == two, paths[0] == paths[1], "{:?}", paths);
    }

    #[test]
    fn dag_005_different_partitions_of_an_asset_never_share_a_path(
        key in segments(),
        one in segment(),
        two in segment(),
        extension in extension(),
    ) {
        let path = |partition: &str| {
            let partition = PartitionKey::from(partition);
            asset_path(&asset(&key), Some(&partition), extension).unwrap()
        };
        prop_assert_eq!(one == two, path(&one) == path(&two));
        prop_assert_ne!(path(&one), asset_path(&asset(&key), None, extension).unwrap());
    }

    #[test]
    fn dag_005_assets_and_partitions_share_a_path_only_where_the_specification_joins_them_alike(
        (one, two) in two_lists(),
        first in segment(),
        second in segment(),
    ) {
        let path = |key: &[String], partition: &str| {
            asset_path(&asset(key), Some(&partition.into()), ".pkl").unwrap()
        };
        prop_assert_eq!(
            names(&one, &first) == names(&two, &second),
            path(&one, &first) == path(&two, &second)
        );
    }

    #[test]
    fn dag_005_paths_stay_inside_the_root(
        key in segments(),
        partition in prop::option::of(segment()),
        extension in extension(),
    ) {
        let partition = partition.map(PartitionKey::from);
        let path = asset_path(&asset(&key), partition.as_ref(), extension).unwrap();
        prop_assert!(is_inside_and_safe(&path), "{}", path);
        prop_assert!(path.ends_with(extension));
    }

    #[test]
    fn dag_005_safe_keys_have_the_path_of_the_specification(
        key in prop::collection::vec(safe_segment(), 1..4),
        partition in prop::option::of(safe_segment()),
        extension in extension(),
    ) {
        let expected: Vec<&str> = key.iter().chain(&partition).map(String::as_str).collect();
        let partition = partition.as_deref().map(PartitionKey::from);
        let path = asset_path(&asset(&key), partition.as_ref(), extension).unwrap();
        prop_assert_eq!(path, format!("{}{extension}", expected.join("/")));
    }

    #[test]
    fn dag_005_paths_parse_back(
        key in segments(),
        partition in prop::option::of(segment()),
        extension in extension(),
    ) {
        let below = partition.iter().flat_map(|key| key.split('/')).map(str::to_owned);
        let expected: Vec<String> = key.iter().cloned().chain(below).collect();
        let key = asset(&key);
        let typed = partition.as_deref().map(PartitionKey::from);
        let path = asset_path(&key, typed.as_ref(), extension).unwrap();
        match parse_asset_path(&path, extension) {
            Ok(parsed) => prop_assert_eq!(parsed, expected),
            Err(PathError::Irreversible { .. }) => {
                // Only a name that is long once escaped may be lost.
                let longest = expected.iter().map(|name| 3 * name.len()).max().unwrap_or(0);
                prop_assert!(longest + 2 + extension.len() > 255, "{}", path);
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
        if let (Some(partition), Ok(parsed)) = (typed, parse_partition_key(&key, &path, extension)) {
            prop_assert_eq!(parsed, partition);
        }
    }

    #[test]
    fn dag_005_what_parses_is_built_again_to_the_same_text(
        path in "(a|b|/|\\.|%|~|%~|%=|2F|2E|25|\\.pkl){0,8}",
        extension in extension(),
    ) {
        if let Ok(segments) = parse_asset_path(&path, extension) {
            prop_assert_eq!(asset_path(&asset(&segments), None, extension).unwrap(), path);
        }
    }

    #[test]
    fn dag_006_each_segment_is_one_folder(key in segments()) {
        let path = asset_path(&asset(&key), None, ".pkl").unwrap();
        prop_assert_eq!(path.split('/').count(), key.len());
    }

    #[test]
    fn dag_018_different_datasets_never_share_a_key(
        (one, two) in two_lists(),
        partition in segment(),
        other in segment(),
    ) {
        let keys = [&one, &two].map(|list| dataset_key(&asset(list), None).unwrap());
        prop_assert_eq!(one == two, keys[0] == keys[1]);
        let parts = [&partition, &other]
            .map(|part| dataset_key(&asset(&one), Some(&part.as_str().into())).unwrap());
        prop_assert_eq!(partition == other, parts[0] == parts[1]);
        for key in keys.iter().chain(&parts) {
            prop_assert!(is_inside_and_safe(key));
        }
        // A partition lies in the folder of its asset.
        let in_folder = parts[0].starts_with(&format!("{}/", keys[0]));
        prop_assert!(in_folder);
    }

    #[test]
    fn different_op_outputs_never_share_a_path((one, two) in two_lists(), extension in extension()) {
        let paths = [&one, &two].map(|list| op_output_path(list, extension).unwrap());
        prop_assert_eq!(one == two, paths[0] == paths[1]);
        prop_assert!(is_inside_and_safe(&paths[0]));
        if let Ok(parsed) = parse_asset_path(&paths[0], extension) {
            prop_assert_eq!(parsed, one);
        }
    }

    #[test]
    fn dag_024_different_logs_never_share_a_path((one, two) in two_lists()) {
        let mut paths = Vec::new();
        for key in [&one, &two] {
            let key = LogKey::new(key.iter().cloned()).unwrap();
            for io_type in IoType::ALL {
                for partial in [false, true] {
                    let path = log_path("dagster", &key, io_type, partial).unwrap();
                    prop_assert!(is_inside_and_safe(&path) && path.starts_with("dagster/storage/"));
                    paths.push((without_empty_folders(&key), io_type, partial, path));
                }
            }
        }
        for (index, one) in paths.iter().enumerate() {
            for two in &paths[index + 1..] {
                let same = (&one.0, one.1, one.2) == (&two.0, two.1, two.2);
                prop_assert_eq!(same, one.3 == two.3, "{} {}", one.3, two.3);
            }
        }
    }

    #[test]
    fn dag_024_safe_logs_have_the_path_of_the_specification(
        key in prop::collection::vec(safe_segment(), 1..4),
        prefix in "([a-z]{1,5}(/[a-z]{1,5})?)?",
    ) {
        let joined = std::iter::once(prefix.as_str())
            .filter(|prefix| !prefix.is_empty())
            .chain(["storage"])
            .chain(key.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join("/");
        let key = LogKey::new(key).unwrap();
        let path = log_path(&prefix, &key, IoType::Stderr, true).unwrap();
        prop_assert_eq!(path, format!("{joined}.err.partial"));
    }

    #[test]
    fn dag_024_log_paths_parse_back(key in segments(), stderr: bool, partial: bool) {
        let io_type = IoType::ALL[usize::from(stderr)];
        let key = LogKey::new(key).unwrap();
        let path = log_path("p", &key, io_type, partial).unwrap();
        let name = path.rsplit('/').next().unwrap();
        match parse_log_path("p", &path) {
            Ok((parsed, stream, part)) => {
                prop_assert_eq!(parsed.into_segments(), without_empty_folders(&key));
                prop_assert_eq!((stream, part), (io_type, partial));
                prop_assert_eq!(parse_log_name(name), Some((key.name().to_owned(), io_type, partial)));
            }
            Err(PathError::Irreversible { .. }) => {
                prop_assert!(key.segments().any(|name| 3 * name.len() + 2 + 12 > 255));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
        let folder = log_folder("p", key.folder()).unwrap();
        let below = path.strip_prefix(folder.as_str()).unwrap();
        prop_assert!(below.starts_with('/') && below.matches('/').count() == 1);
    }

    #[test]
    fn dag_024_what_parses_is_built_again_to_the_same_text(name in "(a|\\.out|\\.err|\\.partial|%~|%|\\.|\\PC){0,6}") {
        if let Some((last, io_type, partial)) = parse_log_name(&name) {
            let key = LogKey::new([last]).unwrap();
            let path = log_path("", &key, io_type, partial).unwrap();
            prop_assert_eq!(path, format!("storage/{name}"));
        }
        let below = name.replace('a', "a/").replace('~', "~/");
        let path = format!("storage/{below}");
        if let Ok((key, io_type, partial)) = parse_log_path("", &path) {
            prop_assert_eq!(log_path("", &key, io_type, partial).unwrap(), path);
        }
    }
}

fn without_empty_folders(key: &LogKey) -> Vec<String> {
    let folders = key.folder().iter().filter(|name| !name.is_empty()).cloned();
    folders.chain([key.name().to_owned()]).collect()
}
