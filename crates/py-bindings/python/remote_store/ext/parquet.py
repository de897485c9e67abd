"""Datasets: tables kept as Parquet files under a key, with a manifest.

Under the key lie the parts (``data.parquet``, or ``part-00000.parquet`` and so on), then
``manifest.json``, then ``_SUCCESS``. Overwriting writes new parts under new names, swaps the
manifest by one atomic write and only then removes the old parts, so that a reader sees the old
dataset or the new one, and a crash loses neither. Where the store compares before it replaces,
one of several concurrent writers wins and the others get ``Conflict``.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._store import Store
from remote_store.ext import _filters, _options
from remote_store.ext._frames import names, stream_or_table, watched, with_errors_of
from remote_store.ext._located import located
from remote_store.ext._manifest import DatasetIncomplete, DatasetManifest, ManifestCorrupted
from remote_store.ext._pyarrow_parquet import file_options, parts, read_whole

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DatasetIncomplete", "DatasetManifest", "ManifestCorrupted", "ParquetDatasetStore"]


class ParquetDatasetStore:
    """Reads and writes datasets in a store.

    Args:
        store: Where they live. The caller owns it.
        compression: The codec of the files; None for the default.
        row_group_size: The most rows in a row group.
        max_rows_per_file: The most rows in a file; one file by default.
        max_bytes_per_file: About the most bytes in a file.

    Raises:
        ValueError: A number is less than 1, or there is no such codec.
        TypeError: An option has the wrong type, or the store is none.

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
        compression: str | None = "zstd",
        row_group_size: int | None = None,
        max_rows_per_file: int | None = None,
        max_bytes_per_file: int | None = None,
    ) -> None:
        _options.check_store(store, who="ParquetDatasetStore")
        _options.check_kind("compression", compression, str, also_none=True)
        self._store = store
        # Any: PyArrow's own annotations list codecs by name; ours is checked here.
        self._compression: Any = "zstd" if compression is None else compression
        self._row_group_size = _options.whole_number("row_group_size", row_group_size)
        self._max_rows_per_file = _options.whole_number("max_rows_per_file", max_rows_per_file)
        self._max_bytes_per_file = _options.whole_number("max_bytes_per_file", max_bytes_per_file)
        self._datasets()

    def _datasets(self) -> _native.dataset.DatasetStore:
        """Return the native side; made anew each time, since the store may be patched meanwhile."""
        return _native.dataset.DatasetStore(
            self._store,
            compression=self._compression,
            row_group_size=self._row_group_size,
            max_rows_per_file=self._max_rows_per_file,
            max_bytes_per_file=self._max_bytes_per_file,
        )

    def write_dataset(
        self,
        table: Any,
        key: str,
        *,
        overwrite: bool = False,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        partition_cols: Sequence[str] | None = None,
    ) -> DatasetManifest:
        """Write a table as a dataset, all or nothing.

        Args:
            table: A PyArrow table, a frame of pandas or polars, a relation of DuckDB, or anything with
                ``__arrow_c_stream__``. A RecordBatchReader and other streams are written batch by
                batch, however long they are; what their producer raises comes out as it was.
            key: Where the dataset goes.
            overwrite: Whether a committed dataset is replaced.
            run_id: Kept in the manifest.
            metadata: Kept in the manifest; must fit into JSON.
            partition_cols: Columns of text, integers, booleans or dates whose values become
                folders, such as ``year=2013``; reading gives them back, categories as their text.

        Returns:
            The manifest.

        Raises:
            AlreadyExists: There is a committed dataset and ``overwrite`` is false.
            InvalidPath: The key is empty or leaves the root.
            Conflict: Another writer committed in the meantime.
            ValueError: A partition column is not there, or has no such type; or two columns have one name.
            TypeError: It is no table, or the metadata does not fit into JSON; the message names the key.
        """
        partition_cols = names(partition_cols, "partition_cols")
        source: Any = watched(stream_or_table(table, who="write_dataset"))
        options: dict[str, Any] = {
            "overwrite": overwrite,
            "run_id": run_id,
            "metadata_json": None if metadata is None else _json_of(metadata),
            "schema_hash": hashlib.sha256(str(source.schema).encode()).hexdigest()[:16],
        }
        native = self._datasets()
        reason = _native.parquet.write_support(source.schema)
        if reason is None:
            written = with_errors_of(
                source, lambda: native.write(key, source, partition_cols=partition_cols, **options)
            )
        elif partition_cols:
            raise ValueError(f"partition_cols need a table that is encoded natively: {reason}")
        else:
            files = parts(
                source,
                file_options(self._compression),
                row_group_size=self._row_group_size,
                max_rows=self._max_rows_per_file,
                max_bytes=self._max_bytes_per_file,
            )
            with closing(files):
                written = native.write_parts(key, files, **options)
        return DatasetManifest.from_checked_json(bytes(written))

    def read_dataset(
        self,
        key: str,
        *,
        columns: Sequence[str] | None = None,
        filters: _filters.Filters | None = None,
    ) -> pa.Table:
        """Read a committed dataset.

        Args:
            key: Where it is.
            columns: The columns to read; all by default.
            filters: Which rows to read, as in ``pyarrow.parquet.read_table``: a list of
                ``(column, operator, value)`` that all hold, or a list of such lists. Folders and
                row groups that cannot hold such a row are not fetched.

        Raises:
            DatasetIncomplete: It is not committed, or a part of it is missing.
            NotFound: It has no manifest.
            ManifestCorrupted: Its manifest cannot be understood.
            Conflict: Writers replaced it again and again while it was read.
            ValueError: It has no such column, or the filters have another form.
            TypeError: The columns are no list of names.
        """
        import pyarrow as pa

        columns, filters = names(columns), _filters.checked(filters)
        native, wanted = self._datasets(), _with_filtered(columns, filters)
        table = native.read(key, columns=wanted, filters=_filters.native(filters))
        if table is not None:
            return _filtered(key, pa.table(table), columns, filters)
        whole = pa.concat_tables(self._decoded_parts(key, wanted))
        return _filtered(key, whole, columns, filters)

    def read_dataset_batches(
        self,
        key: str,
        *,
        columns: Sequence[str] | None = None,
        filters: _filters.Filters | None = None,
    ) -> pa.RecordBatchReader:
        """Read a committed dataset batch by batch, in bounded memory.

        All batches are of the generation that was there in the beginning. When another writer
        replaces the dataset meanwhile, reading on raises Conflict; no row of another generation
        is ever given. Parts that only PyArrow reads are all read first.

        Args:
            key: Where it is.
            columns: The columns to read; all by default.
            filters: Which rows to read, as for ``read_dataset``.

        Returns:
            A reader, which fetches and decodes some batches ahead.

        Raises:
            DatasetIncomplete: It is not committed, or a part of it is missing.
            NotFound: It has no manifest.
            ManifestCorrupted: Its manifest cannot be understood.
            ValueError: It has no such column, or the filters have another form.
            TypeError: The columns are no list of names.

        Examples:
            >>> import pyarrow as pa
            >>> from remote_store import Store
            >>> from remote_store.backends import MemoryBackend
            >>> datasets = ParquetDatasetStore(Store(MemoryBackend()))
            >>> table = pa.table({"year": [2012, 2013, 2013], "delay": [7, 11, -4]})
            >>> _ = datasets.write_dataset(table, "flights", partition_cols=["year"])
            >>> late = [("year", "==", 2013), ("delay", ">", 0)]
            >>> datasets.read_dataset_batches("flights", filters=late).read_all().to_pylist()
            [{'year': 2013, 'delay': 11}]
        """
        import pyarrow as pa

        columns, filters = names(columns), _filters.checked(filters)
        wanted = _with_filtered(columns, filters)
        found = self._datasets().read_batches(key, columns=wanted, filters=_filters.native(filters))
        parts = iter(self._decoded_parts(key, wanted)) if found is None else _tables_of(found)
        # Any: the protocol of schemas has no name in PyArrow's annotations.
        described: Any = found
        first = next(parts) if found is None else pa.Table.from_batches([], pa.schema(described))
        schema = _filtered(key, first.slice(0, 0), columns, filters).schema

        def batches() -> Iterator[pa.RecordBatch]:
            yield from _filtered(key, first, columns, filters).to_batches()
            for part in parts:
                yield from _filtered(key, part, columns, filters).to_batches()

        return pa.RecordBatchReader.from_batches(schema, batches())

    def _decoded_parts(self, key: str, columns: Sequence[str] | None) -> list[pa.Table]:
        """Decode through PyArrow what the native decoder would read otherwise than PyArrow does.

        Raises:
            ValueError: Its rows lie in folders, whose values PyArrow is not told, or a part has
                other columns than the first.
        """
        found, parts = self._datasets().read_parts(key)
        manifest = DatasetManifest.from_checked_json(bytes(found))
        if manifest.partition_cols:
            raise ValueError(f"Dataset {key} has parts that only PyArrow reads, and partition columns")
        tables = []
        for name, part in zip(manifest.parts, parts, strict=True):
            with located(f"{key}/{name}"):
                tables.append(_decode(part, columns))
        for name, table in zip(manifest.parts, tables, strict=False):
            if table.schema != tables[0].schema:
                others = {field.name: field for field in tables[0].schema}
                differ = [field.name for field in table.schema if field != others.pop(field.name, None)]
                what = [*differ, *others]
                said = f"columns {what} differ" if what else "its columns stand in another order"
                raise ValueError(
                    f"{key}/{name} does not fit the parts before it: {said}. "
                    "Write the dataset again from tables of one schema; until then its parts can be read "
                    "one by one, as single files"
                )
        return tables

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

        Raises:
            TypeError: ``older_than`` is no timedelta.
            ValueError: ``older_than`` is negative.
        """
        return self._datasets().vacuum(prefix, _options.seconds("older_than", older_than))


def _json_of(metadata: Any) -> str:
    """Give metadata as JSON.

    Raises:
        TypeError: It is no mapping, or something in it has no form in JSON.
        ValueError: Something in it is not a number, or refers to itself.
    """
    if not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must be a mapping of names to values, got {type(metadata).__name__}")
    for key, value in metadata.items():
        try:
            json.dumps({key: value}, allow_nan=False)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"metadata[{key!r}] does not fit into JSON: {error}") from error
    return json.dumps(dict(metadata))


def _decode(part: _native.Buffer, columns: Sequence[str] | None) -> pa.Table:
    import pyarrow as pa

    if _native.parquet.read_support(part) is None:
        return pa.table(_native.parquet.decode(part, None if columns is None else list(columns)))
    table = read_whole(part)
    if columns is None:
        return table
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ValueError(f"No column {missing[0]!r}; the table has: {', '.join(table.column_names)}")
    # In the order of the file, as the native decoder gives them.
    return table.select([index for index, name in enumerate(table.column_names) if name in columns])


def _tables_of(batches: _native.dataset.DatasetBatches) -> Iterator[pa.Table]:
    import pyarrow as pa

    try:
        while (batch := batches.next()) is not None:
            yield pa.table(batch)
    finally:
        batches.close()


def _with_filtered(columns: Sequence[str] | None, filters: _filters.Filters | None) -> list[str] | None:
    """Give the columns to fetch: those asked for and those that the filters look at."""
    if columns is None:
        return None
    looked_at = [] if filters is None else _filters.columns_of(filters)
    return list(dict.fromkeys([*columns, *looked_at]))


def _filtered(
    key: str, table: pa.Table, columns: Sequence[str] | None, filters: _filters.Filters | None
) -> pa.Table:
    if filters is None:
        return table
    missing = [name for name in _filters.columns_of(filters) if name not in table.column_names]
    if missing:
        # Where a value has no native form, the filter's columns are not checked before.
        nearest = difflib.get_close_matches(missing[0], table.column_names, 1)
        hint = f", did you mean {nearest[0]!r}?" if nearest else ""
        there = ", ".join(map(repr, table.column_names))
        raise ValueError(
            f"dataset {key}: no column {missing[0]!r} in the table{hint}; "
            f"it has {len(table.column_names)} columns: {there}"
        )
    table = _filters.kept(table, filters)
    return (
        table
        if columns is None
        else table.select([index for index, name in enumerate(table.column_names) if name in columns])
    )
