"""What both IO managers do: find out what a context means, then store or load each part of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagster import IOManager

from remote_store import _native
from remote_store.ext.dagster import (
    _annotations,
    _collisions,
    _contexts,
    _metadata,
    _windows,
)

__all__ = ["PartitionedIOManager", "Stored"]

# As many writes of a single-run backfill are under way; their bytes are all that is held.
_WRITE_WINDOW = 16
# Dagster's cost of metadata for one partition grows with their number.
_MAX_TOLD_PARTITIONS = 1000


@dataclass(frozen=True)
class Stored:
    """What an object left behind.

    Attributes:
        metadata: What the specification promises for its event.
        path: Where it is, relative to the store's root.
        size: Its size in bytes; None where that is not known.
        rows: How many rows of a table it holds, where only writing has told.
    """

    metadata: Mapping[str, Any]
    path: str
    size: int | None
    rows: int | None = None


class PartitionedIOManager(IOManager, ABC):
    """An IO manager over a store; subclasses say what one object looks like.

    Args:
        store: The store; the caller owns it.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._collisions = _collisions.CollisionCheck(self._extension())

    # What one object looks like

    @abstractmethod
    def _extension(self) -> str | None:
        """Give the extension of the files; None for folders."""

    @abstractmethod
    def _asset_path(self, asset: Sequence[str], partition: str | None) -> str:
        """Give the path of an asset or of one partition of it."""

    @abstractmethod
    def _op_output_path(self, identifier: Sequence[str]) -> str:
        """Give the path of an output that is no asset."""

    @abstractmethod
    def _prepare(self, obj: Any) -> Any:
        """Turn an object into what `_write` takes; fails before anything is written."""

    @abstractmethod
    def _write(self, path: str, prepared: Any) -> Stored:
        """Store one object, all of it or nothing."""

    @abstractmethod
    def _read(self, path: str, target: _contexts.Target, columns: Sequence[str] | None) -> Any:
        """Load one object.

        Raises:
            RemoteStoreError: It is not there, or cannot be read.
        """

    @abstractmethod
    def _read_partitions(
        self,
        asset: Sequence[str],
        partitions: Sequence[str],
        columns: Sequence[str] | None,
        *,
        allow_missing: bool,
    ) -> Iterator[tuple[str, bool, Any]]:
        """Load partitions in order: key, whether it is there, value."""

    # Storing

    def handle_output(self, context: Any, obj: Any) -> None:
        """Store an output (DAG-007); of a run over several partitions, one value for each.

        Args:
            context: Dagster's output context.
            obj: The value. For a run over several partitions a mapping of exactly their keys, or
                an iterator of ``(key, value)`` pairs, which are stored one after the other.

        Raises:
            ValueError: The value does not cover exactly the run's partitions, or the asset shares
                a path with another one.
            RemoteStoreError: The store fails; what was stored before is still there.
        """
        target = _contexts.output_target(context)
        self._collisions.check(context, target)
        if target.partitions is not None and len(target.partitions) > 1:
            self._store_partitions(context, target, obj)
            return
        stored = self._write(self._path_of(target), self._prepare(obj))
        further = self._further_metadata(stored, obj, partitioned=bool(target.partitions))
        _metadata.record(context, stored.metadata, further)

    def _path_of(self, target: _contexts.Target) -> str:
        if target.asset is None:
            return self._op_output_path(target.identifier or ())
        return self._asset_path(target.asset, target.partitions[0] if target.partitions else None)

    def _further_metadata(self, stored: Stored, obj: Any, *, partitioned: bool) -> dict[str, Any]:
        facts = _metadata.table_facts(obj)
        if facts is None and stored.rows is not None and obj is not None:
            facts = _metadata.TableFacts(stored.rows, None)
        further = {} if facts is None else facts.as_metadata(partitioned=partitioned)
        uri = _metadata.uri_of(self._store, stored.path)
        return further if uri is None else {"dagster/uri": uri, **further}

    def _store_partitions(self, context: Any, target: _contexts.Target, obj: Any) -> None:
        asset, keys = target.asset or (), target.partitions or ()
        if isinstance(obj, Mapping):
            _native.io_manager.check_output_keys(asset, keys, [str(key) for key in obj])
            pairs: Iterator[tuple[str, Any]] = ((str(key), value) for key, value in obj.items())
            window = _WRITE_WINDOW
        elif isinstance(obj, Iterator):
            pairs, window = _checked_pairs(asset, keys, obj), 1
        else:
            raise ValueError(  # noqa: TRY004 - what is wrong is its coverage of the run
                f"This run writes {len(keys)} partitions of {target.name()} ({keys[0]!r} to "
                f"{keys[-1]!r}), so its value must be a mapping of partition key to value, or an "
                f"iterator of such pairs, one for each partition; got {type(obj).__name__}. "
                "Return such a mapping, annotate the output with None when the asset stores its "
                "data itself, or launch the backfill with one run for each partition."
            )
        total = 0
        tells_each = len(keys) <= _MAX_TOLD_PARTITIONS
        for key, stored, value in self._written(asset, pairs, window):
            total += stored.size or 0
            if tells_each:
                further = self._further_metadata(stored, value, partitioned=True)
                _metadata.record_partition(context, key, {**stored.metadata, **further})
        spec = {"path": self._asset_path(asset, "{partition}"), "size": total}
        _metadata.record(context, spec, {"partitions": len(keys)})

    def _written(
        self, asset: Sequence[str], pairs: Iterator[tuple[str, Any]], window: int
    ) -> Iterator[tuple[str, Stored, Any]]:
        """Write pairs, some at a time where the store is safe for that; gives them in order."""
        items = ((key, self._asset_path(asset, key), self._prepare(value), value) for key, value in pairs)
        window = window if _windows.takes_threads(self._store) else 1
        for item, stored in _windows.in_order(lambda item: self._write(item[1], item[2]), items, window):
            yield item[0], stored, item[3]

    # Loading

    def load_input(self, context: Any) -> Any:
        """Load an input (DAG-008); several partitions as a dict in their order (DAG-020).

        An input without a partition (the first one of an asset that depends on itself) is None.
        One partition is the object, or a dict of one when the input is annotated as a dict of
        partitions.

        Raises:
            NotFound: It is not stored; with several partitions, the first one that is not.
            DatasetIncomplete: The same, for datasets.
        """
        target = _contexts.input_target(context)
        annotation = _contexts.annotation_of(context)
        columns = _contexts.wanted_columns(context)
        if target.partitions is None or target.asset is None:
            value = self._read(self._path_of(target), target, columns)
            return _annotations.to_annotated(value, annotation)
        if not target.partitions:
            return None
        loaded = self._loaded(context, target, columns, annotation)
        if len(target.partitions) > 1:
            return loaded
        return self._single(context, target, loaded, annotation)

    def _loaded(
        self,
        context: Any,
        target: _contexts.Target,
        columns: Sequence[str] | None,
        annotation: Any,
    ) -> dict[str, Any]:
        asset, keys = target.asset or (), target.partitions or ()
        inner = _annotations.mapping_value_annotation(annotation)
        wanted = annotation if inner is None else inner
        allow_missing = _contexts.allows_missing_partitions(context)
        if len(keys) == 1 and not allow_missing:
            value = self._read(self._path_of(target), target, columns)
            return {keys[0]: _annotations.to_annotated(value, wanted)}
        found: dict[str, Any] = {}
        for key, there, value in self._read_partitions(asset, keys, columns, allow_missing=allow_missing):
            if there:
                found[key] = _annotations.to_annotated(value, wanted)
            else:
                context.log.warning(
                    "Partition %r of %s is missing at %r and left out: allow_missing_partitions is set",
                    str(key),
                    target.name(),
                    self._asset_path(asset, key),
                )
        return found

    def _single(self, context: Any, target: _contexts.Target, loaded: dict[str, Any], annotation: Any) -> Any:
        if not loaded:
            return {} if _annotations.mapping_value_annotation(annotation) is not None else None
        value = next(iter(loaded.values()))
        one_to_one = _contexts.is_one_to_one(context)
        wrap = _annotations.wants_mapping_of(annotation, value, one_to_one=one_to_one)
        return {(target.partitions or ("",))[0]: value} if wrap else value


def _checked_pairs(
    asset: Sequence[str], keys: Sequence[str], pairs: Iterator[Any]
) -> Iterator[tuple[str, Any]]:
    """Check pairs one by one: known keys, each once, none left over at the end."""
    left = dict.fromkeys(keys)
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2):  # noqa: PLR2004 - a pair has two
            raise ValueError(
                f"A run over several partitions of asset {'/'.join(asset)} takes an iterator of "
                f"(partition key, value) pairs; it gave {type(pair).__name__}"
            )
        if pair[0] not in left:
            known = "given twice" if pair[0] in keys else "not a partition of this run"
            raise ValueError(f"Partition {pair[0]!r} of asset {'/'.join(asset)} is {known}")
        del left[pair[0]]
        yield pair
    if left:
        # The native check words the error that names what is missing.
        _native.io_manager.check_output_keys(asset, keys, [key for key in keys if key not in left])
