//! Features add what they say and nothing else: proven from `cargo tree`.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What `cargo tree` says about core and all below, a line each.
fn tree(features: &[&str], format: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "tree",
            "--locked",
            "-p",
            "remote-store-core",
            "-e",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--format", format])
        .args(features)
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The packages below core that end up in a program.
fn packages(features: &[&str]) -> BTreeSet<String> {
    tree(features, "{p}")
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn without_features_no_http_client_is_linked() {
    let linked = packages(&["--no-default-features"]);
    assert!(linked.contains("remote-store-core"), "{linked:?}");
    for unwanted in [
        "reqwest",
        "hyper",
        "hyper-util",
        "rustls",
        "ring",
        "object_store",
        "proptest",
        "openssl-sys",
    ] {
        assert!(
            !linked.contains(unwanted),
            "{unwanted} is linked without any feature"
        );
    }
}

#[test]
fn each_cloud_brings_one_tls_stack_that_needs_no_cmake() {
    for cloud in ["s3", "azure", "gcs", "http", "s3,azure,gcs,http"] {
        let linked = packages(&["--no-default-features", "--features", cloud]);
        for wanted in ["object_store", "reqwest", "rustls", "ring"] {
            assert!(linked.contains(wanted), "{cloud}: {wanted} is missing");
        }
        for unwanted in [
            "aws-lc-rs",
            "aws-lc-sys",
            "openssl-sys",
            "native-tls",
            "proptest",
        ] {
            assert!(!linked.contains(unwanted), "{cloud}: {unwanted} is linked");
        }
    }
}

#[test]
fn only_s3_is_there_unless_asked_for_more() {
    let listing = tree(&[], "{f}");
    let features = listing.lines().next().unwrap();
    assert_eq!(features, "cloud,default,s3");
}

#[test]
fn features_by_name_say_what_is_registered() {
    let mut clouds = remote_store_core::registry::registered();
    clouds.retain(|name| ["s3", "azure", "gcs", "http", "sftp"].contains(&name.as_str()));
    assert_eq!(clouds, ["azure", "gcs", "http", "s3", "sftp"]);
}

#[test]
fn sftp_brings_ssh_without_http_and_without_cmake() {
    let linked = packages(&["--no-default-features", "--features", "sftp"]);
    for wanted in ["russh", "ring"] {
        assert!(linked.contains(wanted), "{wanted} is missing");
    }
    for unwanted in [
        "reqwest",
        "hyper",
        "rustls",
        "object_store",
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl-sys",
    ] {
        assert!(!linked.contains(unwanted), "{unwanted} is linked");
    }
}
