"""Work on a few items at a time, results in the order of the items."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from remote_store._store import native_core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["in_order", "is_native"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], window: int
) -> Iterator[tuple[_Item, _Result]]:
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
            under_way.append((item, pool.submit(work, item)))
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
