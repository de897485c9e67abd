//! The local backend keeps every promise of the suite.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::sync::Arc;

use proptest::prelude::*;
use remote_store_core::backends::{LocalBackend, LocalOptions};
use remote_store_core::testkit::strategies::crowded_path;
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{Prefix, Store, runtime};

fn fresh() -> Specimen {
    let folder = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(LocalOptions::new(folder.path().join("root"))).unwrap();
    let store = Store::new(Arc::new(backend), Prefix::root());
    Specimen::new(store)
        .strict_tree()
        .real_folders()
        .with_guard(folder)
}

remote_store_core::conformance_tests!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_sequence_of_operations_gives_what_the_model_gives(steps in model::steps(40, crowded_path(), crowded_path())) {
        let specimen = fresh();
        runtime::block_on(specimen.store.driver(), model::compare(&specimen, &steps)).unwrap().unwrap();
    }
}
