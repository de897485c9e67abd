"""Waiting for calls of the native module, and for calls in threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from remote_store import _native
from remote_store._errors import RemoteStoreError
from remote_store._models import FileInfo, FolderEntry, FolderInfo, WriteResult

__all__ = ["AsyncCore", "Parts", "Stream", "settled"]

_T = TypeVar("_T")


async def settled(call: Awaitable[_T]) -> _T:
    """Wait for a call that changes something; when cancelled, wait until this side has let go of it.

    On a disk or in memory nothing of the call comes later. A service may still carry out what it was
    sent whole before its client hung up.
    """
    if not isinstance(call, _native.Call):
        return await call
    try:
        return await asyncio.shield(call.future)
    except asyncio.CancelledError:
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await call.future
        raise


class Stream(Protocol):
    """Items in batches."""

    def next(self, max_items: int) -> Awaitable[list[Any]]:
        """Wait for the next items; an empty list is the end."""

    def close(self) -> None:
        """End what is under way."""


class Parts(Protocol):
    """A file on its way into a store."""

    def write(self, content: Any) -> Awaitable[None]:
        """Add bytes."""

    def finish(self) -> Awaitable[WriteResult]:
        """Make the file visible."""

    def abort(self) -> Awaitable[None]:
        """Give up; does nothing after `finish`."""


class AsyncCore(Protocol):
    """What `_native.AsyncStore` and its counterpart for stores in Python have in common."""

    def read_bytes(self, path: str) -> Awaitable[bytes]: ...
    def read_range(self, path: str, start: int, end: int | None = None) -> Awaitable[bytes]: ...
    def get_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Awaitable[list[bytes]]: ...
    def open_read(self, path: str, chunk_bytes: int, prefetch: int) -> Awaitable[tuple[int, Stream]]: ...
    def read_many(self, paths: Sequence[str], *, window: int = 64, missing_ok: bool = False) -> Stream: ...
    def write(
        self, path: str, content: Any, overwrite: bool = False, metadata: Mapping[str, str] | None = None
    ) -> Awaitable[WriteResult]: ...
    def open_write(
        self, path: str, overwrite: bool = False, metadata: Mapping[str, str] | None = None
    ) -> Awaitable[Parts]: ...
    def head(self, path: str) -> Awaitable[FileInfo]: ...
    def exists(self, path: str) -> Awaitable[bool]: ...
    def is_file(self, path: str) -> Awaitable[bool]: ...
    def is_folder(self, path: str) -> Awaitable[bool]: ...
    def delete(self, path: str, missing_ok: bool = False) -> Awaitable[None]: ...
    def delete_many(self, paths: Sequence[str]) -> Awaitable[list[tuple[str, RemoteStoreError | None]]]: ...
    def delete_folder(
        self, path: str, recursive: bool = False, missing_ok: bool = False
    ) -> Awaitable[None]: ...
    def list(self, path: str, recursive: bool = False, max_depth: int | None = None) -> Stream: ...
    def list_level(self, path: str) -> Awaitable[_Level]: ...
    def copy(self, src: str, dst: str, overwrite: bool = False) -> Awaitable[None]: ...
    def rename(self, src: str, dst: str, overwrite: bool = False) -> Awaitable[None]: ...
    def folder_info(self, path: str, max_depth: int | None = None) -> Awaitable[FolderInfo]: ...
    def ping(self) -> Awaitable[None]: ...
    def close(self) -> Awaitable[None]: ...


# Outside the class, where `list` is not the method.
_Level = tuple[list[FileInfo], list[FolderEntry]]
