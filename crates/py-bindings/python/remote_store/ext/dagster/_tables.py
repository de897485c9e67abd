"""Tables at the border to Arrow: what counts as one, and its Parquet form.

PyArrow is imported late, so that everything that stores no tables works without it.
"""

from __future__ import annotations

import difflib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store.ext import _frames, _options
from remote_store.ext._frames import is_table, watched, with_errors_of
from remote_store.ext._located import located
from remote_store.ext._pyarrow_parquet import EncodedFile, Rows, file_options, read_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = [
    "ParquetOptions",
    "decode",
    "encode",
    "is_table",
    "none_or_table",
    "read",
    "require_pyarrow",
    "select",
    "stream_or_table",
    "to_arrow",
    "write",
]

_INSTALL = "Install it with: pip install 'remote-store[dagster,arrow]'"
# An output of None still has to be stored (DAG-007), and a Parquet file holds tables only.
_NONE_MARK = b"remote_store.none"
# What PyArrow encodes to no more bytes is written at once.
_PART_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class ParquetOptions:
    """How tables are written; None stands for the default of the encoder."""

    compression: str | None = None
    compression_level: int | None = None
    row_group_size: int | None = None
    statistics: str | None = None
    dictionary: bool | None = None
    sorting: tuple[tuple[str, bool, bool], ...] = ()

    def check(self) -> None:
        """Try them on a table without rows.

        Raises:
            ValueError: A value is not valid; the message names it.
            TypeError: A value has the wrong type.
        """
        import pyarrow as pa

        for name, kind in (("compression", str), ("statistics", str), ("dictionary", bool)):
            _options.check_kind(name, getattr(self, name), kind, also_none=True)
        _options.compression_level(self.compression_level, self.compression)
        _options.whole_number("row_group_size", self.row_group_size)
        schema = pa.schema([(name, pa.int8()) for name in dict.fromkeys(key[0] for key in self.sorting)])
        _native.parquet.encode(schema.empty_table(), **self.native())

    def native(self) -> dict[str, Any]:
        """Give them as the native encoder takes them."""
        return {
            "compression": self.compression,
            "compression_level": self.compression_level,
            "row_group_size": self.row_group_size,
            "statistics": self.statistics,
            "dictionary": self.dictionary,
            "sorting": list(self.sorting) or None,
        }

    def shown(self) -> str:
        """Give those that are not the defaults as they are written in a call."""
        usual = {"compression": "snappy", "statistics": "chunk", "dictionary": True}
        told = {**self.native(), "sorting": None}
        told["sorting_columns"] = [f"-{name}" if descending else name for name, descending, _ in self.sorting]
        given = (
            f"{name}={value!r}" for name, value in told.items() if value not in (None, [], usual.get(name))
        )
        return ", ".join(given)

    def pyarrow(self, schema: pa.Schema) -> dict[str, Any]:
        """Give them as pyarrow's writer takes them.

        Raises:
            ValueError: There is no such column to be sorted by.
        """
        import pyarrow.parquet as pq

        # Any: PyArrow's annotations have the names of orders as literals.
        keys: list[Any] = []
        ordering: Any = pq.SortingColumn.from_ordering
        for name, descending, nulls_first in self.sorting:
            order = "descending" if descending else "ascending"
            placement = "at_start" if nulls_first else "at_end"
            _check_sorting(schema, name)
            keys.extend(ordering(schema, [(name, order)], placement))
        return file_options(
            self.compression or "snappy",
            compression_level=self.compression_level,
            write_statistics=self.statistics != "none",
            write_page_index=self.statistics == "page",
            use_dictionary=self.dictionary is not False,
            sorting_columns=keys or None,
        )


def _check_sorting(schema: pa.Schema, name: str) -> None:
    if name in schema.names:
        return
    nearest = difflib.get_close_matches(name, schema.names, 1)
    hint = f", did you mean {nearest[0]!r}?" if nearest else ""
    raise ValueError(f"No column {name!r} to be sorted by{hint}; the table has: {', '.join(schema.names)}")


def require_pyarrow(why: str) -> None:
    """Import PyArrow, or say how to get it.

    Raises:
        ModuleNotFoundError: It is not installed.
    """
    try:
        import pyarrow as pa  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(f"{why} {_INSTALL}", name="pyarrow") from error


def to_arrow(obj: Any, *, who: str) -> pa.Table:
    """Make an Arrow table of anything that is one at heart; None becomes an empty one with a mark.

    Raises:
        TypeError: The object is no table.
        ValueError: Two columns have one name.
    """
    return _marked_none() if obj is None else _frames.to_arrow(obj, who=who)


