"""What a `CachedStore` remembers, in memory or elsewhere."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable

__all__ = ["DEFAULT_MAX_BYTES", "CacheBackend", "CacheKey", "MemoryCache"]

# The operation, the path, and whatever else the answer depends on.
CacheKey = tuple[str, ...]

DEFAULT_MAX_BYTES = 256 * 1024 * 1024
# What an entry costs beside its content, and what one line of a listing costs: both rounded up.
_ENTRY_BYTES = 256
_LISTED_BYTES = 512


@runtime_checkable
class CacheBackend(Protocol):
    """Where a `CachedStore` keeps answers; implement it to share them between processes.

    Keys are tuples of strings, the operation first and the path second. Values are bytes, booleans,
    frozen models of `remote_store`, or tuples of such models; all of them pickle.
    """

    def get(self, key: CacheKey) -> Any:
        """Return the value of a key.

        Raises:
            KeyError: There is none, or it has expired.
        """
        ...

    def set(self, key: CacheKey, value: Any, ttl: float) -> None:
        """Keep a value for so many seconds."""
        ...

    def delete(self, key: CacheKey) -> None:
        """Forget a key; one that is not there is no error."""
        ...

    def clear(self) -> None:
        """Forget everything."""
        ...

    def clear_prefix(self, prefix: str) -> None:
        """Forget all keys of one operation, their first part."""
        ...

    def size(self) -> int:
        """Tell how many keys there are."""
        ...


class MemoryCache:
    """A cache in memory, safe for threads; what was used longest ago leaves first.

    Args:
        max_entries: How many answers are kept; None for no bound of their number.
        max_bytes: How many bytes they may take together, estimated; None for no bound.

    Raises:
        ValueError: A bound is not positive.

    Examples:
        >>> cache = MemoryCache(max_entries=2)
        >>> for name in ("a", "b", "c"):
        ...     cache.set(("read_bytes", name), b"1", ttl=60)
        >>> cache.size(), cache.get(("read_bytes", "c"))
        (2, b'1')
        >>> cache.get(("read_bytes", "a"))
        Traceback (most recent call last):
        ...
        KeyError: ('read_bytes', 'a')
    """

    def __init__(self, *, max_entries: int | None = None, max_bytes: int | None = DEFAULT_MAX_BYTES) -> None:
        for name, bound in (("max_entries", max_entries), ("max_bytes", max_bytes)):
            if bound is not None and bound <= 0:
                raise ValueError(f"{name} must be positive, got {bound}")
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._begin_empty()
        _live.add(self)

    def _begin_empty(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[CacheKey, tuple[Any, float, int]] = OrderedDict()
        self._by_operation: dict[str, set[CacheKey]] = {}
        self._by_path: dict[str, set[CacheKey]] = {}
        self._bytes = 0

    def get(self, key: CacheKey) -> Any:
        """Return the value of a key.

        Raises:
            KeyError: There is none, or it has expired.
        """
        with self._lock:
            value, expires_at, _ = self._entries[key]
            if expires_at <= time.monotonic():
                self._drop(key)
                raise KeyError(key)
            self._entries.move_to_end(key)
            return value

    def set(self, key: CacheKey, value: Any, ttl: float) -> None:
        """Keep a value for so many seconds; one above the bound of bytes is not kept at all."""
        cost = _cost(key, value)
        with self._lock:
            self._drop(key)
            if self._max_bytes is not None and cost > self._max_bytes:
                return
            self._entries[key] = (value, time.monotonic() + ttl, cost)
            self._bytes += cost
            self._by_operation.setdefault(key[0], set()).add(key)
            self._by_path.setdefault(key[1], set()).add(key)
            while self._is_too_full():
                self._drop(next(iter(self._entries)))

    def delete(self, key: CacheKey) -> None:
        """Forget a key; one that is not there is no error."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            for key in list(self._entries):
                self._drop(key)

    def clear_prefix(self, prefix: str) -> None:
        """Forget all keys of one operation."""
        self.clear_prefixes(frozenset({prefix}))

    def clear_prefixes(self, prefixes: frozenset[str]) -> None:
        """Forget all keys of several operations."""
        with self._lock:
            for prefix in prefixes:
                for key in list(self._by_operation.get(prefix, ())):
                    self._drop(key)

    def discard_paths(self, exact: Collection[str], below: Collection[str] = ()) -> None:
        """Forget all keys of some paths, and all of paths below others."""
        with self._lock:
            paths = [path for path in exact if path in self._by_path]
            if below:
                starts = tuple(f"{folder}/" if folder else "" for folder in below)
                paths += [path for path in self._by_path if path.startswith(starts)]
            for path in paths:
                for key in list(self._by_path.get(path, ())):
                    self._drop(key)

    def size(self) -> int:
        """Tell how many answers are kept, those that expired and were not asked for again included."""
        return len(self._entries)

    def _is_too_full(self) -> bool:
        if self._max_entries is not None and len(self._entries) > self._max_entries:
            return True
        return self._max_bytes is not None and self._bytes > self._max_bytes

    def _drop(self, key: CacheKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        self._bytes -= entry[2]
        for index, name in ((self._by_operation, key[0]), (self._by_path, key[1])):
            index[name].discard(key)
            if not index[name]:
                del index[name]

    def __getstate__(self) -> dict[str, Any]:
        return {"max_entries": self._max_entries, "max_bytes": self._max_bytes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin empty: what another process remembers is its own."""
        self._max_entries = state["max_entries"]
        self._max_bytes = state["max_bytes"]
        self._begin_empty()
        _live.add(self)

    def __repr__(self) -> str:
        return f"MemoryCache(size={self.size()}, bytes={self._bytes})"


def _cost(key: CacheKey, value: Any) -> int:
    cost = _ENTRY_BYTES + sum(map(len, key))
    if isinstance(value, bytes):
        return cost + len(value)
    if isinstance(value, tuple):
        return cost + _LISTED_BYTES * len(value)
    return cost + _LISTED_BYTES


_live: weakref.WeakSet[MemoryCache] = weakref.WeakSet()


def _after_fork() -> None:
    # Another thread may have held the lock, half-way through a change.
    for cache in list(_live):
        cache._begin_empty()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_after_fork)
