//! The clauses of the specification that concern compute logs, and what it is silent about.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "each test owns the place it works in, so that its folders end with it"
)]

mod completion;
mod deleting;
mod finishing;
mod listing;
mod reading;
mod recovering;
mod streaming;
mod support;
mod uploading;
