//! A URL in its parts.

use percent_encoding::percent_decode_str;
use remote_store_credential_masking::Secret;

use crate::error::Result;

use super::refuse;

/// What stands between `://` and the end.
pub(super) struct Parts<'u> {
    pub(super) scheme: &'u str,
    /// What stands before the `@`, decoded: it may be a key.
    pub(super) user: Option<Secret>,
    /// What stands after a colon before the `@`, decoded.
    pub(super) password: Option<Secret>,
    /// Host and port, or a bucket.
    pub(super) host: &'u str,
    /// From the first slash on, as it stands.
    pub(super) path: &'u str,
    /// After the first question mark.
    pub(super) query: Option<&'u str>,
}

impl<'u> Parts<'u> {
    pub(super) fn split(scheme: &'u str, rest: &'u str) -> Result<Self> {
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        let (user, password) = match login.map(|login| {
            login
                .split_once(':')
                .map_or((login, None), |(user, password)| (user, Some(password)))
        }) {
            Some((user, password)) => (
                Some(Secret::new(decoded(user)?)),
                password.map(decoded).transpose()?.map(Secret::new),
            ),
            None => (None, None),
        };
        Ok(Self {
            scheme,
            user: user.filter(|user| !user.is_empty()),
            password: password.filter(|password| !password.is_empty()),
            host,
            path,
            query,
        })
    }

    /// Where nothing can be done with them, they must not be dropped silently.
    pub(super) fn refuse_credentials(&self) -> Result<()> {
        if self.user.is_none() && self.password.is_none() {
            return Ok(());
        }
        Err(refuse(format!(
            "A {}:// URL takes nothing before an '@'; pass credentials as options",
            self.scheme
        )))
    }

    /// The host, without the brackets of an IPv6 address, and the port.
    pub(super) fn host_and_port(&self) -> Result<(&'u str, Option<u16>)> {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (self.host, None),
        };
        let port = port
            .filter(|port| !port.is_empty())
            .map(str::parse)
            .transpose();
        let port =
            port.map_err(|_no_number| refuse("The port of the URL is no number below 65536"))?;
        Ok((host.trim_start_matches('[').trim_end_matches(']'), port))
    }
}

/// Percent-decoded text.
pub(super) fn decoded(text: &str) -> Result<String> {
    let text = percent_decode_str(text).decode_utf8();
    let text = text.map_err(|_not_utf8| refuse("The URL is not UTF-8 after percent-decoding"))?;
    Ok(text.into_owned())
}
