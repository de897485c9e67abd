//! URLs of containers in Azure's dialects.

use remote_store_credential_masking::Secret;

use crate::error::Result;

use super::parts::{Parts, decoded};
use super::{Location, refuse};

/// Hosts of storage accounts begin with the account and end like this.
const PUBLIC: [&str; 2] = [".blob.core.windows.net", ".dfs.core.windows.net"];
/// As [`PUBLIC`], in clouds of their own.
const OTHERS: [&str; 6] = [
    ".blob.core.chinacloudapi.cn",
    ".dfs.core.chinacloudapi.cn",
    ".blob.core.usgovcloudapi.net",
    ".dfs.core.usgovcloudapi.net",
    ".blob.fabric.microsoft.com",
    ".dfs.fabric.microsoft.com",
];

/// `az://container/prefix` or `abfss://container@host/prefix`.
pub(super) fn container(parts: &mut Parts<'_>) -> Result<Location> {
    if parts.password.is_some() {
        return parts
            .refuse_credentials()
            .map(|()| Location::new("azure", ""));
    }
    let (container, host) = match parts.user.take() {
        Some(container) => (container.reveal().to_owned(), Some(parts.host)),
        None => (parts.host.to_owned(), None),
    };
    // A host where a container is due: containers have no dots.
    if container.is_empty() || container.contains('.') {
        return Err(no_container(parts.scheme));
    }
    let location = Location::new("azure", parts.path).with("container", container.as_str());
    let location = match host {
        Some(host) => on_account(location, "https", host),
        None => location,
    };
    Ok(with_signature(location, parts))
}

/// `https://account.blob.core.windows.net/container/prefix`; `None` for any other host.
pub(super) fn by_host(scheme: &str, parts: &mut Parts<'_>) -> Result<Option<Location>> {
    if !PUBLIC
        .iter()
        .chain(&OTHERS)
        .any(|end| parts.host.ends_with(end))
    {
        return Ok(None);
    }
    parts.refuse_credentials()?;
    let path = decoded(parts.path)?;
    let (container, prefix) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path.trim_start_matches('/'), ""));
    if container.is_empty() {
        return Err(no_container("az"));
    }
    let location = Location::new("azure", prefix).with("container", container);
    let location = on_account(location, scheme, parts.host);
    Ok(Some(with_signature(location, parts)))
}

fn no_container(scheme: &str) -> crate::error::Error {
    let pattern = if matches!(scheme, "az" | "azure") {
        "az://container/prefix or https://account.blob.core.windows.net/container/prefix".to_owned()
    } else {
        format!("{scheme}://container@account.dfs.core.windows.net/prefix")
    };
    refuse(format!("The URL names no container; write {pattern}"))
}

fn on_account(location: Location, scheme: &str, host: &str) -> Location {
    let account = PUBLIC.iter().find_map(|end| host.strip_suffix(end));
    match account {
        Some(account) if scheme == "https" => location.with("account_name", account),
        // A bare name is an account, too.
        _ if !host.contains('.') => location.with("account_name", host),
        _ => location.with("account_url", format!("{scheme}://{host}").as_str()),
    }
}

/// A shared access signature is a query as a whole.
fn with_signature(location: Location, parts: &mut Parts<'_>) -> Location {
    let signed = |query: &&str| query.split('&').any(|pair| pair.starts_with("sig="));
    match parts.query.filter(signed) {
        Some(signature) => {
            parts.query = None;
            location.with("sas_token", Secret::new(signature))
        }
        None => location,
    }
}
