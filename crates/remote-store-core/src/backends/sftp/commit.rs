//! From a staged file to a visible object, in one step of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep};

use crate::backends::staged::{aside_name, lock_name};
use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::{WriteMode, WriteResult};

use super::connect::Connection;
use super::packet::{Attributes, Request, request, status};
use super::requests::Handle;
use super::resolve::{Place, child};
use super::session::{Session, Trouble};
use super::staging::{Staged, remove_stale};
use super::{Inner, NAME, failure, read};

/// How long a creation waits for another one of the same name, where locks are needed.
const LOCK_WAIT: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// A lock older than this, by the server's clock, was left by a lost connection.
const LOCK_STALE_SECONDS: u32 = 30;

/// A place that was found free, or may be replaced.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) path: String,
    pub(super) folder: String,
    mode: WriteMode,
    what: Subject,
    permissions: Option<u32>,
}

impl Target {
    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

impl Inner {
    /// Checks a target, makes its folder and sweeps that folder.
    pub(super) async fn target(
        &self,
        connection: &Connection,
        key: &ObjectKey,
        mode: WriteMode,
        what: Subject,
    ) -> Result<Target> {
        let place = self.resolve(connection, key.as_str()).await?;
        check(key, &place, mode, what)?;
        if place.attributes.is_none() {
            self.make_folders(connection, key, &place).await?;
        }
        let folder = place.folder().to_owned();
        if self.swept.is_first(folder.clone()) {
            let (session, folder) = (Arc::clone(&connection.session), folder.clone());
            // Beside the write: it costs round trips that nobody should wait for.
            drop(tokio::spawn(async move {
                remove_stale(&session, &folder).await;
            }));
        }
        Ok(Target {
            folder,
            path: place.path,
            mode,
            what,
            permissions: place.attributes.and_then(|found| found.permissions),
        })
    }

    async fn make_folders(
        &self,
        connection: &Connection,
        key: &ObjectKey,
        place: &Place,
    ) -> Result<()> {
        let session = &connection.session;
        for folder in &place.missing {
            let made = match make_folder(session, folder).await {
                Err(trouble) if failure::missing(&trouble) => {
                    self.make_base(session).await?;
                    make_folder(session, folder).await
                }
                other => other,
            };
            made.map_err(|trouble| failure::writing(key.as_str(), folder, &trouble))?;
        }
        Ok(())
    }

    /// A staged file for a target.
    pub(super) async fn stage(
        &self,
        connection: &Connection,
        key: &ObjectKey,
        target: &Target,
    ) -> Result<Staged> {
        let failed = |trouble| failure::writing(key.as_str(), &target.folder, &trouble);
        match Staged::create(connection, &target.folder).await {
            // The base path itself is missing, or somebody removed the folder in between.
            Err(trouble) if failure::missing(&trouble) => {
                self.make_base(&connection.session).await?;
                let again = self.resolve(connection, key.as_str()).await?;
                self.make_folders(connection, key, &again).await?;
                Staged::create(connection, &target.folder)
                    .await
                    .map_err(failed)
            }
            other => other.map_err(failed),
        }
    }

    /// Makes the base path, which may be missing on a new server.
    async fn make_base(&self, session: &Arc<Session>) -> Result<()> {
        let base = self.link.options.base_path();
        let mut path = String::new();
        for segment in base.split('/') {
            if segment.is_empty() {
                path.push('/');
                continue;
            }
            path = if path.is_empty() {
                segment.to_owned()
            } else {
                child(&path, segment)
            };
            make_folder(session, &path)
                .await
                .map_err(|trouble| failure::writing(base, &path, &trouble))?;
        }
        Ok(())
    }

    /// Makes a staged file visible as `target`. `begun` is set before the step
    /// that cannot be done twice.
    pub(super) async fn commit(
        &self,
        connection: &Connection,
        key: &ObjectKey,
        target: &Target,
        mut staged: Staged,
        begun: &AtomicBool,
    ) -> Result<WriteResult> {
        let session = &connection.session;
        let failed = |trouble| failure::writing(key.as_str(), &target.folder, &trouble);
        let file = Arc::clone(staged.file().map_err(failed)?);
        let (mode, synced, found) = tokio::join!(
            async {
                match target.permissions {
                    Some(mode) => file.set_mode(mode).await,
                    None => Ok(()),
                }
            },
            file.sync(),
            file.attributes()
        );
        // Keeping the mode is a courtesy that not every server can do.
        drop(mode);
        drop(file);
        if let Err(trouble) = synced {
            return Err(self.explain(session, key, target, &trouble).await);
        }
        staged.close().await.map_err(failed)?;
        if target.mode == WriteMode::Create {
            begun.store(true, Ordering::Release);
            create(session, key, target, &staged.path).await?;
            // Gone already where the name was renamed rather than linked.
            drop(session.remove(&staged.path).await);
        } else {
            replace(session, &staged.path, target)
                .await
                .map_err(failed)?;
        }
        staged.placed();
        Ok(result(key, staged.written, found.ok()))
    }

