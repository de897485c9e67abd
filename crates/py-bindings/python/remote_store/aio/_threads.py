"""Stores whose calls are Python: each call blocks, so it gets a thread of asyncio's pool."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from remote_store._errors import NotFound, RemoteStoreError
from remote_store._models import FileInfo, FolderEntry, FolderInfo, WriteResult

if TYPE_CHECKING:
    from remote_store._store import Store

__all__ = ["ThreadCore"]


class ThreadCore:
    """The counterpart of `_native.AsyncStore` for stores whose calls are Python.

    Such are stores that are subclassed or patched, and those over a backend written in Python. A thread
    cannot be cancelled: a cancelled call goes on to its end unseen.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read_bytes(self, path: str) -> bytes:
        """Read a whole file."""
        return await asyncio.to_thread(self._store.read_bytes, path)

    async def read_range(self, path: str, start: int, end: int | None = None) -> bytes:
        """Read the bytes from ``start`` to ``end``, or to the end of the file."""
        return (await asyncio.to_thread(self._ranges, path, [(start, end)]))[0]

    async def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several ranges of one file."""
        return await asyncio.to_thread(self._ranges, path, list(ranges))

    def _ranges(self, path: str, ranges: Sequence[tuple[int, int | None]]) -> list[bytes]:
        with self._store.read_seekable(path) as file:
            return [_cut(file, start, end) for start, end in ranges]

    async def open_read(self, path: str, chunk_bytes: int, prefetch: int) -> tuple[int, ThreadStream]:
        """Open a file; its chunks are read when they are asked for."""
        del prefetch  # One thread at a time reads a file.
        size = (await asyncio.to_thread(self._store.get_file_info, path)).size
        file = await asyncio.to_thread(self._store.read, path)
        chunks = iter(lambda: file.read(chunk_bytes), b"")
        return size, ThreadStream(lambda: chunks, file.close)

    def read_many(self, paths: Sequence[str], *, window: int = 64, missing_ok: bool = False) -> ThreadStream:
        """Read files in order, one after the other: a Python store promises nothing about threads."""
        del window

        def contents() -> Iterator[bytes | None]:
            for path in paths:
                try:
                    yield self._store.read_bytes(path)
                except NotFound:
                    if not missing_ok:
                        raise
                    yield None

        return ThreadStream(contents, batch=1)

    async def write(
        self, path: str, content: Any, overwrite: bool = False, metadata: Mapping[str, str] | None = None
    ) -> WriteResult:
        """Write a file."""
        return await asyncio.to_thread(
            self._store.write, path, content, overwrite=overwrite, metadata=metadata
        )

    async def open_write(
        self, path: str, overwrite: bool = False, metadata: Mapping[str, str] | None = None
    ) -> ThreadParts:
        """Start a file that is written in parts."""
        return ThreadParts(self, path, overwrite, metadata)

    async def head(self, path: str) -> FileInfo:
        """Describe a file."""
        return await asyncio.to_thread(self._store.get_file_info, path)

    async def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder."""
        return await asyncio.to_thread(self._store.exists, path)

    async def is_file(self, path: str) -> bool:
        """Say whether there is a file."""
        return await asyncio.to_thread(self._store.is_file, path)

    async def is_folder(self, path: str) -> bool:
        """Say whether there is a folder."""
        return await asyncio.to_thread(self._store.is_folder, path)

    async def delete(self, path: str, missing_ok: bool = False) -> None:
        """Delete a file."""
        await asyncio.to_thread(self._store.delete, path, missing_ok=missing_ok)

    async def delete_many(self, paths: Sequence[str]) -> list[tuple[str, RemoteStoreError | None]]:
        """Delete files; each comes back with its error, if there was one."""

        def all_of_them() -> list[tuple[str, RemoteStoreError | None]]:
            return [(path, self._delete_one(path)) for path in paths]

        return await asyncio.to_thread(all_of_them)

    def _delete_one(self, path: str) -> RemoteStoreError | None:
        try:
            self._store.delete(path, missing_ok=True)
        except RemoteStoreError as error:
            return error
        return None

    async def delete_folder(self, path: str, recursive: bool = False, missing_ok: bool = False) -> None:
        """Delete a folder."""
        await asyncio.to_thread(self._store.delete_folder, path, recursive=recursive, missing_ok=missing_ok)

    def list(self, path: str, recursive: bool = False, max_depth: int | None = None) -> ThreadStream:
        """List files."""
        return ThreadStream(lambda: self._store.list_files(path, recursive=recursive, max_depth=max_depth))

    async def list_level(self, path: str) -> _Level:
        """List the files and the folders directly in a folder."""

        def level() -> _Level:
            return list(self._store.list_files(path)), list(self._store.list_folders(path))

        return await asyncio.to_thread(level)

    async def copy(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Copy a file."""
        await asyncio.to_thread(self._store.copy, src, dst, overwrite=overwrite)

    async def rename(self, src: str, dst: str, overwrite: bool = False) -> None:
        """Move a file."""
        await asyncio.to_thread(self._store.move, src, dst, overwrite=overwrite)

    async def folder_info(self, path: str, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder."""
        return await asyncio.to_thread(self._store.get_folder_info, path, max_depth=max_depth)

    async def ping(self) -> None:
        """Raise when the backend cannot be used."""
        await asyncio.to_thread(self._store.ping)

    async def close(self) -> None:
        """Close the store."""
        await asyncio.to_thread(self._store.close)


# Outside the class, where `list` is not the method.
_Level = tuple[list[FileInfo], list[FolderEntry]]


class ThreadStream:
    """The items of an iterator, so many at a time in a thread."""

    def __init__(
        self,
        begin: Callable[[], Iterator[Any]],
        end: Callable[[], None] | None = None,
        *,
        batch: int | None = None,
    ) -> None:
        self._begin = begin
        self._end = end
        self._batch = batch
        self._items: Iterator[Any] | None = None
        self._failure: Exception | None = None

    async def next(self, max_items: int) -> list[Any]:
        """Wait for the next items; an empty list is the end."""
        return await asyncio.to_thread(self._pull, min(max_items, self._batch or max_items))

    def _pull(self, max_items: int) -> list[Any]:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._items is None:
            self._items = iter(self._begin())
        pulled: list[Any] = []
        try:
            pulled.extend(itertools.islice(self._items, max_items))
        except Exception as failure:
            if not pulled:
                raise
            # What came before is handed out first.
            self._failure = failure
        return pulled

    def close(self) -> None:
        """End what is under way."""
        self._items = iter(())
        if self._end is not None:
            self._end()


class ThreadParts:
    """A file that is collected, and written at its end: contexts of Python do not cross threads."""

    def __init__(
        self, core: ThreadCore, path: str, overwrite: bool, metadata: Mapping[str, str] | None
    ) -> None:
        self._core = core
        self._path = path
        self._overwrite = overwrite
        self._metadata = metadata
        self._collected: io.BytesIO | None = io.BytesIO()

    def _open(self) -> io.BytesIO:
        if self._collected is None:
            raise ValueError("the writer was finished or aborted before")
        return self._collected

    async def write(self, content: Any) -> None:
        """Add bytes."""
        self._open().write(content)

    async def finish(self) -> WriteResult:
        """Write the file."""
        content = self._open().getvalue()
        self._collected = None
        return await self._core.write(self._path, content, self._overwrite, self._metadata)

    async def abort(self) -> None:
        """Forget the file."""
        self._collected = None


def _cut(file: BinaryIO, start: int, end: int | None) -> bytes:
    file.seek(start)
    return file.read() if end is None else file.read(max(0, end - start))
