//! The options of an SFTP backend, by the names that users of Python know.

use std::path::PathBuf;
use std::time::Duration;

use remote_store_credential_masking::Secret;

use crate::backends::given::{refuse, secret, text};
use crate::backends::retry::{RetryOptions, retry_spec};
use crate::error::Result;
use crate::registry::{OptionKind, OptionSpec, OptionValue, Options};

use super::NAME;
use super::host_key::HostKeyPolicy;

/// How an [`SftpBackend`](super::SftpBackend) reaches its server.
///
/// ```
/// use remote_store_core::backends::{HostKeyPolicy, SftpOptions};
///
/// let mut options = SftpOptions::new("files.example.com")?.with_base_path("/data/")?;
/// options.username = Some("dagster".into());
/// options.host_key_policy = HostKeyPolicy::TrustOnFirstUse;
/// assert_eq!(options.base_path(), "/data");
/// assert!(SftpOptions::new("").is_err());
/// # Ok::<(), remote_store_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SftpOptions {
    /// The server's name or address.
    pub host: String,
    /// Its port; 22 unless set.
    pub port: u16,
    /// Who logs in; the user of this process when not given.
    pub username: Option<String>,
    /// The password, also for servers that ask for it interactively.
    pub password: Option<Secret>,
    /// A private key: its text (`OpenSSH`, PEM, PKCS#8, `PuTTY`) or the path of its file.
    pub pkey: Option<Secret>,
    /// What an encrypted private key is opened with.
    pub passphrase: Option<Secret>,
    base_path: String,
    /// What happens when the host is not known.
    pub host_key_policy: HostKeyPolicy,
    /// Lines as in a `known_hosts` file, beside those of the file.
    pub known_host_keys: Option<String>,
    /// The file of known hosts; `~/.ssh/known_hosts` when not given.
    pub host_keys_path: Option<PathBuf>,
    /// How long to wait for a connection.
    pub timeout: Duration,
    /// How long the server may take for the key exchange.
    pub banner_timeout: Duration,
    /// How long the server may take to let the user in.
    pub auth_timeout: Duration,
    /// How long one request may take; `None` waits for ever.
    pub io_timeout: Option<Duration>,
    /// Ask the SSH agent for keys; when neither key nor password is given unless set.
    pub allow_agent: Option<bool>,
    /// Try the keys in `~/.ssh`; when neither key nor password is given unless set.
    pub look_for_keys: Option<bool>,
    /// How lost connections are tried again.
    pub retry: RetryOptions,
}

