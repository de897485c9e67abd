"""What an asynchronous write takes: bytes, files, and anything that yields bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any

from remote_store._models import WriteResult
from remote_store.aio._calls import AsyncCore, settled
from remote_store.aio._threads import ThreadCore

__all__ = ["write"]

_FILE_CHUNK_BYTES = 8 * 1024 * 1024


async def write(
    core: AsyncCore, key: str, content: Any, overwrite: bool, metadata: Mapping[str, str] | None
) -> WriteResult:
    """Write a file; what is not bytes already goes out in parts.

    Raises:
        TypeError: The content is text, or yields something other than bytes.
    """
    if isinstance(content, str):
        raise TypeError("content must be bytes, a binary file or an async iterable, got str; use write_text")
    if hasattr(content, "__aiter__"):
        return await _write_parts(core, key, content, overwrite, metadata)
    if hasattr(content, "read") and not isinstance(core, ThreadCore):
        return await _write_parts(core, key, _chunks(content), overwrite, metadata)
    return await settled(core.write(key, content, overwrite, metadata))


async def _chunks(file: Any) -> AsyncIterator[Any]:
    """Read a blocking file in a thread, since a slow disk must not stop the loop."""
    while True:
        chunk = await asyncio.to_thread(file.read, _FILE_CHUNK_BYTES)
        # None is "nothing yet" of a non-blocking file: taken for the end, it would cut the object.
        if not isinstance(chunk, bytes | bytearray | memoryview):
            raise TypeError(f"Expected a blocking binary file, its read() gave {type(chunk).__name__}")
        if not chunk:
            return
        yield chunk


async def _write_parts(
    core: AsyncCore,
    key: str,
    parts: AsyncIterable[Any],
    overwrite: bool,
    metadata: Mapping[str, str] | None,
) -> WriteResult:
    writer = await core.open_write(key, overwrite, metadata)
    try:
        async for part in parts:
            if isinstance(part, str):
                raise TypeError("an async iterable of content must yield bytes, got str")  # noqa: TRY301
            await settled(writer.write(part))
        return await settled(writer.finish())
    except BaseException:
        await settled(writer.abort())
        raise
