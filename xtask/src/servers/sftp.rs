//! SFTP servers: OpenSSH's own, and two of asyncssh for passwords and for a server without extensions.
//!
//! OpenSSH's server is taken from the system, or unpacked from the distribution's packages below
//! `target/xtask`; nothing is installed. Where neither is possible, asyncssh stands in for it, and the step
//! says so.

use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::guarded::Guarded;
use crate::debian;
use crate::process::output;
use crate::python::Venv;
use crate::steps::Step;
use crate::workspace::{Result, Workspace};

/// Where Debian and its like have it.
const SYSTEM_SSHD: &str = "/usr/sbin/sshd";
/// What is unpacked where the system has none; the library is what else a small image lacks.
const PACKAGES: [&str; 2] = ["openssh-server", "libwrap0"];
/// A user of every system: as root the server would need a user of its own, and no file would be out of its reach.
const UNPRIVILEGED: &str = "daemon";
/// Made up; it opens nothing but a server of this run.
const PASSWORD: &str = "xtask-not-a-real-password";
const PASSWORD_USER: &str = "tester";

/// The running servers; dropping them stops them.
#[derive(Debug)]
pub(crate) struct Sftp {
    _servers: Vec<Guarded>,
    variables: Vec<(&'static str, String)>,
    /// Why OpenSSH's server is not among them.
    pub(crate) without_openssh: Option<String>,
}

/// A server and how it is reached.
struct Running {
    server: Guarded,
    port: u16,
    user: String,
    kind: String,
}

impl Sftp {
    /// Starts all of them.
    pub(crate) fn start(workspace: &Workspace, tools: &Venv, step: &mut Step) -> Result<Self> {
        let dir = folder()?;
        let key = dir.join("user");
        make_key(&key)?;
        let password = asyncssh(workspace, tools, &dir, "password", &[])?;
        let bare = asyncssh(workspace, tools, &dir, "bare", &["--bare"])?;
        let mut servers = Vec::new();
        let mut without_openssh = None;
        let main = match openssh(workspace, &dir, step) {
            Ok(running) => {
                let about = (running.port, running.user, running.kind);
                servers.push(running.server);
                about
            }
            Err(reason) => {
                without_openssh = Some(format!("{reason}; asyncssh stands in for it"));
                (
                    password.port,
                    PASSWORD_USER.to_owned(),
                    password.kind.clone(),
                )
            }
        };
        let mut known = String::new();
        for (name, port) in [
            ("openssh", main.0),
            ("password", password.port),
            ("bare", bare.port),
        ] {
            let public = fs::read_to_string(dir.join(name).join("host.pub"))
                .or_else(|_| fs::read_to_string(dir.join("password/host.pub")))?;
            writeln!(known, "[127.0.0.1]:{port} {}", public.trim())?;
        }
        let known_hosts = dir.join("known_hosts");
        fs::write(&known_hosts, known)?;
        let variables = vec![
            ("REMOTE_STORE_TEST_SFTP_SERVER", main.2),
            ("REMOTE_STORE_TEST_SFTP_PORT", main.0.to_string()),
            ("REMOTE_STORE_TEST_SFTP_USER", main.1),
            ("REMOTE_STORE_TEST_SFTP_KEY", key.display().to_string()),
            (
                "REMOTE_STORE_TEST_SFTP_KNOWN_HOSTS",
                known_hosts.display().to_string(),
            ),
            (
                "REMOTE_STORE_TEST_SFTP_ROOT",
                dir.join("data").display().to_string(),
            ),
            (
                "REMOTE_STORE_TEST_SFTP_PASSWORD_PORT",
                password.port.to_string(),
            ),
            ("REMOTE_STORE_TEST_SFTP_PASSWORD", PASSWORD.to_owned()),
            ("REMOTE_STORE_TEST_SFTP_BARE_PORT", bare.port.to_string()),
        ];
        servers.extend([password.server, bare.server]);
        Ok(Self {
            _servers: servers,
            variables,
            without_openssh,
        })
    }

    /// What tests read from the environment.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        self.variables.iter().cloned()
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        if let Some((_, root)) = self
            .variables
            .iter()
            .find(|(name, _)| *name == "REMOTE_STORE_TEST_SFTP_ROOT")
            && let Some(dir) = Path::new(root).parent()
        {
            let _gone = fs::remove_dir_all(dir);
        }
    }
}

/// A new folder that the server's user reaches too, which a checkout below somebody's home may not be.
fn folder() -> Result<PathBuf> {
    let dir = std::env::temp_dir().join(format!("remote-store-sftp-{}", std::process::id()));
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let data = dir.join("data");
    fs::create_dir_all(&data)?;
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755))?;
    if let Some(uid) = unprivileged()? {
        chown(&data, Some(uid), None)?;
    }
    Ok(dir)
}

