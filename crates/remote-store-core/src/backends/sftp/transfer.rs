//! Copies and moves.

use std::sync::atomic::AtomicBool;

use futures_util::TryStreamExt;

use crate::error::{Error, Result, Subject};
use crate::key::ObjectKey;
use crate::model::WriteMode;

use super::connect::Connection;
use super::packet::open;
use super::requests::Handle;
use super::resolve::Place;
use super::session::Trouble;
use super::staging::Staged;
use super::{Inner, NAME, commit, failure, read};

/// What the server copies by one request: it answers nothing else in the meantime.
const COPY_BYTES: u64 = 16 << 20;

impl Inner {
    pub(super) async fn source(&self, connection: &Connection, key: &ObjectKey) -> Result<Place> {
        let place = self.resolve(connection, key.as_str()).await?;
        if place.is_folder() {
            return Err(Error::source_is_directory(key.as_str(), NAME));
        }
        if !place.is_file() {
            return Err(Error::missing(Subject::Source, key.as_str(), NAME));
        }
        Ok(place)
    }

    /// A copy is a file of its own: it never shares its bytes with its source.
    pub(super) async fn copy(
        &self,
        connection: &Connection,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
        begun: &AtomicBool,
    ) -> Result<()> {
        let source = self.source(connection, from).await?;
        if from == to {
            return Ok(());
        }
        let file = connection
            .session
            .open(&source.path, open::READ, None)
            .await;
        let file = file.map_err(|trouble| failure::reading(from.as_str(), &trouble))?;
        let target = self
            .target(connection, to, mode, Subject::Destination)
            .await?;
        let mut staged = self.stage(connection, to, &target).await?;
        if let Err(trouble) = fill(connection, file, &mut staged).await {
            let session = &connection.session;
            return Err(self.explain(session, to, &target, &trouble).await);
        }
        self.commit(connection, to, &target, staged, begun)
            .await
            .map(drop)
    }

    pub(super) async fn rename(
        &self,
        connection: &Connection,
        from: &ObjectKey,
        to: &ObjectKey,
        mode: WriteMode,
    ) -> Result<()> {
        let session = &connection.session;
        let source = self.source(connection, from).await?;
        if from == to {
            return Ok(());
        }
        if source.is_link {
            // A link would lead elsewhere from its new place; its content moves.
            let begun = AtomicBool::new(false);
            self.copy(connection, from, to, mode, &begun).await?;
            return self.delete(connection, from).await;
        }
        let target = self
            .target(connection, to, mode, Subject::Destination)
            .await?;
        if mode == WriteMode::Create {
            commit::create(session, to, &target, &source.path).await?;
            // Where the name was renamed rather than linked, the old one is gone already.
            return match session.remove(&source.path).await {
                Err(trouble) if !failure::missing(&trouble) => {
                    Err(failure::writing(from.as_str(), source.folder(), &trouble))
                }
                _ => Ok(()),
            };
        }
        commit::replace(session, &source.path, &target)
            .await
            .map_err(|trouble| failure::writing(to.as_str(), &target.folder, &trouble))
    }
}

/// Fills a staged file with all of another one: on the server where it can,
/// through the client else.
async fn fill(connection: &Connection, source: Handle, staged: &mut Staged) -> Result<(), Trouble> {
    let size = source.attributes().await?.size.unwrap_or(0);
    if size > 0 && source.session().offers("copy-data") {
        match copy_on_server(&source, staged, size).await {
            Ok(()) => return Ok(()),
            Err(trouble) if failure::unsupported(&trouble) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let mut pieces = read::pieces(connection, source, 0..size);
    while let Some(piece) = pieces.try_next().await? {
        staged.write(connection, &piece).await?;
    }
    Ok(())
}

async fn copy_on_server(source: &Handle, staged: &mut Staged, size: u64) -> Result<(), Trouble> {
    let mut copied = 0;
    while copied < size {
        let length = COPY_BYTES.min(size - copied);
        staged.file()?.copy_from(source, copied, length).await?;
        copied += length;
    }
    let written = staged.file()?.attributes().await?.size;
    if written != Some(size) {
        return Err(Trouble::Status {
            code: super::packet::status::EOF,
            message: "the file became shorter while it was copied".to_owned(),
        });
    }
    staged.written = size;
    Ok(())
}
