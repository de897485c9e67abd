"""Files of fsspec that are read, with this package's errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast

__all__ = ["IN_MEMORY_BYTES", "ReadFile", "copy_into", "staging_file"]

# Up to here content is held in memory, beyond it waits in a file of this machine.
IN_MEMORY_BYTES = 8 * 1024 * 1024

_CHUNK_BYTES = 1024 * 1024


class ReadFile(io.RawIOBase):
    """The unbuffered side of an open file of fsspec.

    Args:
        opened: What the filesystem's ``open`` gave.
        mapped: Makes a context that turns the filesystem's errors into this package's.
    """

    def __init__(self, opened: Any, mapped: Callable[[], AbstractContextManager[None]]) -> None:
        super().__init__()
        self._opened = opened
        self._mapped = mapped

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say whether the file of the filesystem can seek."""
        return bool(self._opened.seekable())

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer; 0 at the end."""
        with self._mapped():
            data = self._opened.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, and return it."""
        with self._mapped():
            self._opened.seek(offset, whence)
            return int(self._opened.tell())

    def tell(self) -> int:
        """Return the position."""
        return int(self._opened.tell())

    def close(self) -> None:
        """Close the file of the filesystem too."""
        if not self.closed:
            self._opened.close()
        super().close()


def copy_into(source: Any, target: Any) -> int:
    """Copy what is left of a binary file, and return how many bytes that were.

    Raises:
        TypeError: The file's ``read`` gives something other than bytes.
    """
    size = 0
    while True:
        chunk = source.read(_CHUNK_BYTES)
        # None is "nothing yet" of a non-blocking file: taken for the end, it would cut the content.
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise TypeError(f"Expected a blocking binary file, its read() gave {type(chunk).__name__}")
        if not chunk:
            return size
        target.write(chunk)
        size += len(chunk)


def staging_file() -> BinaryIO:
    """Return a file for content on its way: in memory while it is small, then on this machine's disk."""
    import tempfile

    return cast("BinaryIO", tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))
