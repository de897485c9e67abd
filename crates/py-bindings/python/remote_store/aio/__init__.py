"""Stores for asyncio: the same core as `remote_store.Store`, with calls that are awaited.

Examples:
    >>> import asyncio
    >>> from remote_store.aio import AsyncStore
    >>> from remote_store.backends import MemoryBackend
    >>> async def main():
    ...     async with AsyncStore(MemoryBackend()) as store:
    ...         await store.write("greeting.txt", b"hello")
    ...         return await store.read_text("greeting.txt")
    >>> asyncio.run(main())
    'hello'
"""

from remote_store.aio._files import AsyncReader, AsyncWriter
from remote_store.aio._store import AsyncStore

__all__ = ["AsyncReader", "AsyncStore", "AsyncWriter"]
