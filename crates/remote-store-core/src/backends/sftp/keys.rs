//! Private keys: out of text or a file, encrypted or not.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use remote_store_credential_masking::Secret;
use russh::keys::{PrivateKey, decode_secret_key};

use crate::backends::given::refuse;
use crate::error::{Error, Result};

use super::NAME;

/// The keys that OpenSSH looks for, the best first.
const DEFAULT_FILES: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

/// A path with the home folder in place of `~`.
pub(super) fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

fn is_text(value: &str) -> bool {
    value.contains("PRIVATE KEY-----") || value.starts_with("PuTTY-User-Key-File-")
}

/// The key that was given as its text or as a path.
pub(super) fn given(value: &Secret, passphrase: Option<&Secret>) -> Result<Arc<PrivateKey>> {
    let value = value.reveal();
    if is_text(value) {
        // In variables of the environment lines often end in a backslash and an n.
        let text = if value.contains('\n') {
            value.to_owned()
        } else {
            value.replace("\\n", "\n")
        };
        return decode(&text, passphrase, "the text given as 'pkey'");
    }
    if value.contains('\n') {
        return Err(refuse(
            NAME,
            "Option 'pkey' of backend 'sftp' is neither a private key (-----BEGIN … PRIVATE KEY-----) nor \
             the path of one",
        ));
    }
    from_file(&expanded(value), passphrase)
}

/// Sees that a key that was given as a path can be read. It is opened by the first connection:
/// a passphrase costs time.
pub(super) fn check_file(value: &Secret) -> Result<()> {
    let value = value.reveal();
    if is_text(value) || value.contains('\n') {
        return Ok(());
    }
    text_of(&expanded(value)).map(drop)
}

/// The keys of the user, those that are there and can be opened.
pub(super) fn of_user(passphrase: Option<&Secret>) -> Vec<Arc<PrivateKey>> {
    let Some(home) = std::env::home_dir() else {
        return Vec::new();
    };
    let files = DEFAULT_FILES.iter().map(|file| home.join(file));
    files
        .filter(|file| file.exists())
        .filter_map(|file| from_file(&file, passphrase).ok())
        .collect()
}

fn from_file(path: &Path, passphrase: Option<&Secret>) -> Result<Arc<PrivateKey>> {
    let text = text_of(path)?;
    decode(&text, passphrase, &format!("the file {}", path.display()))
}

fn text_of(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|err| {
        let shown = path.display();
        refuse(
            NAME,
            format!(
                "The private key in {shown} cannot be read ({}); option 'pkey' \
                 (or 'connect_kwargs.key_filename') takes a private key or the path of one",
                err.kind()
            ),
        )
    })
}

fn decode(text: &str, passphrase: Option<&Secret>, place: &str) -> Result<Arc<PrivateKey>> {
    let phrase = passphrase.map(Secret::reveal);
    match decode_secret_key(text, phrase) {
        Ok(key) if !key.is_encrypted() => Ok(Arc::new(key)),
        Ok(_) => Err(locked(place)),
        Err(_) if phrase.is_none() && is_encrypted(text) => Err(locked(place)),
        Err(_) if is_encrypted(text) => Err(refuse(
            NAME,
            format!(
                "The private key in {place} cannot be opened with connect_kwargs['passphrase']"
            ),
        )),
        // What the library says may quote the key.
        Err(_) => Err(refuse(
            NAME,
            format!(
                "The private key in {place} cannot be used: it is damaged, a public key, or of a kind that is \
                 not supported (ed25519, ecdsa and rsa are)"
            ),
        )),
    }
}

fn locked(place: &str) -> Error {
    refuse(
        NAME,
        format!("The private key in {place} is encrypted; give connect_kwargs={{'passphrase': …}}"),
    )
}

fn is_encrypted(text: &str) -> bool {
    let openssh = || {
        text.contains("BEGIN OPENSSH PRIVATE KEY")
            && PrivateKey::from_openssh(text).is_ok_and(|key| key.is_encrypted())
    };
    text.contains("ENCRYPTED")
        || text.starts_with("PuTTY") && !text.contains("Encryption: none")
        || openssh()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----";

    fn said(value: &str) -> String {
        given(&Secret::new(value), None).unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_read_from_text_and_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), PLAIN).unwrap();
        for value in [
            PLAIN.to_owned(),
            PLAIN.replace('\n', "\\n"),
            file.path().display().to_string(),
        ] {
            assert!(given(&Secret::new(value), None).is_ok());
        }
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        assert!(said("/no/such/file").contains("/no/such/file"));
        assert!(said("ssh-ed25519 AAAA\nxyz").contains("'pkey'"));
        let damaged = PLAIN.replace("MC4C", "XXXX");
        let message = said(&damaged);
        assert!(message.contains("damaged"), "{message}");
        assert!(!message.contains("XXXX"), "{message}");
    }

    #[test]
    fn an_encrypted_key_without_a_passphrase_says_so() {
        let message = said(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----",
        );
        assert!(message.contains("passphrase"), "{message}");
    }
}
