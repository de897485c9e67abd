//! The SFTP backend against a real server: every promise of the suite and a model.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
#![allow(clippy::print_stderr, reason = "a skipped test says why")]

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use remote_store_core::testkit::strategies::crowded_path;
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{Driver, runtime};
use remote_store_tests::sftp_server::SftpServer;

/// The servers, or nothing and the reason on the screen.
fn server() -> Option<&'static SftpServer> {
    static SERVER: OnceLock<Option<SftpServer>> = OnceLock::new();
    let found = SERVER.get_or_init(|| match SftpServer::from_env() {
        Ok(server) => Some(server),
        Err(reason) => {
            eprintln!("{reason}");
            None
        }
    });
    found.as_ref()
}

/// A folder that no other test and no other run uses.
fn folder() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (run, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    format!("sftp-{run}-{count}/root")
}

fn fresh() -> Option<Specimen> {
    let store = server()?.store(&folder()).unwrap();
    Some(Specimen::new(store).strict_tree().real_folders())
}

remote_store_core::conformance_tests!(fresh);

/// The same promises where the server offers nothing beyond the protocol.
mod without_extensions {
    use super::{Specimen, folder, server};

    fn fresh() -> Option<Specimen> {
        let store = server()?.bare_store(&folder()).unwrap();
        Some(Specimen::new(store).strict_tree().real_folders())
    }

    remote_store_core::conformance_tests!(fresh);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_sequence_of_operations_gives_what_the_model_gives(steps in model::steps(25, crowded_path(), crowded_path())) {
        if let Some(specimen) = fresh() {
            runtime::block_on(Driver::Tokio, model::compare(&specimen, &steps)).unwrap().unwrap();
        }
    }
}
