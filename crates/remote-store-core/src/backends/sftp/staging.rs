//! Files on their way: written beside their target under a reserved name.
//!
//! A staged file is removed when its writer gives up. One that a lost
//! connection left behind is hidden from listings and removed, a day later, by
//! the next write into its folder.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::backends::staged::{
    Aside, NAME_ATTEMPTS, STALE, SWEEP_ENTRIES, aside, fresh_name, is_reserved,
};

use super::connect::Connection;
use super::failure;
use super::packet::{Request, request, status};
use super::read::window;
use super::requests::Handle;
use super::resolve::child;
use super::session::{Session, Trouble};

/// An object that was moved aside for longer has lost its writer.
const ASIDE_PAUSE: Duration = Duration::from_mins(10);

/// A staged file; removed when dropped before it was put in place.
#[derive(Debug)]
pub(super) struct Staged {
    file: Option<Arc<Handle>>,
    session: Arc<Session>,
    pub(super) path: String,
    placed: bool,
    pub(super) written: u64,
}

impl Staged {
    /// A new staged file in `folder`, which exists.
    pub(super) async fn create(connection: &Connection, folder: &str) -> Result<Self, Trouble> {
        let session = &connection.session;
        let mut last = None;
        for _ in 0..NAME_ATTEMPTS {
            let path = child(folder, &fresh_name());
            match session.create(&path).await {
                Ok(file) => {
                    return Ok(Self {
                        file: Some(Arc::new(file)),
                        session: Arc::clone(session),
                        path,
                        placed: false,
                        written: 0,
                    });
                }
                // A taken name is one of the reasons for a failure without a reason.
                Err(trouble) if trouble.code() == Some(status::FAILURE) => last = Some(trouble),
                Err(trouble) => return Err(trouble),
            }
        }
        Err(last.unwrap_or(Trouble::Lost("no free name was found".to_owned())))
    }

    pub(super) fn file(&self) -> Result<&Arc<Handle>, Trouble> {
        self.file
            .as_ref()
            .ok_or_else(|| Trouble::Lost("the file is closed".to_owned()))
    }

    /// Writes bytes that are in memory, many requests ahead.
    pub(super) async fn write(
        &mut self,
        connection: &Connection,
        bytes: &Bytes,
    ) -> Result<(), Trouble> {
        let piece = connection.limits.write_bytes;
        let start = self.written;
        let file = Arc::clone(self.file()?);
        let whole = bytes.clone();
        let writes = (0..whole.len()).step_by(piece).map(move |from| {
            let chunk = whole.slice(from..whole.len().min(from + piece));
            let file = Arc::clone(&file);
            async move { file.write(start + from as u64, &chunk).await }
        });
        stream::iter(writes)
            .buffer_unordered(window(piece))
            .try_collect::<()>()
            .await?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Closes the file and says whether that went well.
    pub(super) async fn close(&mut self) -> Result<(), Trouble> {
        match self.file.take().and_then(Arc::into_inner) {
            Some(file) => file.close().await,
            None => Ok(()),
        }
    }

    /// The name is no longer ours: it was renamed away.
    pub(super) fn placed(&mut self) {
        self.placed = true;
    }

    /// Removes it and waits until it is gone.
    pub(super) async fn discard(mut self) -> Result<(), Trouble> {
        self.close().await?;
        self.session.remove(&self.path).await?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        drop(self.file.take());
        if !self.placed {
            // Nobody is left to tell; a leftover is hidden and swept later.
            self.session
                .tell(Request::new(request::REMOVE).text(self.path.as_bytes()));
        }
    }
}

/// Removes what lost connections left in a folder; whatever fails is left for the next time.
pub(super) async fn remove_stale(session: &Arc<Session>, folder: &str) {
    let Ok(entries) = session.entries(folder).await else {
        return;
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    for entry in entries.into_iter().take(SWEEP_ENTRIES) {
        let Ok(name) = std::str::from_utf8(&entry.name) else {
            continue;
        };
        if let Some(found) = aside(name) {
            if found.since + ASIDE_PAUSE < now {
                put_back(session, folder, name, &found).await;
            }
            continue;
        }
        let modified = entry.attributes.modified.map(u64::from);
        let stale = modified.is_some_and(|at| at + STALE.as_secs() < now.as_secs());
        if is_reserved(name) && stale {
            drop(session.remove(&child(folder, name)).await);
        }
    }
}

/// Gives an object that was moved aside its name again, or removes it when its
/// successor is there. One whose name was too long to be kept stays.
async fn put_back(session: &Session, folder: &str, name: &str, aside: &Aside<'_>) {
    let Some(target) = aside.target else {
        return;
    };
    let (from, to) = (child(folder, name), child(folder, target));
    match session.lstat(&to).await {
        Ok(found) if found.is_folder() => {}
        Ok(_) => drop(session.remove(&from).await),
        // This rename refuses a name that was taken meanwhile.
        Err(trouble) if failure::missing(&trouble) => drop(session.rename(&from, &to).await),
        Err(_) => {}
    }
}
