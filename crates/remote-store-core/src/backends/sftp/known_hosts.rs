//! The keys that hosts are known by: files in the format of OpenSSH's `known_hosts`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::PublicKey;
use russh::keys::{Algorithm, parse_public_key_base64};
use sha1::Sha1;

/// What a line says about its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// The host has it.
    Trusted,
    /// Nobody may have it.
    Revoked,
    /// It signs keys of hosts and is none itself.
    Authority,
}

/// A line about the host in question.
#[derive(Debug, Clone)]
struct Line {
    mark: Mark,
    key: PublicKey,
}

/// What is known about one host.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownKeys {
    lines: Vec<Line>,
    /// The kinds of the host's keys that cannot be compared here.
    unreadable: Vec<String>,
}

/// How a key compares with what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the host's.
    Known,
    /// Nothing is known about the host.
    Unknown,
    /// The host is known by other keys.
    Changed,
    /// The host is known only by a key of this kind, which cannot be compared here.
    Unreadable(String),
    /// It was revoked.
    Revoked,
}

/// The name under which OpenSSH keeps a host.
pub(super) fn host_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

impl KnownKeys {
    /// Adds what a text in the format of `known_hosts` says about the host.
    /// Lines that cannot be read are passed over, as OpenSSH does, but a key of
    /// a kind that only others can read makes the host a known one; how many
    /// could be read at all is returned.
    pub(super) fn add(&mut self, text: &str, host: &str, port: u16) -> usize {
        let name = host_name(host, port);
        let mut readable = 0;
        for line in text.lines() {
            let Some((mark, patterns, key)) = parse(line) else {
                continue;
            };
            let is_meant = matches(patterns, &name);
            match key {
                Key::Readable(key) => {
                    readable += 1;
                    if is_meant {
                        self.lines.push(Line { mark, key: *key });
                    }
                }
                Key::OfOtherKind(kind) if is_meant && mark == Mark::Trusted => {
                    self.unreadable.push(kind.to_owned());
                }
                Key::OfOtherKind(_) => {}
            }
        }
        readable
    }

    pub(super) fn judge(&self, key: &PublicKey) -> Verdict {
        let same = |line: &&Line| line.key.key_data() == key.key_data();
        let of = |mark: Mark| self.lines.iter().filter(move |line| line.mark == mark);
        if of(Mark::Revoked).any(|line| same(&line)) {
            Verdict::Revoked
        } else if of(Mark::Trusted).any(|line| same(&line)) {
            Verdict::Known
        } else if of(Mark::Trusted).next().is_some() {
            // Also when only keys of other kinds are known: whoever stands in between would
            // show one of a kind that is not.
            Verdict::Changed
        } else if let Some(kind) = self.unreadable.first() {
            Verdict::Unreadable(kind.clone())
        } else {
            Verdict::Unknown
        }
    }

    /// The kinds of keys that the host is known by; the server is asked for these.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let trusted = self.lines.iter().filter(|line| line.mark == Mark::Trusted);
        trusted.map(|line| line.key.algorithm()).collect()
    }
}

/// The key of a line.
enum Key<'a> {
    Readable(Box<PublicKey>),
    /// Well formed, and of this kind, which nothing here can compare.
    OfOtherKind(&'a str),
}

/// The mark, the hosts and the key of a line; `None` for a comment or nonsense.
fn parse(line: &str) -> Option<(Mark, &str, Key<'_>)> {
    let mut words = line.split_whitespace();
    let mut first = words.next().filter(|word| !word.starts_with('#'))?;
    let mut mark = Mark::Trusted;
    if first.starts_with('@') {
        mark = match first {
            "@revoked" => Mark::Revoked,
            "@cert-authority" => Mark::Authority,
            _ => return None,
        };
        first = words.next()?;
    }
    let (kind, text) = (words.next()?, words.next()?);
    let key = match parse_public_key_base64(text) {
        Ok(key) if !matches!(key.algorithm(), Algorithm::Other(_)) => Key::Readable(Box::new(key)),
        _ if names_its_kind(text, kind) => Key::OfOtherKind(kind),
        _ => return None,
    };
    Some((mark, first, key))
}

/// True when the bytes of a key begin with its kind, as those of every kind do
/// (RFC 4253, 6.6); anything else is a damaged line.
fn names_its_kind(text: &str, kind: &str) -> bool {
    let Ok(bytes) = BASE64_STANDARD.decode(text) else {
        return false;
    };
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return false;
    };
    usize::try_from(u32::from_be_bytes(*length)) == Ok(kind.len())
        && rest.starts_with(kind.as_bytes())
}

/// True when one of the patterns is the host's and none excludes it.
fn matches(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        if let Some(hashed) = pattern.strip_prefix("|1|") {
            found |= is_hash_of(hashed, name);
        } else if let Some(excluded) = pattern.strip_prefix('!') {
            if is_like(excluded.to_ascii_lowercase().as_bytes(), name.as_bytes()) {
                return false;
            }
        } else {
            found |= is_like(pattern.to_ascii_lowercase().as_bytes(), name.as_bytes());
        }
    }
    found
}

/// `salt|hash`, both in base64; the hash is HMAC-SHA1 of the name under the salt.
fn is_hash_of(hashed: &str, name: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (BASE64_STANDARD.decode(salt), BASE64_STANDARD.decode(hash)) else {
        return false;
    };
    Hmac::<Sha1>::new_from_slice(&salt)
        .is_ok_and(|hmac| hmac.chain_update(name).verify_slice(&hash).is_ok())
}

