"""Parquet files that PyArrow encodes while they are read, a row group at a time."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from remote_store.ext._frames import Watched

__all__ = ["EncodedFile", "Rows", "file_options", "parts", "read_whole"]

# As in the native encoder; half its bytes, for what PyArrow made of a row group waits beside it.
_ROW_GROUP_ROWS = 1_048_576
_ROW_GROUP_BYTES = 32 * 1024 * 1024
_ROW_GROUPS_A_FILE = 8


class Rows:
    """Rows that wait for encoding; they are taken from their source as they are needed.

    Args:
        source: A table, or a stream of batches.
        row_group_size: The most rows in a row group; 1,048,576 by default.
        row_group_bytes: About the most bytes of Arrow data in one; 32 MiB by default.
    """

    def __init__(
        self,
        source: pa.Table | Watched,
        row_group_size: int | None = None,
        row_group_bytes: int | None = None,
    ) -> None:
        self.schema = source.schema
        batches = source.to_batches() if hasattr(source, "to_batches") else source
        self._batches = iter(batches)
        self._most_rows = row_group_size or _ROW_GROUP_ROWS
        self._most_bytes = min(row_group_bytes or _ROW_GROUP_BYTES, _ROW_GROUP_BYTES)
        # The next row group; kept here when it does not fit into a file any more.
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._rest: pa.RecordBatch | None = None
        # Of the batch as it came: slices of views and of dictionaries claim the bytes of all rows.
        self._row_bytes = 1

    def pending_bytes(self, most_rows: int | None) -> int:
        """Say how large the next row group is in memory; 0 when there are no more rows."""
        if not self._pending:
            self._fill(min(most_rows or self._most_rows, self._most_rows))
        return self._pending_bytes

    def take(self, most_rows: int | None = None) -> pa.Table | None:
        """Give the next row group; None when there are no more rows.

        Args:
            most_rows: The most rows in it, where those are fewer than a row group has.
        """
        import pyarrow as pa

        if not self._pending:
            self._fill(min(most_rows or self._most_rows, self._most_rows))
        taken, self._pending, self._pending_bytes = self._pending, [], 0
        return pa.Table.from_batches(taken, self.schema) if taken else None

    def is_empty(self) -> bool:
        """Say whether all rows are taken."""
        return not self._pending and self._next() is None

    def _fill(self, most_rows: int) -> None:
        rows = size = 0
        while rows < most_rows and (batch := self._next()) is not None:
            there, each = batch.num_rows, self._row_bytes
            room = (self._most_bytes - size) // each
            count = min(there, most_rows - rows, max(room, 0 if rows else 1))
            if count:
                self._pending.append(batch.slice(0, count))
                rows += count
                size += count * each
                self._pending_bytes = size
            self._rest = batch.slice(count) if count < there else None
            if self._rest is not None:
                return

    def _next(self) -> pa.RecordBatch | None:
        """Look at the next batch that has rows."""
        while self._rest is None or not self._rest.num_rows:
            self._rest = next(self._batches, None)
            if self._rest is None:
                return None
            self._row_bytes = max(1, _bytes_of(self._rest) // max(1, self._rest.num_rows))
        return self._rest


class EncodedFile(io.RawIOBase):
    """One Parquet file, to be read from its beginning to its end; it is encoded on the way.

    What waits in memory is one row group of rows and what PyArrow made of it.

    Args:
        rows: Where rows come from.
        options: Of `pyarrow.parquet.ParquetWriter`.
        max_rows: The file ends after so many rows.
        max_bytes: The file ends before its bytes and the next row group would be more.

    Raises:
        pyarrow.ArrowNotImplementedError: There is a column that has no form in Parquet.
    """

    def __init__(
        self,
        rows: Rows,
        options: Mapping[str, Any],
        max_rows: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        import pyarrow.parquet as pq

        super().__init__()
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0
        self._source = rows
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._sink = _Sink()
        sink: Any = self._sink
        self._writer = pq.ParquetWriter(sink, rows.schema, **options)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sink.position - self._sink.waiting

    @property
    def size(self) -> int:
        """The bytes encoded so far."""
        return self._sink.position

    def is_within(self, size: int) -> bool:
        """Say whether no more than so many bytes are left; they are encoded to tell that.

        Raises:
            Exception: What the source of the rows or PyArrow fails with.
        """
        self._encode(size + 1)
        return self._sink.waiting <= size

    def read(self, size: int | None = -1) -> bytes:
        """Give the next bytes: as many as asked for, fewer at the end, none after it.

        Raises:
            Exception: What the source of the rows or PyArrow fails with.
        """
        wanted = -1 if size is None else size
        self._encode(wanted)
        return self._sink.take(wanted)

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: Any) -> int:
        with memoryview(buffer).cast("B") as view:
            content = self.read(view.nbytes)
            view[: len(content)] = content
            return len(content)

    def close(self) -> None:
        """Give up; does nothing after the end was read."""
        if not self.closed:
            self._give_up()
        super().close()

    def _give_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            self._sink.discard()
            # It would write a footer for what failed, and fail again.
            with suppress(Exception):
                writer.close()

    def _encode(self, size: int) -> None:
        """Encode until so many bytes wait, or to the end when the size is negative."""
        if self.closed:
            raise ValueError("I/O operation on closed file")
        try:
            while self._writer is not None and not 0 <= size <= self._sink.waiting:
                self._encode_row_group(self._writer)
        except BaseException:
            # Whoever reads on must not take it for the end.
            self.close()
            raise

    def _encode_row_group(self, writer: Any) -> None:
        import pyarrow as pa

        group = None if self._is_full() else self._source.take(self._room())
        if group is None and not self.rows and not self._sink.has_group:
            group = pa.Table.from_batches([], self._source.schema)
        if group is None:
            writer.close()
            self._writer = None
            return
        self._sink.has_group = True
        writer.write_table(group, row_group_size=max(1, group.num_rows))
        self.rows += group.num_rows

    def _room(self) -> int | None:
        return None if self._max_rows is None else self._max_rows - self.rows

    def _is_full(self) -> bool:
        if not self.rows:
            return False
        if self._room() == 0:
            return True
        if self._max_bytes is None:
            return False
        return self._sink.position + self._source.pending_bytes(self._room()) > self._max_bytes


class _Sink(io.RawIOBase):
    """What PyArrow wrote and nobody took yet."""

    def __init__(self) -> None:
        super().__init__()
        self.position = 0
        self.waiting = 0
        self.has_group = False
        # Pages as they came: one large buffer would be copied whenever it grows.
        self._pages: deque[bytes] = deque()
        self._is_discarded = False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def write(self, data: Any) -> int:
        page = bytes(data)
        self.position += len(page)
        if not self._is_discarded:
            self.waiting += len(page)
            self._pages.append(page)
        return len(page)

    def take(self, size: int) -> bytes:
        wanted = self.waiting if size < 0 else min(size, self.waiting)
        taken, found = [], 0
        while found < wanted:
            page = self._pages.popleft()
            if len(page) > wanted - found:
                self._pages.appendleft(page[wanted - found :])
                page = page[: wanted - found]
            taken.append(page)
            found += len(page)
        self.waiting -= found
        return b"".join(taken)

    def discard(self) -> None:
        self._is_discarded = True
        self._pages.clear()
        self.waiting = 0


def parts(
    source: pa.Table | Watched,
    options: Mapping[str, Any],
    *,
    row_group_size: int | None = None,
    max_rows: int | None = None,
    max_bytes: int | None = None,
) -> Generator[EncodedFile, None, None]:
    """Cut rows into files; each has to be read to its end before the next one begins.

    There is one file at least: that of a source without rows keeps the columns.
    """
    group_bytes = None if max_bytes is None else max(1, max_bytes // _ROW_GROUPS_A_FILE)
    rows = Rows(source, row_group_size, group_bytes)
    while True:
        file = EncodedFile(rows, options, max_rows, max_bytes)
        try:
            yield file
        finally:
            file.close()
        if rows.is_empty():
            return


def read_whole(content: Any) -> pa.Table:
    """Read a file as PyArrow does, with the checksums of its pages, which PyArrow leaves alone unasked.

    Args:
        content: Its bytes, or what shares them.

    Raises:
        ValueError: It is damaged, or no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(content), page_checksum_verification=True)
    except OSError as error:
        raise ValueError(f"PyArrow cannot read the Parquet file: {error}") from error


def file_options(compression: str, **others: Any) -> dict[str, Any]:
    """Give the options of `pyarrow.parquet.ParquetWriter`, which knows fewer names of codecs."""
    name = {"uncompressed": "none", "lz4_raw": "lz4"}.get(compression.lower(), compression)
    return {"compression": name, "write_page_checksum": True, **others}


def _bytes_of(batch: pa.RecordBatch) -> int:
    import pyarrow as pa

    # A dictionary is shared by all batches and written once in each row group.
    def own(column: pa.Array[Any]) -> pa.Array[Any]:
        return column.indices if isinstance(column, pa.DictionaryArray) else column

    return sum(int(own(column).nbytes) for column in batch.columns)
