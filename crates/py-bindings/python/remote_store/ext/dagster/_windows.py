"""Work on a few items at a time, results in the order of the items."""

from __future__ import annotations

import contextvars
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

from remote_store._proxy import ProxyStore
from remote_store._store import native_core

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

__all__ = ["ReadAhead", "in_order", "is_native", "takes_threads"]

# Threads that wait for a store; what they read and nobody has taken yet is held in memory.
_READ_AHEAD = 32

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], window: int
) -> Generator[tuple[_Item, _Result], None, None]:
    """Give each item with its result, in the order of the items, working on ``window`` at a time.

    Items are taken from the iterable only as there is room. The first failure in order ends it;
    what had not begun by then is not begun.

    Args:
        work: Called on a thread for each item; with a window of 1 on the caller's own.
        items: What to work on.
        window: How many at most are under way.
    """
    if window == 1:
        for item in items:
            yield item, work(item)
        return
    pool = ThreadPoolExecutor(window, thread_name_prefix="remote-store")
    under_way: deque[tuple[_Item, Future[_Result]]] = deque()
    try:
        for item in items:
            # Each with a copy of the caller's context: observers find the correlation id there.
            context = contextvars.copy_context()
            under_way.append((item, pool.submit(context.run, work, item)))
            if len(under_way) == window:
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()
    finally:
        # Without waiting: an interrupt must not sit out the requests that are under way.
        pool.shutdown(wait=False, cancel_futures=True)


def is_native(store: Any) -> bool:
    """Say whether a store is ours, unchanged, over a native backend; then it is safe for threads."""
    return native_core(store) is not None


def takes_threads(store: Any) -> bool:
    """Say whether several threads may call a store at once.

    Ours may be, and so may what stands before it (`cache`, `observe`, a `ProxyStore` of the user's
    that does not say otherwise). Nothing is promised of backends in Python and of other objects.
    """
    while isinstance(store, ProxyStore):
        if not store.thread_safe:
            return False
        store = store.inner
    return is_native(store)


class ReadAhead(AbstractContextManager["ReadAhead"]):
    """A store that is asked for files in a known order, and reads the next ones meanwhile.

    Every read goes through ``read_bytes`` of the store; what raises does so when its file is asked
    for. Other methods are those of the store.

    Args:
        store: A store that `takes_threads`.
        paths: The files, in the order in which they will be asked for.
    """

    def __init__(self, store: Any, paths: Sequence[str]) -> None:
        self._store = store
        self._contents = in_order(self._read, paths, _READ_AHEAD)

    def _read(self, path: str) -> tuple[Any, Exception | None]:
        try:
            return self._store.read_bytes(path), None
        except Exception as error:  # noqa: BLE001 - raised where the file is asked for
            return None, error

    def read_bytes(self, path: str) -> Any:
        """Return the content of the next file."""
        expected, (content, error) = next(self._contents)
        if expected != path:
            raise RuntimeError(f"{path!r} was asked for when {expected!r} was to come")
        if error is not None:
            raise error
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __exit__(self, *raised: object) -> None:
        self._contents.close()
