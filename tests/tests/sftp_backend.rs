//! The SFTP backend against a real server: every promise of the suite and a model.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;
use remote_store_core::testkit::strategies::crowded_path;
use remote_store_core::testkit::{Specimen, model};
use remote_store_tests::found::{Found, fresh_root};
use remote_store_tests::sftp_server::SftpServer;
use remote_store_tests::wait;

static SERVER: Found<SftpServer> = Found::new();

/// A folder that no other test and no other run uses, below one that is not there.
fn folder() -> String {
    format!("{}/root", fresh_root("sftp"))
}

fn fresh() -> Option<Specimen> {
    let store = SERVER.get()?.store(&folder()).unwrap();
    Some(Specimen::new(store).strict_tree().real_folders())
}

remote_store_core::conformance_tests!(fresh);

/// The same promises where the server offers nothing beyond the protocol.
mod without_extensions {
    use super::{SERVER, Specimen, folder};

    fn fresh() -> Option<Specimen> {
        let store = SERVER.get()?.bare_store(&folder()).unwrap();
        Some(Specimen::new(store).strict_tree().real_folders())
    }

    remote_store_core::conformance_tests!(fresh);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_sequence_of_operations_gives_what_the_model_gives(steps in model::steps(25, crowded_path(), crowded_path())) {
        if let Some(specimen) = fresh() {
            wait(model::compare(&specimen, &steps)).unwrap();
        }
    }
}