def stream_or_table(obj: Any, *, who: str) -> pa.Table | pa.RecordBatchReader:
    """Give a reader for what is a stream and nothing else, a table for all the rest.

    Raises:
        TypeError: The object is neither.
        ValueError: Two columns have one name.
    """
    return _marked_none() if obj is None else _frames.stream_or_table(obj, who=who)


def _marked_none() -> pa.Table:
    import pyarrow as pa

    return pa.table({"none": pa.nulls(0)}, schema=pa.schema([("none", pa.null())], {_NONE_MARK: b"1"}))


def encode(table: pa.Table, options: ParquetOptions = ParquetOptions()) -> bytes:
    """Write a table as one Parquet file.

    Raises:
        ValueError: An option is not valid for this table.
    """
    content = _native.parquet.serialize(table, **options.native())
    if content is not None:
        return content
    return EncodedFile(Rows(table, options.row_group_size), options.pyarrow(table.schema)).read()


def write(store: Any, path: str, obj: Any, options: ParquetOptions, *, who: str) -> int:
    """Write a table as one object; it goes to the store while it is encoded.

    A stream of batches is not collected. What its producer raises comes out as it was.

    Returns:
        The size of the object in bytes.

    Raises:
        TypeError: It is no table.
        ValueError: An option is not valid for this table.
    """
    _options.check_store(store, who=f"{who}.write_to")
    source: Any = watched(stream_or_table(obj, who=who))
    if _native.parquet.write_support(source.schema) is None:
        native = options.native()
        return with_errors_of(
            source, lambda: _native.parquet.write(store, path, source, overwrite=True, **native)
        )
    file = EncodedFile(Rows(source, options.row_group_size), options.pyarrow(source.schema))
    with closing(file):
        # What is small goes out as one request.
        content = file.read() if file.is_within(_PART_BYTES) else file
        store.write(path, content, overwrite=True)
    return file.size


def read(store: Any, path: str, columns: Sequence[str] | None) -> pa.Table | None:
    """Read one object; of a large one only what the columns need.

    Raises:
        ValueError: It is no Parquet file, or there is no such column; the message names the path.
        NotFound: There is no such object.
    """
    import pyarrow as pa

    try:
        decoded, content = _native.parquet.read(store, path, None if columns is None else list(columns))
    except ValueError:
        # What stands for None has none of the columns, and PyArrow knows footers that are not known here.
        decoded, content = None, None
    with located(path):
        if decoded is None:
            return decode(store.read_bytes(path) if content is None else bytes(content), columns)
        table = pa.table(decoded)
        return none_or_table(table if columns is None else select(table, columns))


def decode(data: bytes, columns: Sequence[str] | None) -> pa.Table | None:
    """Read one Parquet file; None when it is marked as None.

    Raises:
        ValueError: The bytes are no Parquet file, or there is no such column.
    """
    try:
        return none_or_table(_decoded(data, columns))
    except ValueError:
        if columns is None or not _stands_for_none(data):
            raise
        return None


def _stands_for_none(data: bytes) -> bool:
    """Say whether a file has none of any columns because it is the mark of None."""
    try:
        return none_or_table(_decoded(data, None)) is None
    except ValueError:
        return False


def _decoded(data: bytes, columns: Sequence[str] | None) -> pa.Table:
    names = None if columns is None else list(columns)
    try:
        is_native = _native.parquet.read_support(data, names) is None
    except ValueError as refused:
        table = _opened_by_pyarrow(data, names, refused)
    else:
        table = _decoded_natively(data, names) if is_native else read_whole(data)
    return table if columns is None else select(table, columns)


def _decoded_natively(data: bytes, columns: list[str] | None) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.table(_native.parquet.decode(data, columns=columns))
    except NotImplementedError:
        # That is seen in the values alone, as text that is not UTF-8.
        return read_whole(data)


def _opened_by_pyarrow(data: bytes, columns: list[str] | None, refused: ValueError) -> pa.Table:
    """Read a file whose footer is not understood here, as those with types of a later day.

    Raises:
        ValueError: PyArrow does not understand it either, or there is no such column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(pa.BufferReader(data)).names
        if not set(columns or ()) <= set(names):
            raise refused
        return read_whole(data)
    except (pa.ArrowException, OSError, ValueError):
        raise refused from None


def select(table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Keep some columns.

    Raises:
        ValueError: There is no such column; the message names those that there are.
    """
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise ValueError(f"No column {missing[0]!r}; the table has: {', '.join(table.column_names)}")
    return table.select(list(columns))


def none_or_table(table: pa.Table) -> pa.Table | None:
    """Read the mark that `to_arrow` sets for None."""
    metadata = table.schema.metadata
    return None if metadata and _NONE_MARK in metadata and not table.num_rows else table
