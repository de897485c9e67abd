//! Where a URL points: which backend, with which options, from which root.
//!
//! | URL | backend | root |
//! |---|---|---|
//! | `s3://bucket/prefix`, `s3a://…` | `s3` | `prefix` |
//! | `gs://bucket/prefix`, `gcs://…` | `gcs` | `prefix` |
//! | `az://container/prefix`, `azure://…` | `azure` | `prefix` |
//! | `abfs[s]://container@account.dfs.core.windows.net/prefix` | `azure` | `prefix` |
//! | `https://account.blob.core.windows.net/container/prefix` | `azure` | `prefix` |
//! | `file:///folder`, `/folder` | `local`, its folder | |
//! | `memory://prefix` | `memory` | `prefix` |
//! | `sftp://user@host:22/folder` | `sftp`, its base path | |
//! | `http[s]://host/path` | `http`, its base URL | |
//! | `fsspec+protocol://path` | `fsspec:protocol` | `path` |
//!
//! Names are taken as they stand, as the clouds' own tools take them: `%` is a letter of a key. Only
//! `file`, `http` and `https` URLs are percent-decoded. A query gives options
//! (`?region=eu-central-1`); credentials may stand before an `@` and become options, too.

mod azure;
mod parts;
mod query;

use crate::error::{Error, Result};
use crate::store::Store;

use super::{Options, build_store, nearest};
use parts::Parts;

/// The schemes with the backend of each.
const SCHEMES: [(&str, Scheme); 15] = [
    ("abfs", Scheme::Azure),
    ("abfss", Scheme::Azure),
    ("az", Scheme::Azure),
    ("azure", Scheme::Azure),
    ("file", Scheme::File),
    ("gcs", Scheme::Gcs),
    ("gs", Scheme::Gcs),
    ("http", Scheme::Http),
    ("https", Scheme::Http),
    ("memory", Scheme::Memory),
    ("s3", Scheme::S3),
    ("s3a", Scheme::S3),
    ("sftp", Scheme::Sftp),
    ("wasb", Scheme::Azure),
    ("wasbs", Scheme::Azure),
];
/// What stands before the protocol of a filesystem of Python.
const FSSPEC: &str = "fsspec+";

#[derive(Clone, Copy)]
enum Scheme {
    Azure,
    File,
    Gcs,
    Http,
    Memory,
    S3,
    Sftp,
}

/// What a URL says, ready for [`build_store`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Location {
    /// The type of the backend.
    pub backend_type: String,
    /// Its options, credentials as secrets; those of the URL and those that were given beside.
    pub options: Options,
    /// The root path of the store.
    pub root_path: String,
}

impl Location {
    fn new(backend_type: impl Into<String>, root_path: &str) -> Self {
        Self {
            backend_type: backend_type.into(),
            options: Options::new(),
            root_path: root_path.trim_matches('/').to_owned(),
        }
    }

