"""The IO manager that stores one Parquet dataset, a folder, for each output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._errors import NotFound, RemoteStoreError
from remote_store.ext._located import located, name_place
from remote_store.ext._manifest import DatasetIncomplete, ManifestCorrupted
from remote_store.ext.dagster import _tables, _windows
from remote_store.ext.dagster._contexts import Target
from remote_store.ext.dagster._partitioned import PartitionedIOManager, Stored

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dagster import IOManager

    from remote_store import Store

__all__ = ["_DatasetIOManagerImpl", "dagster_dataset_io_manager"]

# Each dataset is decoded in memory, so few are read ahead.
_READ_WINDOW = 8


class _DatasetIOManagerImpl(PartitionedIOManager):
    """Stores each output as a Parquet dataset; always overwrites (DAG-017, DAG-018).

    Args:
        store: The store; it is not closed.
        datasets: The ``ParquetDatasetStore`` over it; made here when it is not given.
    """

    def __init__(self, store: Any, datasets: Any = None) -> None:
        super().__init__(store)
        self._datasets = _dataset_store(store) if datasets is None else datasets

    def _extension(self) -> None:
        return None

    def _asset_path(self, asset: Sequence[str], partition: str | None) -> str:
        return _native.paths.dataset_key(list(asset), partition)

    def _op_output_path(self, identifier: Sequence[str]) -> str:
        return _native.paths.op_output_path(list(identifier), "")

    def _prepare(self, obj: Any) -> Any:
        return _tables.stream_or_table(obj, who="Dataset mode")

    def _write(self, path: str, prepared: Any) -> Stored:
        manifest = self._datasets.write_dataset(prepared, path, overwrite=True)
        # A mock of datasets tells no rows.
        rows = getattr(manifest, "row_count", None)
        return Stored({"dataset_key": path}, path, None, rows if isinstance(rows, int) else None)

    def _read(self, path: str, target: Target, columns: Sequence[str] | None) -> Any:
        try:
            with located(target.full_name()):
                return _tables.none_or_table(self._datasets.read_dataset(path, columns=columns))
        except DatasetIncomplete as error:
            raise _incomplete(error, path, target) from error
        except (ManifestCorrupted, NotFound) as error:
            name_place(error, target.full_name())
            raise

    def _read_partitions(
        self,
        asset: Sequence[str],
        partitions: Sequence[str],
        columns: Sequence[str] | None,
        *,
        allow_missing: bool,
    ) -> Iterator[tuple[str, bool, Any]]:
        def load(key: str) -> tuple[bool, Any]:
            path = self._asset_path(asset, key)
            try:
                return True, self._read(path, Target(tuple(asset), None, (key,)), columns)
            except RemoteStoreError:
                # A dataset that was begun and is damaged stays an error.
                if allow_missing and not self._datasets.dataset_exists(path):
                    return False, None
                raise

        window = _READ_WINDOW if _windows.takes_threads(self._store) else 1
        for key, (there, value) in _windows.in_order(load, partitions, window):
            yield key, there, value


def _incomplete(error: DatasetIncomplete, path: str, target: Target) -> DatasetIncomplete:
    if error.path == f"{path}/_SUCCESS":
        what = f"{error.path} is missing ({target.full_name()}): {target.way_out_of_missing()}"
    else:
        what = f"{error.path or path} is missing ({target.full_name()}). Materialize it again"
    return DatasetIncomplete(f"Dataset is incomplete: {what}", path=error.path, backend=error.backend)


def _dataset_store(store: Any) -> Any:
    try:
        from remote_store.ext.parquet import ParquetDatasetStore
    except ImportError as error:
        raise ModuleNotFoundError(
            "PyArrow is required for dataset mode. "
            "Install it with: pip install 'remote-store[dagster,arrow]'",
            name=error.name,
        ) from error
    _tables.require_pyarrow("PyArrow is required for dataset mode.")
    return ParquetDatasetStore(store)


def dagster_dataset_io_manager(store: Store) -> IOManager:
    """Make an IO manager that keeps each table as a Parquet dataset (DAG-017).

    Takes frames of pandas and polars and Arrow tables, and a stream of batches, which is not
    collected; gives PyArrow Tables. The dataset lies in
    the folder of the asset key, with the partition key below it when there is one (DAG-018).

    Args:
        store: Where datasets live. The caller owns it.

    Returns:
        An IO manager.

    Raises:
        ModuleNotFoundError: PyArrow is not installed.

    Examples:
        >>> import dagster as dg, pyarrow as pa
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> @dg.asset
        ... def orders() -> pa.Table:
        ...     return pa.table({"id": [1, 2, 3]})
        >>> manager = dagster_dataset_io_manager(store)
        >>> dg.materialize([orders], resources={"io_manager": manager}).success
        True
        >>> store.is_file("orders/_SUCCESS")
        True
    """
    return _DatasetIOManagerImpl(store, _dataset_store(store))
