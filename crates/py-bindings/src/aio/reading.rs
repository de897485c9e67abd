//! The chunks of an object that is read by an event loop.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use remote_store_core::{Error, ObjectReader};

use super::stream::Item;

/// The bytes of an object in chunks of one length, the last one shorter: what arrives from a socket is
/// too small to be worth waking a loop for.
pub(super) fn chunks(
    reader: ObjectReader,
    chunk_bytes: usize,
) -> BoxStream<'static, Result<Item, Error>> {
    let chunk_bytes = chunk_bytes.max(1);
    let begin = (reader, BytesMut::new(), false);
    stream::try_unfold(begin, move |(mut reader, mut held, mut ended)| async move {
        while !ended && held.len() < chunk_bytes {
            match reader.next_chunk().await? {
                Some(arrived) => held.extend_from_slice(&arrived),
                None => ended = true,
            }
        }
        let chunk: Bytes = held.split_to(chunk_bytes.min(held.len())).freeze();
        if chunk.is_empty() {
            return Ok(None);
        }
        Ok(Some((Item::Bytes(chunk), (reader, held, ended))))
    })
    .boxed()
}
