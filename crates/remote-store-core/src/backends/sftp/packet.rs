//! The packets of SFTP version 3, as bytes.
//!
//! Names of files and handles are bytes and stay bytes: servers hand out
//! handles that are no text, and folders hold names that are none.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The version that every server speaks.
const VERSION: u32 = 3;
/// Larger packets are no SFTP: OpenSSH stops at 256 KiB.
const MAX_PACKET_BYTES: usize = 1 << 20;

/// The kinds of requests.
pub(super) mod request {
    pub(in super::super) const OPEN: u8 = 3;
    pub(in super::super) const CLOSE: u8 = 4;
    pub(in super::super) const READ: u8 = 5;
    pub(in super::super) const WRITE: u8 = 6;
    pub(in super::super) const LSTAT: u8 = 7;
    pub(in super::super) const FSTAT: u8 = 8;
    pub(in super::super) const FSETSTAT: u8 = 10;
    pub(in super::super) const OPENDIR: u8 = 11;
    pub(in super::super) const READDIR: u8 = 12;
    pub(in super::super) const REMOVE: u8 = 13;
    pub(in super::super) const MKDIR: u8 = 14;
    pub(in super::super) const RMDIR: u8 = 15;
    pub(in super::super) const REALPATH: u8 = 16;
    pub(in super::super) const STAT: u8 = 17;
    pub(in super::super) const RENAME: u8 = 18;
    pub(in super::super) const EXTENDED: u8 = 200;
}

/// How a file is opened.
pub(super) mod open {
    pub(in super::super) const READ: u32 = 0x01;
    pub(in super::super) const WRITE: u32 = 0x02;
    pub(in super::super) const CREATE: u32 = 0x08;
    pub(in super::super) const EXCLUSIVE: u32 = 0x20;
}

/// The codes of a status.
pub(super) mod status {
    pub(in super::super) const OK: u32 = 0;
    pub(in super::super) const EOF: u32 = 1;
    pub(in super::super) const NO_SUCH_FILE: u32 = 2;
    pub(in super::super) const PERMISSION_DENIED: u32 = 3;
    pub(in super::super) const FAILURE: u32 = 4;
    pub(in super::super) const BAD_MESSAGE: u32 = 5;
    pub(in super::super) const UNSUPPORTED: u32 = 8;
}

const HAS_SIZE: u32 = 0x01;
const HAS_OWNER: u32 = 0x02;
const HAS_PERMISSIONS: u32 = 0x04;
const HAS_TIMES: u32 = 0x08;
const HAS_EXTENDED: u32 = 0x8000_0000;

/// What a server knows about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Attributes {
    pub(super) size: Option<u64>,
    pub(super) permissions: Option<u32>,
    pub(super) modified: Option<u32>,
}

impl Attributes {
    fn kind(&self) -> u32 {
        self.permissions.unwrap_or(0) & 0o170_000
    }

    pub(super) fn is_folder(&self) -> bool {
        self.kind() == 0o040_000
    }

    pub(super) fn is_link(&self) -> bool {
        self.kind() == 0o120_000
    }

    /// A server that does not say what it is means a file.
    pub(super) fn is_file(&self) -> bool {
        matches!(self.kind(), 0 | 0o100_000)
    }

    fn decode(from: &mut Bytes) -> Option<Self> {
        let flags = from.try_get_u32().ok()?;
        let mut attributes = Self::default();
        if flags & HAS_SIZE != 0 {
            attributes.size = Some(from.try_get_u64().ok()?);
        }
        if flags & HAS_OWNER != 0 {
            from.try_get_u64().ok()?;
        }
        if flags & HAS_PERMISSIONS != 0 {
            attributes.permissions = Some(from.try_get_u32().ok()?);
        }
        if flags & HAS_TIMES != 0 {
            from.try_get_u32().ok()?;
            attributes.modified = Some(from.try_get_u32().ok()?);
        }
        if flags & HAS_EXTENDED != 0 {
            for _ in 0..from.try_get_u32().ok()? {
                text(from)?;
                text(from)?;
            }
        }
        Some(attributes)
    }

    /// The form in which a mode is set; nothing else is ever set.
    pub(super) fn encode_mode(mode: Option<u32>, out: &mut BytesMut) {
        match mode {
            Some(mode) => {
                out.put_u32(HAS_PERMISSIONS);
                out.put_u32(mode);
            }
            None => out.put_u32(0),
        }
    }
}

/// One name in a folder.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Bytes,
    pub(super) attributes: Attributes,
}

/// What a server answers.
#[derive(Debug)]
pub(super) enum Reply {
    Status { code: u32, message: String },
    Handle(Bytes),
    Data(Bytes),
    Names(Vec<Entry>),
    Attributes(Attributes),
    Extended(Bytes),
}

/// A whole packet that arrived.
#[derive(Debug)]
pub(super) enum Incoming {
    /// The first one: which extensions the server has.
    Version(Vec<Bytes>),
    /// The answer to the request of this number.
    Answer(u32, Reply),
}

fn text(from: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(from.try_get_u32().ok()?).ok()?;
    (length <= from.len()).then(|| from.split_to(length))
}

