//! From keys to paths on the server, without leaving the base path.

use futures_util::future::join_all;

use crate::backends::staged;
use crate::error::{Error, Result};

use super::NAME;
use super::connect::Connection;
use super::failure;
use super::packet::Attributes;

/// Where a key lies on the server, with every link followed.
#[derive(Debug)]
pub(super) struct Place {
    /// The path to open, or to put the object at.
    pub(super) path: String,
    /// What is there; `None` when nothing is.
    pub(super) attributes: Option<Attributes>,
    /// The path of the name itself, which may be a link.
    pub(super) entry: String,
    /// True when the name itself is a link, also one that leads nowhere.
    pub(super) is_link: bool,
    /// The folders above that are missing, the outermost first.
    pub(super) missing: Vec<String>,
    /// The part of the name that is a file, where a folder would have to be.
    pub(super) file_above: Option<String>,
}

impl Place {
    pub(super) fn is_file(&self) -> bool {
        self.attributes.is_some_and(|found| found.is_file())
    }

    pub(super) fn is_folder(&self) -> bool {
        self.attributes.is_some_and(|found| found.is_folder())
    }

    /// The folder that holds the object.
    pub(super) fn folder(&self) -> &str {
        parent(&self.path)
    }
}

/// The folder above a path.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    }
}

/// A name in a folder.
pub(super) fn child(folder: &str, name: &str) -> String {
    if folder == "/" {
        format!("/{name}")
    } else {
        format!("{folder}/{name}")
    }
}

/// Finds the place of `name` (a key or a prefix; empty is the base path).
///
/// Each part of the name is looked at, all in one round trip, because each may
/// be a link; only links cost more. Somebody who swaps folders for links at
/// the very moment of a write is not kept out.
///
/// # Errors
/// [`Error::InvalidPath`] for a link that leaves the base path and for names
/// that are reserved for staged files.
pub(super) async fn resolve(connection: &Connection, base: &str, name: &str) -> Result<Place> {
    let session = &connection.session;
    let mut place = Place {
        path: base.to_owned(),
        attributes: None,
        entry: base.to_owned(),
        is_link: false,
        missing: Vec::new(),
        file_above: None,
    };
    if name.is_empty() {
        place.attributes = match session.stat(base).await {
            Ok(found) => Some(found),
            Err(trouble) if failure::missing(&trouble) => None,
            Err(trouble) => return Err(failure::folder(base, &trouble)),
        };
        return Ok(place);
    }
    let segments: Vec<&str> = name.split('/').collect();
    if segments.iter().any(|segment| staged::is_reserved(segment)) {
        return Err(refused(
            name,
            "Name is reserved for files that are being written",
        ));
    }
    let mut done = 0;
    while let Some(rest) = segments.get(done..).filter(|rest| !rest.is_empty()) {
        let paths = below(&place.path, rest);
        let looks = join_all(paths.iter().map(|path| session.lstat(path))).await;
        let mut followed = false;
        for (index, (path, look)) in paths.iter().zip(looks).enumerate() {
            done += 1;
            let is_last = index + 1 == rest.len();
            place.path.clone_from(path);
            place.entry.clone_from(path);
            place.is_link = false;
            match look {
                Ok(found) if found.is_link() => {
                    place.is_link = true;
                    follow(connection, base, name, &mut place).await?;
                    if place.attributes.is_some() && !is_last {
                        followed = true;
                        break;
                    }
                }
                Ok(found) => place.attributes = Some(found),
                Err(trouble) if failure::missing(&trouble) => place.attributes = None,
                Err(trouble) => return Err(failure::reading(name, &trouble)),
            }
            if !is_last && !place.is_folder() {
                ends_early(&mut place, &paths, index, segments.get(..done));
                return Ok(place);
            }
        }
        if !followed {
            break;
        }
    }
    Ok(place)
}

/// The path of each segment, one below the other.
fn below(base: &str, segments: &[&str]) -> Vec<String> {
    let mut path = base.to_owned();
    let one = |segment: &&str| {
        path = child(&path, segment);
        path.clone()
    };
    segments.iter().map(one).collect()
}

/// Nothing can be below `paths[index]`, which is missing or no folder.
fn ends_early(place: &mut Place, paths: &[String], index: usize, seen: Option<&[&str]>) {
    if place.attributes.is_some() {
        place.file_above = seen.map(|seen| seen.join("/"));
    } else {
        let folders = paths.get(index..paths.len().saturating_sub(1));
        place.missing = folders.unwrap_or_default().to_vec();
    }
    place.attributes = None;
    place.is_link = false;
    if let Some(last) = paths.last() {
        place.path.clone_from(last);
        place.entry.clone_from(last);
    }
}

/// Replaces the link at the end of `place.path` by what it leads to; a link
/// that leads nowhere stays as it is, with nothing there.
async fn follow(connection: &Connection, base: &str, name: &str, place: &mut Place) -> Result<()> {
    let session = &connection.session;
    place.attributes = match session.stat(&place.path).await {
        Ok(found) => Some(found),
        Err(trouble) if failure::missing(&trouble) => None,
        // How servers call a loop of links.
        Err(trouble)
            if trouble
                .code()
                .is_some_and(|code| code == super::packet::status::FAILURE) =>
        {
            None
        }
        Err(trouble) => return Err(failure::reading(name, &trouble)),
    };
    if place.attributes.is_none() {
        return Ok(());
    }
    let failed = |trouble| failure::reading(name, &trouble);
    let target = session.realpath(&place.path).await.map_err(failed)?;
    let real_base = connection
        .real_base
        .get_or_try_init(|| session.realpath(base))
        .await
        .map_err(failed)?;
    let inside = real_base == "/"
        || target
            .strip_prefix(real_base.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !inside {
        return Err(refused(
            name,
            "Symbolic link leaves the base path of the store",
        ));
    }
    place.path = target;
    Ok(())
}

fn refused(name: &str, reason: &str) -> Error {
    Error::InvalidPath {
        path: name.to_owned(),
        reason: reason.to_owned(),
        backend: Some(NAME.to_owned()),
        source: None,
    }
}
