//! A server that speaks as much of Google Cloud Storage as its clients need: the translating proxy
//! of `tests/servers` in front of a `SeaweedFS` of its own that takes anonymous requests.

use super::guarded::{Guarded, status_of};
use super::seaweedfs::{BUCKET, SeaweedFs};
use crate::python::Venv;
use crate::steps::Step;
use crate::workspace::{Result, Workspace};

/// The running pair; dropping it stops the proxy, then the server behind it.
#[derive(Debug)]
pub(crate) struct Gcs {
    _proxy: Guarded,
    _upstream: SeaweedFs,
    port: u16,
}

impl Gcs {
    /// Builds the proxy, starts both and waits until the bucket is listed through the proxy.
    pub(crate) fn start(workspace: &Workspace, tools: &Venv, step: &mut Step) -> Result<Self> {
        let build = [
            "build",
            "--locked",
            "--package",
            "remote-store-test-servers",
        ];
        step.run(&mut workspace.cargo(&build)?)?;
        let upstream = SeaweedFs::start_open(workspace, tools, "gcs")?;
        let dir = workspace.own_dir("servers/gcs-proxy")?;
        let program = workspace.target.join("debug/test-server");
        let behind = format!("127.0.0.1:{}", upstream.port());
        let args = ["proxy", "--dialect", "gcs", "--upstream", &behind];
        let mut proxy = Guarded::start("the proxy for Google's dialect", &dir, &program, &args)?;
        let port = proxy.port()?;
        let listing = format!("/{BUCKET}?list-type=2");
        proxy.wait_for(|| (status_of(port, "GET", &listing) == Some(200)).then_some(()))?;
        Ok(Self {
            _proxy: proxy,
            _upstream: upstream,
            port,
        })
    }

    /// What tests read from the environment.
    pub(crate) fn variable(&self) -> (&'static str, String) {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        ("REMOTE_STORE_TEST_GCS_ENDPOINT", endpoint)
    }
}
