//! A server that ends with the value that started it, and names its address in its output.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::seaweedfs::{GUARD, POLL_EVERY, READY_WITHIN};
use crate::workspace::Result;

/// What stands before the port in the line that names the address.
const ADDRESS: &str = "http://127.0.0.1:";

/// A running server; dropping it stops it, and so does our end, however we end.
#[derive(Debug)]
pub(super) struct Guarded {
    what: &'static str,
    child: Child,
    log: PathBuf,
}

impl Guarded {
    /// Starts a program in a folder of its own, where its log is kept.
    pub(super) fn start(
        what: &'static str,
        dir: &Path,
        program: &Path,
        args: &[&str],
    ) -> Result<Self> {
        let log = dir.join("server.log");
        let output = File::create(&log)?;
        let child = Command::new("sh")
            .args(["-c", GUARD, "server-guard"])
            .arg(program)
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("cannot start {what}: {error}"))?;
        Ok(Self { what, child, log })
    }

    /// The port on loopback that it says it listens on.
    pub(super) fn port(&mut self) -> Result<u16> {
        let log = self.log.clone();
        self.wait_for(|| port_in(&fs::read_to_string(&log).ok()?))
    }

    /// Polls until there is something; fails when the server ends or a minute has passed.
    pub(super) fn wait_for<T>(&mut self, mut ready: impl FnMut() -> Option<T>) -> Result<T> {
        let started = Instant::now();
        loop {
            if let Some(found) = ready() {
                return Ok(found);
            }
            let gone = self.child.try_wait()?.is_some();
            if gone || started.elapsed() > READY_WITHIN {
                let what = if gone {
                    "stopped at once"
                } else {
                    "was not ready within a minute"
                };
                let said = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!(
                    "{} {what}; its log {} says\n{said}",
                    self.what,
                    self.log.display()
                )
                .into());
            }
            sleep(POLL_EVERY);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _status = self.child.wait();
    }
}

/// The port in a whole line, so that half a number is never taken.
fn port_in(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once(ADDRESS)?;
    let (port, _) = rest.split_once(['\n', '/'])?;
    port.trim().parse().ok()
}

/// The status code of one small HTTP request, `None` when nobody answers.
pub(super) fn status_of(port: u16, method: &str, path: &str) -> Option<u16> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nready"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    // The head is enough; a body that is cut or not UTF-8 does not matter.
    let _read = stream.take(64).read_to_string(&mut answer);
    answer.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::{port_in, status_of};

    #[test]
    fn a_port_is_read_from_a_whole_line_only() {
        assert_eq!(
            port_in("starting\nlistens on http://127.0.0.1:4711\n"),
            Some(4711)
        );
        assert_eq!(port_in("listens on http://127.0.0.1:47"), None);
        assert_eq!(port_in("starting on 127.0.0.1:0\n"), None);
    }

    #[test]
    fn a_port_where_nobody_listens_has_no_status() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(status_of(port, "GET", "/"), None);
    }
}
