//! Panics of the Parquet library become errors: damaged files and some odd
//! types make it panic, and a service or interpreter must survive that.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::FORMAT;
use crate::SerializeError;

/// Runs `work`; a panic inside becomes [`SerializeError::Panicked`].
///
/// Unwind safety holds because callers drop whatever `work` touched when it fails.
pub(crate) fn caught<T>(
    during: &'static str,
    work: impl FnOnce() -> Result<T, SerializeError>,
) -> Result<T, SerializeError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(panicked(during, payload.as_ref())))
}

fn panicked(during: &'static str, payload: &(dyn Any + Send)) -> SerializeError {
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    SerializeError::Panicked {
        format: FORMAT,
        during,
        message,
    }
}