/// `*` is any text, `?` any character. Time is linear in pattern times name.
fn is_like(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_name));
                at += 1;
            }
            Some(byte) if *byte == b'?' || Some(byte) == name.get(in_name) => {
                at += 1;
                in_name += 1;
            }
            _ => match &mut star {
                Some((star_at, covered)) => {
                    *covered += 1;
                    at = *star_at + 1;
                    in_name = *covered;
                }
                None => return false,
            },
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIA6rWI3G1sz07DnfFlrouTcysQlj2P+jpNSOEWD9OJ3X";

    fn verdict(text: &str, host: &str, port: u16) -> Verdict {
        let mut known = KnownKeys::default();
        known.add(text, host, port);
        known.judge(&parse_public_key_base64(ONE).unwrap())
    }

    /// What OpenSSH's `ssh-keygen -H` makes of a name.
    fn hashed(name: &str) -> String {
        let salt = b"0123456789abcdefghij";
        let hash = Hmac::<Sha1>::new_from_slice(salt)
            .unwrap()
            .chain_update(name)
            .finalize()
            .into_bytes();
        format!(
            "|1|{}|{}",
            BASE64_STANDARD.encode(salt),
            BASE64_STANDARD.encode(hash)
        )
    }

    #[test]
    fn a_host_is_found_by_name_port_pattern_and_hash() {
        for (hosts, host, port) in [
            ("example.com".to_owned(), "EXAMPLE.com", 22),
            ("other,example.com".to_owned(), "example.com", 22),
            ("[example.com]:2222".to_owned(), "example.com", 2222),
            ("*.example.com".to_owned(), "a.example.com", 22),
            ("host-?".to_owned(), "host-7", 22),
            (hashed("example.com"), "example.com", 22),
            (hashed("[example.com]:2222"), "example.com", 2222),
        ] {
            let line = format!("{hosts} ssh-ed25519 {ONE} a comment");
            assert_eq!(verdict(&line, host, port), Verdict::Known, "{hosts}");
            assert_eq!(
                verdict(&line, "elsewhere", port),
                Verdict::Unknown,
                "{hosts}"
            );
        }
    }

    #[test]
    fn a_port_of_its_own_is_a_host_of_its_own() {
        let line = format!("example.com ssh-ed25519 {ONE}");
        assert_eq!(verdict(&line, "example.com", 2222), Verdict::Unknown);
    }

    #[test]
    fn another_key_of_the_host_is_a_change() {
        let line = format!("example.com ssh-ed25519 {OTHER}");
        assert_eq!(verdict(&line, "example.com", 22), Verdict::Changed);
        let both = format!("{line}\nexample.com ssh-ed25519 {ONE}");
        assert_eq!(verdict(&both, "example.com", 22), Verdict::Known);
    }

    #[test]
    fn a_revoked_key_stays_revoked_wherever_else_it_stands() {
        let lines = format!("h ssh-ed25519 {ONE}\n@revoked * ssh-ed25519 {ONE}");
        assert_eq!(verdict(&lines, "h", 22), Verdict::Revoked);
    }

    #[test]
    fn the_key_of_an_authority_is_no_key_of_a_host() {
        let line = format!("@cert-authority * ssh-ed25519 {ONE}");
        assert_eq!(verdict(&line, "h", 22), Verdict::Unknown);
        let unknown_mark = format!("@something h ssh-ed25519 {ONE}");
        assert_eq!(verdict(&unknown_mark, "h", 22), Verdict::Unknown);
    }

    #[test]
    fn an_excluded_host_is_not_meant() {
        let line = format!("*.example.com,!bad.example.com ssh-ed25519 {ONE}");
        assert_eq!(verdict(&line, "bad.example.com", 22), Verdict::Unknown);
        assert_eq!(verdict(&line, "good.example.com", 22), Verdict::Known);
    }

    #[test]
    fn a_host_known_only_by_a_key_of_a_kind_that_cannot_be_read_is_not_unknown() {
        for kind in ["ssh-ed448", "ssh-new@example.org"] {
            let mut blob = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
            blob.extend(kind.as_bytes());
            blob.extend([0, 0, 0, 3, 1, 2, 3]);
            let line = format!("h {kind} {}", BASE64_STANDARD.encode(blob));
            assert_eq!(
                verdict(&line, "h", 22),
                Verdict::Unreadable(kind.to_owned())
            );
            assert_eq!(verdict(&line, "elsewhere", 22), Verdict::Unknown);
            let revoked = format!("@revoked {line}");
            assert_eq!(verdict(&revoked, "h", 22), Verdict::Unknown);
            let both = format!("{line}\nh ssh-ed25519 {ONE}");
            assert_eq!(verdict(&both, "h", 22), Verdict::Known);
            let other = format!("{line}\nh ssh-ed25519 {OTHER}");
            assert_eq!(verdict(&other, "h", 22), Verdict::Changed);
        }
    }

    #[test]
    fn nonsense_is_passed_over() {
        let lines = format!("# comment\n\nx\nh ssh-ed25519 !!!\n|1|x|y ssh-ed25519 {ONE}\n");
        assert_eq!(verdict(&lines, "h", 22), Verdict::Unknown);
    }
}
