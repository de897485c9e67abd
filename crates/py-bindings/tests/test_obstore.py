"""Stores of obstore are taken and given."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from conftest import S3_ENDPOINT, s3_backend
from remote_store import AlreadyExists, CapabilityNotSupported, DirectoryNotEmpty, NotFound, Store
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend, S3Backend
from remote_store.backends._obstore_backend import ObstoreBackend

obstore = pytest.importorskip("obstore.store", reason="obstore is not installed")
KEY = "a2V5a2V5a2V5"


def s3_store(**options: object) -> object:
    return obstore.S3Store(
        "lake", access_key_id="AKIA", secret_access_key="s3cr3t", region="eu-west-1", **options
    )


@pytest.mark.parametrize(
    ("given", "expected", "root"),
    [
        (
            s3_store(prefix="p/q"),
            S3Backend("lake", key="AKIA", secret="s3cr3t", region_name="eu-west-1"),
            "p/q/sub",
        ),
        (
            obstore.AzureStore("c", account_name="a", account_key=KEY),
            AzureBackend("c", account_name="a", account_key=KEY),
            "sub",
        ),
        (obstore.GCSStore("lake"), GCSBackend("lake"), "sub"),
    ],
    ids=["s3", "azure", "gcs"],
)
def test_a_store_of_obstore_is_rebuilt_natively(given: object, expected: object, root: str) -> None:
    for store in (Store(given, "sub"), Store.from_obstore(given, "sub")):
        assert repr(store._backend) == repr(expected)
        assert store._core.root_path == root


def test_what_our_options_cannot_say_is_called_as_it_is() -> None:
    for given in (s3_store(client_options={"user_agent": "x"}), obstore.MemoryStore()):
        store = Store(given)
        assert isinstance(store._backend, ObstoreBackend)
        assert store.unwrap(type(given)) is given
        assert store.to_obstore() is given
        assert "s3cr3t" not in repr(store) + repr(store._backend)


def test_a_memory_store_of_obstore_does_what_a_store_does() -> None:
    given = obstore.MemoryStore()
    store = Store(given, "root")
    store.write("a/b.txt", b"1")
    assert bytes(given.get("root/a/b.txt").bytes()) == b"1"
    with pytest.raises(AlreadyExists):
        store.write("a/b.txt", b"2")
    store.write("a/b.txt", b"22", overwrite=True)
    with store.open_atomic("a/c.txt") as file:
        file.write(b"3")
    store.copy("a/b.txt", "d.txt")
    store.move("d.txt", "e/d.txt")
    assert sorted(str(info.path) for info in store.list_files("", recursive=True)) == [
        "a/b.txt",
        "a/c.txt",
        "e/d.txt",
    ]
    assert [str(entry.path) for entry in store.list_folders("")] == ["a", "e"]
    assert store.get_folder_info("a").total_size == 3
    assert (store.is_file("a"), store.is_folder("a"), store.exists("nope")) == (False, True, False)
    with pytest.raises(NotFound, match="File not found: root/nope"):
        store.read_bytes("nope")
    with pytest.raises(DirectoryNotEmpty):
        store.delete_folder("a")
    store.delete_folder("a", recursive=True)
    store.delete("e/d.txt")
    with pytest.raises(NotFound):
        store.delete("e/d.txt")
    assert list(store.list_files("", recursive=True)) == []


def test_local_folders_go_both_ways(tmp_path: Path) -> None:
    store = Store(obstore.LocalStore(tmp_path))
    assert isinstance(store._backend, LocalBackend)
    store.child("a").to_obstore().put("b", b"1")
    assert store.read_bytes("a/b") == b"1"
    assert isinstance(store.unwrap(obstore.LocalStore), obstore.LocalStore)


@pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server is running")
def test_buckets_go_both_ways() -> None:
    ours = Store(s3_backend(), f"obstore/{uuid.uuid4().hex}")
    theirs = ours.to_obstore()
    theirs.put("x", b"1")
    assert ours.read_bytes("x") == b"1"
    again = Store(theirs)
    assert isinstance(again._backend, S3Backend)
    again.write("y", b"2")
    assert bytes(theirs.get("y").bytes()) == b"2"
    assert again.native_path("y") == ours.native_path("y")
    ours.delete("x")
    ours.delete("y")
    assert os.environ.get("REMOTE_STORE_TEST_S3_SECRET", "SK1234567890") not in repr(theirs) + repr(
        again._backend
    )


def test_credentials_and_retries_are_handed_over() -> None:
    backend = S3Backend(
        "lake", key="AKIA", secret="s3cr3t", endpoint_url="http://127.0.0.1:9", retry={"max_attempts": 2}
    )
    given = Store(backend, "p").to_obstore()
    assert (given.prefix, given.config["secret_access_key"], given.retry_config["max_retries"]) == (
        "p",
        "s3cr3t",
        1,
    )
    assert repr(Store(given)._backend) == repr(backend)
    azure = Store(AzureBackend("c", account_name="a", account_key=KEY)).to_obstore()
    assert azure.config["account_key"] == KEY


def test_what_cannot_be_handed_over_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CapabilityNotSupported, match="'memory' has no counterpart"):
        Store(MemoryBackend()).to_obstore()
    with pytest.raises(CapabilityNotSupported, match="'client_options'"):
        Store(S3Backend("lake", client_options={"connect_timeout": 3})).to_obstore()
    with pytest.raises(TypeError, match="takes a store of obstore, got str"):
        Store.from_obstore("s3://lake")
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ImportError, match="pip install obstore"):
        Store(S3Backend("lake")).to_obstore()


def test_importing_us_does_not_import_obstore() -> None:
    code = "import sys, remote_store, remote_store.aio; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - our own code
