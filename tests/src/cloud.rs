//! What is asked of the backend of every cloud alike. A new one implements [`Cloud`] for its server
//! and has all of it with one line of [`cloud_tests!`](crate::cloud_tests).
#![allow(
    clippy::missing_panics_doc,
    reason = "a check panics to say that a promise is broken"
)]
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use remote_store_core::{Error, ErrorKind, Store, Subject, WriteOptions};

use crate::faults::{failures, silent_port};
use crate::found::{Server, fresh_root};
use crate::{Setup, wait};

/// A bucket that no server has.
const MISSING: &str = "no-such-bucket-here";

/// The server of a cloud, and how its backend is told to use it.
pub trait Cloud: Server {
    /// The options of the backend.
    type Options;

    /// What holds the objects, in the words of an error.
    const HOLDS: Subject;
    /// The option that names the endpoint.
    const ENDPOINT_OPTION: &'static str;

    /// The bucket or container of the tests.
    fn bucket(&self) -> &str;

    /// Options for a bucket on the server.
    ///
    /// # Errors
    /// When the name cannot be a bucket's.
    fn options(&self, bucket: &str) -> Setup<Self::Options>;

    /// Options for a server on this port of loopback, which is tried once.
    ///
    /// # Errors
    /// When they cannot be made.
    fn impatient(port: u16) -> Setup<Self::Options>;

    /// The same options, by which nothing may be written below an object.
    fn strict_tree(options: Self::Options) -> Self::Options;

    /// A store with these options, from a root.
    ///
    /// # Errors
    /// When the options cannot be used.
    fn over(options: Self::Options, root: &str) -> Setup<Store>;

    /// A store over the bucket of the tests, from a root.
    ///
    /// # Errors
    /// When the options cannot be used.
    fn store(&self, root: &str) -> Setup<Store> {
        Self::over(self.options(self.bucket())?, root)
    }
}

/// A missing bucket is told from a missing object, by every request.
pub fn a_missing_bucket_is_not_found_as_such<C: Cloud>(server: &C) {
    let store = C::over(server.options(MISSING).unwrap(), "").unwrap();
    for err in failures(&store) {
        let told = matches!(&err, Error::NotFound { what, .. } if *what == C::HOLDS);
        assert!(told, "{err}");
        assert_eq!(
            err.to_string(),
            format!("{} not found: {MISSING}", C::HOLDS)
        );
    }
    // Several at once are no way around it: the call is refused, or each of its paths.
    if let Ok(deleted) = wait(store.delete_many(vec!["a".into(), "b".into()])) {
        assert_eq!(deleted.len(), 2);
        for (path, result) in deleted {
            assert!(result.is_err(), "{path} cannot have been deleted");
        }
    }
}

/// The error says where nobody answered and which option to look at.
pub fn an_unreachable_endpoint_is_named<C: Cloud>() {
    let port = silent_port();
    let store = C::over(C::impatient(port).unwrap(), "").unwrap();
    let err = wait(store.ping()).unwrap_err();
    assert_eq!(err.kind(), ErrorKind::BackendUnavailable);
    let said = err.to_string();
    assert!(said.contains(&format!("http://127.0.0.1:{port}")), "{said}");
    assert!(said.contains(C::ENDPOINT_OPTION), "{said}");
}

/// The option of that name is heeded.
pub fn writing_below_an_object_is_refused_when_asked_for<C: Cloud>(server: &C) {
    let options = C::strict_tree(server.options(server.bucket()).unwrap());
    let store = C::over(options, &fresh_root("tree")).unwrap();
    wait(store.write("a", "x".into(), &WriteOptions::create())).unwrap();
    for path in ["a/b", "a/b/c"] {
        let err = wait(store.write(path, "y".into(), &WriteOptions::overwrite())).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::InvalidPath);
    }
}

/// Makes a test of each promise of the core's suite, compares with the model, and asks what is asked
/// of every cloud. The arguments are the `static` with the [`Found`](crate::found::Found) server and
/// a function that makes a specimen on it.
#[macro_export]
macro_rules! cloud_tests {
    ($server:ident: $cloud:ty, $fresh:path) => {
        remote_store_core::conformance_tests!($fresh);

        ::proptest::proptest! {
            #![proptest_config(::proptest::prelude::ProptestConfig::with_cases(12))]

            #[test]
            fn a_sequence_of_operations_gives_what_the_model_gives(
                steps in remote_store_core::testkit::model::steps(
                    20,
                    remote_store_core::testkit::strategies::leaf_path(),
                    remote_store_core::testkit::strategies::crowded_path(),
                )
            ) {
                if let Some(specimen) = $fresh() {
                    $crate::wait(remote_store_core::testkit::model::compare(&specimen, &steps)).unwrap();
                }
            }
        }

        #[test]
        fn a_missing_bucket_is_not_found_as_such() {
            if let Some(server) = $server.get() {
                $crate::cloud::a_missing_bucket_is_not_found_as_such(server);
            }
        }

        #[test]
        fn an_unreachable_endpoint_is_named() {
            $crate::cloud::an_unreachable_endpoint_is_named::<$cloud>();
        }

        #[test]
        fn writing_below_an_object_is_refused_when_asked_for() {
            if let Some(server) = $server.get() {
                $crate::cloud::writing_below_an_object_is_refused_when_asked_for(server);
            }
        }
    };
}
