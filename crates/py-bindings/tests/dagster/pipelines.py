"""Running assets and looking at what they left."""

from __future__ import annotations

import dagster as dg
import pytest

try:
    import pyarrow as pa
except ImportError:
    pa = None

needs_arrow = pytest.mark.skipif(pa is None, reason="PyArrow is not in this environment")


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
