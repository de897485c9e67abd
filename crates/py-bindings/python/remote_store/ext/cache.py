"""A store that remembers what another one said.

Examples:
    >>> from remote_store import Store
    >>> from remote_store.backends import MemoryBackend
    >>> store = cache(Store(MemoryBackend()), ttl=60)
    >>> _ = store.write("a/b.txt", b"old")
    >>> store.read_bytes("a/b.txt"), store.read_bytes("a/b.txt"), store.stats.hits
    (b'old', b'old', 1)
    >>> _ = store.write("a/b.txt", b"new", overwrite=True)
    >>> store.read_bytes("a/b.txt")
    b'new'
"""

from __future__ import annotations

from remote_store._store import Store
from remote_store.ext._cached_store import CachedStore, CacheStats
from remote_store.ext._memory_cache import DEFAULT_MAX_BYTES, CacheBackend, MemoryCache

__all__ = ["CacheBackend", "CacheStats", "CachedStore", "MemoryCache", "cache"]


def cache(
    store: Store,
    *,
    ttl: float = 300.0,
    max_content_size: int | None = None,
    max_listing_size: int | None = None,
    max_entries: int | None = None,
    cache_backend: CacheBackend | None = None,
    max_bytes: int | None = DEFAULT_MAX_BYTES,
) -> CachedStore:
    """Put a cache before a store.

    Args:
        store: The store; the caller still owns it.
        ttl: For how many seconds an answer is remembered.
        max_content_size: Files of more bytes are not remembered; None for no such limit.
        max_listing_size: Listings of more entries are not remembered; None for no such limit.
        max_entries: How many answers the built-in `MemoryCache` holds; None for no such limit.
        cache_backend: Where answers are kept instead; it sets its own bounds.
        max_bytes: How many bytes the built-in `MemoryCache` holds; None for no such limit.

    Returns:
        A store; its children share the cache.

    Raises:
        ValueError: The time or a bound is not positive.
        TypeError: The store is none, or the time is no number.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> cache(Store(MemoryBackend()), ttl=0)
        Traceback (most recent call last):
        ...
        ValueError: ttl must be positive, got 0
    """
    return CachedStore(
        store,
        ttl=ttl,
        max_content_size=max_content_size,
        max_listing_size=max_listing_size,
        max_entries=max_entries,
        cache_backend=cache_backend,
        max_bytes=max_bytes,
    )