/// The user id that the server is given, when we are root.
fn unprivileged() -> Result<Option<u32>> {
    if !debian::is_root() {
        return Ok(None);
    }
    let uid = output(Command::new("id").args(["-u", UNPRIVILEGED]))?;
    Ok(Some(uid.trim().parse()?))
}

fn make_key(path: &Path) -> Result<()> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "xtask", "-f"]);
    output(command.arg(path)).map(drop)
}

/// A folder for a server, with a host key of its own and the user's key.
fn equip(dir: &Path, name: &str) -> Result<PathBuf> {
    let own = dir.join(name);
    fs::create_dir_all(&own)?;
    make_key(&own.join("host"))?;
    fs::copy(dir.join("user.pub"), own.join("authorized"))?;
    Ok(own)
}

fn asyncssh(
    workspace: &Workspace,
    tools: &Venv,
    dir: &Path,
    name: &str,
    flags: &[&str],
) -> Result<Running> {
    let own = equip(dir, name)?;
    let script = workspace.root.join("xtask/python/sftp_server.py");
    let (script, folder) = (script.to_string_lossy(), own.to_string_lossy());
    let password = format!("REMOTE_STORE_SFTP_PASSWORD={PASSWORD}");
    let python = tools.program("python");
    let python = python.to_string_lossy();
    let mut args = vec![&*password, &*python, &*script, &*folder];
    args.extend(flags);
    let mut server = Guarded::start("asyncssh", &own, Path::new("/usr/bin/env"), &args)?;
    let port = server.wait_for(|| fs::read_to_string(own.join("port")).ok()?.parse().ok())?;
    Ok(Running {
        server,
        port,
        user: PASSWORD_USER.to_owned(),
        kind: "asyncssh".to_owned(),
    })
}

fn openssh(workspace: &Workspace, dir: &Path, step: &mut Step) -> Result<Running> {
    let (sshd, libraries) = program(workspace, step)?;
    let own = equip(dir, "openssh")?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port();
    let shown = own.display();
    let config = own.join("sshd_config");
    fs::write(
        &config,
        format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/authorized\n\
             UsePAM no\nStrictModes no\nPidFile none\nMaxStartups 100\nMaxSessions 100\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n"
        ),
    )?;
    let user = match unprivileged()? {
        Some(uid) => {
            for file in ["host", "authorized", "sshd_config"] {
                chown(own.join(file), Some(uid), None)?;
            }
            UNPRIVILEGED.to_owned()
        }
        None => output(Command::new("id").arg("-un"))?.trim().to_owned(),
    };
    let library_path = format!("LD_LIBRARY_PATH={}", libraries.display());
    let (sshd, config) = (sshd.to_string_lossy(), config.to_string_lossy());
    let mut args = vec![&*library_path];
    if unprivileged()?.is_some() {
        args.extend([
            "setpriv",
            "--reuid",
            UNPRIVILEGED,
            "--regid",
            UNPRIVILEGED,
            "--clear-groups",
        ]);
    }
    args.extend([&*sshd, "-D", "-e", "-f", &*config]);
    let mut server = Guarded::start("OpenSSH", &own, Path::new("/usr/bin/env"), &args)?;
    server.wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
    Ok(Running {
        server,
        port,
        user,
        kind: "OpenSSH".to_owned(),
    })
}

/// The server program and where its libraries are.
fn program(workspace: &Workspace, step: &mut Step) -> Result<(PathBuf, PathBuf)> {
    let unpacked = workspace.own_dir("servers/openssh-packages")?;
    let libraries = unpacked.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
    let system = PathBuf::from(SYSTEM_SSHD);
    if system.exists() {
        return Ok((system, libraries));
    }
    let own = unpacked.join("usr/sbin/sshd");
    if !own.exists() {
        debian::unpack(workspace, &PACKAGES, &unpacked, step)
            .map_err(|why| format!("{SYSTEM_SSHD} is missing and {why}"))?;
    }
    // The unprivileged user must reach it; a checkout below somebody's home it does not.
    let copied =
        std::env::temp_dir().join(format!("remote-store-sftp-{}/sshd", std::process::id()));
    fs::copy(&own, &copied)?;
    let reachable = copied.parent().unwrap_or(&copied).join("lib");
    fs::create_dir_all(&reachable)?;
    for entry in fs::read_dir(&libraries)? {
        let path = entry?.path();
        if path.is_file()
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, reachable.join(name))?;
        }
    }
    Ok((copied, reachable))
}
