"""Datasets: tables kept as Parquet files under a key, with a manifest.

Under the key lie the parts (``data.parquet``, or ``part-00000.parquet`` and so on), then
``manifest.json``, then ``_SUCCESS``. Overwriting writes new parts under new names, swaps the
manifest by one atomic write and only then removes the old parts, so that a reader sees the old
dataset or the new one, and a crash loses neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._store import Store
from remote_store.ext._manifest import DatasetIncomplete, DatasetManifest, ManifestCorrupted

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetIncomplete", "DatasetManifest", "ManifestCorrupted", "ParquetDatasetStore"]


class ParquetDatasetStore:
    """Reads and writes datasets in a store.

    Args:
        store: Where they live. The caller owns it.
        compression: The codec of the files.
        row_group_size: The most rows in a row group.
        max_rows_per_file: The most rows in a file; one file by default.

    Raises:
        ValueError: A number is less than 1.

    Examples:
        >>> import pyarrow as pa
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> datasets = ParquetDatasetStore(Store(MemoryBackend()), max_rows_per_file=2)
        >>> datasets.write_dataset(pa.table({"id": [1, 2, 3]}), "orders").parts
        ('part-00000.parquet', 'part-00001.parquet')
        >>> datasets.read_dataset("orders").num_rows
        3
        >>> datasets.read_dataset("nope")
        Traceback (most recent call last):
        ...
        remote_store.ext._manifest.DatasetIncomplete: Dataset is incomplete: nope/_SUCCESS is missing...
    """

    def __init__(
        self,
        store: Store,
        *,
        compression: str = "zstd",
        row_group_size: int | None = None,
        max_rows_per_file: int | None = None,
    ) -> None:
        for name, value in (("row_group_size", row_group_size), ("max_rows_per_file", max_rows_per_file)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self._store = store
        # Any: PyArrow's own annotations list codecs by name; ours is checked here.
        self._compression: Any = compression
        self._row_group_size = row_group_size
        self._max_rows_per_file = max_rows_per_file
        self._datasets()

    def _datasets(self) -> _native.dataset.DatasetStore:
        """Return the native side; made anew each time, since the store may be patched meanwhile."""
        return _native.dataset.DatasetStore(
            self._store,
            compression=self._compression,
            row_group_size=self._row_group_size,
            max_rows_per_file=self._max_rows_per_file,
        )

    def write_dataset(
        self,
        table: pa.Table,
        key: str,
        *,
        overwrite: bool = False,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> DatasetManifest:
        """Write a table as a dataset, all or nothing.

        Args:
            table: A PyArrow table, or anything with ``__arrow_c_stream__``.
            key: Where the dataset goes.
            overwrite: Whether a committed dataset is replaced.
            run_id: Kept in the manifest.
            metadata: Kept in the manifest; must fit into JSON.

        Returns:
            The manifest.

        Raises:
            AlreadyExists: There is a committed dataset and ``overwrite`` is false.
            InvalidPath: The key is empty or leaves the root.
            Conflict: Another writer committed in the meantime.
            TypeError: It is no table, or the metadata does not fit into JSON.
        """
        table = _as_table(table)
        options: dict[str, Any] = {
            "overwrite": overwrite,
            "run_id": run_id,
            "metadata_json": None if metadata is None else json.dumps(dict(metadata)),
            "schema_hash": hashlib.sha256(str(table.schema).encode()).hexdigest()[:16],
        }
        native = self._datasets()
        if _native.parquet.write_support(table.schema) is None:
            written = native.write(key, table, **options)
        else:
            written = native.write_parts(key, self._encoded_parts(table), **options)
        return DatasetManifest.from_checked_json(bytes(written))

    def read_dataset(self, key: str, *, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a committed dataset.

        Args:
            key: Where it is.
            columns: The columns to read; all by default.

        Raises:
            DatasetIncomplete: It is not committed, or a part of it is missing.
            NotFound: It has no manifest.
            ManifestCorrupted: Its manifest cannot be understood.
            ValueError: It has no such column.
        """
        import pyarrow as pa

        _, parts = self._datasets().read_parts(key)
        tables = [_decode(part, columns) for part in parts]
        return tables[0] if len(tables) == 1 else pa.concat_tables(tables)

    def read_manifest(self, key: str) -> DatasetManifest:
        """Read the manifest of a dataset.

        Raises:
            NotFound: There is none.
            ManifestCorrupted: It cannot be understood.
        """
        return DatasetManifest.from_checked_json(bytes(self._datasets().read_manifest(key)))

    def dataset_exists(self, key: str) -> bool:
        """Say whether there is a committed dataset."""
        return self._datasets().exists(key)

    def delete_dataset(self, key: str) -> None:
        """Delete a dataset: exactly its own files, never another one in a folder below.

        Raises:
            NotFound: There is none.
        """
        self._datasets().delete(key)

    def vacuum(self, prefix: str = "", *, older_than: timedelta) -> list[str]:
        """Delete parts that dead writers left and that no manifest names.

        Args:
            prefix: Where to look; everywhere by default.
            older_than: How old a part must be; choose more than any write takes.

        Returns:
            The paths that were deleted.
        """
        return self._datasets().vacuum(prefix, older_than.total_seconds())

    def _encoded_parts(self, table: pa.Table) -> Iterator[tuple[bytes, int]]:
        """Encode through PyArrow what the native encoder would write otherwise than PyArrow does."""
        import io

        import pyarrow.parquet as pq

        rows = self._max_rows_per_file or max(1, table.num_rows)
        for start in range(0, max(1, table.num_rows), rows):
            part = table.slice(start, rows)
            sink = io.BytesIO()
            pq.write_table(part, sink, compression=self._compression, row_group_size=self._row_group_size)
            yield sink.getvalue(), part.num_rows


def _decode(part: _native.Buffer, columns: Sequence[str] | None) -> pa.Table:
    import pyarrow as pa

    if _native.parquet.read_support(part) is None:
        return pa.table(_native.parquet.decode(part, None if columns is None else list(columns)))
    import pyarrow.parquet as pq

    # Any: on Python 3.11 the buffer protocol has no name that a type checker knows.
    shared: Any = part
    table = pq.read_table(pa.BufferReader(shared))
    if columns is None:
        return table
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ValueError(f"No column {missing[0]!r}; the table has: {', '.join(table.column_names)}")
    return table.select(list(columns))


def _as_table(table: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise TypeError(f"write_dataset expects a PyArrow table, got {type(table).__name__}")
