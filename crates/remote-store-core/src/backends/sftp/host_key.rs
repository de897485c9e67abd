//! Whether the host is the one that was meant.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::PublicKeyOrCertificate;
use russh::keys::ssh_key::PublicKey;
use russh::keys::{Algorithm, HashAlg};

use crate::backends::given::refuse;
use crate::error::{Error, Result};

use super::NAME;
use super::known_hosts::{KnownKeys, Verdict, host_name};
use super::options::SftpOptions;

/// What happens when a server shows a key that nobody knows. A key that
/// differs from the known ones is refused always.
///
/// ```
/// use remote_store_core::backends::HostKeyPolicy;
///
/// assert_eq!("tofu".parse::<HostKeyPolicy>()?, HostKeyPolicy::TrustOnFirstUse);
/// assert!("yes".parse::<HostKeyPolicy>().is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HostKeyPolicy {
    /// It is refused.
    #[default]
    Strict,
    /// It is accepted and kept; from then on the host is known.
    TrustOnFirstUse,
    /// It is accepted. Whoever stands in between is not noticed.
    AutoAdd,
}

impl HostKeyPolicy {
    /// The name in options.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::TrustOnFirstUse => "tofu",
            Self::AutoAdd => "auto",
        }
    }
}

impl fmt::Display for HostKeyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HostKeyPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Strict, Self::TrustOnFirstUse, Self::AutoAdd]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                refuse(
                    NAME,
                    format!(
                        "Option 'host_key_policy' of backend 'sftp': '{}' is not a valid policy. \
                         Choose from: strict, tofu, auto",
                        text.escape_debug()
                    ),
                )
            })
    }
}

/// Judges the key of one server.
#[derive(Debug)]
pub(super) struct HostKeyCheck {
    host: String,
    port: u16,
    policy: HostKeyPolicy,
    known: KnownKeys,
    file: Option<PathBuf>,
    refusal: Arc<Mutex<Option<Error>>>,
}

impl HostKeyCheck {
    /// Reads what is known about the host.
    pub(super) fn new(options: &SftpOptions) -> Result<Self> {
        let mut known = KnownKeys::default();
        if let Some(text) = &options.known_host_keys
            && known.add(text, &options.host, options.port) == 0
        {
            return Err(refuse(
                NAME,
                "Option 'known_host_keys' of backend 'sftp' has no readable line; give lines as in \
                 a known_hosts file, such as those of ssh-keyscan",
            ));
        }
        let file = options.host_keys_path.clone().or_else(default_file);
        if let Some(path) = &file {
            match fs::read(path) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(&bytes);
                    known.add(&text, &options.host, options.port);
                }
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                Err(err) => {
                    return Err(refuse(
                        NAME,
                        format!("The known hosts in {} cannot be read", path.display()),
                    )
                    .caused_by(&err));
                }
            }
        }
        Ok(Self {
            host: options.host.clone(),
            port: options.port,
            policy: options.host_key_policy,
            known,
            file,
            refusal: Arc::default(),
        })
    }

    /// Where the reason is put when the key is refused.
    pub(super) fn refusal(&self) -> Arc<Mutex<Option<Error>>> {
        Arc::clone(&self.refusal)
    }

    /// The kinds of keys to ask the server for first.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        self.known.algorithms()
    }

    fn judge(&self, key: &PublicKey) -> Result<()> {
        match (self.known.judge(key), self.policy) {
            (Verdict::Known, _) | (Verdict::Unknown, HostKeyPolicy::AutoAdd) => Ok(()),
            (Verdict::Unknown, HostKeyPolicy::TrustOnFirstUse) => {
                self.keep(key, &host_name(&self.host, self.port))
            }
            (verdict, _) => self.refuse(key, verdict),
        }
    }

    /// Why a key is not accepted, and what to do.
    fn refuse(&self, key: &PublicKey, verdict: Verdict) -> Result<()> {
        let fingerprint = key.fingerprint(HashAlg::Sha256);
        let name = host_name(&self.host, self.port);
        let kind = key.algorithm();
        let shown = format!("{name} shows the {kind} key {fingerprint}");
        let place = self.file.as_deref().map_or_else(
            || "option 'host_keys_path'".to_owned(),
            |path| path.display().to_string(),
        );
        let message = match verdict {
            Verdict::Known => return Ok(()),
            Verdict::Unknown => format!(
                "The host key is not known: {shown}. When that is the fingerprint of the right host, add \
                 its line to {place} (ssh-keyscan -p {} {}), give it as 'known_host_keys', or trust the \
                 first key seen with host_key_policy='tofu'",
                self.port, self.host
            ),
            Verdict::Changed => format!(
                "The host key has changed: {shown}, but another one is known. Somebody may stand in \
                 between. When the host was set up anew, remove its old line from {place} or from \
                 'known_host_keys' (ssh-keygen -R '{name}')"
            ),
            Verdict::Unreadable(kind) => format!(
                "The host key cannot be compared: {shown}, but {place} or 'known_host_keys' knows the host \
                 only by a key of the kind '{}', which is not understood here. When that is the fingerprint of \
                 the right host, add its line too (ssh-keyscan -p {} {})",
                kind.escape_debug(),
                self.port,
                self.host
            ),
            Verdict::Revoked => format!(
                "The host key was revoked: {shown}, which is marked @revoked in {place} or in \
                 'known_host_keys'. Give the host a new key"
            ),
        };
        Err(Error::PermissionDenied {
            message,
            path: self.host.clone(),
            backend: NAME.into(),
            source: None,
        })
    }

    fn keep(&self, key: &PublicKey, name: &str) -> Result<()> {
        let failed = |place: &str, err: &dyn fmt::Display| {
            refuse(
                NAME,
                format!(
                    "The key of {name} cannot be kept in {place} ({err}), so it could not be trusted on \
                     first use: name a file that can be written as 'host_keys_path'"
                ),
            )
        };
        let Some(path) = &self.file else {
            return Err(failed("the home folder", &"there is none"));
        };
        let text = key
            .to_openssh()
            .map_err(|err| failed(&path.display().to_string(), &err))?;
        // Somebody else may have met the host meanwhile, or this connection, which agrees on new keys
        // now and then, did: whoever came first is believed.
        let mut now = KnownKeys::default();
        if let Ok(bytes) = fs::read(path) {
            now.add(&String::from_utf8_lossy(&bytes), &self.host, self.port);
        }
        match now.judge(key) {
            Verdict::Known => return Ok(()),
            Verdict::Unknown => {}
            verdict @ (Verdict::Changed | Verdict::Unreadable(_) | Verdict::Revoked) => {
                return self.refuse(key, verdict);
            }
        }
        append(path, &format!("{name} {text}\n"))
            .map_err(|err| failed(&path.display().to_string(), &err.kind()))
    }
}

