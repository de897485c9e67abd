"""Tables at the border to Arrow: what counts as one, and its Parquet form.

PyArrow is imported late, so that everything that stores no tables works without it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from remote_store import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["decode", "encode", "is_table", "none_or_table", "require_pyarrow", "select", "to_arrow"]

_INSTALL = "Install it with: pip install 'remote-store[dagster,arrow]'"
# An output of None still has to be stored (DAG-007), and a Parquet file holds tables only.
_NONE_MARK = b"remote_store.none"


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
    if hasattr(obj, "dtypes") and hasattr(obj, "columns"):
        return pa.Table.from_pandas(obj)
    if hasattr(obj, "__arrow_c_stream__") and not is_series:
        return pa.table(obj)
    hint = "; make a table of it with to_frame()" if is_series else ""
    raise TypeError(f"{who} expects a DataFrame, got {kind}{hint}")


def _is_lazy_frame(obj: object) -> bool:
    kind = type(obj)
    return kind.__name__ == "LazyFrame" and kind.__module__.partition(".")[0] == "polars"


def encode(table: pa.Table) -> bytes:
    """Write a table as one Parquet file."""
    if _native.parquet.write_support(table.schema) is None:
        return bytes(_native.parquet.encode(table))
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


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

    if _native.parquet.read_support(data) is None:
        names = None if columns is None else list(columns)
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
