//! `SeaweedFS`, an S3 service in one process: started on free ports in a folder of its own.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::guarded::status_of;
use crate::python::Venv;
use crate::workspace::{Result, Workspace};

/// The bucket that exists from the start.
pub(crate) const BUCKET: &str = "remote-store-test";
const REGION: &str = "us-east-1";
const ACCESS_KEY: &str = "xtask-access-key";
const SECRET_KEY: &str = "xtask-not-a-real-secret";

/// It is ready in half a second; a busy machine gets a minute.
pub(super) const READY_WITHIN: Duration = Duration::from_mins(1);
pub(super) const POLL_EVERY: Duration = Duration::from_millis(50);
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// The admin part answers gRPC on its port plus this.
const ADMIN_GRPC_OFFSET: u16 = 10_000;

/// Stops the server when its standard input closes, so that it never outlives us, however we end:
/// first kindly, after ten seconds by force. Interrupts are left to us.
pub(super) const GUARD: &str = r#"trap '' INT
"$@" </dev/null &
pid=$!
trap 'kill $pid 2>/dev/null' TERM
read -r _
kill $pid 2>/dev/null
(sleep 10; kill -9 $pid 2>/dev/null) &
timer=$!
wait $pid
kill $timer 2>/dev/null"#;

/// How long a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// As long as the value that started it.
    Guarded,
    /// Until it is stopped by its process id.
    Detached,
}

/// What a client needs.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) endpoint: String,
    pub(crate) key: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) region: &'static str,
    pub(crate) bucket: &'static str,
    /// What leads to the servers beside it.
    pub(crate) others: Vec<(&'static str, String)>,
}

/// A running server; dropping it stops it, unless it was started to stay.
#[derive(Debug)]
pub(crate) struct SeaweedFs {
    child: Child,
    lifetime: Lifetime,
    ports: Ports,
    log: PathBuf,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    s3: u16,
    filer: u16,
    admin: u16,
    inner: [u16; 6],
}

impl SeaweedFs {
    /// Starts it with an empty folder `target/xtask/servers/<name>` and waits until it takes writes.
    pub(crate) fn start(
        workspace: &Workspace,
        tools: &Venv,
        name: &str,
        lifetime: Lifetime,
    ) -> Result<Self> {
        Self::launch(workspace, tools, name, lifetime, &identities())
    }

    /// One that takes requests without a signature.
    pub(super) fn start_open(workspace: &Workspace, tools: &Venv, name: &str) -> Result<Self> {
        Self::launch(workspace, tools, name, Lifetime::Guarded, &anyone())
    }

    fn launch(
        workspace: &Workspace,
        tools: &Venv,
        name: &str,
        lifetime: Lifetime,
        identities: &str,
    ) -> Result<Self> {
        let dir = workspace.own_dir(&format!("servers/{name}"))?;
        let data = dir.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        let config = dir.join("s3.json");
        fs::write(&config, identities)?;
        let log = dir.join("weed.log");
        let ports = Ports::free()?;

        let weed = tools.program("weed");
        let mut command = match lifetime {
            Lifetime::Guarded => {
                let mut command = Command::new("sh");
                command
                    .args(["-c", GUARD, "weed-guard"])
                    .arg(&weed)
                    .stdin(Stdio::piped());
                command
            }
            Lifetime::Detached => {
                let mut command = Command::new(&weed);
                // Its own group: an interrupt at the terminal is not meant for it.
                command.stdin(Stdio::null()).process_group(0);
                command
            }
        };
        let output = File::create(&log)?;
        let child = command
            .args(arguments(&data, &config, ports))
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start SeaweedFS: {error}"))?;
        let mut server = Self {
            child,
            lifetime,
            ports,
            log,
        };
        server.wait_until_ready().inspect_err(|_| {
            // One that did not come up is of no use to anybody.
            if lifetime == Lifetime::Detached {
                signal("KILL", &server.child.id().to_string());
            }
        })?;
        Ok(server)
    }

    /// What a client needs to reach it.
    pub(crate) fn credentials(&self) -> Credentials {
        Credentials {
            endpoint: format!("http://127.0.0.1:{}", self.ports.s3),
            key: ACCESS_KEY,
            secret: SECRET_KEY,
            region: REGION,
            bucket: BUCKET,
            others: Vec::new(),
        }
    }

    /// The port of the S3 service.
    pub(super) fn port(&self) -> u16 {
        self.ports.s3
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Polls until an object was really stored, not only a port opened.
    fn wait_until_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        loop {
            let healthy = status_of(self.ports.s3, "GET", "/healthz") == Some(200);
            let probe = format!("/buckets/{BUCKET}/.xtask-ready");
            if healthy
                && status_of(self.ports.filer, "GET", &format!("/buckets/{BUCKET}/")) == Some(200)
                && status_of(self.ports.filer, "PUT", &probe) == Some(201)
            {
                status_of(self.ports.filer, "DELETE", &probe);
                return Ok(());
            }
            let gone = self.child.try_wait()?.is_some();
            if gone || started.elapsed() > READY_WITHIN {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let end: Vec<&str> = log.lines().rev().take(15).collect();
                let end: Vec<&str> = end.into_iter().rev().collect();
                let what = if gone {
                    "stopped at once"
                } else {
                    "was not ready within a minute"
                };
                return Err(format!(
                    "SeaweedFS {what}; its log {} ends with\n{}",
                    self.log.display(),
                    end.join("\n")
                )
                .into());
            }
            sleep(POLL_EVERY);
        }
    }
}

