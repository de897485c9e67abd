//! The clauses of the specification that name paths, row by row.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests may fail as loudly as the tests"
)]

use remote_store_dagster_paths::{
    AssetKey, IoType, LogKey, PartitionKey, PathError, asset_path, dataset_key, log_folder,
    log_path, op_output_path, parse_asset_path, parse_log_name, parse_log_path,
    parse_partition_key,
};

fn asset(segments: &[&str]) -> AssetKey {
    AssetKey::new(segments.iter().copied()).unwrap()
}

fn log(segments: &[&str]) -> LogKey {
    LogKey::new(segments.iter().copied()).unwrap()
}

fn path(segments: &[&str], partition: Option<&str>, extension: &str) -> String {
    let partition = partition.map(PartitionKey::from);
    asset_path(&asset(segments), partition.as_ref(), extension).unwrap()
}

#[test]
fn dag_005_the_rows_of_the_specification() {
    assert_eq!(path(&["foo", "bar"], None, ".json"), "foo/bar.json");
    assert_eq!(
        path(&["foo", "bar"], Some("2026-01"), ".json"),
        "foo/bar/2026-01.json"
    );
    assert_eq!(path(&["report"], None, ".pkl"), "report.pkl");
}

#[test]
fn dag_005_a_multi_partition_key_is_its_text() {
    assert_eq!(
        path(&["sales"], Some("us|2024-01-01"), ".parquet"),
        "sales/us|2024-01-01.parquet"
    );
}

#[test]
fn dag_005_a_slash_in_a_partition_key_separates_folders() {
    assert_eq!(path(&["a"], Some("2024/01"), ".pkl"), "a/2024/01.pkl");
}

#[test]
fn dag_005_harmless_oddities_stay_byte_for_byte() {
    for key in [
        "a b",
        "50%",
        "#1",
        "a:b",
        "é",
        "日本",
        "a.b.c",
        "...",
        "~",
        "x\u{2028}y",
    ] {
        assert_eq!(path(&["t"], Some(key), ".pkl"), format!("t/{key}.pkl"));
        assert_eq!(path(&[key], None, ".pkl"), format!("{key}.pkl"));
    }
}

#[test]
fn dag_005_hostile_partition_keys_stay_in_the_folder_of_their_asset() {
    for (key, expected) in [
        ("", "t/%~.pkl"),
        ("..", "t/%~%2E%2E.pkl"),
        ("../../etc/passwd", "t/%~%2E%2E/%~%2E%2E/etc/passwd.pkl"),
        ("/abs", "t/%~/abs.pkl"),
        ("a/", "t/a/%~.pkl"),
        ("a//b", "t/a/%~/b.pkl"),
        ("./a", "t/%~%2E/a.pkl"),
        ("a\\..\\b", "t/%~a%5C..%5Cb.pkl"),
        ("a\0b", "t/%~a%00b.pkl"),
        ("%~x", "t/%~%25~x.pkl"),
    ] {
        assert_eq!(path(&["t"], Some(key), ".pkl"), expected);
    }
}

#[test]
fn dag_005_no_partition_and_an_empty_one_are_not_the_same() {
    assert_ne!(path(&["t"], None, ".pkl"), path(&["t"], Some(""), ".pkl"));
}

#[test]
fn dag_005_a_key_of_300_characters_fits_a_file_name_and_stays_distinct() {
    let one = path(&["t"], Some(&"x".repeat(300)), ".parquet");
    let two = path(&["t"], Some(&"x".repeat(301)), ".parquet");
    assert_ne!(one, two);
    for path in [one, two] {
        let name = path.strip_prefix("t/").unwrap();
        assert!(name.starts_with("%=xxx") && name.ends_with(".parquet"));
        assert_eq!(name.len(), 255);
        assert!(matches!(
            parse_asset_path(&path, ".parquet"),
            Err(PathError::Irreversible { .. })
        ));
    }
}

#[test]
fn dag_005_the_shortened_name_never_changes() {
    // Data on disk depends on this name: SHA-256 of 300 `x`, its first 32 digits.
    assert_eq!(
        path(&["x".repeat(300).as_str()], None, ".pkl"),
        format!("%={}~0d4e2ca9e9cbced7a7a5380eb29e1a37.pkl", "x".repeat(216))
    );
}

#[test]
fn dag_005_an_extension_that_is_no_extension_is_refused() {
    for extension in [
        "/x",
        "/../x",
        "a\\b",
        ".p\0",
        &format!(".{}", "e".repeat(128)),
    ] {
        let refused = asset_path(&asset(&["a"]), None, extension).unwrap_err();
        assert!(matches!(refused, PathError::InvalidExtension { .. }));
        assert!(refused.to_string().contains("such as `.pkl`"));
    }
}

