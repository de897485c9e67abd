//! The feature ladder: what each crate brings along, proven by `cargo tree`.

use crate::process::output;
use crate::steps::Step;
use crate::workspace::{Result, Workspace};

/// Async runtimes, HTTP and TLS, Python: none of them reaches a leaf.
const NOT_IN_LEAVES: [&str; 12] = [
    "tokio",
    "async-std",
    "smol",
    "object_store",
    "reqwest",
    "hyper",
    "ureq",
    "rustls",
    "native-tls",
    "ring",
    "pyo3",
    "pyo3-ffi",
];
/// Without the clouds there is no client for them.
const NOT_IN_BARE_CORE: [&str; 10] = [
    "reqwest",
    "hyper",
    "h2",
    "ureq",
    "rustls",
    "native-tls",
    "ring",
    "russh",
    "aws-lc-rs",
    "pyo3",
];
/// SSH is no HTTP, and its cryptography is the one that TLS uses.
const NOT_WITH_SFTP: [&str; 7] = [
    "reqwest",
    "hyper",
    "rustls",
    "object_store",
    "aws-lc-rs",
    "russh-sftp",
    "pyo3",
];
/// What would need more than cargo and a C compiler.
const NOT_ANYWHERE: [&str; 5] = [
    "openssl-sys",
    "native-tls",
    "aws-lc-sys",
    "cmake",
    "bindgen",
];
/// Arrow stays away from those who only want JSON.
const NOT_IN_PLAIN_SERIALIZERS: [&str; 4] = ["parquet", "arrow-array", "arrow-schema", "tokio"];

struct Rung {
    package: &'static str,
    flags: &'static [&'static str],
    forbidden: &'static [&'static str],
}

const LADDER: [Rung; 8] = [
    Rung {
        package: "remote-store-credential-masking",
        flags: &[],
        forbidden: &NOT_IN_LEAVES,
    },
    Rung {
        package: "remote-store-dagster-paths",
        flags: &[],
        forbidden: &NOT_IN_LEAVES,
    },
    Rung {
        package: "remote-store-serializers",
        flags: &[],
        forbidden: &NOT_IN_LEAVES,
    },
    Rung {
        package: "remote-store-serializers",
        flags: &["--no-default-features"],
        forbidden: &NOT_IN_PLAIN_SERIALIZERS,
    },
    Rung {
        package: "remote-store-core",
        flags: &["--no-default-features"],
        forbidden: &NOT_IN_BARE_CORE,
    },
    Rung {
        package: "remote-store-core",
        flags: &["--no-default-features", "--features", "http"],
        forbidden: &NOT_ANYWHERE,
    },
    Rung {
        package: "remote-store-core",
        flags: &["--no-default-features", "--features", "sftp"],
        forbidden: &NOT_WITH_SFTP,
    },
    Rung {
        package: "remote-store-py-bindings",
        flags: &[],
        forbidden: &NOT_ANYWHERE,
    },
];

pub(super) fn check(workspace: &Workspace, step: &mut Step) -> Result<()> {
    let mut problems = Vec::new();
    for rung in &LADDER {
        let args = [
            "tree",
            "--locked",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
        ];
        let tree = output(workspace.cargo(&args)?.arg(rung.package).args(rung.flags))?;
        let found = intruders(&tree, rung.forbidden);
        if found.is_empty() {
            step.tally.passed += 1;
        } else {
            step.tally.failed += 1;
            problems.push(format!(
                "{} {} brings along {}",
                rung.package,
                rung.flags.join(" "),
                found.join(", ")
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; ").into())
    }
}

/// Forbidden packages in lines such as `tokio v1.54.0 (*)`.
fn intruders<'a>(tree: &str, forbidden: &[&'a str]) -> Vec<&'a str> {
    let names: Vec<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    forbidden
        .iter()
        .copied()
        .filter(|name| names.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::intruders;

    #[test]
    fn whole_names_are_compared() {
        assert_eq!(
            intruders("a v1\ntokio v1.54.0 (*)\n", &["tokio", "pyo3"]),
            ["tokio"]
        );
        assert!(intruders("tokio-util v0.7\n", &["tokio"]).is_empty());
    }
}