/// Takes the next whole packet off the buffer; `Ok(None)` until it is there.
pub(super) fn next(buffer: &mut BytesMut) -> Result<Option<Incoming>, &'static str> {
    let Some(head) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
    if length > MAX_PACKET_BYTES {
        return Err("a packet that is too large; a login script that prints something does this");
    }
    if buffer.len() < length + 4 {
        buffer.reserve(length + 4 - buffer.len());
        return Ok(None);
    }
    buffer.advance(4);
    let packet = buffer.split_to(length).freeze();
    decode(packet).map(Some).ok_or("a packet that is no SFTP")
}

fn decode(mut packet: Bytes) -> Option<Incoming> {
    let kind = packet.try_get_u8().ok()?;
    let number = packet.try_get_u32().ok()?;
    let reply = match kind {
        2 => {
            let mut extensions = Vec::new();
            while !packet.is_empty() {
                extensions.push(text(&mut packet)?);
                text(&mut packet)?;
            }
            return Some(Incoming::Version(extensions));
        }
        101 => Reply::Status {
            code: packet.try_get_u32().ok()?,
            // Version 3 without a message is seen in the wild.
            message: text(&mut packet)
                .map(|message| String::from_utf8_lossy(&message).into_owned())
                .unwrap_or_default(),
        },
        102 => Reply::Handle(text(&mut packet)?),
        103 => Reply::Data(text(&mut packet)?),
        104 => {
            let mut names = Vec::new();
            for _ in 0..packet.try_get_u32().ok()? {
                let name = text(&mut packet)?;
                text(&mut packet)?;
                let attributes = Attributes::decode(&mut packet)?;
                names.push(Entry { name, attributes });
            }
            Reply::Names(names)
        }
        105 => Reply::Attributes(Attributes::decode(&mut packet)?),
        201 => Reply::Extended(packet),
        _ => return None,
    };
    Some(Incoming::Answer(number, reply))
}

/// The first packet of a session.
pub(super) fn hello() -> Bytes {
    let mut packet = BytesMut::with_capacity(9);
    packet.put_u32(5);
    packet.put_u8(1);
    packet.put_u32(VERSION);
    packet.freeze()
}

/// A request under construction; its length is filled in at the end.
#[derive(Debug)]
pub(super) struct Request(BytesMut);

impl Request {
    pub(super) fn new(kind: u8) -> Self {
        let mut packet = BytesMut::with_capacity(64);
        packet.put_u32(0);
        packet.put_u8(kind);
        packet.put_u32(0);
        Self(packet)
    }

    /// One of a server's own requests.
    pub(super) fn extended(name: &str) -> Self {
        Self::new(request::EXTENDED).text(name.as_bytes())
    }

    pub(super) fn text(mut self, text: &[u8]) -> Self {
        self.0
            .put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.put_slice(text);
        self
    }

    pub(super) fn number(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    pub(super) fn long(mut self, value: u64) -> Self {
        self.0.put_u64(value);
        self
    }

    pub(super) fn mode(mut self, mode: Option<u32>) -> Self {
        Attributes::encode_mode(mode, &mut self.0);
        self
    }

    /// The packet, under its number.
    pub(super) fn finish(mut self, number: u32) -> Bytes {
        let length = u32::try_from(self.0.len().saturating_sub(4)).unwrap_or(u32::MAX);
        for (place, value) in [(0, length), (5, number)] {
            if let Some(slot) = self.0.get_mut(place..place + 4) {
                slot.copy_from_slice(&value.to_be_bytes());
            }
        }
        self.0.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(body: &[u8]) -> BytesMut {
        let mut packet = BytesMut::new();
        packet.put_u32(u32::try_from(body.len()).unwrap());
        packet.put_slice(body);
        packet
    }

    #[test]
    fn a_packet_is_taken_only_when_it_is_whole() {
        let whole = framed(&[101, 0, 0, 0, 7, 0, 0, 0, 4]);
        for cut in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..cut]);
            assert!(next(&mut part).unwrap().is_none(), "{cut}");
        }
        let mut buffer = whole.clone();
        buffer.put_u8(9);
        assert!(matches!(
            next(&mut buffer).unwrap(),
            Some(Incoming::Answer(7, Reply::Status { code: 4, .. }))
        ));
        assert_eq!(buffer.len(), 1, "what follows stays");
    }

    #[test]
    fn handles_and_names_that_are_no_text_stay_as_they_are() {
        let mut buffer = framed(&[102, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0x80]);
        let Some(Incoming::Answer(1, Reply::Handle(handle))) = next(&mut buffer).unwrap() else {
            panic!("a handle");
        };
        assert_eq!(&*handle, [0xff, 0x80]);
    }

    #[test]
    fn what_a_login_script_prints_is_no_packet() {
        let mut buffer = BytesMut::from(&b"Welcome to the machine"[..]);
        assert!(next(&mut buffer).is_err());
    }

    #[test]
    fn the_length_and_the_number_of_a_request_are_filled_in() {
        let packet = Request::new(request::STAT).text(b"/a").finish(258);
        assert_eq!(
            &*packet,
            [0, 0, 0, 11, 17, 0, 0, 1, 2, 0, 0, 0, 2, b'/', b'a']
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_bytes_of_a_server_make_the_decoder_panic(body in proptest::collection::vec(any::<u8>(), 0..64), kind in 100_u8..107) {
            let mut packet = vec![kind];
            packet.extend(&body);
            drop(next(&mut framed(&packet)));
        }
    }
}
