//! One SFTP session: many requests under way at once, each answered in its time.

use std::collections::HashMap;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use russh::ChannelMsg;
use russh::client::Msg;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::packet::{self, Incoming, Reply, Request, request};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The server refused it.
    Status { code: u32, message: String },
    /// The connection ended; why.
    Lost(String),
    /// No answer came in time.
    TimedOut(Duration),
}

impl Trouble {
    pub(super) const fn code(&self) -> Option<u32> {
        match self {
            Self::Status { code, .. } => Some(*code),
            Self::Lost(_) | Self::TimedOut(_) => None,
        }
    }
}

/// How much of what a server prints is kept.
const SAID_BYTES: usize = 200;

type Waiting = Mutex<HashMap<u32, oneshot::Sender<Reply>>>;

/// What is shared with the tasks that move the packets.
#[derive(Debug)]
struct Shared {
    waiting: Waiting,
    lost: AtomicBool,
    reason: Mutex<Option<String>>,
}

impl Shared {
    /// Ends every wait; the first reason is kept.
    fn lose(&self, why: &str) {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        reason.get_or_insert_with(|| why.to_owned());
        drop(reason);
        self.lost.store(true, Ordering::Release);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.clear();
    }

    fn answer(&self, number: u32, reply: Reply) -> Option<Reply> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.remove(&number) {
            Some(waiter) => waiter.send(reply).err(),
            None => Some(reply),
        }
    }
}

/// A session over a channel. Dropping it ends the connection.
pub(super) struct Session {
    shared: Arc<Shared>,
    numbers: AtomicU32,
    outgoing: mpsc::UnboundedSender<Bytes>,
    extensions: Vec<Bytes>,
    io_timeout: Option<Duration>,
    tasks: [JoinHandle<()>; 2],
    pid: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Begins a session; `keep` is what keeps the connection open.
    pub(super) async fn begin(
        channel: russh::Channel<Msg>,
        keep: impl Send + 'static,
        io_timeout: Option<Duration>,
    ) -> Result<Self, Trouble> {
        let (mut incoming, writer) = channel.split();
        let (outgoing, mut queue) = mpsc::unbounded_channel::<Bytes>();
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            lost: AtomicBool::new(false),
            reason: Mutex::default(),
        });
        let (hello, welcome) = oneshot::channel();
        let sender = {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                while let Some(packet) = queue.recv().await {
                    if writer.data_bytes(packet).await.is_err() {
                        shared.lose("the connection was closed");
                        return;
                    }
                }
            })
        };
        let receiver = {
            let (shared, orphans) = (Arc::clone(&shared), outgoing.downgrade());
            tokio::spawn(async move {
                let why = receive(&mut incoming, &shared, hello, &orphans).await;
                shared.lose(&why);
                drop(keep);
            })
        };
        let mut session = Self {
            shared,
            numbers: AtomicU32::new(1),
            outgoing,
            extensions: Vec::new(),
            io_timeout,
            tasks: [sender, receiver],
            pid: process::id(),
        };
        drop(session.outgoing.send(packet::hello()));
        session.extensions = session.within(welcome).await?;
        Ok(session)
    }

    /// True once the connection is known to be gone.
    pub(super) fn is_lost(&self) -> bool {
        self.shared.lost.load(Ordering::Acquire)
    }

    /// Gives the connection up; every wait ends.
    pub(super) fn abandon(&self, why: &str) {
        self.shared.lose(why);
        for task in &self.tasks {
            task.abort();
        }
    }

    /// True when the server says that it has the extension.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.extensions.iter().any(|name| name == extension)
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, Trouble> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        let slot = Slot(&self.shared, number);
        self.shared
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, sender);
        // After the insertion: whoever loses the connection then clears the slot.
        if self.is_lost() || self.outgoing.send(request.finish(number)).is_err() {
            return Err(self.gone());
        }
        let reply = self.within(answer).await;
        drop(slot);
        reply
    }

    /// Sends a request whose answer nobody waits for.
    pub(super) fn tell(&self, request: Request) {
        // In a forked child the tasks that would send it do not exist.
        if self.pid == process::id() && !self.is_lost() {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            drop(self.outgoing.send(request.finish(number)));
        }
    }

    fn gone(&self) -> Trouble {
        let reason = self
            .shared
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Trouble::Lost(
            reason
                .clone()
                .unwrap_or_else(|| "the connection was closed".to_owned()),
        )
    }

    async fn within<T>(&self, answer: oneshot::Receiver<T>) -> Result<T, Trouble> {
        let Some(limit) = self.io_timeout else {
            return answer.await.map_err(|_dropped| self.gone());
        };
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|_dropped| self.gone()),
            Err(_elapsed) => {
                // Nothing that is asked later would be answered sooner.
                self.abandon("the server did not answer in time");
                Err(Trouble::TimedOut(limit))
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.pid == process::id() {
            self.abandon("the session was closed");
        }
    }
}

/// A number that is waited for; given up when the wait is.
struct Slot<'a>(&'a Shared, u32);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut waiting = self
            .0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&self.1);
    }
}

/// Hands out answers until the connection ends, and says why it did.
async fn receive(
    incoming: &mut russh::ChannelReadHalf,
    shared: &Shared,
    hello: oneshot::Sender<Vec<Bytes>>,
    orphans: &mpsc::WeakUnboundedSender<Bytes>,
) -> String {
    let mut hello = Some(hello);
    let mut buffer = BytesMut::new();
    let mut said = String::new();
    while let Some(message) = incoming.wait().await {
        if let ChannelMsg::Data { data } = &message {
            buffer.extend_from_slice(data);
        } else if let ChannelMsg::ExtendedData { data, .. } = &message {
            // What a server without the subsystem prints before it hangs up.
            if said.len() < SAID_BYTES {
                said.push_str(&String::from_utf8_lossy(data));
            }
        } else if matches!(message, ChannelMsg::Failure) {
            return "the server has no SFTP subsystem".to_owned();
        }
        loop {
            match packet::next(&mut buffer) {
                Ok(None) => break,
                Ok(Some(Incoming::Version(extensions))) => {
                    if let Some(hello) = hello.take() {
                        drop(hello.send(extensions));
                    }
                }
                Ok(Some(Incoming::Answer(number, reply))) => {
                    // A file that was opened for somebody who left is closed again.
                    if let Some(Reply::Handle(handle)) = shared.answer(number, reply)
                        && let Some(outgoing) = orphans.upgrade()
                    {
                        let close = Request::new(request::CLOSE).text(&handle);
                        drop(outgoing.send(close.finish(u32::MAX)));
                    }
                }
                Err(what) => return format!("the server sent {what}"),
            }
        }
    }
    let said = said.trim();
    if said.is_empty() {
        "the server closed the connection".to_owned()
    } else {
        format!("the server closed the connection: {said}")
    }
}
