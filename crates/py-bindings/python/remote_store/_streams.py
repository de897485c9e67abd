"""Binary files over the native reader and writer."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from remote_store import _native
    from remote_store._models import WriteResult

__all__ = ["open_atomic", "open_reader", "write_stream"]

_READ_BUFFER_BYTES = 128 * 1024
_WRITE_BUFFER_BYTES = 1024 * 1024
_COPY_CHUNK_BYTES = 8 * 1024 * 1024


class _RawReader(io.RawIOBase):
    """The unbuffered side of a file that is being read."""

    def __init__(self, reader: _native.Reader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._check_open()
        data = self._reader.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        self._check_open()
        return self._reader.read_to_end()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._check_open()
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        self._check_open()
        return self._reader.tell()

    def close(self) -> None:
        if not self.closed:
            self._reader.close()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class _RawWriter(io.RawIOBase):
    """The unbuffered side of a file that is being written."""

    def __init__(self, writer: _native.Writer) -> None:
        super().__init__()
        self._writer = writer
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        # The buffer above reuses its memory, so what goes down is a copy.
        chunk = bytes(data)
        self._writer.write(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        return self._position


def open_reader(reader: _native.Reader) -> BinaryIO:
    """Return a buffered, seekable binary file over a native reader."""
    return cast("BinaryIO", io.BufferedReader(_RawReader(reader), _READ_BUFFER_BYTES))


@contextmanager
def open_atomic(writer: _native.Writer) -> Iterator[BinaryIO]:
    """Give a binary file whose content is committed when the block ends without an error."""
    try:
        file = io.BufferedWriter(_RawWriter(writer), _WRITE_BUFFER_BYTES)
        yield cast("BinaryIO", file)
        if not file.closed:
            file.flush()
    except BaseException:
        writer.abort()
        raise
    writer.finish()


def write_stream(
    core: _native.Store, path: str, content: Any, overwrite: bool, metadata: Mapping[str, str] | None
) -> WriteResult:
    """Write what is left of a binary file in parts.

    Raises:
        TypeError: The file's ``read`` gives something other than bytes.
    """
    writer = core.open_write(path, overwrite, metadata)
    try:
        while True:
            chunk = content.read(_COPY_CHUNK_BYTES)
            # None is "nothing yet" of a non-blocking file: taken for the end, it would cut the object.
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise TypeError(f"Expected a blocking binary file, its read() gave {type(chunk).__name__}")  # noqa: TRY301
            if not chunk:
                break
            writer.write(chunk)
    except BaseException:
        writer.abort()
        raise
    return writer.finish()