impl SftpOptions {
    /// The defaults, for a host.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`](crate::Error::InvalidConfig) when the host is empty or no host.
    pub fn new(host: impl Into<String>) -> Result<Self> {
        let host = host.into();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&host);
        if host.trim().is_empty() {
            return Err(refuse(
                NAME,
                "Option 'host' of backend 'sftp': host must be a non-empty string",
            ));
        }
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@' | '\\');
        if host.contains(odd) {
            return Err(refuse(
                NAME,
                "Option 'host' of backend 'sftp' takes a host name or an address alone; the user goes into \
                 'username', the port into 'port' and the folder into 'base_path'",
            ));
        }
        Ok(Self {
            host: host.to_owned(),
            port: 22,
            username: None,
            password: None,
            pkey: None,
            passphrase: None,
            base_path: "/".to_owned(),
            host_key_policy: HostKeyPolicy::Strict,
            known_host_keys: None,
            host_keys_path: None,
            timeout: Duration::from_secs(10),
            banner_timeout: Duration::from_secs(15),
            auth_timeout: Duration::from_secs(30),
            io_timeout: Some(Duration::from_mins(2)),
            allow_agent: None,
            look_for_keys: None,
            retry: RetryOptions::default(),
        })
    }

    /// With the folder that holds everything. One that does not start with a
    /// slash is relative to where the server puts the user at login.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`](crate::Error::InvalidConfig) for a path that starts with `~` or has a NUL byte.
    pub fn with_base_path(mut self, path: &str) -> Result<Self> {
        if path.contains('\0') {
            return Err(refuse(
                NAME,
                "Option 'base_path' of backend 'sftp' has a NUL byte",
            ));
        }
        if path == "~" || path.starts_with("~/") {
            return Err(refuse(
                NAME,
                "Option 'base_path' of backend 'sftp': SFTP knows no '~'; leave it out, since a path without \
                 a leading slash is relative to the folder of the login",
            ));
        }
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !matches!(*segment, "" | "."))
            .collect();
        let absolute = path.is_empty() || path.starts_with('/');
        self.base_path = match (absolute, segments.is_empty()) {
            (true, _) => format!("/{}", segments.join("/")),
            (false, true) => ".".to_owned(),
            (false, false) => segments.join("/"),
        };
        Ok(self)
    }

    /// The folder that holds everything, without a slash at its end.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// The options out of checked configuration.
    pub(super) fn from_options(given: &Options) -> Result<Self> {
        let mut options = Self::new(text(given, "host").unwrap_or_default())?
            .with_base_path(text(given, "base_path").unwrap_or("/"))?;
        if let Some(port) = given.get("port").and_then(OptionValue::as_int) {
            options.port = u16::try_from(port).ok().filter(|port| *port > 0).ok_or_else(|| {
                refuse(
                    NAME,
                    format!("Option 'port' of backend 'sftp' takes a number from 1 to 65535, got {port}"),
                )
            })?;
        }
        options.username = text(given, "username").map(str::to_owned);
        options.password = secret(given, "password");
        options.pkey = secret(given, "pkey");
        if let Some(policy) = text(given, "host_key_policy") {
            options.host_key_policy = policy.parse()?;
        }
        let config = given.get("config").and_then(OptionValue::as_map);
        options.known_host_keys = text(given, "known_host_keys")
            .or_else(|| text(config?, "known_host_keys"))
            .map(str::to_owned);
        options.host_keys_path = text(given, "host_keys_path").map(super::keys::expanded);
        if let Some(limit) = seconds(given, "timeout", "")? {
            options.timeout = limit.or_longest();
        }
        if let Some(limit) = seconds(given, "io_timeout", "")? {
            options.io_timeout = limit.into_option();
        }
        if let Some(extra) = given.get("connect_kwargs").and_then(OptionValue::as_map) {
            options.read_extra(extra)?;
        }
        if let Some(retry) = given.get("retry").and_then(OptionValue::as_map) {
            options.retry.read(NAME, retry)?;
        }
        if let Some(key) = &options.pkey {
            super::keys::check_file(key)?;
        }
        Ok(options)
    }

    fn read_extra(&mut self, given: &Options) -> Result<()> {
        self.passphrase = secret(given, "passphrase");
        if let Some(path) = secret(given, "key_filename") {
            if self.pkey.is_some() {
                return Err(refuse(
                    NAME,
                    "Backend 'sftp' got 'pkey' and 'connect_kwargs.key_filename'; give one of them",
                ));
            }
            self.pkey = Some(path);
        }
        let flag = |name: &str| given.get(name).and_then(OptionValue::as_bool);
        self.allow_agent = flag("allow_agent");
        self.look_for_keys = flag("look_for_keys");
        for (name, limit) in [
            ("banner_timeout", &mut self.banner_timeout),
            ("auth_timeout", &mut self.auth_timeout),
        ] {
            if let Some(given) = seconds(given, name, "connect_kwargs.")? {
                *limit = given.or_longest();
            }
        }
        Ok(())
    }

    /// True when there is neither a key nor a password.
    pub(super) fn has_no_credential(&self) -> bool {
        self.password.is_none() && self.pkey.is_none()
    }

    /// For people; credentials are masked.
    pub(super) fn describe(&self) -> Vec<(String, String)> {
        let masked = |secret: &Option<Secret>| secret.as_ref().map(ToString::to_string);
        let fields = [
            ("host", Some(self.host.clone())),
            ("port", Some(self.port.to_string())),
            ("username", self.username.clone()),
            ("password", masked(&self.password)),
            ("pkey", masked(&self.pkey)),
            ("base_path", Some(self.base_path.clone())),
            ("host_key_policy", Some(self.host_key_policy.to_string())),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

/// A limit that was given.
enum Limit {
    Of(Duration),
    None,
}

impl Limit {
    fn or_longest(self) -> Duration {
        self.into_option().unwrap_or(Duration::MAX)
    }

    fn into_option(self) -> Option<Duration> {
        match self {
            Self::Of(limit) => Some(limit),
            Self::None => None,
        }
    }
}

/// A positive number of seconds, or infinity for no limit.
fn seconds(given: &Options, name: &str, map: &str) -> Result<Option<Limit>> {
    let Some(value) = given.get(name).and_then(OptionValue::as_float) else {
        return Ok(None);
    };
    if value == f64::INFINITY {
        return Ok(Some(Limit::None));
    }
    let limit = Duration::try_from_secs_f64(value)
        .ok()
        .filter(|limit| !limit.is_zero());
    let refused = || {
        refuse(
            NAME,
            format!(
                "Option '{map}{name}' of backend 'sftp': {name} must be a positive number of seconds, or None; \
                 got {value}"
            ),
        )
    };
    limit
        .map(|limit| Some(Limit::Of(limit)))
        .ok_or_else(refused)
}

/// The options by name, for the registry.
pub(super) fn specs() -> Vec<OptionSpec> {
    let text = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Text, help);
    let flag = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Bool, help);
    let float = |name: &str, help: &str| OptionSpec::new(name, OptionKind::Float, help);
    let extra = vec![
        text("passphrase", "what an encrypted private key is opened with").secret(),
        text("key_filename", "the file of a private key").secret(),
        flag("allow_agent", "ask the SSH agent for keys"),
        flag("look_for_keys", "try the keys in ~/.ssh"),
        float("banner_timeout", "seconds for the key exchange"),
        float("auth_timeout", "seconds for the login"),
    ];
    vec![
        text("host", "the server").required(),
        OptionSpec::new("port", OptionKind::Int, "its port"),
        text("username", "who logs in"),
        text("password", "the password").secret(),
        text("pkey", "a private key, or the path of its file").secret(),
        text("base_path", "the folder that holds everything"),
        text("host_key_policy", "strict, tofu or auto"),
        text("known_host_keys", "lines as in a known_hosts file"),
        text("host_keys_path", "the file of known hosts"),
        OptionSpec::new(
            "config",
            OptionKind::Map(Vec::new()),
            "a mapping that may hold 'known_host_keys'",
        ),
        float("timeout", "seconds to wait for a connection"),
        float("io_timeout", "seconds that one request may take"),
        OptionSpec::new(
            "connect_kwargs",
            OptionKind::Map(extra),
            "how to log in: passphrase, agent, keys in ~/.ssh",
        ),
        retry_spec(),
    ]
}
