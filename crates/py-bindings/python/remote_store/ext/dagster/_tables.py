"""Tables at the border to Arrow: what counts as one, and its Parquet form.

PyArrow is imported late, so that everything that stores no tables works without it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from remote_store import _native

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

    def pyarrow(self, schema: pa.Schema) -> dict[str, Any]:
        """Give them as pyarrow's writer takes them."""
        import pyarrow.parquet as pq

        keys = [
            pq.SortingColumn(schema.names.index(name), descending, nulls_first)
            for name, descending, nulls_first in self.sorting
            if name in schema.names
        ]
        return {
            "compression": self.compression or "snappy",
            "compression_level": self.compression_level,
            "row_group_size": self.row_group_size,
            "write_statistics": self.statistics != "none",
            "write_page_index": self.statistics == "page",
            "use_dictionary": self.dictionary is not False,
            "sorting_columns": keys or None,
        }


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
    """Make an Arrow table of anything that is one at heart.

    Tried in this order: ``to_arrow()`` (polars, DuckDB), a PyArrow Table, pandas, and
    ``__arrow_c_stream__``. None becomes an empty table with a mark.

    Raises:
        TypeError: The object is no table.
    """
    import pyarrow as pa

    if obj is None:
        return pa.table({"none": pa.nulls(0)}, schema=pa.schema([("none", pa.null())], {_NONE_MARK: b"1"}))
    if isinstance(obj, type):
        raise TypeError(f"{who} expects a DataFrame, got the class {obj.__name__}")
    kind, is_series = type(obj).__name__, hasattr(obj, "to_frame")
    if _is_lazy_frame(obj):
        obj = obj.collect()
    if callable(getattr(obj, "to_arrow", None)):
        obj = obj.to_arrow()
    if isinstance(obj, pa.Table):
        return obj
    # DuckDB's relations have the two names as well.
    if hasattr(obj, "dtypes") and hasattr(obj, "columns") and not hasattr(obj, "fetch_arrow_table"):
        return pa.Table.from_pandas(obj)
    if hasattr(obj, "__arrow_c_stream__") and not is_series:
        return pa.table(obj)
    hint = "; make a table of it with to_frame()" if is_series else ""
    raise TypeError(f"{who} expects a DataFrame, got {kind}{hint}")


def _is_lazy_frame(obj: object) -> bool:
    kind = type(obj)
    return kind.__name__ == "LazyFrame" and kind.__module__.partition(".")[0] == "polars"


def encode(table: pa.Table, options: ParquetOptions = ParquetOptions()) -> bytes:
    """Write a table as one Parquet file.

    Raises:
        ValueError: An option is not valid for this table.
    """
    content = _native.parquet.serialize(table, **options.native())
    if content is not None:
        return content
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, **options.pyarrow(table.schema))
    return sink.getvalue()


def write(store: Any, path: str, obj: Any, options: ParquetOptions, *, who: str) -> int:
    """Write a table as one object; it goes to the store while it is encoded.

    A stream of batches is not collected.

    Returns:
        The size of the object in bytes.

    Raises:
        TypeError: It is no table.
        ValueError: An option is not valid for this table.
    """
    source = stream_or_table(obj, who=who)
    if _native.parquet.write_support(source.schema) is None:
        return _native.parquet.write(store, path, source, overwrite=True, **options.native())
    content = encode(source if is_table(source) else source.read_all(), options)
    store.write(path, content, overwrite=True)
    return len(content)


def stream_or_table(obj: Any, *, who: str) -> Any:
    """Give a reader for what is a stream and nothing else, a table for all the rest."""
    import pyarrow as pa

    if isinstance(obj, pa.RecordBatchReader):
        return obj
    frame_like = any(hasattr(obj, name) for name in ("to_arrow", "to_frame", "collect", "column_names"))
    is_relation = hasattr(obj, "fetch_arrow_table")
    if hasattr(obj, "__arrow_c_stream__") and (is_relation or not (frame_like or hasattr(obj, "dtypes"))):
        return pa.RecordBatchReader.from_stream(obj)
    return to_arrow(obj, who=who)


def read(store: Any, path: str, columns: Sequence[str] | None) -> pa.Table | None:
    """Read one object; of a large one only what the columns need.

    Raises:
        ValueError: It is no Parquet file, or there is no such column.
        NotFound: There is no such object.
    """
    import pyarrow as pa

    try:
        decoded, content = _native.parquet.read(store, path, None if columns is None else list(columns))
    except ValueError:
        if columns is None:
            raise
        # What stands for None has none of the columns.
        return decode(store.read_bytes(path), columns)
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
        # What stands for None has none of the columns.
        if columns is None or none_or_table(_decoded(data, None)) is not None:
            raise
        return None


def _decoded(data: bytes, columns: Sequence[str] | None) -> pa.Table:
    import pyarrow as pa

    names = None if columns is None else list(columns)
    if _native.parquet.read_support(data, names) is None:
        table = pa.table(_native.parquet.decode(data, columns=names))
    else:
        import pyarrow.parquet as pq

        table = pq.read_table(pa.BufferReader(data))
    return table if columns is None else select(table, columns)


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


def is_table(value: object) -> bool:
    """Say whether a value is a PyArrow table."""
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pyarrow" and kind.__name__ == "Table"