    /// What a write that failed without a stated reason failed of.
    pub(super) async fn explain(
        &self,
        session: &Session,
        key: &ObjectKey,
        target: &Target,
        trouble: &Trouble,
    ) -> Error {
        /// What a file system keeps for itself.
        const FULL_BELOW_BYTES: u64 = 1 << 20;
        if trouble.code() == Some(status::FAILURE)
            && let Some(free) = session.free_bytes(&target.folder).await
            && free < FULL_BELOW_BYTES
        {
            return failure::no_space(key.as_str(), &target.folder, trouble);
        }
        failure::writing(key.as_str(), &target.folder, trouble)
    }
}

fn result(key: &ObjectKey, size: u64, found: Option<Attributes>) -> WriteResult {
    let info = found.map(|found| read::info(key, &found));
    WriteResult {
        native: info.is_some(),
        modified: info.and_then(|info| info.modified),
        ..WriteResult::new(key.clone(), size)
    }
}

/// Makes a folder, or finds that somebody did.
async fn make_folder(session: &Session, path: &str) -> Result<(), Trouble> {
    match session.make_folder(path).await {
        Ok(()) => Ok(()),
        Err(trouble) => match session.stat(path).await {
            Ok(found) if found.is_folder() => Ok(()),
            _ => Err(trouble),
        },
    }
}

fn check(key: &ObjectKey, place: &Place, mode: WriteMode, what: Subject) -> Result<()> {
    if let Some(file) = &place.file_above {
        return Err(Error::below_file(key.as_str(), file, NAME));
    }
    let there = place.attributes.is_some();
    if there && !place.is_file() {
        return Err(Error::not_a_file(key.as_str(), NAME));
    }
    if mode == WriteMode::Create && (there || place.is_link) {
        return Err(Error::already_exists(what, key.as_str(), NAME));
    }
    Ok(())
}

/// Gives the staged file the target's name, in place of what is there.
pub(super) async fn replace(
    session: &Session,
    staged: &str,
    target: &Target,
) -> Result<(), Trouble> {
    if session.offers("posix-rename@openssh.com") {
        return session.replace(staged, &target.path).await;
    }
    let Err(trouble) = session.rename(staged, &target.path).await else {
        return Ok(());
    };
    if trouble.code().is_none() || session.lstat(&target.path).await.is_err() {
        return Err(trouble);
    }
    // The server renames onto nothing only: for the time of one request the name is free.
    // The old object waits under a hidden name until the new one is there; when nobody is left to
    // take it back, a sweep does.
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let aside = child(
        &target.folder,
        &aside_name(target.name(), now.unwrap_or_default()),
    );
    if let Err(trouble) = session.rename(&target.path, &aside).await {
        return Err(match trouble.code() {
            Some(_) => trouble,
            None => left_aside(&trouble, &aside, target),
        });
    }
    if let Err(trouble) = session.rename(staged, &target.path).await {
        return Err(match session.rename(&aside, &target.path).await {
            Ok(()) => trouble,
            Err(_) => left_aside(&trouble, &aside, target),
        });
    }
    drop(session.remove(&aside).await);
    Ok(())
}

/// The same trouble, and where the old object is.
fn left_aside(trouble: &Trouble, aside: &str, target: &Target) -> Trouble {
    let said = format!(
        "{trouble}; the old object may be left as '{aside}': a later write into its folder puts it back, \
         or rename it to '{}'",
        target.path
    );
    match trouble.code() {
        Some(_) => Trouble::Status {
            code: status::FAILURE,
            message: said,
        },
        None => Trouble::Lost(said),
    }
}

/// Gives the file at `from` the target's name, unless the name is taken. The
/// old name may stay; the caller removes it.
pub(super) async fn create(
    session: &Arc<Session>,
    key: &ObjectKey,
    target: &Target,
    from: &str,
) -> Result<()> {
    if session.offers("hardlink@openssh.com") {
        match session.link(from, &target.path).await {
            Ok(()) => return Ok(()),
            Err(trouble) if trouble.code().is_none() => return Err(unsure(key, &trouble)),
            Err(_) if session.lstat(&target.path).await.is_ok() => {
                return Err(taken(session, key, target).await);
            }
            // Some file systems have no second names, and say so in different ways.
            Err(_) => {}
        }
    }
    create_under_lock(session, key, target, from).await
}

/// Without second names: an exclusive lock file, a look, a rename. A reader
/// never sees a part of the object, which a placeholder would show.
async fn create_under_lock(
    session: &Arc<Session>,
    key: &ObjectKey,
    target: &Target,
    from: &str,
) -> Result<()> {
    let failed = |trouble: Trouble| failure::writing(key.as_str(), &target.folder, &trouble);
    let lock = child(&target.folder, &lock_name(target.name()));
    let started = Instant::now();
    let guard = loop {
        match session.create(&lock).await {
            Ok(file) => {
                break LockFile {
                    session: Arc::clone(session),
                    path: lock,
                    _file: file,
                };
            }
            Err(trouble) if trouble.code() != Some(status::FAILURE) => return Err(failed(trouble)),
            Err(_) if session.lstat(&target.path).await.is_ok() => {
                return Err(taken(session, key, target).await);
            }
            Err(trouble) if is_stale(session, &lock, from).await => {
                drop(trouble);
                drop(session.remove(&lock).await);
            }
            Err(trouble) if started.elapsed() > LOCK_WAIT => {
                let locked = Error::ResourceLocked {
                    path: key.to_string(),
                    backend: NAME.to_owned(),
                    source: None,
                };
                return Err(locked.caused_by(&trouble));
            }
            Err(_) => sleep(LOCK_PAUSE).await,
        }
    };
    if session.lstat(&target.path).await.is_ok() {
        return Err(taken(session, key, target).await);
    }
    let renamed = session.rename(from, &target.path).await;
    drop(guard);
    renamed.map_err(failed)
}

/// Both times are the server's own, so that clocks need not agree.
async fn is_stale(session: &Session, lock: &str, fresh: &str) -> bool {
    match tokio::join!(session.lstat(lock), session.lstat(fresh)) {
        (Ok(lock), Ok(fresh)) => match (lock.modified, fresh.modified) {
            (Some(lock), Some(fresh)) => lock.saturating_add(LOCK_STALE_SECONDS) < fresh,
            _ => false,
        },
        _ => false,
    }
}

/// Removed when the creation is over, however it ends.
struct LockFile {
    session: Arc<Session>,
    path: String,
    _file: Handle,
}

impl Drop for LockFile {
    fn drop(&mut self) {
        self.session
            .tell(Request::new(request::REMOVE).text(self.path.as_bytes()));
    }
}

async fn taken(session: &Session, key: &ObjectKey, target: &Target) -> Error {
    match session.lstat(&target.path).await {
        Ok(found) if found.is_folder() => Error::not_a_file(key.as_str(), NAME),
        _ => Error::already_exists(target.what, key.as_str(), NAME),
    }
}

/// The answer to the deciding request was lost.
fn unsure(key: &ObjectKey, trouble: &Trouble) -> Error {
    Error::BackendUnavailable {
        message: format!(
            "The connection was lost while {key} was created; it may be there or not. Look before you write it again"
        ),
        path: Some(key.to_string()),
        backend: NAME.to_owned(),
        source: None,
    }
    .caused_by(trouble)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_between_two_renames_says_where_the_old_object_is() {
        let target = Target {
            path: "/data/a".to_owned(),
            folder: "/data".to_owned(),
            mode: WriteMode::Overwrite,
            what: Subject::File,
            permissions: None,
        };
        let denied = Trouble::Status {
            code: status::PERMISSION_DENIED,
            message: "no".to_owned(),
        };
        for trouble in [Trouble::Lost("gone".to_owned()), denied] {
            let told = left_aside(&trouble, "/data/.hidden", &target);
            assert_eq!(told.code().is_none(), trouble.code().is_none());
            let said = failure::writing("a", "/data", &told).to_string();
            for part in ["'/data/.hidden'", "'/data/a'", &trouble.to_string()] {
                assert!(said.contains(part), "{said}");
            }
        }
    }
}
