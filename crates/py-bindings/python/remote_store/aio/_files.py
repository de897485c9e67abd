"""Files that are read and written with ``await``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from remote_store.aio._calls import Parts, Stream, settled

__all__ = ["AsyncReader", "AsyncWriter"]

_READ_ALL = -1


class AsyncReader:
    """A file that is being read, opened when it is first used.

    Iterate over its chunks, or read so many bytes at a time; use it in an ``async with`` block when
    it may be left before its end. A few chunks are fetched ahead.

    Examples:
        >>> import asyncio
        >>> from remote_store.aio import AsyncStore
        >>> from remote_store.backends import MemoryBackend
        >>> async def main():
        ...     store = AsyncStore(MemoryBackend())
        ...     await store.write("a", b"0123456789")
        ...     async with store.read("a", chunk_bytes=4) as file:
        ...         return [chunk async for chunk in file], file.size
        >>> asyncio.run(main())
        ([b'0123', b'4567', b'89'], 10)
    """

    def __init__(self, opening: Callable[[], Awaitable[tuple[int, Stream]]]) -> None:
        self._opening = opening
        self._stream: Stream | None = None
        self._size: int | None = None
        self._rest = b""
        self._closed = False

    @property
    def size(self) -> int:
        """The length of the file.

        Raises:
            ValueError: Nothing was read yet, and no ``async with`` block was entered.
        """
        if self._size is None:
            raise ValueError("The file is not opened yet; enter it with 'async with', or read first")
        return self._size

    async def read(self, size: int = _READ_ALL) -> bytes:
        """Read so many bytes, fewer only at the end; all that is left by default.

        Raises:
            NotFound: There is no such file.
            ValueError: The file was closed.
        """
        parts: list[bytes] = []
        wanted = size
        while wanted != 0:
            chunk = self._rest or await self._next_chunk()
            if not chunk:
                break
            taken = chunk if wanted < 0 else chunk[:wanted]
            self._rest = chunk[len(taken) :]
            parts.append(taken)
            wanted -= len(taken) if wanted > 0 else 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _open(self) -> Stream:
        if self._closed:
            raise ValueError("I/O operation on closed file")
        if self._stream is None:
            self._size, self._stream = await self._opening()
        return self._stream

    async def _next_chunk(self) -> bytes:
        stream = await self._open()
        chunks: list[bytes] = await stream.next(1)
        return chunks[0] if chunks else b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := self._rest or await self._next_chunk():
            self._rest = b""
            yield chunk

    async def aclose(self) -> None:
        """End the transfer under way."""
        self._closed = True
        self._rest = b""
        if self._stream is not None:
            self._stream.close()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


class AsyncWriter:
    """A file that is being written; `AsyncStore.open_atomic` makes it visible at the end of its block."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._position = 0

    async def write(self, content: Any) -> int:
        """Add bytes, and return how many.

        Raises:
            TypeError: The content is not bytes-like.
            ValueError: The block is over.
        """
        if isinstance(content, str):
            raise TypeError("content must be bytes, got str; encode it first")
        await settled(self._parts.write(content))
        length = memoryview(content).nbytes
        self._position += length
        return length

    def tell(self) -> int:
        """Return how many bytes were written."""
        return self._position
