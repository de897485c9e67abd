//! Reading with many requests under way: a file arrives as fast as the line
//! carries it, not one round trip per piece.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chrono::DateTime;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};

use crate::error::{Error, Result};
use crate::key::ObjectKey;
use crate::model::{ObjectInfo, ReadRange};
use crate::reader::ObjectReader;

use super::connect::Connection;
use super::packet::{Attributes, open};
use super::requests::Handle;
use super::resolve::Place;
use super::session::Trouble;
use super::{Inner, NAME, failure};

/// How much of a file is under way at once.
const AHEAD_BYTES: usize = 4 << 20;
/// More requests than this gain nothing on any line.
const MOST_AHEAD: usize = 64;

/// How many requests of this size are kept under way.
pub(super) fn window(piece_bytes: usize) -> usize {
    (AHEAD_BYTES / piece_bytes.max(1)).clamp(4, MOST_AHEAD)
}

/// What the server knows about an object.
pub(super) fn info(key: &ObjectKey, found: &Attributes) -> ObjectInfo {
    let modified = found
        .modified
        .and_then(|seconds| DateTime::from_timestamp(i64::from(seconds), 0));
    ObjectInfo {
        modified,
        ..ObjectInfo::new(key.clone(), found.size.unwrap_or(0))
    }
}

impl Inner {
    /// The place of an object that exists.
    pub(super) async fn existing(
        &self,
        connection: &Connection,
        key: &ObjectKey,
    ) -> Result<(Place, Attributes)> {
        let place = self.resolve(connection, key.as_str()).await?;
        match place.attributes {
            None => Err(Error::not_found(key.as_str(), NAME)),
            // Opening a pipe would stop the whole connection.
            Some(found) if !found.is_file() => Err(Error::not_a_file(key.as_str(), NAME)),
            Some(found) => Ok((place, found)),
        }
    }

    pub(super) async fn read(
        &self,
        connection: Arc<Connection>,
        key: &ObjectKey,
        range: &ReadRange,
    ) -> Result<ObjectReader> {
        let (place, seen) = self.existing(&connection, key).await?;
        let failed = |trouble: Trouble| failure::reading(key.as_str(), &trouble);
        let file = connection.session.open(&place.path, open::READ, None).await;
        let file = file.map_err(failed)?;
        // Asked for together with what it is now: small objects need no further round trip.
        let guess = range.resolve(seen.size.unwrap_or(0));
        let most = connection.limits.read_bytes;
        let wanted =
            usize::try_from(guess.end - guess.start).map_or(most, |wanted| wanted.min(most));
        let (found, first) = tokio::join!(file.attributes(), async {
            if wanted == 0 {
                return Ok(Bytes::new());
            }
            file.read(guess.start, wanted).await
        });
        // Of the file that was opened: the name may stand for another one by now.
        let info = info(key, &found.map_err(failed)?);
        let range = range.resolve(info.size);
        let mut first = first.map_err(failed)?;
        if guess.start != range.start {
            first = Bytes::new();
        }
        let length = range.end - range.start;
        first.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        if first.len() as u64 == length {
            return Ok(ObjectReader::from_bytes(info, range, NAME, first));
        }
        let rest = pieces(
            &connection,
            file,
            range.start + first.len() as u64..range.end,
        );
        let path = key.to_string();
        let rest = rest.map_err(move |trouble| failure::reading(&path, &trouble));
        let whole = stream::iter((!first.is_empty()).then_some(Ok(first))).chain(rest);
        Ok(ObjectReader::new(info, range, NAME, whole.boxed()))
    }
}

/// The bytes of a range in order, many requests ahead.
pub(super) fn pieces(
    connection: &Connection,
    file: Handle,
    range: Range<u64>,
) -> BoxStream<'static, Result<Bytes, Trouble>> {
    let most = connection.limits.read_bytes;
    let step = most as u64;
    let file = Arc::new(file);
    let starts = stream::iter((0..).map(move |n: u64| range.start + n * step))
        .take_while(move |start| std::future::ready(*start < range.end));
    starts
        .map(move |start| {
            let (file, length) = (Arc::clone(&file), step.min(range.end - start));
            async move { exactly(&file, start, usize::try_from(length).unwrap_or(most)).await }
        })
        .buffered(window(most))
        .boxed()
}

/// All of a piece: servers may answer with less than was asked for.
async fn exactly(file: &Handle, start: u64, length: usize) -> Result<Bytes, Trouble> {
    let first = file.read(start, length).await?;
    if first.len() == length {
        return Ok(first);
    }
    let mut all = BytesMut::from(&*first);
    while all.len() < length {
        let more = file
            .read(start + all.len() as u64, length - all.len())
            .await?;
        if more.is_empty() {
            // A part must not pass for the whole.
            return Err(Trouble::Status {
                code: super::packet::status::EOF,
                message: "the file became shorter while it was read".to_owned(),
            });
        }
        all.extend_from_slice(&more);
    }
    Ok(all.freeze())
}
