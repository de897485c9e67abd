//! A line of limited speed, on which all bodies of one direction wait for each other.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// What may pass at once after a pause: timers wake up late, by about a millisecond.
const BURST: Duration = Duration::from_millis(5);

/// The line itself; clones are the same line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    bytes_per_second: u64,
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl Line {
    /// A line of that speed; 0 for one that never makes anybody wait.
    pub(crate) fn of(megabytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: megabytes_per_second.saturating_mul(1_000_000),
            free_at: Arc::default(),
        }
    }

    /// Takes the line for that many bytes; they have passed at the instant that comes back.
    fn take(&self, bytes: usize, now: Instant) -> Instant {
        if self.bytes_per_second == 0 {
            return now;
        }
        let micros = (bytes as u64).saturating_mul(1_000_000) / self.bytes_per_second;
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let passed =
            free_at.map_or(earliest, |free| free.max(earliest)) + Duration::from_micros(micros);
        *free_at = Some(passed);
        passed
    }
}

/// A body that flows through a line.
#[derive(Debug)]
pub(crate) struct Paced {
    body: Incoming,
    line: Line,
    passing: Option<(Frame<Bytes>, Pin<Box<Sleep>>)>,
}

impl Paced {
    pub(crate) fn new(body: Incoming, line: &Line) -> Self {
        Self {
            body,
            line: line.clone(),
            passing: None,
        }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        loop {
            if let Some((frame, mut passed)) = self.passing.take() {
                if passed.as_mut().poll(context).is_pending() {
                    self.passing = Some((frame, passed));
                    return Poll::Pending;
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            let frame = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => frame,
                other @ (Poll::Ready(_) | Poll::Pending) => return other,
            };
            let now = Instant::now();
            let passed = self.line.take(frame.data_ref().map_or(0, Bytes::len), now);
            if passed <= now {
                return Poll::Ready(Some(Ok(frame)));
            }
            self.passing = Some((frame, Box::pin(sleep_until(passed))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.passing.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        if let Some(bytes) = self
            .passing
            .as_ref()
            .and_then(|(frame, _)| frame.data_ref())
        {
            let waiting = bytes.len() as u64;
            let (lower, upper) = (hint.lower() + waiting, hint.upper());
            if let Some(upper) = upper {
                hint.set_upper(upper + waiting);
            }
            hint.set_lower(lower);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_one_line_pass_one_after_the_other() {
        let line = Line::of(1);
        let now = Instant::now();
        let first = line.take(100_000, now);
        assert_eq!(first, now + Duration::from_millis(100) - BURST);
        let second = line.clone().take(50_000, now);
        assert_eq!(second, first + Duration::from_millis(50));
        let later = second + Duration::from_secs(1);
        assert_eq!(
            line.take(1_000, later),
            later + Duration::from_millis(1) - BURST
        );
    }

    #[test]
    fn a_line_without_a_limit_makes_nobody_wait() {
        let now = Instant::now();
        assert_eq!(Line::of(0).take(usize::MAX, now), now);
    }
}
