"""The SFTP backend through the package: options, and files on real servers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remote_store import (
    AlreadyExists,
    BackendUnavailable,
    Capability,
    InvalidPath,
    NotFound,
    PermissionDenied,
    Secret,
    Store,
)
from remote_store._registry import create_backend
from remote_store.backends import HostKeyPolicy, SFTPBackend, SFTPUtils

PORT = os.environ.get("REMOTE_STORE_TEST_SFTP_PORT")
PASSWORD_PORT = int(os.environ.get("REMOTE_STORE_TEST_SFTP_PASSWORD_PORT", "0"))
USER = os.environ.get("REMOTE_STORE_TEST_SFTP_USER", "")
KEY = os.environ.get("REMOTE_STORE_TEST_SFTP_KEY", "")
KNOWN_HOSTS = os.environ.get("REMOTE_STORE_TEST_SFTP_KNOWN_HOSTS", "")
PASSWORD = os.environ.get("REMOTE_STORE_TEST_SFTP_PASSWORD", "")

needs_server = pytest.mark.skipif(
    not PORT, reason="REMOTE_STORE_TEST_SFTP_PORT is not set; `cargo xtask test` starts a server and sets it"
)


@pytest.fixture
def options() -> dict[str, Any]:
    root = Path(os.environ.get("REMOTE_STORE_TEST_SFTP_ROOT", "/nowhere")) / f"py-{uuid.uuid4().hex}"
    return {
        "port": int(PORT or 0),
        "username": USER,
        "pkey": KEY,
        "host_keys_path": KNOWN_HOSTS,
        "base_path": str(root),
    }


@pytest.fixture
def backend(options: dict[str, Any]) -> Iterator[SFTPBackend]:
    made = SFTPBackend("127.0.0.1", **options)
    yield made
    made.close()


class TestOptions:
    def test_no_repr_shows_a_credential(self):
        key = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n"
        backend = SFTPBackend(
            "h", username="u", password="hunter2", pkey=key, connect_kwargs={"passphrase": "open"}
        )
        assert "'***'" in repr(backend)
        for secret in ["hunter2", "c2VjcmV0", "open"]:
            assert secret not in repr(backend)

    def test_paths_lead_there_and_back(self):
        backend = SFTPBackend("h", base_path="/data/")
        assert backend.native_path("a/b") == "/data/a/b"
        assert backend.to_key("/data/a/b") == "a/b"
        assert SFTPBackend("h").native_path("a") == "/a"
        assert SFTPBackend("h", base_path="in/home").native_path("a") == "in/home/a"
        store = Store(backend, "root")
        with pytest.raises(InvalidPath):
            store.to_key("/elsewhere/x")

    def test_what_it_cannot_do_is_said_before(self):
        backend = SFTPBackend("h")
        assert backend.capabilities.supports(Capability.ATOMIC_WRITE)
        assert not backend.capabilities.supports(Capability.USER_METADATA)

    @pytest.mark.parametrize(
        ("given", "part"),
        [
            ({"host": ""}, "host must be a non-empty string"),
            ({"host": "sftp://h/x"}, "host name or an address alone"),
            ({"host_key_policy": "maybe"}, "'maybe' is not a valid"),
            ({"port": 0}, "from 1 to 65535"),
            ({"io_timeout": 0}, "io_timeout must be a positive number of seconds, or None"),
            ({"timeout": -1}, "timeout must be a positive number"),
            ({"base_path": "~/x"}, "'~'"),
            ({"connect_kwargs": {"pasphrase": "x"}}, "passphrase"),
            ({"connect_kwargs": {"key_filename": "a"}, "pkey": "b"}, "one of them"),
        ],
    )
    def test_bad_options_are_refused_by_name(self, given: dict[str, Any], part: str):
        with pytest.raises(ValueError, match="sftp") as caught:
            SFTPBackend(**{"host": "h"} | given)
        assert part in str(caught.value)

    def test_a_value_that_is_no_key_is_refused(self):
        with pytest.raises(TypeError, match="'pkey'"):
            SFTPBackend("h", pkey=7)

    def test_every_form_of_a_policy_is_taken(self):
        for policy in [HostKeyPolicy.TRUST_ON_FIRST_USE, "tofu", SFTPUtils.HostKeyPolicy("tofu")]:
            assert "tofu" in repr(SFTPBackend("h", host_key_policy=policy))

    def test_it_is_registered(self):
        backend = create_backend("sftp", {"host": "h", "retry": {"max_attempts": 1}, "io_timeout": None})
        assert isinstance(backend, SFTPBackend)


@needs_server
class TestServer:
    def test_files_come_and_go(self, backend: SFTPBackend):
        store = Store(backend, "root")
        result = store.write("a/b.txt", b"hello")
        assert result.size == 5
        assert store.read_bytes("a/b.txt") == b"hello"
        with pytest.raises(AlreadyExists):
            store.write("a/b.txt", b"x")
        store.move("a/b.txt", "c/d.txt")
        assert [info.path.name for info in store.list_files("", recursive=True)] == ["d.txt"]
        with store.read_seekable("c/d.txt") as reader:
            reader.seek(-3, io.SEEK_END)
            assert reader.read() == b"llo"
        store.delete_folder("c", recursive=True)
        with pytest.raises(NotFound):
            store.read_bytes("c/d.txt")
        backend.check_health()

    def test_a_key_object_of_paramiko_opens_the_door(self, options: dict[str, Any]):
        class KeyObject:
            """What paramiko's keys have in common."""

            def write_private_key(self, file: io.TextIOBase) -> None:
                file.write(Path(KEY).read_text("utf-8"))

        for key in [KeyObject(), Secret(KEY), Path(KEY), SFTPUtils.load_private_key(KEY, from_file=True)]:
            backend = SFTPBackend("127.0.0.1", **options | {"pkey": key})
            backend.write("a", b"x", overwrite=True)
            backend.close()

    def test_known_hosts_come_from_config_too(self, options: dict[str, Any], tmp_path: Path):
        elsewhere = options | {"host_keys_path": str(tmp_path / "none")}
        with pytest.raises(PermissionDenied, match="SHA256:"):
            SFTPBackend("127.0.0.1", **elsewhere).exists("a")
        known = {"known_host_keys": Path(KNOWN_HOSTS).read_text("utf-8"), "whatever": 1}
        assert not SFTPBackend("127.0.0.1", **elsewhere, config=known).exists("a")

    def test_a_wrong_password_is_not_shown(self, options: dict[str, Any]):
        given = options | {"port": PASSWORD_PORT, "username": "tester", "pkey": None}
        with pytest.raises(PermissionDenied, match="'tester'") as caught:
            SFTPBackend("127.0.0.1", **given, password="a-wrong-guess").exists("a")
        assert "a-wrong-guess" not in repr(caught.value)
        assert not SFTPBackend("127.0.0.1", **given, password=Secret(PASSWORD)).exists("a")

    def test_a_closed_backend_says_so(self, options: dict[str, Any]):
        backend = SFTPBackend("127.0.0.1", **options)
        assert not backend.exists("a")
        backend.close()
        with pytest.raises(BackendUnavailable, match="closed"):
            backend.exists("a")

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
    def test_a_used_backend_works_in_a_forked_child(self, options: dict[str, Any]):
        code = (
            "import os, sys\n"
            "from remote_store.backends import SFTPBackend\n"
            f"backend = SFTPBackend('127.0.0.1', **{options!r})\n"
            "backend.write('a', b'parent')\n"
            "pid = os.fork()\n"
            "if pid == 0:\n"
            "    assert backend.read_bytes('a') == b'parent'\n"
            "    backend.write('b', b'child')\n"
            "    os._exit(0)\n"
            "assert os.waitpid(pid, 0)[1] == 0\n"
            "assert backend.read_bytes('b') == b'child'\n"
        )
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=120)  # noqa: S603
