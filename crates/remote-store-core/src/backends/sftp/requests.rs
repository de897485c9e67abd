//! Single requests of SFTP with their answers, and files that close themselves.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "every answer but the one that was asked for is a refusal"
)]

use std::sync::Arc;

use bytes::Bytes;

use super::packet::{Attributes, Entry, Reply, Request, open, request, status};
use super::session::{Session, Trouble};

/// An answer that does not fit its question.
fn unexpected() -> Trouble {
    Trouble::Status {
        code: status::BAD_MESSAGE,
        message: "an answer of the wrong kind".to_owned(),
    }
}

fn done(reply: Reply) -> Result<(), Trouble> {
    match reply {
        Reply::Status {
            code: status::OK, ..
        } => Ok(()),
        other => Err(refusal(other)),
    }
}

fn refusal(reply: Reply) -> Trouble {
    match reply {
        Reply::Status { code, message } if code != status::OK => Trouble::Status { code, message },
        _ => unexpected(),
    }
}

/// What a server says about one write, read or answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) read_bytes: usize,
    pub(super) write_bytes: usize,
}

/// What every server takes in one packet.
const SAFE_BYTES: usize = 32 << 10;
/// More in one packet gains nothing and makes waiting for others longer.
const MOST_BYTES: usize = 128 << 10;

impl Session {
    /// How much may be read and written at once.
    pub(super) async fn limits(&self) -> Limits {
        let mut limits = Limits {
            read_bytes: SAFE_BYTES,
            write_bytes: SAFE_BYTES,
        };
        if self.offers("limits@openssh.com")
            && let Ok(Reply::Extended(body)) =
                self.ask(Request::extended("limits@openssh.com")).await
            && let [_packet, read, write] = longs(&body)
        {
            let bounded = |limit: u64| {
                usize::try_from(limit)
                    .unwrap_or(MOST_BYTES)
                    .clamp(SAFE_BYTES, MOST_BYTES)
            };
            // Zero means that the server does not say.
            if read > 0 && write > 0 {
                limits.read_bytes = bounded(read);
                limits.write_bytes = bounded(write);
            }
        }
        limits
    }

    pub(super) async fn stat(&self, path: &str) -> Result<Attributes, Trouble> {
        self.attributes(Request::new(request::STAT).text(path.as_bytes()))
            .await
    }

    pub(super) async fn lstat(&self, path: &str) -> Result<Attributes, Trouble> {
        self.attributes(Request::new(request::LSTAT).text(path.as_bytes()))
            .await
    }

    async fn attributes(&self, request: Request) -> Result<Attributes, Trouble> {
        match self.ask(request).await? {
            Reply::Attributes(attributes) => Ok(attributes),
            other => Err(refusal(other)),
        }
    }

    /// The path with every link followed.
    pub(super) async fn realpath(&self, path: &str) -> Result<String, Trouble> {
        let request = Request::new(request::REALPATH).text(path.as_bytes());
        match self.ask(request).await? {
            Reply::Names(names) => names
                .into_iter()
                .next()
                .and_then(|entry| String::from_utf8(entry.name.to_vec()).ok())
                .ok_or_else(unexpected),
            other => Err(refusal(other)),
        }
    }

    pub(super) async fn remove(&self, path: &str) -> Result<(), Trouble> {
        done(
            self.ask(Request::new(request::REMOVE).text(path.as_bytes()))
                .await?,
        )
    }

    pub(super) async fn make_folder(&self, path: &str) -> Result<(), Trouble> {
        let request = Request::new(request::MKDIR)
            .text(path.as_bytes())
            .mode(None);
        done(self.ask(request).await?)
    }

    pub(super) async fn remove_folder(&self, path: &str) -> Result<(), Trouble> {
        done(
            self.ask(Request::new(request::RMDIR).text(path.as_bytes()))
                .await?,
        )
    }

