"""The IO manager that stores one file for each output."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._errors import NotFound
from remote_store.ext._located import located
from remote_store.ext.dagster import _streaming, _tables, _windows
from remote_store.ext.dagster._contexts import Target
from remote_store.ext.dagster._partitioned import PartitionedIOManager, Stored
from remote_store.ext.dagster._serializers import ParquetSerializer, Serializer, serializer_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster import IOManager

    from remote_store import Store

__all__ = ["_RemoteStoreIOManagerImpl", "dagster_io_manager"]


class _RemoteStoreIOManagerImpl(PartitionedIOManager):
    """Stores each output as one file, in the form of its serializer.

    Args:
        store: The store; it is not closed.
        serializer: Turns values into bytes and back.
    """

    def __init__(self, store: Any, serializer: Serializer) -> None:
        self._serializer = serializer
        super().__init__(store)

    def _extension(self) -> str:
        return self._serializer.extension

    def _asset_path(self, asset: Sequence[str], partition: str | None) -> str:
        return _native.paths.asset_path(list(asset), partition, self._serializer.extension)

    def _op_output_path(self, identifier: Sequence[str]) -> str:
        return _native.paths.op_output_path(list(identifier), self._serializer.extension)

    def _prepare(self, obj: Any) -> Any:
        if _streaming.can_stream(self._serializer, self._store) or self._is_parquet():
            return _Streamed(obj)
        return self._serializer.serialize(obj)

    def _is_parquet(self) -> bool:
        """Say whether tables go to the store, and columns come from it, without a detour.

        A subclass or a store of one's own gets the calls that the specification names.
        """
        return type(self._serializer) is ParquetSerializer and _windows.is_native(self._store)

    def _write(self, path: str, prepared: Any) -> Stored:
        if isinstance(prepared, _Streamed):
            serializer: Any = self._serializer
            if self._is_parquet():
                size = serializer.write_to(self._store, path, prepared.obj)
                return Stored({"path": path, "size": size}, path, size)
            size = _streaming.write_streamed(
                self._store, path, lambda file: serializer.serialize_to(prepared.obj, file)
            )
        else:
            self._store.write(path, prepared, overwrite=True)
            size = len(prepared)
        return Stored({"path": path, "size": size}, path, size)

    def _read(self, path: str, target: Target, columns: Sequence[str] | None) -> Any:
        try:
            if columns is not None and self._is_parquet():
                serializer: Any = self._serializer
                with located(target.full_name()):
                    return serializer.read_from(self._store, path, columns=columns)
            data = self._store.read_bytes(path)
        except NotFound as error:
            raise _missing(error, path, target) from error
        with located(f"{target.full_name()} at {path!r}"):
            return self._deserialized(data, columns)

    def _read_partitions(
        self,
        asset: Sequence[str],
        partitions: Sequence[str],
        columns: Sequence[str] | None,
        *,
        allow_missing: bool,
    ) -> Iterator[tuple[str, bool, Any]]:
        with ExitStack() as stack:
            store = self._store
            if not _windows.is_native(store) and _windows.takes_threads(store):
                # The core calls a store in Python one call after the other.
                paths = [self._asset_path(asset, key) for key in partitions]
                store = stack.enter_context(_windows.ReadAhead(store, paths))
            # Fetched ahead by the core while the value before is decoded here.
            fetched = _native.io_manager.load_partitions(
                store,
                list(asset),
                list(partitions),
                self._serializer.extension,
                allow_missing=allow_missing,
            )
            for key, (_, data) in zip(partitions, fetched, strict=True):
                if data is None:
                    yield key, False, None
                    continue
                name = Target(tuple(asset), None, (key,)).full_name()
                with located(f"{name} at {self._asset_path(asset, key)!r}"):
                    value = self._deserialized(data, columns)
                yield key, True, value

    def _deserialized(self, data: bytes, columns: Sequence[str] | None) -> Any:
        if columns is None:
            return self._serializer.deserialize(data)
        if isinstance(self._serializer, ParquetSerializer):
            return self._serializer.deserialize(data, columns=columns)
        value = self._serializer.deserialize(data)
        return _tables.select(value, columns) if _tables.is_table(value) else value


@dataclass(frozen=True)
class _Streamed:
    """An object that is serialized while it is written."""

    obj: Any


def _missing(error: NotFound, path: str, target: Target) -> NotFound:
    return NotFound(
        f"File not found: {path} ({target.full_name()}): {target.way_out_of_missing()}",
        path=path,
        backend=error.backend,
    )


def dagster_io_manager(store: Store, *, serializer: str | Serializer = "pickle") -> IOManager:
    """Make an IO manager over a store (DAG-011).

    Args:
        store: Where outputs live. The caller owns it: the IO manager never closes it.
        serializer: ``"pickle"``, ``"json"``, ``"parquet"``, or an object with ``extension``,
            ``serialize`` and ``deserialize``.

    Returns:
        An IO manager for ``Definitions(resources={"io_manager": …})``.

    Raises:
        ValueError: There is no serializer of that name.
        ModuleNotFoundError: The serializer needs PyArrow, which is not installed.

    Examples:
        >>> import dagster as dg
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> @dg.asset
        ... def answer() -> int:
        ...     return 42
        >>> manager = dagster_io_manager(store, serializer="json")
        >>> dg.materialize([answer], resources={"io_manager": manager}).success
        True
        >>> store.read_bytes("answer.json")
        b'42'
        >>> dagster_io_manager(store, serializer="xml")
        Traceback (most recent call last):
        ...
        ValueError: Unknown serializer 'xml'. Choose from: json, parquet, pickle
    """
    return _RemoteStoreIOManagerImpl(store, serializer_for(serializer))