#[test]
fn dag_006_segments_become_folders() {
    assert_eq!(
        path(&["ns", "group", "table"], None, ".parquet"),
        "ns/group/table.parquet"
    );
}

#[test]
fn dag_006_a_slash_inside_a_segment_makes_no_folder() {
    assert_eq!(path(&["a/b"], None, ".pkl"), "%~a%2Fb.pkl");
    assert_eq!(path(&["a", "b"], None, ".pkl"), "a/b.pkl");
}

#[test]
fn dag_006_an_asset_key_needs_a_segment() {
    assert_eq!(AssetKey::new([""; 0]), Err(PathError::EmptyAssetKey));
}

#[test]
fn dag_018_a_dataset_key_has_no_extension() {
    let key = asset(&["data", "orders"]);
    assert_eq!(dataset_key(&key, None).unwrap(), "data/orders");
    assert_eq!(
        dataset_key(&key, Some(&"2026-01".into())).unwrap(),
        "data/orders/2026-01"
    );
}

#[test]
fn dag_018_a_hostile_dataset_key_names_a_folder_of_its_own() {
    let key = asset(&["data"]);
    assert_eq!(dataset_key(&key, Some(&"".into())).unwrap(), "data/%~");
    assert_eq!(
        dataset_key(&key, Some(&"..".into())).unwrap(),
        "data/%~%2E%2E"
    );
}

#[test]
fn an_op_output_has_a_folder_for_each_part() {
    let dynamic = ["run1", "load[day/1]", "result", "key_1"];
    assert_eq!(
        op_output_path(&dynamic, ".pkl").unwrap(),
        "run1/%~load[day%2F1]/result/key_1.pkl"
    );
    assert_eq!(
        op_output_path(&[""; 0], ".pkl"),
        Err(PathError::EmptyIdentifier)
    );
}

#[test]
fn a_stored_object_tells_its_partition() {
    let key = asset(&["foo", "bar"]);
    let parsed = |path| parse_partition_key(&key, path, ".pkl");
    assert_eq!(parsed("foo/bar/a/b.pkl").unwrap().as_str(), "a/b");
    assert_eq!(parsed("foo/bar/%~.pkl").unwrap().as_str(), "");
    for outside in ["foo/bar.pkl", "foo/barn/a.pkl", "x/foo/bar/a.pkl"] {
        assert!(matches!(
            parsed(outside),
            Err(PathError::OutsideFolder { .. })
        ));
    }
    // Written by the asset `["foo", "bar", "a/b"]`, which is no partition of this one.
    assert!(matches!(
        parsed("foo/bar/%~a%2Fb.pkl"),
        Err(PathError::Foreign { .. })
    ));
}

#[test]
fn dag_024_the_rows_of_the_specification() {
    let step = log(&["run1", "compute_logs", "step_a"]);
    assert_eq!(
        log_path("dagster", &step, IoType::Stdout, false).unwrap(),
        "dagster/storage/run1/compute_logs/step_a.out"
    );
    assert_eq!(
        log_path("dagster", &step, IoType::Stderr, true).unwrap(),
        "dagster/storage/run1/compute_logs/step_a.err.partial"
    );
    assert_eq!(
        log_path("dagster", &log(&["report"]), IoType::Stdout, false).unwrap(),
        "dagster/storage/report.out"
    );
}

#[test]
fn dag_024_empty_segments_are_dropped() {
    let step = log(&["", "run1", "", "step_a"]);
    for (prefix, start) in [("", ""), ("/", ""), ("/a//b/", "a/b/")] {
        assert_eq!(
            log_path(prefix, &step, IoType::Stdout, false).unwrap(),
            format!("{start}storage/run1/step_a.out")
        );
    }
    assert_eq!(
        log_path("p", &log(&["run1", ""]), IoType::Stderr, true).unwrap(),
        "p/storage/run1/.err.partial"
    );
}

#[test]
fn dag_024_hostile_log_keys_stay_below_the_prefix() {
    assert_eq!(
        log_path("p", &log(&["..", "a/b", ".."]), IoType::Stdout, false).unwrap(),
        "p/storage/%~%2E%2E/%~a%2Fb/%~%2E%2E.out"
    );
}

