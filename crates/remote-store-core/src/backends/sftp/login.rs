//! Logging in: keys given, the agent's, the user's, the password, in that order.

use std::sync::Arc;

use remote_store_credential_masking::Secret;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};

use crate::error::{Error, Result};

use super::host_key::HostKeyCheck;
use super::options::SftpOptions;
use super::{NAME, keys};

/// How often a server may ask before it is given up.
const QUESTIONS: usize = 4;
/// Servers hang up after a few attempts; an agent full of keys must not use all of them up.
const AGENT_KEYS: usize = 5;

/// A login under way.
pub(super) struct Login<'a> {
    ssh: &'a mut Handle<HostKeyCheck>,
    options: &'a SftpOptions,
    user: String,
    tried: Vec<String>,
    accepted: Option<MethodSet>,
}

/// How an attempt ended.
enum Attempt {
    In,
    Refused,
    /// The connection is of no more use.
    Ended(russh::Error),
}

impl<'a> Login<'a> {
    pub(super) fn new(ssh: &'a mut Handle<HostKeyCheck>, options: &'a SftpOptions) -> Result<Self> {
        Ok(Self {
            ssh,
            options,
            user: user(options)?,
            tried: Vec::new(),
            accepted: None,
        })
    }

    /// Tries what there is until the server lets the user in.
    pub(super) async fn run(mut self) -> Result<()> {
        let options = self.options;
        let mut attempt = Attempt::Refused;
        if let Some(pkey) = &options.pkey {
            let key = keys::given(pkey, options.passphrase.as_ref())?;
            attempt = self.key(key, "the key given").await;
        }
        let unasked = options.has_no_credential();
        if matches!(attempt, Attempt::Refused) && options.allow_agent.unwrap_or(unasked) {
            attempt = self.agent().await;
        }
        if matches!(attempt, Attempt::Refused) && options.look_for_keys.unwrap_or(unasked) {
            for key in keys::of_user(options.passphrase.as_ref()) {
                attempt = self.key(key, "a key of ~/.ssh").await;
                if !matches!(attempt, Attempt::Refused) {
                    break;
                }
            }
        }
        if let (Attempt::Refused, Some(password)) = (&attempt, &options.password) {
            attempt = self.password(password).await;
        }
        match attempt {
            Attempt::In => Ok(()),
            Attempt::Refused => Err(self.refused()),
            Attempt::Ended(err) => Err(self.refused().caused_by(&err)),
        }
    }

    fn note(&mut self, result: std::result::Result<AuthResult, russh::Error>) -> Attempt {
        match result {
            Ok(AuthResult::Success) => Attempt::In,
            Ok(AuthResult::Failure {
                remaining_methods, ..
            }) => {
                self.accepted = Some(remaining_methods);
                Attempt::Refused
            }
            Err(err) => Attempt::Ended(err),
        }
    }

    async fn rsa_hash(&self, is_rsa: bool) -> Option<HashAlg> {
        if !is_rsa {
            return None;
        }
        match self.ssh.best_supported_rsa_hash().await {
            Ok(Some(best)) => best,
            // It does not say; every server of the last ten years can do this.
            _ => Some(HashAlg::Sha256),
        }
    }

    async fn key(&mut self, key: Arc<PrivateKey>, what: &str) -> Attempt {
        self.tried
            .push(format!("{what} ({})", key.fingerprint(HashAlg::Sha256)));
        let hash = self.rsa_hash(key.algorithm().is_rsa()).await;
        let key = PrivateKeyWithHashAlg::new(key, hash);
        let result = self.ssh.authenticate_publickey(&self.user, key).await;
        self.note(result)
    }

    #[cfg(unix)]
    async fn agent(&mut self) -> Attempt {
        let Ok(mut agent) = AgentClient::connect_env().await else {
            return Attempt::Refused;
        };
        let identities = agent.request_identities().await.unwrap_or_default();
        self.tried
            .push(format!("the SSH agent ({} keys)", identities.len()));
        for identity in identities.iter().take(AGENT_KEYS) {
            let key = identity.public_key().into_owned();
            let hash = self.rsa_hash(key.algorithm().is_rsa()).await;
            let signed = self
                .ssh
                .authenticate_publickey_with(&self.user, key, hash, &mut agent)
                .await;
            // An agent that does not sign, because its owner says no, ends this key only.
            let Ok(result) = signed else { continue };
            match self.note(Ok(result)) {
                Attempt::Refused => {}
                ended @ (Attempt::In | Attempt::Ended(_)) => return ended,
            }
        }
        Attempt::Refused
    }

    #[cfg(not(unix))]
    async fn agent(&mut self) -> Attempt {
        Attempt::Refused
    }

    async fn password(&mut self, password: &Secret) -> Attempt {
        let accepts = |accepted: &Option<MethodSet>, method: MethodKind| {
            accepted
                .as_ref()
                .is_none_or(|methods| methods.contains(&method))
        };
        let mut attempt = Attempt::Refused;
        if accepts(&self.accepted, MethodKind::Password) {
            self.tried.push("the password".to_owned());
            let result = self
                .ssh
                .authenticate_password(&self.user, password.reveal())
                .await;
            attempt = self.note(result);
        }
        if matches!(attempt, Attempt::Refused)
            && accepts(&self.accepted, MethodKind::KeyboardInteractive)
        {
            self.tried
                .push("the password as an answer to the server's questions".to_owned());
            attempt = match self.answer(password).await {
                Ok(true) => Attempt::In,
                Ok(false) => Attempt::Refused,
                Err(err) => Attempt::Ended(err),
            };
        }
        attempt
    }

    /// Keyboard-interactive: each hidden question is answered with the password.
    async fn answer(&mut self, password: &Secret) -> std::result::Result<bool, russh::Error> {
        let mut response = self
            .ssh
            .authenticate_keyboard_interactive_start(&self.user, None)
            .await?;
        for _ in 0..QUESTIONS {
            let prompts = match response {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let answers = prompts.iter().map(|prompt| {
                if prompt.echo {
                    self.user.clone()
                } else {
                    password.reveal().to_owned()
                }
            });
            response = self
                .ssh
                .authenticate_keyboard_interactive_respond(answers.collect())
                .await?;
        }
        Ok(false)
    }

    fn refused(&self) -> Error {
        let SftpOptions { host, port, .. } = self.options;
        let tried = if self.tried.is_empty() {
            "there was nothing to try: give 'pkey' or 'password', start an SSH agent, or put a key into ~/.ssh"
                .to_owned()
        } else {
            format!("tried {}", self.tried.join(", "))
        };
        let accepted = self.accepted.as_ref().map_or_else(String::new, |methods| {
            let names: Vec<&str> = methods.iter().map(<&str>::from).collect();
            format!(". The server takes: {}", names.join(", "))
        });
        Error::PermissionDenied {
            message: format!(
                "{host}:{port} does not let the user '{}' in; {tried}{accepted}",
                self.user
            ),
            path: self.options.base_path().to_owned(),
            backend: NAME.into(),
            source: None,
        }
    }
}

/// Who logs in: the user given, or the one of this process.
fn user(options: &SftpOptions) -> Result<String> {
    let from_environment = || {
        ["LOGNAME", "USER", "LNAME", "USERNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|user| !user.is_empty()))
    };
    options
        .username
        .clone()
        .or_else(from_environment)
        .ok_or_else(|| {
            crate::backends::given::refuse(
                NAME,
                "Backend 'sftp' needs the option 'username': the environment names no user",
            )
        })
}
