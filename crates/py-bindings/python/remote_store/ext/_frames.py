"""What counts as a table: frames, Arrow's own types, relations, streams of batches.

PyArrow is imported late, so that everything that stores no tables works without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Watched", "is_table", "names", "stream_or_table", "to_arrow", "watched", "with_errors_of"]

_Written = TypeVar("_Written")


def to_arrow(obj: Any, *, who: str) -> pa.Table:
    """Make an Arrow table of anything that is one at heart.

    Tried in this order: ``to_arrow()`` (polars), a PyArrow Table, pandas, a scanner or a dataset,
    ``__arrow_c_stream__`` and ``__arrow_c_array__``.

    Raises:
        TypeError: The object is no table, or has a column that is none in Arrow.
        ValueError: Two columns have one name.
    """
    import pyarrow as pa

    if isinstance(obj, pa.Table):
        return _distinct(obj)
    if isinstance(obj, pa.RecordBatchReader):
        return _distinct(obj.read_all())
    if isinstance(obj, type):
        raise TypeError(f"{who} expects a DataFrame, got the class {obj.__name__}")
    is_series = hasattr(obj, "to_frame") or isinstance(obj, pa.Array | pa.ChunkedArray)
    original = obj
    if _is_lazy_frame(obj):
        obj = obj.collect()
    if callable(getattr(obj, "to_arrow", None)):
        _check_polars(obj, who)
        obj = obj.to_arrow()
        if isinstance(obj, pa.Table):
            return _distinct(obj)
    # DuckDB's relations have the two names as well.
    if hasattr(obj, "dtypes") and hasattr(obj, "columns") and not hasattr(obj, "fetch_arrow_table"):
        return pa.Table.from_pandas(obj)
    reader = None if is_series else _reader_of(obj)
    if reader is not None:
        return _distinct(reader.read_all())
    if hasattr(obj, "__arrow_c_array__") and not is_series:
        return _distinct(pa.Table.from_batches([pa.record_batch(obj)]))
    hint = _way_out(original, is_series=is_series)
    raise TypeError(f"{who} expects a DataFrame, got {type(original).__name__}{hint}")


def stream_or_table(obj: Any, *, who: str) -> pa.Table | pa.RecordBatchReader:
    """Give a reader for what is a stream and nothing else, a table for all the rest.

    Raises:
        TypeError: The object is neither.
        ValueError: Two columns have one name.
    """
    import pyarrow as pa

    if isinstance(obj, pa.RecordBatchReader):
        return _distinct(obj)
    is_relation = hasattr(obj, "fetch_arrow_table")
    names = ("to_arrow", "to_frame", "collect", "column_names", "dtypes")
    is_frame = isinstance(obj, type | pa.Array | pa.ChunkedArray) or any(hasattr(obj, name) for name in names)
    reader = _reader_of(obj) if is_relation or not is_frame else None
    return to_arrow(obj, who=who) if reader is None else _distinct(reader)


def names(columns: Iterable[str] | None, option: str = "columns") -> list[str] | None:
    """Give the names in a list; None for None.

    Raises:
        TypeError: It is one text, or what it gives is no text.
    """
    if columns is None:
        return None
    if isinstance(columns, str):
        raise TypeError(f"{option} must be a list of names, got the text {columns!r}; write [{columns!r}]")
    given: list[Any] = list(columns)
    wrong = next((name for name in given if not isinstance(name, str)), None)
    if wrong is not None:
        raise TypeError(f"{option} must be a list of names, got {type(wrong).__name__} in it")
    return given


def is_table(value: object) -> bool:
    """Say whether a value is a PyArrow table."""
    kind = type(value)
    return kind.__module__.partition(".")[0] == "pyarrow" and kind.__name__ == "Table"


class Watched:
    """A stream of batches that keeps what its producer raised.

    Arrow's C interface carries the text of an error only; `with_errors_of` raises the error itself.
    """

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.schema = reader.schema
        self.raised: BaseException | None = None
        self._reader = reader

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in self._reader:
                _check_batch(batch, self.schema)
                yield batch
        except GeneratorExit:
            # Nobody reads on: that is no error of the producer's.
            raise
        except BaseException as error:
            self.raised = error
            raise

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        import pyarrow as pa

        # Any: the protocols of capsules have no names in PyArrow's annotations.
        reader: Any = pa.RecordBatchReader.from_batches(self.schema, iter(self))
        return reader.__arrow_c_stream__(requested_schema)


def _check_batch(batch: pa.RecordBatch, schema: pa.Schema) -> None:
    """Refuse a batch of other columns: its memory would be read as something that it is not.

    Raises:
        pyarrow.ArrowInvalid: It has other columns than the stream; the message names the first.
    """
    import pyarrow as pa

    difference = None if batch.schema.equals(schema) else _difference(batch, schema)
    if difference is not None:
        raise pa.ArrowInvalid(difference)


def _difference(batch: pa.RecordBatch, schema: pa.Schema) -> str | None:
    """Say in what a batch differs from its stream; None where that does not matter."""
    there = {field.name: field.type for field in batch.schema}
    for field in schema:
        kind = there.pop(field.name, None)
        if kind is None:
            return f"A batch of the stream has no column {field.name!r}; it has: {batch.schema.names}"
        if kind != field.type:
            way_out = "cast the batch before it is given, as with batch.cast(schema)"
            return f"Column {field.name!r} of a batch is {kind}, that of the stream {field.type}; {way_out}"
    if there:
        return f"A batch has columns that its stream has not: {list(there)}; select those of the schema"
    if batch.schema.names != schema.names:
        return f"The columns of a batch stand in another order than those of its stream: {schema.names}"
    for name in schema.names:
        # Only what may be null differs, which matters where something is.
        if batch.column(name).null_count and not schema.field(name).nullable:
            return f"Column {name!r} of a batch has nulls, that of the stream may have none"
    return None


def watched(source: pa.Table | pa.RecordBatchReader) -> pa.Table | Watched:
    """Watch a stream; a table raises nothing."""
    import pyarrow as pa

    return source if isinstance(source, pa.Table) else Watched(source)


def with_errors_of(source: object, write: Callable[[], _Written]) -> _Written:
    """Do something with a source; what its producer raised comes out as it was.

    Raises:
        BaseException: What the producer raised, or else what ``write`` did.
    """
    try:
        return write()
    except Exception:
        raised = getattr(source, "raised", None)
        if not isinstance(raised, BaseException):
            raise
    # Outside of the handler, so that its cause and context stay what they were.
    raise raised


def _reader_of(obj: Any) -> pa.RecordBatchReader | None:
    """Give the batches of a scanner, a dataset, or whatever exports Arrow's C stream."""
    import pyarrow as pa

    if type(obj).__module__.partition(".")[0] == "pyarrow":
        obj = obj.scanner() if hasattr(obj, "scanner") else obj
        if callable(getattr(obj, "to_reader", None)):
            reader: pa.RecordBatchReader = obj.to_reader()
            return reader
    return pa.RecordBatchReader.from_stream(obj) if hasattr(obj, "__arrow_c_stream__") else None


