//! The memory backend keeps every promise of the suite.

use proptest::prelude::*;
use remote_store_core::testkit::strategies::crowded_path;
use remote_store_core::testkit::{Specimen, model};
use remote_store_core::{Store, runtime};

fn fresh() -> Specimen {
    Specimen::new(Store::memory()).strict_tree()
}

remote_store_core::conformance_tests!(fresh);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_sequence_of_operations_gives_what_the_model_gives(steps in model::steps(40, crowded_path(), crowded_path())) {
        let specimen = fresh();
        runtime::block_on(specimen.store.driver(), model::compare(&specimen, &steps)).unwrap().unwrap();
    }
}
