"""What a store for asyncio tells: contents, listings, descriptions, names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

from remote_store._capabilities import Capability
from remote_store._core import PathLike, as_text, check_depth
from remote_store._errors import InvalidPath, NotFound
from remote_store._glob import Plan, name_matches
from remote_store._models import (
    FileInfo,
    FolderEntry,
    FolderInfo,
    PathEntry,
    ResolutionPlan,
    WriteResult,
    as_write_result,
)
from remote_store._store import Store
from remote_store.aio._calls import AsyncCore, Stream
from remote_store.aio._files import AsyncReader

__all__ = ["AsyncView"]

_T = TypeVar("_T")
_LIST_BATCH = 1000
_CHUNK_BYTES = 1024 * 1024


class AsyncView:
    """The half of `AsyncStore` that changes nothing."""

    _store: Store
    _core: AsyncCore
    # A store that is called in threads logs for itself.
    _logs: bool

    # Reading

    def read(self, path: PathLike, *, chunk_bytes: int = _CHUNK_BYTES, prefetch: int = 4) -> AsyncReader:
        """Open a file for reading: ``async with store.read(path) as file``.

        Args:
            path: The file.
            chunk_bytes: The length of its chunks.
            prefetch: How many of them are fetched ahead.

        Returns:
            A file that is opened, and raises NotFound, when it is first used.

        Raises:
            ValueError: A number is below 1.
        """
        for name, number in (("chunk_bytes", chunk_bytes), ("prefetch", prefetch)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")
        key = self._begin("read", path)
        return AsyncReader(lambda: self._core.open_read(key, chunk_bytes, prefetch))

    async def read_bytes(self, path: PathLike) -> bytes:
        """Read a whole file.

        Raises:
            NotFound: There is no such file.
            InvalidPath: The path is the root, a folder, or leaves the root.
        """
        return await self._core.read_bytes(self._begin("read_bytes", path))

    async def read_text(self, path: PathLike, *, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Read a whole file as text.

        Raises:
            NotFound: There is no such file.
            UnicodeDecodeError: Its content is not in that encoding.
        """
        return (await self.read_bytes(path)).decode(encoding, errors)

    async def read_range(self, path: PathLike, start: int, end: int | None = None) -> bytes:
        """Read the bytes from ``start`` to ``end`` (exclusive), or to the end of the file.

        Raises:
            NotFound: There is no such file.
        """
        return await self._core.read_range(self._begin("read_range", path), start, end)

    async def get_ranges(self, path: PathLike, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Read several ranges of one file; near ones come in one request, the rest side by side.

        Raises:
            NotFound: There is no such file.
        """
        return await self._core.get_ranges(self._begin("get_ranges", path), ranges)

    def read_many(
        self, paths: Sequence[PathLike], *, window: int = 64, missing_ok: bool = False
    ) -> AsyncIterator[bytes | None]:
        """Read files in the order of the paths, with at most ``window`` requests under way.

        Args:
            paths: The files.
            window: How many are fetched at a time.
            missing_ok: Whether a missing file gives None instead of an error.

        Raises:
            NotFound: The first missing file, in order (raised when iterated).
            ValueError: The window is below 1.
        """
        if window < 1:
            raise ValueError(f"window must be at least 1, got {window}")
        keys = [as_text(path) for path in paths]
        self._begin("read_many", "")
        stream = self._core.read_many(keys, window=window, missing_ok=missing_ok)
        return _items(stream, max(1, window // 4))

    # Listing

    async def list_files(
        self,
        path: PathLike,
        *,
        recursive: bool = False,
        pattern: str | None = None,
        max_depth: int | None = None,
    ) -> AsyncIterator[FileInfo]:
        """List files; a folder that is not there yields nothing.

        Args:
            path: The folder.
            recursive: Whether folders below are entered.
            pattern: A shell pattern that the name (not the path) must match.
            max_depth: How many levels below the folder are entered; it implies ``recursive``.

        Raises:
            ValueError: ``max_depth`` is negative (raised when iterated).
        """
        check_depth(max_depth)
        recursive = recursive or max_depth is not None
        key = self._begin("list_files", path)
        async for info in _items(self._core.list(key, recursive, max_depth), _LIST_BATCH):
            if name_matches(info.name, pattern):
                yield info

    async def list_folders(
        self, path: PathLike, *, pattern: str | None = None, max_depth: int | None = None
    ) -> AsyncIterator[FolderEntry]:
        """List the folders in a folder; with ``max_depth``, also those up to so many levels below.

        Raises:
            ValueError: ``max_depth`` is negative (raised when iterated).
        """
        check_depth(max_depth)
        level = [self._begin("list_folders", path)]
        for _ in range((max_depth or 0) + 1):
            below: list[str] = []
            for folder in level:
                for entry in (await self._core.list_level(folder))[1]:
                    below.append(str(entry.path))
                    if name_matches(entry.name, pattern):
                        yield entry
            level = below

    async def iter_children(self, path: PathLike) -> AsyncIterator[PathEntry]:
        """List the files and the folders directly in a folder."""
        files, folders = await self._core.list_level(self._begin("iter_children", path))
        for file in files:
            yield file
        for folder in folders:
            yield folder

    async def glob(self, pattern: str) -> AsyncIterator[FileInfo]:
        """List the files whose path matches a pattern; ``**`` crosses folders.

        Raises:
            CapabilityNotSupported: The backend cannot do it (raised when iterated).
        """
        self._require(Capability.GLOB)
        plan = Plan(pattern)
        async for info in _items(self._core.list(plan.folder, True, plan.depth), _LIST_BATCH):
            if plan.matches(info):
                yield info

    # Looking

    async def exists(self, path: PathLike) -> bool:
        """Say whether there is a file or a folder."""
        return await self._core.exists(self._begin("exists", path))

    async def is_file(self, path: PathLike) -> bool:
        """Say whether there is a file."""
        return await self._core.is_file(self._begin("is_file", path))

    async def is_folder(self, path: PathLike) -> bool:
        """Say whether there is a folder."""
        return await self._core.is_folder(self._begin("is_folder", path))

    async def get_file_info(self, path: PathLike) -> FileInfo:
        """Describe a file.

        Raises:
            NotFound: There is no such file.
        """
        return await self._core.head(self._begin("get_file_info", path))

    async def get_folder_info(self, path: PathLike, *, max_depth: int | None = None) -> FolderInfo:
        """Count the files of a folder, and their bytes.

        Raises:
            NotFound: There is no such folder.
            InvalidPath: It is a file.
            ValueError: ``max_depth`` is negative.
        """
        check_depth(max_depth)
        key = self._begin("get_folder_info", path)
        try:
            return await self._core.folder_info(key, max_depth)
        except NotFound as error:
            if not await self._core.is_file(key):
                raise
            full, name = error.path, error.backend
            raise InvalidPath(f"Not a folder: {full}", path=full, backend=name) from None

    async def head(self, path: PathLike) -> WriteResult:
        """Describe a file as `write` would have done.

        Raises:
            NotFound: There is no such file.
        """
        return as_write_result(await self._core.head(self._begin("head", path)))

    # Names

    def unwrap(self, type_hint: type[_T]) -> _T:
        """Return the object of the given type that the backend is made of; see `Store.unwrap`."""
        return self._store.unwrap(type_hint)

    def resolve(self, key: PathLike) -> ResolutionPlan:
        """Tell where a key really lies."""
        return self._store.resolve(key)

    def native_path(self, key: PathLike) -> str:
        """Return the backend's own name of a key, for display and other tools."""
        return self._store.native_path(key)

    def to_key(self, path: str) -> str:
        """Return the key of a backend's own name; the inverse of `native_path`."""
        return self._store.to_key(path)

    def supports(self, capability: Capability) -> bool:
        """Say whether the backend can do something."""
        return self._store.supports(capability)

    def _require(self, capability: Capability) -> None:
        if self._logs:
            self._store._require(capability)  # noqa: SLF001 - the same promise

    def _begin(self, op: str, path: PathLike) -> str:
        return self._store._begin(op, path) if self._logs else as_text(path)  # noqa: SLF001

    def _done(self, op: str, key: str) -> None:
        if self._logs:
            self._store._done(op, key)  # noqa: SLF001 - the same words in the log


async def _items(stream: Stream, batch: int) -> AsyncIterator[Any]:
    """Yield the items of a stream, and end it when the iteration is left."""
    try:
        while items := await stream.next(batch):
            for item in items:
                yield item
    finally:
        stream.close()
