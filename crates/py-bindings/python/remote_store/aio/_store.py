"""The store for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self

from remote_store import _native
from remote_store._capabilities import Capability
from remote_store._core import PathLike, as_text
from remote_store._errors import RemoteStoreError
from remote_store._metadata import check_metadata
from remote_store._models import (
    WriteResult,
)
from remote_store._store import Store, native_core
from remote_store.aio._calls import AsyncCore, settled
from remote_store.aio._content import write
from remote_store.aio._files import AsyncWriter
from remote_store.aio._threads import ThreadCore
from remote_store.aio._view import AsyncView
from remote_store.backends._native_backend import NativeBackend

if TYPE_CHECKING:
    from remote_store._backend import Backend

__all__ = ["AsyncStore"]

_LIST_BATCH = 1000
_CHUNK_BYTES = 1024 * 1024


class AsyncStore(AsyncView):
    """A `Store` whose calls are awaited; names, errors and results are those of `Store`.

    Calls run on the native runtime, without a thread for each; cancelling a task drops its requests.
    A store that is subclassed or patched, or whose backend is written in Python, is called in threads
    of ``asyncio.to_thread`` instead, where a cancelled call goes on to its end unseen.

    One instance may be used by any number of event loops, and after a fork.

    Args:
        backend: A backend of `remote_store.backends`, a subclass of `Backend`, or any object with
            its methods.
        root_path: The folder of the backend that is the store's root.

    Raises:
        InvalidPath: The root path leaves the backend's root.

    Examples:
        >>> import asyncio
        >>> from remote_store.backends import MemoryBackend
        >>> async def main():
        ...     async with AsyncStore(MemoryBackend(), "lake") as store:
        ...         days = [f"day={n}" for n in range(3)]
        ...         await asyncio.gather(*(store.write(day, day.encode()) for day in days))
        ...         return [content async for content in store.read_many(days)]
        >>> asyncio.run(main())
        [b'day=0', b'day=1', b'day=2']
        >>> asyncio.run(AsyncStore(MemoryBackend()).read_bytes("x"))
        Traceback (most recent call last):
        ...
        remote_store._errors.NotFound: File not found: x | path=...
    """

    def __init__(self, backend: Backend, root_path: PathLike = "") -> None:
        self._stand_on(Store(backend, root_path))

    @classmethod
    def from_store(cls, store: Store) -> Self:
        """Make an `AsyncStore` of the same place; closing it closes nothing.

        Raises:
            TypeError: It is not a `Store`.
        """
        if not isinstance(store, Store):
            raise TypeError(f"from_store takes a Store, got {type(store).__name__}")
        made = cls.__new__(cls)
        made._stand_on(store)  # noqa: SLF001 - being made
        made._owns_store = False  # noqa: SLF001 - being made
        return made

    @classmethod
    def from_url(cls, url: str, **options: Any) -> Self:
        """Make an `AsyncStore` of the place that a URL names; see `Store.from_url`.

        Raises:
            ValueError: The URL or an option is not valid.
        """
        made = cls.__new__(cls)
        made._stand_on(Store.from_url(url, **options))  # noqa: SLF001 - being made
        return made

    def _stand_on(self, store: Store) -> None:
        self._store = store
        self._owns_store = True
        native = native_core(store)
        self._core: AsyncCore = _native.AsyncStore(native) if native is not None else ThreadCore(store)
        self._logs = native is not None

    # Writing

    async def write(
        self,
        path: PathLike,
        content: bytes | BinaryIO | AsyncIterable[bytes],
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file; it appears whole or not at all, also when the task is cancelled.

        A service may carry out a request that was sent whole before the cancellation; protect a write
        that something else depends on with ``asyncio.shield``.

        Args:
            path: The file.
            content: Bytes (or a bytearray or memoryview), an open binary file, which is read in
                threads, or an async iterable of bytes, which goes out while it is iterated.
            overwrite: Whether an existing file is replaced.
            metadata: User metadata of the file.

        Raises:
            AlreadyExists: There is such a file and ``overwrite`` is false.
            TypeError: The content is text.
            ValueError: The metadata is not valid.
        """
        return await self._write("write", path, content, overwrite, metadata)

    async def write_text(
        self,
        path: PathLike,
        text: str,
        *,
        encoding: str = "utf-8",
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write text; otherwise like `write`.

        Raises:
            AlreadyExists: There is such a file and ``overwrite`` is false.
            UnicodeEncodeError: The text does not fit the encoding.
        """
        return await self.write(path, text.encode(encoding), overwrite=overwrite, metadata=metadata)

    async def write_atomic(
        self,
        path: PathLike,
        content: bytes | BinaryIO | AsyncIterable[bytes],
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
    ) -> WriteResult:
        """Write a file, insisting that readers see all of it or nothing; otherwise like `write`.

        Raises:
            CapabilityNotSupported: The backend cannot promise that.
            AlreadyExists: There is such a file and ``overwrite`` is false.
        """
        self._require(Capability.ATOMIC_WRITE)
        return await self._write("write_atomic", path, content, overwrite, metadata)

    async def _write(
        self, op: str, path: PathLike, content: Any, overwrite: bool, metadata: Mapping[str, str] | None
    ) -> WriteResult:
        self._require(Capability.WRITE)
        checked = check_metadata(metadata)
        if checked is not None:
            self._require(Capability.USER_METADATA)
        key = self._begin(op, path)
        result = await write(self._core, key, content, overwrite, checked)
        self._done(op, key)
        return result

    def open_atomic(
        self, path: PathLike, *, overwrite: bool = False
    ) -> AbstractAsyncContextManager[AsyncWriter]:
        """Open a file for writing that appears when the ``async with`` block ends without an error.

        Raises:
            CapabilityNotSupported: The backend cannot do it.
            AlreadyExists: There is such a file and ``overwrite`` is false.
        """
        return self._open_atomic(path, overwrite)

    @asynccontextmanager
    async def _open_atomic(self, path: PathLike, overwrite: bool) -> AsyncIterator[AsyncWriter]:
        self._require(Capability.ATOMIC_WRITE)
        key = self._begin("open_atomic", path)
        parts = await self._core.open_write(key, overwrite, None)
        try:
            yield AsyncWriter(parts)
            await settled(parts.finish())
        except BaseException:
            await settled(parts.abort())
            raise
        self._done("open_atomic", key)

    async def delete(self, path: PathLike, *, missing_ok: bool = False) -> None:
        """Delete a file.

        Raises:
            NotFound: There is none and ``missing_ok`` is false.
        """
        key = self._begin("delete", path)
        await settled(self._core.delete(key, missing_ok))
        self._done("delete", key)

    async def delete_many(self, paths: Sequence[PathLike]) -> list[tuple[str, RemoteStoreError | None]]:
        """Delete files in as few requests as the store allows; missing ones count as deleted.

        Returns:
            Each path with its error, or None.
        """
        keys = [as_text(path) for path in paths]
        self._begin("delete_many", "")
        return await settled(self._core.delete_many(keys))

    async def delete_folder(
        self, path: PathLike, *, recursive: bool = False, missing_ok: bool = False
    ) -> None:
        """Delete a folder, never the root.

        Raises:
            NotFound: There is none and ``missing_ok`` is false.
            DirectoryNotEmpty: It has content and ``recursive`` is false.
        """
        key = self._begin("delete_folder", path)
        await settled(self._core.delete_folder(key, recursive, missing_ok))
        self._done("delete_folder", key)

    async def move(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Move a file; onto itself is nothing to do.

        Raises:
            NotFound: There is no such file.
            AlreadyExists: The destination exists and ``overwrite`` is false.
        """
        key = self._begin("move", src)
        await settled(self._core.rename(key, as_text(dst), overwrite))
        self._done("move", key)

    async def copy(self, src: PathLike, dst: PathLike, *, overwrite: bool = False) -> None:
        """Copy a file; onto itself is nothing to do.

        Raises:
            NotFound: There is no such file.
            AlreadyExists: The destination exists and ``overwrite`` is false.
        """
        key = self._begin("copy", src)
        await settled(self._core.copy(key, as_text(dst), overwrite))
        self._done("copy", key)

    # The store itself

    async def ping(self) -> None:
        """Raise when the backend cannot be used.

        Raises:
            BackendUnavailable: It cannot be reached.
            PermissionDenied: It refuses the credentials.
        """
        self._begin("ping", "")
        await self._core.ping()

    async def aclose(self) -> None:
        """Release what the backend holds, when the store owns it."""
        if not (self._owns_store and self._store._owns_backend):  # noqa: SLF001 - made by ourselves
            return
        if type(self._store._backend).close is NativeBackend.close:  # noqa: SLF001 - made by ourselves
            await self._core.close()
        else:
            await asyncio.to_thread(self._store.close)

    def child(self, subpath: PathLike) -> AsyncStore:
        """Return a store whose root is a folder of this one; closing it closes nothing.

        Raises:
            InvalidPath: The folder leaves the root.
        """
        return AsyncStore.from_store(self._store.child(subpath))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __getstate__(self) -> dict[str, Any]:
        return {"_store": self._store, "_owns_store": self._owns_store}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._stand_on(state["_store"])
        self._owns_store = state["_owns_store"]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AsyncStore):
            return NotImplemented
        return self._store == other._store

    def __hash__(self) -> int:
        return hash(("AsyncStore", self._store))

    def __repr__(self) -> str:
        return f"Async{self._store!r}"