impl Drop for SeaweedFs {
    fn drop(&mut self) {
        if self.lifetime == Lifetime::Guarded {
            drop(self.child.stdin.take());
            let _status = self.child.wait();
        }
    }
}

impl Credentials {
    /// The environment that tests read.
    pub(crate) fn environment(&self) -> Vec<(&'static str, &str)> {
        let mut variables = vec![
            ("REMOTE_STORE_TEST_S3_ENDPOINT", self.endpoint.as_str()),
            ("REMOTE_STORE_TEST_S3_KEY", self.key),
            ("REMOTE_STORE_TEST_S3_SECRET", self.secret),
            ("REMOTE_STORE_TEST_S3_REGION", self.region),
            ("REMOTE_STORE_TEST_S3_BUCKET", self.bucket),
        ];
        let others = self.others.iter();
        variables.extend(others.map(|(name, value)| (*name, value.as_str())));
        variables
    }

    /// The same as lines for a shell.
    pub(crate) fn exports(&self) -> String {
        let mut text = String::new();
        for (name, value) in self.environment() {
            text.push_str("export ");
            text.push_str(name);
            text.push('=');
            text.push_str(value);
            text.push('\n');
        }
        text
    }
}

/// Whether the process of this id is a `weed` (an id may have been given to another one since).
pub(crate) fn is_ours(pid: &str) -> bool {
    let shown = Command::new("ps")
        .args(["-o", "command=", "-p", pid.trim()])
        .output();
    shown.is_ok_and(|shown| String::from_utf8_lossy(&shown.stdout).contains("weed mini"))
}

/// Ends a detached server and waits until it is gone.
pub(crate) fn stop_detached(pid: &str) -> Result<()> {
    signal("TERM", pid);
    let started = Instant::now();
    while is_ours(pid) {
        if started.elapsed() > STOP_WITHIN {
            signal("KILL", pid);
            return Err(format!(
                "SeaweedFS (process {}) did not stop in time and was killed",
                pid.trim()
            )
            .into());
        }
        sleep(POLL_EVERY);
    }
    Ok(())
}

fn signal(name: &str, pid: &str) {
    // `kill` is built into every sh; a process that is gone already is what we want.
    let _status = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "kill", name, pid.trim()])
        .stderr(Stdio::null())
        .status();
}

/// Everything on loopback, telemetry and optional parts off, no bucket made by a mere write.
fn arguments(data: &Path, config: &Path, ports: Ports) -> Vec<String> {
    let [
        master,
        master_grpc,
        volume,
        volume_grpc,
        s3_grpc,
        filer_grpc,
    ] = ports.inner;
    let mut list: Vec<String> = [
        "mini",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-master.telemetry=false",
        "-admin.ui=false",
        "-webdav=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.domainName=localhost",
        "-s3.autoCreateBucket=false",
    ]
    .map(str::to_owned)
    .to_vec();
    list.extend([
        format!("-dir={}", data.display()),
        format!("-s3.config={}", config.display()),
        format!("-bucket={BUCKET}"),
        format!("-s3.port={}", ports.s3),
        format!("-s3.port.grpc={s3_grpc}"),
        format!("-filer.port={}", ports.filer),
        format!("-filer.port.grpc={filer_grpc}"),
        format!("-master.port={master}"),
        format!("-master.port.grpc={master_grpc}"),
        format!("-volume.port={volume}"),
        format!("-volume.port.grpc={volume_grpc}"),
        format!("-admin.port={}", ports.admin),
        format!("-admin.port.grpc={}", ports.admin + ADMIN_GRPC_OFFSET),
    ]);
    list
}

fn identities() -> String {
    serde_json::json!({"identities": [{
        "name": "admin",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }]})
    .to_string()
}

fn anyone() -> String {
    serde_json::json!({"identities": [{
        "name": "anonymous",
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }]})
    .to_string()
}

impl Ports {
    /// Ports that were free a moment ago; all are held until the last is known, so they differ.
    fn free() -> Result<Self> {
        let mut held = Vec::new();
        let mut next = || -> Result<u16> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        let (s3, filer) = (next()?, next()?);
        let inner = [next()?, next()?, next()?, next()?, next()?, next()?];
        for _ in 0..200 {
            let admin = next()?;
            let grpc = admin.checked_add(ADMIN_GRPC_OFFSET);
            if grpc.is_some_and(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
                return Ok(Self {
                    s3,
                    filer,
                    admin,
                    inner,
                });
            }
        }
        Err("no free pair of ports for SeaweedFS on the loopback interface".into())
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn ports_are_all_different() {
        let ports = Ports::free().unwrap();
        let mut all = vec![ports.s3, ports.filer, ports.admin];
        all.extend(ports.inner);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 9);
    }
}
