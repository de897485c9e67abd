"""Binary files over the native reader and writer."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from remote_store import _native
    from remote_store._models import WriteResult

__all__ = ["open_atomic", "open_reader", "promise_sequential", "write_stream"]

_READ_BUFFER_BYTES = 128 * 1024
_WRITE_BUFFER_BYTES = 1024 * 1024
_COPY_CHUNK_BYTES = 8 * 1024 * 1024
# What a file that may seek keeps of itself in memory; the rest goes to the temporary folder.
_COPY_IN_MEMORY_BYTES = 8 * 1024 * 1024


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
    """The unbuffered side of a file that is being written.

    What is written goes to the store at once and, until somebody promises to write from the beginning
    to the end, to a local copy as well: whoever writes over what was sent already (TIFF, HDF5) gets a
    file that is sent from the copy when it is complete.

    Args:
        open_writer: Starts the object; called again when it must be sent anew.
    """

    def __init__(self, open_writer: Callable[[], _native.Writer]) -> None:
        super().__init__()
        self._open_writer = open_writer
        self._writer: _native.Writer | None = open_writer()
        copy = tempfile.SpooledTemporaryFile(_COPY_IN_MEMORY_BYTES)  # noqa: SIM115 - closed by `give_up`
        self._copy: BinaryIO | None = cast("BinaryIO", copy)
        self._sent = 0

    def promise_sequential(self) -> None:
        """Keep no copy: nothing will seek."""
        if self._copy is not None and self._sent == 0:
            self._copy.close()
            self._copy = None

    def readable(self) -> bool:
        return self._copy is not None

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._copy is not None

    def write(self, data: Any) -> int:
        # The buffer above reuses its memory, so what goes down is a copy.
        chunk = bytes(data)
        if self._copy is not None:
            if self._copy.tell() != self._sent:
                self._send_anew_at_the_end()
            self._copy.write(chunk)
        if self._writer is not None:
            self._writer.write(chunk)
            self._sent += len(chunk)
        return len(chunk)

    def readinto(self, buffer: Any) -> int:
        data = self._seekable().read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        stays = (offset, whence) in {(0, io.SEEK_CUR), (0, io.SEEK_END), (self._sent, io.SEEK_SET)}
        if self._copy is None and stays:
            # The buffer above makes sure of the position whenever it is flushed.
            return self._sent
        return self._seekable().seek(offset, whence)

    def truncate(self, size: int | None = None) -> int:
        size = self.tell() if size is None else size
        if size != self._sent:
            self._send_anew_at_the_end()
        return self._seekable().truncate(size)

    def tell(self) -> int:
        return self._sent if self._copy is None else self._copy.tell()

    def finish(self) -> WriteResult:
        """Make the object visible."""
        writer, copy = self._writer, self._copy
        if writer is None and copy is not None:
            copy.seek(0)
            writer = self._writer = self._open_writer()
            while chunk := copy.read(_COPY_CHUNK_BYTES):
                writer.write(chunk)
        if writer is None:
            raise ValueError("I/O operation on closed file")
        result = writer.finish()
        self.give_up()
        return result

    def give_up(self) -> None:
        """Leave nothing behind; does nothing after `finish`."""
        if self._copy is not None:
            self._copy.close()
        self._send_anew_at_the_end()

    def _send_anew_at_the_end(self) -> None:
        if self._writer is not None:
            self._writer.abort()
            self._writer = None
        self._sent = -1

    def _seekable(self) -> BinaryIO:
        if self._copy is None:
            raise io.UnsupportedOperation("this file is written from its beginning to its end")
        return self._copy


def open_reader(reader: _native.Reader) -> BinaryIO:
    """Return a buffered, seekable binary file over a native reader."""
    return cast("BinaryIO", io.BufferedReader(_RawReader(reader), _READ_BUFFER_BYTES))


@contextmanager
def open_atomic(open_writer: Callable[[], _native.Writer]) -> Iterator[BinaryIO]:
    """Give a binary file whose content is committed when the block ends without an error."""
    raw = _RawWriter(open_writer)
    try:
        file = io.BufferedRandom(raw, _WRITE_BUFFER_BYTES)
        yield cast("BinaryIO", file)
        if not file.closed:
            file.flush()
        raw.finish()
    finally:
        raw.give_up()


def promise_sequential(file: BinaryIO) -> None:
    """Say that a file of `open_atomic` is written from beginning to end: no copy of it is kept then."""
    promise = getattr(getattr(file, "raw", None), "promise_sequential", None)
    if promise is not None:
        promise()


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
