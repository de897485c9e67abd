"""What the tests of ``remote_store.ext.dagster`` share."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

pytest.importorskip("dagster", reason="these tests run real Dagster")

from log_sides import Side
from small_s3 import SmallS3

import remote_store.ext.dagster as ext
from remote_store import Store
from remote_store.backends import LocalBackend, MemoryBackend
from remote_store.ext.dagster import RemoteStoreComputeLogManager

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if _HERE in item.path.parents:
            # Dagster warns of its own plans; what our modules cause stays an error.
            item.add_marker(pytest.mark.filterwarnings("ignore"), append=False)
            item.add_marker(pytest.mark.filterwarnings("error:::remote_store"))


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path):
    """A store on each backend that needs no server."""
    if request.param == "memory":
        made = Store(MemoryBackend())
    else:
        (tmp_path / "store").mkdir()
        made = Store(LocalBackend(str(tmp_path / "store")))
    with made:
        yield made


@pytest.fixture
def memory_store():
    with Store(MemoryBackend()) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet_dagster():
    logging.getLogger("dagster").setLevel(logging.CRITICAL)


@pytest.fixture
def make(store, tmp_path, monkeypatch):
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)

    def build(**options):
        options.setdefault("local_dir", str(tmp_path / "local"))
        return RemoteStoreComputeLogManager("patched", **options)

    return build


@pytest.fixture(params=["native", "hook"])
def make_both(request, make):
    """Managers as they are, and ones whose upload a subclass has replaced."""
    if request.param == "native":
        return make

    class Custom(RemoteStoreComputeLogManager):
        def _upload_file_obj(self, data, log_key, io_type, partial=False):
            super()._upload_file_obj(data, log_key, io_type, partial)

    def build(**options):
        made = make(**options)
        made.__class__ = Custom
        return made

    return build


@pytest.fixture(scope="module")
def running_server():
    with SmallS3().serving() as running:
        yield running


@pytest.fixture
def server(running_server):
    """An S3 server without objects, which fails when it is told to."""
    running_server.objects.clear()
    running_server.forget()
    return running_server


@pytest.fixture(params=["ours", "hook", "dagster"])
def side(request, server, tmp_path):
    """Our log manager, ours with a hook, or the least one over Dagster's base class."""
    made = Side(request.param, server, tmp_path)
    yield made
    made.close()