_Columns = TypeVar("_Columns", bound="pa.Table | pa.RecordBatchReader")


def _distinct(source: _Columns) -> _Columns:
    """Refuse columns of one name: PyArrow writes them, and cannot read such a file by column.

    Raises:
        ValueError: There are some; the message names them.
    """
    names = source.schema.names
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"Duplicate column names found: {twice}; Parquet tells columns apart by their names")
    return source


def _check_polars(frame: Any, who: str) -> None:
    """Refuse what polars exports as something that it is not.

    Raises:
        TypeError: A column is of Python objects, or of a width that Arrow does not have.
    """
    schema = getattr(frame, "schema", None)
    if type(frame).__module__.partition(".")[0] != "polars" or schema is None:
        return
    for name, kind in schema.items():
        way_out = _no_arrow(kind)
        if way_out is not None:
            raise TypeError(f"{who} cannot write column {name!r} of polars type {kind}: {way_out}")


def _no_arrow(kind: Any) -> str | None:
    """Say what to do with a polars type that Arrow lacks; None when it has it."""
    text = str(kind)
    if "Int128" in text:
        return "Arrow has no integers of 128 bits; cast it to Decimal or Int64"
    # Inside others polars allows none.
    if text == "Object":
        return "its Python objects have no form in Parquet; cast it to String, or pickle the frame"
    return None


def _is_lazy_frame(obj: object) -> bool:
    kind = type(obj)
    return kind.__name__ == "LazyFrame" and kind.__module__.partition(".")[0] == "polars"


def _way_out(obj: object, *, is_series: bool) -> str:
    if is_series:
        return "; make a table of it with to_frame()" if hasattr(obj, "to_frame") else ""
    if isinstance(obj, Iterator):
        return "; make a stream of batches with pyarrow.RecordBatchReader.from_batches(schema, batches)"
    return ""