/// Adds a line, on a line of its own, in one write.
fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let unfinished = fs::read(path).is_ok_and(|bytes| bytes.last().is_some_and(|b| *b != b'\n'));
    let line = if unfinished {
        format!("\n{line}")
    } else {
        line.to_owned()
    };
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

fn default_file() -> Option<PathBuf> {
    Some(std::env::home_dir()?.join(".ssh/known_hosts"))
}

impl russh::client::Handler for HostKeyCheck {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> std::result::Result<bool, russh::Error> {
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge(key),
            // None was asked for: authorities are not trusted.
            PublicKeyOrCertificate::Certificate(_) => Ok(()).and_then(|()| {
                Err(Error::unavailable(
                    NAME,
                    "The server shows a certificate in place of a host key",
                ))
            }),
        };
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        *refusal = verdict.err();
        Ok(refusal.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const FIRST: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn key(text: &str) -> PublicKey {
        russh::keys::parse_public_key_base64(text).unwrap()
    }

    #[test]
    fn of_two_keys_that_are_met_at_once_the_first_is_trusted_and_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let check = || HostKeyCheck {
            host: "files.example.org".to_owned(),
            port: 2222,
            policy: HostKeyPolicy::TrustOnFirstUse,
            known: KnownKeys::default(),
            file: Some(path.clone()),
            refusal: Arc::default(),
        };
        // All three looked before any of them met the host.
        let (one, two, three) = (check(), check(), check());
        one.judge(&key(FIRST)).unwrap();
        two.judge(&key(FIRST)).unwrap();
        one.judge(&key(FIRST)).unwrap();
        let err = three.judge(&key(OTHER)).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::PermissionDenied);
        assert!(err.to_string().contains("has changed"), "{err}");
        let kept = fs::read_to_string(&path).unwrap();
        assert_eq!(kept.lines().count(), 1, "{kept}");
    }

    #[test]
    fn a_host_known_by_a_kind_that_cannot_be_read_is_refused_under_every_policy() {
        let mut known = KnownKeys::default();
        known.add("h ssh-ed448 AAAACXNzaC1lZDQ0OAAAAAMBAgM=", "h", 22);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        for policy in [
            HostKeyPolicy::Strict,
            HostKeyPolicy::TrustOnFirstUse,
            HostKeyPolicy::AutoAdd,
        ] {
            let check = HostKeyCheck {
                host: "h".to_owned(),
                port: 22,
                policy,
                known: known.clone(),
                file: Some(path.clone()),
                refusal: Arc::default(),
            };
            let err = check.judge(&key(FIRST)).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::PermissionDenied, "{policy}");
            let text = err.to_string();
            assert!(text.contains("'ssh-ed448'"), "{text}");
            assert!(text.contains("ssh-keyscan -p 22 h"), "{text}");
            assert!(!path.exists(), "{policy}");
        }
    }
}