#[test]
fn dag_024_a_prefix_that_leaves_its_folder_is_refused() {
    for prefix in ["..", "a/../b", ".", "a\\b", "a\nb", &"x".repeat(256)] {
        let refused = log_folder(prefix, &["run1"]).unwrap_err();
        assert!(matches!(refused, PathError::InvalidPrefix { .. }));
        assert!(!refused.to_string().contains('\n'));
    }
}

#[test]
fn dag_024_a_long_name_is_cut_by_bytes_and_alike_for_final_and_partial() {
    let key = log(&["run1", &"é".repeat(150)]);
    let finished = log_path("p", &key, IoType::Stdout, false).unwrap();
    let partial = log_path("p", &key, IoType::Stdout, true).unwrap();
    assert_eq!(partial, format!("{finished}.partial"));
    let name = partial.rsplit('/').next().unwrap();
    assert!(name.len() <= 255 && name.starts_with("%=é"));
    assert_eq!(parse_log_name(name), None);
    assert!(matches!(
        parse_log_path("p", &finished),
        Err(PathError::Irreversible { .. })
    ));
}

#[test]
fn dag_024_names_with_dots_are_split_from_the_right() {
    for (file_name, expected) in [
        ("a.b.out", Some(("a.b", IoType::Stdout, false))),
        ("a.out.err", Some(("a.out", IoType::Stderr, false))),
        (
            "a.err.partial.out",
            Some(("a.err.partial", IoType::Stdout, false)),
        ),
        (
            "a.partial.err.partial",
            Some(("a.partial", IoType::Stderr, true)),
        ),
        (".out", Some(("", IoType::Stdout, false))),
        ("%~a%2Fb.err", Some(("a/b", IoType::Stderr, false))),
    ] {
        let expected = expected.map(|(name, io_type, partial)| (name.to_owned(), io_type, partial));
        assert_eq!(parse_log_name(file_name), expected, "{file_name}");
    }
}

#[test]
fn dag_024_stray_files_are_no_logs() {
    for file_name in [
        "",
        "out",
        "a",
        "a.txt",
        "a.complete",
        "a.partial",
        "a.out.tmp",
        "a.OUT",
        "%~zz.out",
        "%~.out",
        "..out",
        "a/b.out",
        "a.out.partial.partial",
    ] {
        assert_eq!(parse_log_name(file_name), None, "{file_name}");
    }
}

#[test]
fn dag_024_the_folder_of_one_key_is_no_text_prefix_of_another() {
    let folder = log_folder("p", &["backfill", "bf"]).unwrap();
    assert!(matches!(
        parse_log_path("p/storage/backfill/bf", "p/storage/backfill/bf2/x.out"),
        Err(PathError::OutsideFolder { .. })
    ));
    assert_eq!(folder, "p/storage/backfill/bf");
}

#[test]
fn messages_show_no_raw_control_characters() {
    let refused = parse_asset_path("a\nb.txt", ".pkl").unwrap_err();
    assert!(refused.to_string().contains("a\\nb.txt"));
}

#[test]
fn a_path_that_no_log_has_is_told_apart_from_a_shortened_one() {
    let long = LogKey::new(["run", &"x".repeat(300)]).unwrap();
    let shortened = log_path("p", &long, IoType::Stdout, true).unwrap();
    assert!(matches!(
        parse_log_path("p", &shortened),
        Err(PathError::Irreversible { .. })
    ));
    // Shortened like a log, but of no stream; and of a stream, but not shortened.
    for foreign in [
        shortened.replace(".out.partial", ".txt"),
        "p/storage/run/%~zz.out".to_owned(),
    ] {
        assert!(
            matches!(
                parse_log_path("p", &foreign),
                Err(PathError::Foreign { .. })
            ),
            "{foreign}"
        );
    }
}

#[test]
fn the_longest_prefix_and_extension_are_allowed_and_one_byte_more_is_not() {
    let key = AssetKey::new(["a"]).unwrap();
    let log = LogKey::new(["a"]).unwrap();
    let (longest, longest_prefix) = (format!(".{}", "e".repeat(127)), "p".repeat(255));
    assert!(asset_path(&key, None, &longest).is_ok());
    assert!(asset_path(&key, None, &format!("{longest}e")).is_err());
    assert!(log_path(&longest_prefix, &log, IoType::Stdout, false).is_ok());
    assert!(log_path(&format!("{longest_prefix}p"), &log, IoType::Stdout, false).is_err());
}

#[test]
fn a_partition_key_is_shown_as_it_is() {
    assert_eq!(
        PartitionKey::new("us|2024-01-01").to_string(),
        "us|2024-01-01"
    );
}
