"""What the tests of ``remote_store.ext.dagster`` share."""

from __future__ import annotations

import logging

import pytest

dg = pytest.importorskip("dagster", reason="these tests run real Dagster")

from remote_store import Store  # noqa: E402 - after the check that Dagster is there
from remote_store.backends import LocalBackend, MemoryBackend  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "spec(clause): the clause of the specification that the test proves")


def pytest_collection_modifyitems(items):
    for item in items:
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


def stored_paths(store):
    """Every file of a store, sorted."""
    return sorted(str(info.path) for info in store.list_files("", recursive=True))


def run(assets, manager, **kwargs):
    """Materialize assets in this process, failing the test when the run fails."""
    result = dg.materialize(assets, resources={"io_manager": manager}, **kwargs)
    assert result.success
    return result


def metadata_of(result, *key):
    """The metadata of the one materialization of an asset."""
    events = [
        event
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == dg.AssetKey(list(key))
    ]
    return [
        {name: getattr(value, "value", value) for name, value in event.materialization.metadata.items()}
        for event in events
    ]
