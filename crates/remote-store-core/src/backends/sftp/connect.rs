//! From options to a session: TCP, host key, login, subsystem.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use russh::client::{self, Config, Handle};
use russh::{Preferred, keys::Algorithm};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::error::Error;

use super::NAME;
use super::host_key::HostKeyCheck;
use super::login::Login;
use super::options::SftpOptions;
use super::requests::Limits;
use super::session::{Session, Trouble};

/// How much of the server's answers may be under way.
const WINDOW_BYTES: u32 = 8 << 20;
/// A silent connection is asked whether it is still there; firewalls forget those that are not used.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// A session and what was learnt about its server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) session: Arc<Session>,
    pub(super) limits: Limits,
    /// The base path with every link followed.
    pub(super) real_base: OnceCell<String>,
}

/// Why there is no connection, and whether another attempt may end otherwise.
pub(super) struct NotConnected {
    pub(super) error: Error,
    pub(super) again: bool,
}

fn for_good(error: Error) -> NotConnected {
    NotConnected {
        error,
        again: false,
    }
}

/// Opens a connection, once.
pub(super) async fn connect(options: &SftpOptions) -> Result<Connection, NotConnected> {
    let check = HostKeyCheck::new(options).map_err(for_good)?;
    let socket = open(options).await?;
    let mut ssh = shake_hands(options, socket, check).await?;
    let login = Login::new(&mut ssh, options).map_err(for_good)?;
    timeout(options.auth_timeout, login.run())
        .await
        .map_err(|_elapsed| {
            passing(
                options,
                "The login took too long; raise connect_kwargs['auth_timeout']",
            )
        })?
        .map_err(for_good)?;
    let session = begin(options, ssh).await?;
    let limits = session.limits().await;
    Ok(Connection {
        session: Arc::new(session),
        limits,
        real_base: OnceCell::new(),
    })
}

/// An error that may pass.
fn passing(options: &SftpOptions, what: &str) -> NotConnected {
    let SftpOptions { host, port, .. } = options;
    NotConnected {
        error: Error::unavailable(
            NAME,
            format!("Cannot connect to sftp://{host}:{port}: {what}"),
        ),
        again: true,
    }
}

async fn open(options: &SftpOptions) -> Result<TcpStream, NotConnected> {
    let address = (options.host.as_str(), options.port);
    let socket = match timeout(options.timeout, TcpStream::connect(address)).await {
        Ok(Ok(socket)) => socket,
        Ok(Err(err)) => {
            let what = "nobody answers there; check 'host' and 'port', and that the server runs";
            let failure = passing(options, what);
            return Err(NotConnected {
                error: failure.error.caused_by(&err),
                again: true,
            });
        }
        Err(_elapsed) => {
            return Err(passing(
                options,
                &format!(
                    "no answer within {} s; check 'host' and 'port' and the firewalls between, or raise 'timeout'",
                    options.timeout.as_secs_f64()
                ),
            ));
        }
    };
    // Requests are small and wait for answers: holding them back costs a round trip each.
    drop(socket.set_nodelay(true));
    Ok(socket)
}

async fn shake_hands(
    options: &SftpOptions,
    socket: TcpStream,
    check: HostKeyCheck,
) -> Result<Handle<HostKeyCheck>, NotConnected> {
    let refusal = check.refusal();
    let config = Config {
        window_size: WINDOW_BYTES,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        preferred: preferred(&check.algorithms()),
        ..Config::default()
    };
    let connecting = client::connect_stream(Arc::new(config), socket, check);
    let shaken = within(options.banner_timeout, connecting).await;
    let refused = refusal
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(error) = refused {
        return Err(for_good(error));
    }
    match shaken {
        Some(Ok(ssh)) => Ok(ssh),
        Some(Err(err @ russh::Error::NoCommonAlgo { .. })) => {
            let what = "client and server have no algorithm in common; the server is too old or too strict";
            Err(for_good(passing(options, what).error.caused_by(&err)))
        }
        Some(Err(err)) => {
            let failure = passing(options, "the server does not speak SSH, or hung up");
            Err(NotConnected {
                error: failure.error.caused_by(&err),
                again: true,
            })
        }
        None => Err(passing(
            options,
            "the key exchange took too long; raise connect_kwargs['banner_timeout']",
        )),
    }
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    timeout(limit, future).await.ok()
}

/// Kinds of host keys that are known come first, so that the server shows one that can be judged.
fn preferred(known: &[Algorithm]) -> Preferred {
    let defaults = Preferred::default();
    let is_known = |kind: &Algorithm| {
        known
            .iter()
            .any(|other| other == kind || other.clone().is_rsa() && kind.clone().is_rsa())
    };
    let (mut first, rest): (Vec<_>, Vec<_>) = defaults.key.iter().cloned().partition(is_known);
    first.extend(rest);
    Preferred {
        key: Cow::Owned(first),
        ..defaults
    }
}

async fn begin(options: &SftpOptions, ssh: Handle<HostKeyCheck>) -> Result<Session, NotConnected> {
    let no_channel = |err: &russh::Error| {
        let failure = passing(options, "the server opens no channel for SFTP");
        NotConnected {
            error: failure.error.caused_by(err),
            again: true,
        }
    };
    let opening = async {
        let channel = ssh.channel_open_session().await?;
        channel.request_subsystem(true, "sftp").await?;
        Ok(channel)
    };
    let channel = within(options.auth_timeout, opening)
        .await
        .ok_or_else(|| passing(options, "the server is slow to open a channel"))?
        .map_err(|err: russh::Error| no_channel(&err))?;
    Session::begin(channel, ssh, options.io_timeout)
        .await
        .map_err(|trouble| match trouble {
            Trouble::Lost(why) | Trouble::Status { message: why, .. } => {
                passing(options, &format!("no SFTP session was begun: {why}"))
            }
            Trouble::TimedOut(_) => passing(options, "the SFTP subsystem does not answer"),
        })
}