    /// The rename of the protocol, which refuses a taken name.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Trouble> {
        let request = Request::new(request::RENAME)
            .text(from.as_bytes())
            .text(to.as_bytes());
        done(self.ask(request).await?)
    }

    /// The rename that replaces, in one step.
    pub(super) async fn replace(&self, from: &str, to: &str) -> Result<(), Trouble> {
        let request = Request::extended("posix-rename@openssh.com")
            .text(from.as_bytes())
            .text(to.as_bytes());
        done(self.ask(request).await?)
    }

    /// A second name, unless it is taken.
    pub(super) async fn link(&self, from: &str, to: &str) -> Result<(), Trouble> {
        let request = Request::extended("hardlink@openssh.com")
            .text(from.as_bytes())
            .text(to.as_bytes());
        done(self.ask(request).await?)
    }

    /// How many bytes an ordinary user may still write; `None` when the server does not say.
    pub(super) async fn free_bytes(&self, folder: &str) -> Option<u64> {
        if !self.offers("statvfs@openssh.com") {
            return None;
        }
        let request = Request::extended("statvfs@openssh.com").text(folder.as_bytes());
        let Ok(Reply::Extended(body)) = self.ask(request).await else {
            return None;
        };
        let [_block, fragment, _blocks, _free, available] = longs(&body);
        Some(fragment.saturating_mul(available))
    }

    pub(super) async fn open(
        self: &Arc<Self>,
        path: &str,
        flags: u32,
        mode: Option<u32>,
    ) -> Result<Handle, Trouble> {
        let request = Request::new(request::OPEN)
            .text(path.as_bytes())
            .number(flags)
            .mode(mode);
        self.handle(request).await
    }

    /// A new file, which fails when there is one of that name.
    pub(super) async fn create(self: &Arc<Self>, path: &str) -> Result<Handle, Trouble> {
        self.open(path, open::WRITE | open::CREATE | open::EXCLUSIVE, None)
            .await
    }

    async fn handle(self: &Arc<Self>, request: Request) -> Result<Handle, Trouble> {
        match self.ask(request).await? {
            Reply::Handle(handle) => Ok(Handle {
                session: Arc::clone(self),
                name: handle,
                open: true,
            }),
            other => Err(refusal(other)),
        }
    }

    /// Everything in a folder but itself and the one above.
    pub(super) async fn entries(self: &Arc<Self>, path: &str) -> Result<Vec<Entry>, Trouble> {
        let opened = Request::new(request::OPENDIR).text(path.as_bytes());
        let folder = self.handle(opened).await?;
        let mut found = Vec::new();
        // One after the other: a server may answer requests for one folder in any order.
        while let Some(names) = folder.names().await? {
            let real = |entry: &Entry| entry.name != "." && entry.name != "..";
            found.extend(names.into_iter().filter(real));
        }
        Ok(found)
    }
}

/// An open file or folder; closed when dropped.
#[derive(Debug)]
pub(super) struct Handle {
    session: Arc<Session>,
    name: Bytes,
    open: bool,
}

impl Handle {
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(super) async fn attributes(&self) -> Result<Attributes, Trouble> {
        self.session
            .attributes(Request::new(request::FSTAT).text(&self.name))
            .await
    }

    pub(super) async fn set_mode(&self, mode: u32) -> Result<(), Trouble> {
        let request = Request::new(request::FSETSTAT)
            .text(&self.name)
            .mode(Some(mode & 0o7777));
        done(self.session.ask(request).await?)
    }

    /// At most `length` bytes from a place; empty at the end.
    pub(super) async fn read(&self, offset: u64, length: usize) -> Result<Bytes, Trouble> {
        let request = Request::new(request::READ)
            .text(&self.name)
            .long(offset)
            .number(u32::try_from(length).unwrap_or(u32::MAX));
        match self.session.ask(request).await? {
            Reply::Data(data) if data.len() <= length => Ok(data),
            Reply::Status {
                code: status::EOF, ..
            } => Ok(Bytes::new()),
            other => Err(refusal(other)),
        }
    }

    pub(super) async fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Trouble> {
        let request = Request::new(request::WRITE)
            .text(&self.name)
            .long(offset)
            .text(bytes);
        done(self.session.ask(request).await?)
    }

    /// Waits until what was written is on the disk, where the server can.
    pub(super) async fn sync(&self) -> Result<(), Trouble> {
        if !self.session.offers("fsync@openssh.com") {
            return Ok(());
        }
        let request = Request::extended("fsync@openssh.com").text(&self.name);
        done(self.session.ask(request).await?)
    }

    /// Copies bytes of another open file on the server.
    pub(super) async fn copy_from(
        &self,
        source: &Self,
        offset: u64,
        length: u64,
    ) -> Result<(), Trouble> {
        let request = Request::extended("copy-data")
            .text(&source.name)
            .long(offset)
            .long(length)
            .text(&self.name)
            .long(offset);
        done(self.session.ask(request).await?)
    }

    /// Closes it and says whether that went well.
    pub(super) async fn close(mut self) -> Result<(), Trouble> {
        self.open = false;
        done(
            self.session
                .ask(Request::new(request::CLOSE).text(&self.name))
                .await?,
        )
    }

    async fn names(&self) -> Result<Option<Vec<Entry>>, Trouble> {
        let request = Request::new(request::READDIR).text(&self.name);
        match self.session.ask(request).await? {
            Reply::Names(names) => Ok(Some(names)),
            Reply::Status {
                code: status::EOF, ..
            } => Ok(None),
            other => Err(refusal(other)),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.open {
            self.session
                .tell(Request::new(request::CLOSE).text(&self.name));
        }
    }
}

/// The first numbers of an answer; zero where it is shorter.
fn longs<const N: usize>(body: &[u8]) -> [u64; N] {
    let mut numbers = body
        .chunks_exact(8)
        .map(|chunk| chunk.try_into().map_or(0, u64::from_be_bytes));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}
