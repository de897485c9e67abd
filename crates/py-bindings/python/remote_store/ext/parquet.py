"""Datasets: tables kept as Parquet files under a key, with a manifest.

Under the key lie the parts (``data.parquet``, or ``part-00000.parquet`` and so on), then
``manifest.json``, then ``_SUCCESS``. Overwriting writes new parts under new names, swaps the
manifest by one atomic write and only then removes the old parts, so that a reader sees the old
dataset or the new one, and a crash loses neither.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._errors import AlreadyExists, InvalidPath, NotFound, RemoteStoreError
from remote_store._path import normalize
from remote_store._store import Store, native_core
from remote_store.ext._manifest import DatasetIncomplete, DatasetManifest, ManifestCorrupted

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetIncomplete", "DatasetManifest", "ManifestCorrupted", "ParquetDatasetStore"]

_log = logging.getLogger("remote_store")

_MANIFEST = "manifest.json"
_SUCCESS = "_SUCCESS"
# A reader that meets a part which an overwrite has just removed reads the new manifest; more
# overwrites than this during one read mean that something else is wrong.
_MAX_READ_ATTEMPTS = 5


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
        remote_store.ext._manifest.DatasetIncomplete: Dataset is not committed: nope ...
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
        # Any: PyArrow's own annotations list codecs by name, and ours is checked when it encodes.
        self._compression: Any = compression
        self._row_group_size = row_group_size
        self._max_rows_per_file = max_rows_per_file

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
            TypeError: It is no table, or the metadata does not fit into JSON.
        """
        key = _checked(key)
        table = _as_table(table)
        committed = self.dataset_exists(key)
        if committed and not overwrite:
            raise AlreadyExists(f"Dataset already exists: {key}", path=key)
        old = self._old_parts(key)
        names = self._part_names(table.num_rows, taken=bool(old))
        manifest = DatasetManifest(
            dataset_key=key,
            parts=tuple(names),
            row_count=table.num_rows,
            schema_hash=hashlib.sha256(str(table.schema).encode()).hexdigest()[:16],
            compression=self._compression,
            created_at_utc=datetime.now(UTC).isoformat(),
            run_id=run_id,
            metadata=dict(metadata) if metadata is not None else None,
        )
        text = manifest.to_json()
        with self._undone_on_error([f"{key}/{name}" for name in names]) as paths:
            self._write_parts(paths, table)
            self._store.write(f"{key}/{_MANIFEST}", text, overwrite=True)
        if not committed:
            self._store.write(f"{key}/{_SUCCESS}", b"", overwrite=True)
        # Only what the old manifest named: another dataset may live in a folder below.
        self._sweep([f"{key}/{name}" for name in old if name not in names])
        return manifest

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

        key = _checked(key)
        if not self.dataset_exists(key):
            raise DatasetIncomplete(f"Dataset is not committed: {key} has no {_SUCCESS}", path=key)
        manifest = self.read_manifest(key)
        for _ in range(_MAX_READ_ATTEMPTS):
            try:
                parts = self._read_parts([f"{key}/{name}" for name in manifest.parts])
                tables = [self._decode(part, columns) for part in parts]
            except NotFound as missing:
                newest = self.read_manifest(key)
                if newest.parts == manifest.parts:
                    message = f"Dataset is incomplete: {key} lacks a part that its manifest names"
                    raise DatasetIncomplete(message, path=missing.path, backend=missing.backend) from missing
                manifest = newest
                continue
            return tables[0] if len(tables) == 1 else pa.concat_tables(tables)
        raise DatasetIncomplete(f"Dataset is overwritten faster than it can be read: {key}", path=key)

    def read_manifest(self, key: str) -> DatasetManifest:
        """Read the manifest of a dataset.

        Raises:
            NotFound: There is none.
            ManifestCorrupted: It cannot be understood.
        """
        path = f"{_checked(key)}/{_MANIFEST}"
        return DatasetManifest.from_json(self._store.read_bytes(path), path=path)

    def dataset_exists(self, key: str) -> bool:
        """Say whether there is a committed dataset."""
        return self._store.is_file(f"{_checked(key)}/{_SUCCESS}")

    def delete_dataset(self, key: str) -> None:
        """Delete a dataset: exactly its own files, never another one in a folder below.

        Raises:
            NotFound: There is none.
        """
        key = _checked(key)
        if not self.dataset_exists(key) and not self._store.is_file(f"{key}/{_MANIFEST}"):
            raise NotFound(f"Dataset not found: {key}", path=key)
        parts = [f"{key}/{name}" for name in self._old_parts(key)]
        # First the mark, so that no reader takes the rest for a dataset.
        self._store.delete(f"{key}/{_SUCCESS}", missing_ok=True)
        self._delete([*parts, f"{key}/{_MANIFEST}"])

    def _old_parts(self, key: str) -> tuple[str, ...]:
        """Return what the manifest that is there names; nothing when it cannot be understood."""
        try:
            return self.read_manifest(key).parts
        except (NotFound, ManifestCorrupted):
            return ()

    def _part_names(self, rows: int, *, taken: bool) -> list[str]:
        """Name the files; those of an overwrite never have the names of the generation before."""
        generation = f"-{secrets.token_hex(4)}" if taken else ""
        count = 1 if self._max_rows_per_file is None else max(1, -(-rows // self._max_rows_per_file))
        if count == 1:
            return [f"data{generation}.parquet"]
        return [f"part{generation}-{number:05}.parquet" for number in range(count)]

    @contextmanager
    def _undone_on_error(self, paths: list[str]) -> Iterator[list[str]]:
        """Delete files that nothing names yet when what follows fails."""
        try:
            yield paths
        except BaseException:
            self._sweep(paths)
            raise

    def _write_parts(self, paths: Sequence[str], table: pa.Table) -> None:
        rows = self._max_rows_per_file or table.num_rows
        for number, path in enumerate(paths):
            part = table if len(paths) == 1 else table.slice(number * rows, rows)
            self._store.write(path, self._encode(part), overwrite=True)

    def _encode(self, table: pa.Table) -> bytes:
        if _native.parquet.write_support(table.schema) is None:
            encoded = _native.parquet.encode(
                table, compression=self._compression, row_group_size=self._row_group_size
            )
            # A memoryview shares the memory, but only our own stores promise to take one.
            return bytes(encoded)
        import io

        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(table, sink, compression=self._compression, row_group_size=self._row_group_size)
        return sink.getvalue()

    def _read_parts(self, paths: Sequence[str]) -> Iterator[bytes]:
        core = native_core(self._store)
        if core is None:
            return (self._store.read_bytes(path) for path in paths)
        return (part for part in core.read_many(list(paths)) if part is not None)

    @staticmethod
    def _decode(part: bytes, columns: Sequence[str] | None) -> pa.Table:
        import pyarrow as pa

        if _native.parquet.read_support(part) is None:
            names = None if columns is None else list(columns)
            return pa.table(_native.parquet.decode(part, names))
        import pyarrow.parquet as pq

        table = pq.read_table(pa.BufferReader(part))
        if columns is None:
            return table
        missing = [name for name in columns if name not in table.column_names]
        if missing:
            raise ValueError(f"No column {missing[0]!r}; the table has: {', '.join(table.column_names)}")
        return table.select(list(columns))

    def _sweep(self, paths: Sequence[str]) -> None:
        """Delete what no manifest names; that it stays is no reason to call the write a failure."""
        try:
            self._delete(paths)
        except RemoteStoreError as error:
            _log.warning("Files of a dataset that are no longer used could not be deleted: %s", error)

    def _delete(self, paths: Sequence[str]) -> None:
        for path in paths:
            self._store.delete(path, missing_ok=True)


def _checked(key: str) -> str:
    normal = normalize(key)
    if not normal:
        raise InvalidPath("The key of a dataset must not be empty", path=key)
    return normal


def _as_table(table: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(table, pa.Table):
        return table
    if hasattr(table, "__arrow_c_stream__"):
        return pa.table(table)
    raise TypeError(f"write_dataset expects a PyArrow table, got {type(table).__name__}")
