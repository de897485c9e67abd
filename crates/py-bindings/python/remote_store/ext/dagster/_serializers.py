"""What turns an object into the bytes of a file, and back."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, runtime_checkable

from remote_store.ext import _options
from remote_store.ext._frames import names
from remote_store.ext.dagster import _tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from remote_store import Store

__all__ = ["JsonSerializer", "ParquetSerializer", "PickleSerializer", "Serializer", "serializer_for"]


@runtime_checkable
class Serializer(Protocol):
    """What an IO manager needs of a serializer (DAG-001).

    Any object with these three will do; nothing has to be subclassed.

    Attributes:
        extension: The file extension with its dot, e.g. ``".csv"``.

    Examples:
        >>> class Text:
        ...     extension = ".txt"
        ...     def serialize(self, obj):
        ...         return obj.encode()
        ...     def deserialize(self, data):
        ...         return data.decode()
        >>> isinstance(Text(), Serializer)
        True
        >>> isinstance(object(), Serializer)
        False
    """

    extension: str

    def serialize(self, obj: Any) -> bytes:
        """Turn an object into bytes."""
        ...

    def deserialize(self, data: bytes) -> Any:
        """Turn bytes back into the object."""
        ...


class PickleSerializer:
    """CPython's pickle, in files ``*.pkl`` (DAG-002).

    Reading a pickle runs code that is in it: load only what you or your pipeline wrote.

    Examples:
        >>> pickles = PickleSerializer()
        >>> pickles.deserialize(pickles.serialize({"a": (1, 2)}))
        {'a': (1, 2)}
    """

    extension: str = ".pkl"

    def serialize(self, obj: Any) -> bytes:
        """Pickle an object.

        Raises:
            pickle.PicklingError: The object cannot be pickled (some types raise TypeError or
                AttributeError instead).
        """
        return pickle.dumps(obj)

    def serialize_to(self, obj: Any, file: BinaryIO) -> None:
        """Pickle an object into a file, so that a large one goes to the store in parts."""
        pickle.dump(obj, file)

    def deserialize(self, data: bytes) -> Any:
        """Unpickle an object.

        Raises:
            pickle.UnpicklingError: The bytes are no pickle.
        """
        return pickle.loads(data)  # noqa: S301 - that is what the user asked for


class JsonSerializer:
    """JSON in UTF-8, in files ``*.json`` (DAG-003).

    Examples:
        >>> JsonSerializer().serialize({"year": 2013, "delay": [1.5, None]})
        b'{"year": 2013, "delay": [1.5, null]}'
        >>> JsonSerializer().serialize({1, 2})
        Traceback (most recent call last):
        ...
        TypeError: Object of type set is not JSON serializable
    """

    extension: str = ".json"

    def serialize(self, obj: Any) -> bytes:
        """Write an object as JSON.

        Raises:
            TypeError: The object, or something in it, has no JSON form.
        """
        return json.dumps(obj).encode("utf-8")

    def deserialize(self, data: bytes) -> Any:
        """Read JSON.

        Raises:
            json.JSONDecodeError: The bytes are not JSON.
        """
        return json.loads(data)


class ParquetSerializer:
    """Tables in files ``*.parquet`` (DAG-004).

    Takes pandas and polars frames, Arrow tables and whatever else offers ``__arrow_c_stream__``;
    gives a PyArrow Table. ``None`` is stored as an empty table with a mark, and read as None.

    The native encoder writes what it writes exactly as pyarrow would; every other schema goes
    through pyarrow. Through `write_to` a table goes to its store while it is encoded, and through
    `read_from` only those bytes are fetched that the columns need.

    Args:
        compression: ``"snappy"``, ``"gzip"``, ``"brotli"``, ``"lz4"``, ``"zstd"`` or ``"none"``.
        compression_level: The level of gzip (0 to 9), brotli (0 to 11) or zstd (-131072 to 22;
            below 0 is faster and larger than 1, and 0 is the default).
        row_group_size: The most rows in a row group; 1,048,576 or 64 MiB by default.
        statistics: ``"none"``, ``"chunk"`` for each row group, or ``"page"`` for each page too.
        dictionary: Whether repeated values are written once and referred to.
        sorting_columns: Names of columns by which the rows are already sorted; a name that
            begins with ``-`` is sorted downwards.

    Raises:
        ModuleNotFoundError: PyArrow is not installed.
        ValueError: An option is not valid.
        TypeError: An option has the wrong type.

    Examples:
        >>> import pyarrow as pa
        >>> parquet = ParquetSerializer()
        >>> parquet.deserialize(parquet.serialize(pa.table({"n": [1, 2]}))).to_pydict()
        {'n': [1, 2]}
        >>> parquet.serialize("text")
        Traceback (most recent call last):
        ...
        TypeError: ParquetSerializer expects a DataFrame, got str
        >>> ParquetSerializer(compression="zstd")
        ParquetSerializer(compression='zstd')
        >>> ParquetSerializer(statistics="all")
        Traceback (most recent call last):
        ...
        ValueError: unknown statistics 'all'; choose from none, chunk, page
    """

    extension: str = ".parquet"

    def __init__(
        self,
        *,
        compression: str = "snappy",
        compression_level: int | None = None,
        row_group_size: int | None = None,
        statistics: str = "chunk",
        dictionary: bool = True,
        sorting_columns: Sequence[str] | None = (),
    ) -> None:
        _tables.require_pyarrow("PyArrow is required for the parquet serializer.")
        self._options = _tables.ParquetOptions(
            compression,
            compression_level,
            row_group_size,
            statistics,
            dictionary,
            _options.sorting(sorting_columns),
        )
        self._options.check()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options.shown()})"

    def serialize(self, obj: Any) -> bytes:
        """Write a table as Parquet.

        Raises:
            TypeError: The object is no table.
        """
        return _tables.encode(_tables.to_arrow(obj, who="ParquetSerializer"), self._options)

    def write_to(self, store: Store, path: str, obj: Any) -> int:
        """Write a table as one object of a store, which gets it while it is encoded.

        A `pyarrow.RecordBatchReader` or another stream of batches is not collected: memory stays
        at about a row group, however long it is. The object appears whole or not at all.

        Args:
            store: The store.
            path: The object, which is replaced.
            obj: The table or the stream.

        Returns:
            The size of the object in bytes.

        Raises:
            TypeError: The object is no table, or the store no store.

        Examples:
            >>> import pyarrow as pa
            >>> from remote_store import Store
            >>> from remote_store.backends import MemoryBackend
            >>> store, parquet = Store(MemoryBackend()), ParquetSerializer(compression="zstd")
            >>> size = parquet.write_to(store, "a.parquet", pa.table({"n": [1, 2], "s": ["a", "b"]}))
            >>> parquet.read_from(store, "a.parquet", columns=["s"]).to_pydict()
            {'s': ['a', 'b']}
        """
        return _tables.write(store, path, obj, self._options, who="ParquetSerializer")

    def read_from(self, store: Store, path: str, *, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Read one object of a store; of a large one only the bytes that the columns need.

        Raises:
            ValueError: It is no Parquet file, or there is no such column.
            TypeError: The columns are no list of names, or the store is no store.
            NotFound: There is no such object.
        """
        _options.check_store(store, who="ParquetSerializer.read_from")
        return _tables.read(store, path, names(columns))

    def deserialize(self, data: bytes, *, columns: Sequence[str] | None = None) -> pa.Table | None:
        """Read Parquet.

        Args:
            data: The whole file.
            columns: The columns wanted, in this order; all of them by default.

        Raises:
            ValueError: The bytes are no Parquet file, or there is no such column.
            TypeError: The columns are no list of names.
        """
        return _tables.decode(data, names(columns))


_BY_NAME: dict[str, type[PickleSerializer | JsonSerializer | ParquetSerializer]] = {
    "json": JsonSerializer,
    "parquet": ParquetSerializer,
    "pickle": PickleSerializer,
}


def serializer_for(serializer: str | Serializer, *, further_names: Sequence[str] = ()) -> Serializer:
    """Give the serializer of that name, or the serializer itself (DAG-009, DAG-011).

    Args:
        serializer: A name, or an object that satisfies `Serializer`.
        further_names: Names that the caller handles; listed in the error.

    Raises:
        ValueError: There is no serializer of that name.
        ModuleNotFoundError: It needs PyArrow, which is not installed.
        TypeError: The object is no serializer.
    """
    if isinstance(serializer, str):
        found = _BY_NAME.get(serializer)
        if found is None:
            names = ", ".join(sorted([*_BY_NAME, *further_names]))
            raise ValueError(f"Unknown serializer {serializer!r}. Choose from: {names}")
        return found()
    if not isinstance(serializer, Serializer):
        raise TypeError(
            "A serializer needs the attribute 'extension' and the methods 'serialize' and "
            f"'deserialize'; got {type(serializer).__name__}"
        )
    return serializer
