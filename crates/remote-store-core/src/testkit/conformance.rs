//! What every backend promises, one small function per behaviour.
//!
//! [`conformance_tests!`](crate::conformance_tests) turns each into a test. A
//! check that needs what a backend does not declare is passed over, which the
//! capability tests make visible.
#![allow(
    clippy::missing_errors_doc,
    reason = "an error of a check is a broken promise; `check` reports it"
)]

pub mod conditional;
pub mod deleting;
pub mod folders;
pub mod listing;
pub mod naming;
pub mod reading;
pub mod transferring;
pub mod writing;

use std::future::Future;
use std::pin::Pin;

use crate::capability::Capability;
use crate::error::{Error, Result};
use crate::model::WriteOptions;
use crate::runtime;
use crate::store::Store;

use super::Specimen;

/// A behaviour under test.
pub type Behaviour =
    for<'a> fn(&'a Specimen) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Judges one behaviour. `None` as the specimen means that there is no store
/// to judge; whoever makes the specimens says why.
///
/// # Panics
/// When the promise is broken.
pub fn check(
    name: &str,
    needs: &[Capability],
    specimen: impl Into<Option<Specimen>>,
    behaviour: Behaviour,
) {
    let Some(specimen) = specimen.into() else {
        return;
    };
    if !needs
        .iter()
        .all(|capability| specimen.store.supports(*capability))
    {
        return;
    }
    let verdict = runtime::block_on(specimen.store.driver(), behaviour(&specimen))
        .and_then(|verdict| verdict);
    assert!(
        verdict.is_ok(),
        "{name}: {}",
        verdict.err().map(|err| err.to_string()).unwrap_or_default()
    );
}

/// Makes a test of each behaviour. The argument is a function that returns a
/// [`Specimen`](crate::testkit::Specimen) with a fresh store each time it is
/// called, or an `Option` of one.
#[macro_export]
macro_rules! conformance_tests {
    ($make:path) => {
        $crate::conformance_tests! { @group $make;
            reading {
                a_missing_object_is_not_found [],
                what_was_written_is_read_back [],
                an_empty_object_is_an_object [],
                ranges_are_those_asked_for [],
                a_range_beyond_the_end_reads_as_empty [],
                several_ranges_come_in_the_order_asked [],
                a_reader_yields_the_object_in_pieces [],
                many_reads_come_in_the_order_asked [],
                the_first_failing_path_ends_many_reads [],
                missing_objects_are_none_when_asked_so [],
            }
            writing {
                create_refuses_a_taken_name [],
                overwrite_replaces_and_creates [],
                head_tells_size_and_time [Metadata],
                user_metadata_is_kept [UserMetadata],
                user_metadata_that_cannot_be_kept_is_refused [],
                a_large_object_is_written_whole [],
                a_writer_shows_nothing_before_it_is_finished [],
                a_dropped_writer_leaves_the_old_object [],
                an_aborted_writer_leaves_nothing [],
                a_writer_takes_large_objects_in_pieces [],
                a_writer_in_create_mode_refuses_a_taken_name [],
                nothing_is_written_below_an_object [],
                nothing_is_written_onto_a_folder [],
            }
            conditional {
                an_update_replaces_what_was_seen_and_nothing_else [],
                an_update_of_a_missing_object_is_a_conflict [],
                a_writer_replaces_on_condition [],
                racing_updates_have_one_winner [],
                updates_lose_no_step_of_a_counter [],
                racing_creates_have_one_winner [AtomicWrite],
                racing_creates_of_large_objects_have_one_winner [AtomicWrite],
                racing_writers_of_one_name_have_one_winner [AtomicWrite],
            }
            deleting {
                a_deleted_object_is_gone [Delete],
                deleting_a_missing_object_is_not_found [Delete],
                many_are_deleted_with_one_result_each [Delete],
                more_are_deleted_than_one_request_takes [Delete],
            }
            folders {
                a_folder_is_seen_through_its_objects [List],
                a_folder_with_content_needs_recursive [Delete],
                a_missing_folder_is_not_found [Delete],
                an_object_is_no_folder_to_delete [Delete],
                a_neighbour_with_the_same_beginning_stays [Delete],
                the_root_cannot_be_deleted [Delete],
                folder_info_sums_what_lies_below [List],
            }
            listing {
                a_missing_folder_lists_nothing [List],
                listings_are_sorted_by_key [List],
                one_level_has_objects_and_folders [List],
                depth_bounds_a_listing [List],
                pages_cover_everything_once [List],
                more_objects_are_listed_than_one_answer_holds [List],
            }
            transferring {
                a_copy_leaves_the_source [Copy],
                a_copy_respects_a_taken_destination [Copy],
                a_copy_without_a_source_is_not_found [Copy],
                a_move_takes_the_source_away [Move],
                a_move_respects_a_taken_destination [Move],
                a_move_without_a_source_is_not_found [Move],
                onto_itself_nothing_happens [Copy, Move],
            }
            naming {
                names_of_every_kind_are_kept [],
                names_outside_the_root_are_refused [],
                a_child_store_sees_its_folder_only [],
                native_paths_lead_back [],
                results_are_relative_to_the_root [],
                a_closed_store_says_so [],
            }
        }
    };
    (@group $make:path; $($group:ident { $($name:ident [$($needs:ident),*],)* })*) => {
        $($(
            #[test]
            fn $name() {
                $crate::testkit::conformance::check(
                    stringify!($name),
                    &[$($crate::Capability::$needs),*],
                    $make(),
                    |specimen| Box::pin($crate::testkit::conformance::$group::$name(specimen)),
                );
            }
        )*)*
    };
}

/// Writes an object of its own name, for checks that need something to be there.
async fn put(store: &Store, path: &str) -> Result<()> {
    store
        .write(path, path.to_owned().into(), &WriteOptions::overwrite())
        .await
        .map(drop)
}

/// The error, or a panic that says what should have failed.
fn refused<T>(result: Result<T>, what: &str) -> Error {
    match result {
        Ok(_) => broken(what),
        Err(err) => err,
    }
}

#[allow(
    clippy::panic,
    reason = "a check panics to say that a promise is broken"
)]
fn broken(what: &str) -> ! {
    panic!("{what} should have been refused")
}

/// Bytes that differ from place to place, so that swapped parts show.
fn pattern(length: usize) -> bytes::Bytes {
    let words = (0_u64..).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    words.flatten().take(length).collect()
}
