"""Events of store operations, and what takes them in."""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import weakref
from collections.abc import Callable
from contextvars import Token
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["BufferedObserver", "StoreEvent", "correlation_id", "set_correlation_id"]

_log = logging.getLogger("remote_store")

_correlation_id: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    "remote_store_correlation_id", default=None
)


def set_correlation_id(cid: str | None) -> Token[str | None]:
    """Set what the events of this context (thread or asyncio task) carry from now on.

    Args:
        cid: Any text, e.g. the id of a request or a run; None for none.

    Returns:
        A token; its variable's ``reset`` takes it to go back.

    Examples:
        >>> token = set_correlation_id("run-17")
        >>> token.var.reset(token)
    """
    return _correlation_id.set(cid)


def correlation_id() -> str | None:
    """Return what `set_correlation_id` set in this context."""
    return _correlation_id.get()


@dataclass(frozen=True)
class StoreEvent:
    """An operation that ended.

    Attributes:
        operation: The name of the store's method.
        path: The path it was called with, relative to the store; ``""`` when it takes none.
        backend: The name of the backend.
        started_at: When it began, on the clock of `time.monotonic`.
        duration_ms: How long it took; files and listings until they were closed.
        error: What it raised; None when it succeeded.
        metadata: Its further arguments, and what is known of the result (``size``, ``entries``,
            ``write_result``). Neither content nor credentials are in it.
        correlation_id: What `set_correlation_id` set where the operation was called.
    """

    operation: str
    path: str
    backend: str
    started_at: float
    duration_ms: float
    error: BaseException | None
    metadata: dict[str, Any]
    correlation_id: str | None


class BufferedObserver:
    """Hands events on in batches, on a thread of its own, so that operations do not wait.

    Args:
        handler: Takes a list of events; when it raises, that batch is lost and the first such error
            is logged.
        max_queue: How many events wait at most; further ones are dropped and counted in ``dropped``.
        flush_interval: After how many seconds what waits is handed on.

    Raises:
        ValueError: A number is not positive.
        TypeError: The handler cannot be called.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> from remote_store.ext.observe import observe
        >>> batches = []
        >>> with BufferedObserver(batches.append) as buffered:
        ...     store = observe(Store(MemoryBackend()), on_any=buffered.on_event)
        ...     _ = store.write("a", b"1")
        ...     _ = store.read_bytes("a")
        >>> [event.operation for event in batches[0]]
        ['write', 'read_bytes']
    """

    def __init__(
        self,
        handler: Callable[[list[StoreEvent]], None],
        *,
        max_queue: int = 1000,
        flush_interval: float = 5.0,
    ) -> None:
        if not callable(handler):
            raise TypeError(f"handler must be callable, got {type(handler).__name__}")
        for name, bound in (("max_queue", max_queue), ("flush_interval", flush_interval)):
            if not bound > 0:
                raise ValueError(f"{name} must be positive, got {bound}")
        self._queue = _Queue(handler, max_queue, flush_interval)
        # Also at the end of the process: what waits then is handed on.
        self._finalizer = weakref.finalize(self, self._queue.close)

    @property
    def dropped(self) -> int:
        """How many events found no room."""
        return self._queue.dropped

    def on_event(self, event: StoreEvent) -> None:
        """Take an event; pass this method to `observe`."""
        self._queue.put(event)

    def flush(self) -> None:
        """Hand on what waits, on this thread, before it returns."""
        self._queue.flush()

    def close(self) -> None:
        """Hand on what waits and end the thread; later events are handed on one by one."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class _Queue:
    """What the thread and the observer share; the thread keeps no observer alive."""

    def __init__(self, handler: Callable[[list[StoreEvent]], None], most: int, interval_s: float) -> None:
        self._handler = handler
        self._most = most
        self._interval_s = interval_s
        self._logged = False
        self.dropped = 0
        self.begin()
        _live.add(self)

    def begin(self) -> None:
        self._condition = threading.Condition()
        # Held while the handler runs, so that batches arrive in order.
        self._handing = threading.RLock()
        self._waiting: list[StoreEvent] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def put(self, event: StoreEvent) -> None:
        with self._condition:
            if not self._closed:
                if len(self._waiting) >= self._most:
                    self.dropped += 1
                    return
                self._waiting.append(event)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="remote-store-events", daemon=True)
                    self._thread.start()
                elif len(self._waiting) * 2 >= self._most:
                    self._condition.notify()
                return
        self._hand([event])

    def flush(self) -> None:
        with self._handing:
            with self._condition:
                batch, self._waiting = self._waiting, []
            self._hand(batch)

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._interval_s)
        self.flush()

    def _run(self) -> None:
        while True:
            with self._condition:
                if not self._closed and len(self._waiting) * 2 < self._most:
                    self._condition.wait(self._interval_s)
                if self._closed:
                    return
            self.flush()

    def _hand(self, batch: list[StoreEvent]) -> None:
        if not batch:
            return
        try:
            self._handler(batch)
        except Exception as error:  # noqa: BLE001 - an observer that fails must not fail the operation
            if not self._logged:
                self._logged = True
                _log.warning("An event handler failed; its batches are lost: %s", type(error).__name__)


_live: weakref.WeakSet[_Queue] = weakref.WeakSet()


def _after_fork() -> None:
    # The thread is the parent's, and so are the events that wait; a lock may be held by it.
    for queue in list(_live):
        queue.begin()


os.register_at_fork(after_in_child=_after_fork)
