"""Many deletions, copies or look-ups in one call.

Examples:
    >>> from remote_store import Store, batch_delete, batch_exists
    >>> from remote_store.backends import MemoryBackend
    >>> store = Store(MemoryBackend())
    >>> _ = store.write("a", b"1"), store.write("b", b"2")
    >>> batch_exists(store, ["a", "z"])
    {'a': True, 'z': False}
    >>> result = batch_delete(store, ["a", "z", "b"])
    >>> result.succeeded, list(result.failed), result.all_succeeded
    (('a', 'b'), ['z'], False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from remote_store._core import PathLike, as_text
from remote_store._errors import InvalidPath, RemoteStoreError
from remote_store._path import normalize
from remote_store._store import native_core

if TYPE_CHECKING:
    from remote_store._native import Store as NativeStore
    from remote_store._store import Store

__all__ = ["BatchResult", "batch_copy", "batch_delete", "batch_exists"]

_In = TypeVar("_In")
_Out = TypeVar("_Out")

# Where a call takes no time, threads only cost; elsewhere so many requests are under way at once.
_NEAR = frozenset({"local", "memory"})
_REQUESTS_AT_ONCE = 16


@dataclass(frozen=True)
class BatchResult:
    """What became of each path.

    Args:
        succeeded: The paths that are done, in the order asked.
        failed: The error of each other path; of a copy, its source.
    """

    succeeded: tuple[str, ...]
    failed: dict[str, RemoteStoreError]

    @property
    def all_succeeded(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    @property
    def total(self) -> int:
        """How many paths were tried."""
        return len(self.succeeded) + len(self.failed)


def batch_delete(
    store: Store,
    paths: Iterable[PathLike],
    *,
    missing_ok: bool = False,
    stop_on_error: bool = False,
    concurrent: bool = False,
    max_workers: int | None = None,
) -> BatchResult:
    """Delete files; an error of one does not keep the others from being deleted.

    A plain `Store` on a cloud deletes several at once anyway, and with ``missing_ok`` in as few requests
    as the service allows. A subclassed, wrapped or mocked store is asked once for each path.

    Args:
        store: Where they are.
        paths: The files.
        missing_ok: Whether a file that is not there counts as deleted.
        stop_on_error: Whether the first error ends it; what follows is left alone.
        concurrent: Whether several are deleted at once, in threads.
        max_workers: How many threads at most, when ``concurrent``.

    Returns:
        What was deleted, and the error of each path that was not.

    Raises:
        ValueError: ``stop_on_error`` with ``concurrent``, or ``max_workers`` below 1.
        TypeError: ``paths`` is one string, or an entry is no path.
    """
    _check_options(stop_on_error, concurrent, max_workers)
    keys = _keys(paths)
    native = None if stop_on_error else native_core(store)

    def delete(key: str) -> None:
        store.delete(key, missing_ok=missing_ok)

    if native is not None and missing_ok and not concurrent:
        good = dict.fromkeys(key for key in keys if _names_a_file(key))
        for key in good:
            store._begin("delete", key)  # noqa: SLF001 - what a plain store would have logged
        errors = _deleted_together(native, list(good))
        for key in good:
            if errors[key] is None:
                store._done("delete", key)  # noqa: SLF001
        one = _caught(delete)
        return _gathered(((key, errors[key] if key in good else one(key)) for key in keys), stop_on_error)

    # The second of two equal paths finds nothing, whichever thread is first, so only distinct ones share.
    workers = _workers(native if len(set(keys)) == len(keys) else None, concurrent, max_workers)
    return _gathered(zip(keys, _each(_caught(delete), keys, workers), strict=False), stop_on_error)


def batch_copy(
    store: Store,
    pairs: Iterable[tuple[PathLike, PathLike]],
    *,
    overwrite: bool = False,
    stop_on_error: bool = False,
    concurrent: bool = False,
    max_workers: int | None = None,
) -> BatchResult:
    """Copy files within a store; an error of one does not keep the others from being copied.

    Args:
        store: Where they are.
        pairs: Source and destination of each copy.
        overwrite: Whether existing destinations are replaced.
        stop_on_error: Whether the first error ends it; what follows is not copied.
        concurrent: Whether several are copied at once, in threads. The order of copies to the same
            destination is then open.
        max_workers: How many threads at most, when ``concurrent``.

    Returns:
        The sources that were copied, and the error of each source that was not.

    Raises:
        ValueError: ``stop_on_error`` with ``concurrent``, ``max_workers`` below 1, or an entry that is
            not a pair.
        TypeError: An entry is no pair of paths.

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("a", b"1")
        >>> result = batch_copy(store, [("a", "b"), ("nope", "c")])
        >>> result.succeeded, str(result.failed["nope"].path)
        (('a',), 'nope')
    """
    _check_options(stop_on_error, concurrent, max_workers)
    keys = [(as_text(source), as_text(target)) for source, target in pairs]

    def copy(pair: tuple[str, str]) -> None:
        store.copy(pair[0], pair[1], overwrite=overwrite)

    outcomes = _each(_caught(copy), keys, _workers(None, concurrent, max_workers))
    return _gathered(zip((source for source, _ in keys), outcomes, strict=False), stop_on_error)


def batch_exists(
    store: Store, paths: Iterable[PathLike], *, concurrent: bool = False, max_workers: int | None = None
) -> dict[str, bool]:
    """Say of each path whether there is a file or a folder.

    A plain `Store` on a cloud asks for several at once anyway.

    Args:
        store: Where to look.
        paths: What to look for.
        concurrent: Whether several are looked for at once, in threads.
        max_workers: How many threads at most, when ``concurrent``.

    Returns:
        The answers by path, in the order asked.

    Raises:
        InvalidPath: A path leaves the root.
        ValueError: ``max_workers`` is below 1.
        TypeError: ``paths`` is one string, or an entry is no path.
    """
    _check_options(False, concurrent, max_workers)
    keys = list(dict.fromkeys(_keys(paths)))
    workers = _workers(native_core(store), concurrent, max_workers)
    return dict(zip(keys, _each(store.exists, keys, workers), strict=True))


def _names_a_file(key: str) -> bool:
    """Whether a key is one that all of a batch would not be refused for."""
    try:
        return bool(normalize(key))
    except InvalidPath:
        return False


def _deleted_together(native: NativeStore, keys: list[str]) -> dict[str, RemoteStoreError | None]:
    try:
        return {key: error for key, (_, error) in zip(keys, native.delete_many(keys), strict=True)}
    except RemoteStoreError as error:
        # The service cannot be reached, or the like: it is so for each of them.
        return dict.fromkeys(keys, error)


def _keys(paths: Iterable[PathLike]) -> list[str]:
    if isinstance(paths, str | bytes):
        # Taken for a sequence, it would be a path for each of its characters.
        raise TypeError(f"paths must be a list of paths, got one {type(paths).__name__}: put it in a list")
    return [as_text(path) for path in paths]


def _check_options(stop_on_error: bool, concurrent: bool, max_workers: int | None) -> None:
    if stop_on_error and concurrent:
        raise ValueError("stop_on_error is not supported with concurrent=True")
    if concurrent and max_workers is not None and max_workers < 1:
        raise ValueError("max_workers must be greater than 0")


def _workers(native: NativeStore | None, concurrent: bool, max_workers: int | None) -> int:
    """Return how many calls go at once; 1 when they go one after the other."""
    if concurrent:
        return max_workers or _REQUESTS_AT_ONCE
    return 1 if native is None or native.backend_name in _NEAR else _REQUESTS_AT_ONCE


def _each(call: Callable[[_In], _Out], entries: list[_In], workers: int) -> Iterator[_Out]:
    """Call for each entry and yield the results in order; without threads, only as far as is asked for."""
    if workers == 1 or len(entries) < 2:  # noqa: PLR2004 - one entry needs no company
        yield from map(call, entries)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(workers, len(entries)), thread_name_prefix="remote-store-batch") as pool:
        yield from pool.map(call, entries)


def _caught(call: Callable[[_In], None]) -> Callable[[_In], RemoteStoreError | None]:
    """Return the error of a call instead of raising it; what is no error of a store is raised."""

    def caught(entry: _In) -> RemoteStoreError | None:
        try:
            call(entry)
        except RemoteStoreError as error:
            return error
        return None

    return caught


def _gathered(outcomes: Iterable[tuple[str, RemoteStoreError | None]], stop_on_error: bool) -> BatchResult:
    succeeded: list[str] = []
    failed: dict[str, RemoteStoreError] = {}
    for key, error in outcomes:
        if error is None:
            succeeded.append(key)
            continue
        failed[key] = error
        if stop_on_error:
            break
    return BatchResult(tuple(succeeded), failed)
