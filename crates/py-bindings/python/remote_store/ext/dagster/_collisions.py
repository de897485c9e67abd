"""Two assets, one path.

By the specification the asset ``["foo"]`` with partition ``bar`` and the asset ``["foo", "bar"]``
share a path. When both are in the graph of the running job and use the same IO manager, one would
overwrite the other: refused before anything is written.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store.ext.dagster import _versions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from remote_store.ext.dagster._contexts import Target

__all__ = ["CollisionCheck"]


class CollisionCheck:
    """Checks each asset once for each asset graph.

    Args:
        extension: The extension of the files; None for datasets.
    """

    def __init__(self, extension: str | None) -> None:
        self._extension = extension
        self._lock = threading.Lock()
        self._graph: Any = None
        self._checked: set[tuple[str, ...]] = set()

    def check(self, context: Any, target: Target) -> None:
        """Refuse an asset that shares a path with another one.

        Raises:
            ValueError: It does; the message names both.
        """
        step = _versions.step_context_of(context)
        if step is None or target.asset is None:
            return
        graph = _versions.asset_graph_of(step, context.asset_key)
        with self._lock:
            if graph is not self._graph:
                self._graph, self._checked = graph, set()
            if target.asset in self._checked:
                return
        self._check_graph(graph, step, context.asset_key, target.asset)
        with self._lock:
            self._checked.add(target.asset)

    def _check_graph(self, graph: Any, step: Any, key: Any, asset: tuple[str, ...]) -> None:
        mine = (list(asset), _partitions(graph, step, key))
        for other in _neighbours(graph, key, asset):
            found = _native.io_manager.collisions(
                [mine, (list(other.path), _partitions(graph, step, other))], self._extension
            )
            if found:
                raise ValueError(found[0])


def _neighbours(graph: Any, key: Any, asset: tuple[str, ...]) -> Iterator[Any]:
    """Give the assets below or above this one that the same IO manager stores.

    Segments are kept apart by the paths, so that only these can share one.
    """
    manager = _io_manager_key(graph, key)
    for other in _versions.asset_keys_of(graph):
        path = tuple(other.path)
        if path == asset or not (_starts(path, asset) or _starts(asset, path)):
            continue
        if _io_manager_key(graph, other) == manager:
            yield other


def _starts(path: tuple[str, ...], start: tuple[str, ...]) -> bool:
    return path[: len(start)] == start


def _io_manager_key(graph: Any, key: Any) -> str | None:
    definition = graph.get(key).assets_def
    return definition.get_io_manager_key_for_asset_key(key) if definition is not None else None


def _partitions(graph: Any, step: Any, key: Any) -> list[str] | None:
    definition = graph.get(key).partitions_def
    return None if definition is None else list(_versions.keys_of_definition(definition, step.instance))