    fn with(mut self, name: &str, value: impl Into<super::OptionValue>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    /// Reads a URL, or the absolute path of a folder, and adds the options that are given beside it.
    ///
    /// ```
    /// use remote_store_core::registry::{Location, OptionValue, Options};
    ///
    /// let location = Location::parse("s3://lake/raw/2024?region=eu-central-1", &Options::new())?;
    /// assert_eq!(location.backend_type, "s3");
    /// assert_eq!(location.root_path, "raw/2024");
    /// assert_eq!(location.options["bucket"].as_text(), Some("lake"));
    /// assert_eq!(location.options["region_name"].as_text(), Some("eu-central-1"));
    ///
    /// // A credential is a secret from here on, and no message repeats the URL.
    /// let location = Location::parse("s3://AKIA:s3cr3t@lake", &Options::new())?;
    /// assert!(matches!(location.options["secret"], OptionValue::Secret(_)));
    /// let err = Location::parse("s4://AKIA:s3cr3t@lake", &Options::new()).unwrap_err();
    /// assert!(err.to_string().contains("Did you mean 's3'?"), "{err}");
    /// assert!(!err.to_string().contains("s3cr3t"));
    /// # Ok::<(), remote_store_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for a scheme that is not known, a URL that lacks what its scheme
    /// needs, and an option that is given both in the URL and beside it.
    pub fn parse(url: &str, given: &Options) -> Result<Self> {
        let Some((scheme, rest)) = url.split_once("://") else {
            return folder(url).and_then(|location| query::merge(location, given));
        };
        let scheme = scheme.to_ascii_lowercase();
        let mut parts = Parts::split(&scheme, rest)?;
        let location = match known(&scheme) {
            Some(Scheme::S3) => bucket("s3", &mut parts)?,
            Some(Scheme::Gcs) => bucket("gcs", &mut parts)?,
            Some(Scheme::Azure) => azure::container(&mut parts)?,
            Some(Scheme::File) => file(&mut parts)?,
            Some(Scheme::Memory) => memory(&parts)?,
            Some(Scheme::Sftp) => sftp(&mut parts)?,
            Some(Scheme::Http) => match azure::by_host(&scheme, &mut parts)? {
                Some(location) => location,
                None => http(url, &mut parts),
            },
            None => match scheme.strip_prefix(FSSPEC) {
                Some(protocol) if !protocol.is_empty() => fsspec(protocol, &parts)?,
                _ => return Err(unknown(&scheme)),
            },
        };
        let location = query::apply(location, &parts)?;
        query::merge(location, given)
    }
}

/// Opens the store that a URL, or the absolute path of a folder, points to.
///
/// ```
/// use remote_store_core::registry::{self, Options};
///
/// let store = registry::from_url("memory://team-a", &Options::new())?;
/// assert_eq!(store.native_path("x")?, "team-a/x");
///
/// let err = registry::from_url("s3://", &Options::new()).unwrap_err();
/// assert_eq!(err.to_string(), "The URL names no bucket; write s3://bucket/prefix");
/// # Ok::<(), remote_store_core::Error>(())
/// ```
///
/// # Errors
/// As [`Location::parse`] and [`build_store`].
pub fn from_url(url: &str, options: &Options) -> Result<Store> {
    let location = Location::parse(url, options)?;
    build_store(
        &location.backend_type,
        &location.options,
        &location.root_path,
    )
}

fn known(scheme: &str) -> Option<Scheme> {
    let mut all = SCHEMES.iter();
    all.find(|(name, _)| *name == scheme).map(|(_, kind)| *kind)
}

/// No message repeats the URL: a credential may stand in it.
fn refuse(message: impl Into<String>) -> Error {
    Error::InvalidConfig {
        message: message.into(),
        backend: None,
        source: None,
    }
}

fn unknown(scheme: &str) -> Error {
    let names = SCHEMES.map(|(name, _)| name);
    let hint = nearest(scheme, names)
        .map(|near| format!(". Did you mean '{near}'?"))
        .unwrap_or_default();
    // What stands before a misplaced "://" may be anything; a scheme is short and plain.
    let plain = scheme.len() <= 20
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let shown = if plain {
        format!(" '{scheme}'")
    } else {
        String::new()
    };
    refuse(format!(
        "Unknown URL scheme{shown}. Known schemes: {}, {FSSPEC}<protocol>{hint}",
        names.join(", ")
    ))
}

fn local(root: &str) -> Location {
    Location::new("local", "").with("root", root)
}

fn folder(path: &str) -> Result<Location> {
    if std::path::Path::new(path).is_absolute() {
        return Ok(local(path));
    }
    Err(refuse(
        "Neither a URL with a scheme (s3://bucket/prefix) nor the absolute path of a folder; for a folder \
         below the current one, give its absolute path",
    ))
}

fn file(parts: &mut Parts<'_>) -> Result<Location> {
    parts.refuse_credentials()?;
    if !matches!(parts.host, "" | "localhost") || parts.path.is_empty() {
        return Err(refuse(
            "A file URL names an absolute path after an empty host; write file:///folder",
        ));
    }
    Ok(local(&parts::decoded(parts.path)?))
}

fn memory(parts: &Parts<'_>) -> Result<Location> {
    parts.refuse_credentials()?;
    Ok(Location::new(
        "memory",
        &format!("{}{}", parts.host, parts.path),
    ))
}

/// `scheme://bucket/prefix`, with a key and its secret before an `@` where there are such.
fn bucket(backend_type: &str, parts: &mut Parts<'_>) -> Result<Location> {
    if parts.host.is_empty() {
        return Err(refuse(format!(
            "The URL names no bucket; write {0}://bucket/prefix",
            parts.scheme
        )));
    }
    let location = Location::new(backend_type, parts.path).with("bucket", parts.host);
    if backend_type != "s3" {
        parts.refuse_credentials()?;
        return Ok(location);
    }
    match (parts.user.take(), parts.password.take()) {
        (None, _) => Ok(location),
        (Some(key), Some(secret)) => Ok(location.with("key", key).with("secret", secret)),
        (Some(_), None) => Err(refuse(
            "The URL gives a key without its secret; write s3://key:secret@bucket or pass both as options",
        )),
    }
}

fn sftp(parts: &mut Parts<'_>) -> Result<Location> {
    let (host, port) = parts.host_and_port()?;
    if host.is_empty() {
        return Err(refuse(
            "The URL names no host; write sftp://user@host/folder",
        ));
    }
    let folder = if parts.path.is_empty() {
        "/"
    } else {
        parts.path
    };
    let mut location = Location::new("sftp", "")
        .with("host", host)
        .with("base_path", folder);
    if let Some(port) = port {
        location = location.with("port", i64::from(port));
    }
    if let Some(user) = parts.user.take() {
        location = location.with("username", user.reveal());
    }
    if let Some(password) = parts.password.take() {
        location = location.with("password", password);
    }
    Ok(location)
}

/// The backend takes credentials out of its base URL itself; its query is part of it.
fn http(url: &str, parts: &mut Parts<'_>) -> Location {
    parts.query = None;
    let location = Location::new("http", "");
    if parts.user.is_some() || url.contains('?') {
        location.with(
            "base_url",
            remote_store_credential_masking::Secret::new(url),
        )
    } else {
        location.with("base_url", url)
    }
}

fn fsspec(protocol: &str, parts: &Parts<'_>) -> Result<Location> {
    parts.refuse_credentials()?;
    let path = format!("{}{}", parts.host, parts.path);
    Ok(Location::new(format!("fsspec:{protocol}"), &path))
}

#[cfg(test)]
mod tests;
