"""Binary files that report how far they are, or compute a checksum, while they are read or written."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from remote_store.ext.integrity import new_hash

if TYPE_CHECKING:
    from remote_store._core import PathLike
    from remote_store._store import Store

__all__ = ["ChecksumReader", "ChecksumWriter", "ProgressReader", "ProgressWriter", "read_with_progress"]


class _StreamWrapper:
    """A file before a file: what is not defined here is the inner one's."""

    _inner: BinaryIO

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":
            # Not set yet, e.g. while it is unpickled: without this, an endless recursion.
            raise AttributeError(name)
        return getattr(self._inner, name)

    def close(self) -> None:
        """Close the inner file."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Reader(_StreamWrapper):
    """Each way of reading, so that no byte passes unseen."""

    def _seen(self, data: bytes) -> None:
        raise NotImplementedError

    def _passed(self, data: bytes) -> bytes:
        if data:
            self._seen(data)
        return data

    def read(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes, or all."""
        return self._passed(self._inner.read(size))

    def read1(self, size: int = -1) -> bytes:
        """Read up to ``size`` bytes with at most one call below."""
        below = getattr(self._inner, "read1", self._inner.read)
        return self._passed(below(size))

    def readline(self, size: int = -1) -> bytes:
        """Read up to the end of a line."""
        return self._passed(self._inner.readline(size))

    def readlines(self, hint: int | None = -1) -> list[bytes]:
        """Read the lines that are left, or those that begin within ``hint`` bytes."""
        lines: list[bytes] = []
        length = 0
        while (hint is None or hint <= 0 or length < hint) and (line := self.readline()):
            lines.append(line)
            length += len(line)
        return lines

    def readinto(self, buffer: Any) -> int:
        """Read into memory that is there already."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class ProgressReader(_Reader):
    """A file that reports how many bytes were read.

    Args:
        inner: The file to read.
        callback: Called with the length of each piece that was read.

    Examples:
        >>> import io
        >>> lengths = []
        >>> file = ProgressReader(io.BytesIO(b"abcdef"), lengths.append)
        >>> file.read(4), file.read(4), file.read(4), lengths
        (b'abcd', b'ef', b'', [4, 2])
    """

    def __init__(self, inner: BinaryIO, callback: Callable[[int], None]) -> None:
        super().__init__(inner)
        self._callback = callback

    def _seen(self, data: bytes) -> None:
        self._callback(len(data))


class ChecksumReader(_Reader):
    """A file that computes the checksum of what is read.

    Bytes that are read again after a ``seek`` count once.

    Args:
        inner: The file to read.
        algorithm: A name that `hashlib.new` knows.

    Raises:
        ValueError: There is no such algorithm.

    Examples:
        >>> import io
        >>> file = ChecksumReader(io.BytesIO(b"abc"), "md5")
        >>> file.read(), file.hexdigest()
        (b'abc', '900150983cd24fb0d6963f7d28e17f72')
    """

    def __init__(self, inner: BinaryIO, algorithm: str = "sha256") -> None:
        super().__init__(inner)
        self._hash = new_hash(algorithm)
        self._algorithm = algorithm.lower()
        # Both relative to where the file stood at first.
        self._position = self._hashed = 0
        self._skipped = False

    @property
    def algorithm(self) -> str:
        """The name of the algorithm, in lower case."""
        return self._algorithm

    def _seen(self, data: bytes) -> None:
        start, self._position = self._position, self._position + len(data)
        if start > self._hashed:
            self._skipped = True
        elif self._position > self._hashed:
            self._hash.update(memoryview(data)[self._hashed - start :])
            self._hashed = self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere in the inner file, when it can."""
        before = self._inner.tell()
        after = self._inner.seek(offset, whence)
        self._position += after - before
        return after

    def hexdigest(self) -> str:
        """Return the checksum of what was read so far.

        Raises:
            ValueError: A ``seek`` skipped bytes that were never read.
        """
        if self._skipped:
            raise ValueError(f"no {self._algorithm} of the file: bytes were skipped by seek()")
        return self._hash.hexdigest()


class _Writer(_StreamWrapper):
    """Each way of writing, so that no byte passes unseen."""

    def _seen(self, data: memoryview) -> None:
        raise NotImplementedError

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write bytes.

        Raises:
            TypeError: It is text.
        """
        with memoryview(data) as given, given.cast("B") as view:
            written = self._inner.write(data)
            # A raw file may take less; what says nothing took all.
            count = written if type(written) is int else len(view)
            self._seen(view[:count])
        return count

    def writelines(self, lines: Iterable[bytes]) -> None:
        """Write each of the pieces."""
        for line in lines:
            self.write(line)


class ProgressWriter(_Writer):
    """A file that reports how many bytes were written.

    Args:
        inner: The file to write.
        callback: Called with the length of each piece that was written.

    Examples:
        >>> import io
        >>> lengths = []
        >>> ProgressWriter(io.BytesIO(), lengths.append).writelines([b"ab", b"c"])
        >>> lengths
        [2, 1]
    """

    def __init__(self, inner: BinaryIO, callback: Callable[[int], None]) -> None:
        super().__init__(inner)
        self._callback = callback

    def _seen(self, data: memoryview) -> None:
        self._callback(len(data))


class ChecksumWriter(_Writer):
    """A file that computes the checksum of what is written, from the first byte to the last.

    Args:
        inner: The file to write.
        algorithm: A name that `hashlib.new` knows.

    Raises:
        ValueError: There is no such algorithm.

    Examples:
        >>> import io
        >>> file = ChecksumWriter(io.BytesIO(), "md5")
        >>> file.write(b"abc"), file.hexdigest()
        (3, '900150983cd24fb0d6963f7d28e17f72')
    """

    def __init__(self, inner: BinaryIO, algorithm: str = "sha256") -> None:
        super().__init__(inner)
        self._hash = new_hash(algorithm)
        self._algorithm = algorithm.lower()

    @property
    def algorithm(self) -> str:
        """The name of the algorithm, in lower case."""
        return self._algorithm

    def _seen(self, data: memoryview) -> None:
        self._hash.update(data)

    def seekable(self) -> bool:
        """Say no: what is overwritten stays in the checksum."""
        return False

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Refuse to go elsewhere.

        Raises:
            UnsupportedOperation: Always.
        """
        raise io.UnsupportedOperation(
            f"seek to {offset} (from {whence}) in a file whose checksum is computed"
        )

    def truncate(self, size: int | None = None) -> int:
        """Refuse to take bytes back.

        Raises:
            UnsupportedOperation: Always.
        """
        raise io.UnsupportedOperation(f"no truncate({size}) of a file whose checksum is computed")

    def hexdigest(self) -> str:
        """Return the checksum of what was written so far."""
        return self._hash.hexdigest()


def read_with_progress(store: Store, path: PathLike, callback: Callable[[int], None]) -> ProgressReader:
    """Open a file of a store for reading that reports how many bytes were read.

    Args:
        store: Where it is.
        path: The file.
        callback: Called with the length of each piece that was read.

    Returns:
        The file; close it, or use it in a ``with`` block.

    Raises:
        NotFound: There is no such file.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("a", b"abc")
        >>> lengths = []
        >>> with read_with_progress(store, "a", lengths.append) as file:
        ...     file.read(), lengths
        (b'abc', [3])
    """
    return ProgressReader(store.read(path), callback)
