"""When an answer may be kept: what changed while it was on its way.

A reader that asked before a write and is answered after it must not leave the old answer behind.
Changes are numbered; an answer is kept when nothing that it depends on changed since it was asked for.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from remote_store.ext._memory_cache import CacheBackend, CacheKey

__all__ = ["Change", "SharedCache"]

_log = logging.getLogger("remote_store")

# Answers that are on their way for longer than so many changes are not kept.
_REMEMBERED_CHANGES = 1024
_LISTINGS = frozenset({"list_files", "list_folders", "iter_children", "get_folder_info", "glob"})
_SINGLE = ("read_bytes", "exists", "is_file", "is_folder", "get_file_info", "head")


class Change:
    """What an operation may have changed: paths, all folders above them, and perhaps all below.

    Args:
        paths: The normalised paths.
        below: Whether everything below them changed too.
    """

    def __init__(self, paths: Iterable[str], *, below: bool = False) -> None:
        self.paths = tuple(paths)
        self.touched: set[str] = set()
        for path in self.paths:
            while path not in self.touched:
                self.touched.add(path)
                path = path.rpartition("/")[0]  # noqa: PLW2901 - walks up to the root
        self.below = self.paths if below else ()
        self._starts = tuple(f"{path}/" if path else "" for path in self.below)

    def affects(self, key: CacheKey) -> bool:
        """Say whether the answer under a key may be another one now."""
        # Which folders a pattern looks into is the store's business.
        return key[0] == "glob" or key[1] in self.touched or key[1].startswith(self._starts)


class _Flight:
    """One question that is on its way, for everybody who asks it meanwhile."""

    def __init__(self, asked_at: int) -> None:
        self.asked_at = asked_at
        self.landed = threading.Event()
        self.owner = threading.get_ident()
        self.answer: tuple[Any] | None = None


class SharedCache:
    """The answers that a cached store and its children share.

    Args:
        backend: Where they are kept.
        ttl_s: For how many seconds.
    """

    def __init__(self, backend: CacheBackend, ttl_s: float) -> None:
        self.backend = backend
        self.ttl_s = ttl_s
        self._begin()
        _live.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._changes: deque[tuple[int, Change]] = deque(maxlen=_REMEMBERED_CHANGES)
        self._under_way: list[Change] = []
        self._flights: dict[CacheKey, _Flight] = {}
        # Set when the backend could not forget: nothing it says is believed before it was cleared.
        self._must_clear = False

    # Asking

    def find(self, key: CacheKey) -> tuple[Any] | None:
        """Return the answer under a key in a tuple of one, or None."""
        if self._must_clear and not self._cleared():
            return None
        try:
            return (self.backend.get(key),)
        except KeyError:
            return None
        except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the operation
            self._warn("failed to look for an answer; the store is asked", error)
            return None

    def asked_now(self) -> int:
        """Return what `keep` wants to know: the number of the last change."""
        with self._lock:
            return self._number

    def keep(self, key: CacheKey, value: Any, asked_at: int) -> None:
        """Keep an answer, unless what it depends on changed since it was asked for."""
        # The lock is held while the backend is called: a change between would be forgotten too early.
        with self._lock:
            if self._must_clear or not self._is_fresh(key, asked_at):
                return
            try:
                self.backend.set(key, value, self.ttl_s)
            except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the operation
                self._warn("failed to keep an answer", error)

    def answer(self, key: CacheKey, ask: Callable[[], Any], keeps: Callable[[Any], bool]) -> Any:
        """Ask the store once for all threads that want the same at the same time.

        Args:
            key: The key of the answer, which was not found.
            ask: Asks the store.
            keeps: Says whether an answer may be kept.
        """
        with self._lock:
            flight = self._flights.get(key)
            mine = flight is None or not self._may_join(key, flight)
            if flight is None or mine:
                flight = self._flights[key] = _Flight(self._number)
        if not mine:
            flight.landed.wait()
            # Its own error is each caller's own to meet.
            return flight.answer[0] if flight.answer is not None else ask()
        try:
            value = ask()
            if keeps(value):
                self.keep(key, value, flight.asked_at)
            flight.answer = (value,)
            return value
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.landed.set()

    def _may_join(self, key: CacheKey, flight: _Flight) -> bool:
        # A store that asks itself (through the proxy) on one thread must not wait for itself.
        return flight.owner != threading.get_ident() and self._is_fresh(key, flight.asked_at)

    def _is_fresh(self, key: CacheKey, asked_at: int) -> bool:
        if any(change.affects(key) for change in self._under_way):
            return False
        if self._number - asked_at > len(self._changes):
            return False
        return not any(change.affects(key) for number, change in self._changes if number > asked_at)

    # Changing

    @contextmanager
    def changing(self, change: Change) -> Iterator[None]:
        """Forget what a change concerns, before it and after it, however it ends.

        Between, answers that it concerns are not kept: nobody knows which side of it they are from.
        """
        with self._lock:
            self._under_way.append(change)
            self._forget(change)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.remove(change)
                self._note(change)
                self._forget(change)

    def forget(self, change: Change) -> None:
        """Forget what a change that others made concerns."""
        with self._lock:
            self._note(change)
            self._forget(change)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._note(Change([""], below=True))
            self.backend.clear()
            self._must_clear = False

    def _note(self, change: Change) -> None:
        self._number += 1
        self._changes.append((self._number, change))

    def _forget(self, change: Change) -> None:
        try:
            self._forget_in_backend(change)
        except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the operation
            # Stale answers must not be given either.
            self._must_clear = True
            self._warn("failed to forget; it is not used until it can be cleared", error)

    def _forget_in_backend(self, change: Change) -> None:
        backend: Any = self.backend
        discard = getattr(backend, "discard_paths", None)
        if discard is not None:
            discard(change.touched, change.below)
            backend.clear_prefix("glob")
            return
        # The six methods of the protocol know keys and operations, not folders.
        for operation in sorted(_LISTINGS) if not change.below else (*sorted(_LISTINGS), *_SINGLE):
            backend.clear_prefix(operation)
        if not change.below:
            for path in change.touched:
                for operation in _SINGLE:
                    backend.delete((operation, path))

    def _cleared(self) -> bool:
        try:
            self.clear()
        except Exception as error:  # noqa: BLE001 - a cache that fails must not fail the operation
            self._warn("cannot be cleared; the store is asked", error)
            return False
        return True

    def _warn(self, what: str, error: Exception) -> None:
        # Its text may show the address of a cache server, with a password.
        _log.warning("The cache backend %s: %s", what, type(error).__name__)


_live: weakref.WeakSet[SharedCache] = weakref.WeakSet()


def _after_fork() -> None:
    # Another thread may have held the lock; the questions on their way are the parent's.
    for shared in list(_live):
        shared._begin()  # noqa: SLF001 - same module


os.register_at_fork(after_in_child=_after_fork)
