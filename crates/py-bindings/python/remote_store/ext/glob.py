"""Shell patterns on any store, whether or not its backend can do them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from remote_store._capabilities import Capability
from remote_store._glob import match_files

if TYPE_CHECKING:
    from remote_store._models import FileInfo
    from remote_store._store import Store

__all__ = ["glob_files"]


def glob_files(store: Store, pattern: str) -> Iterator[FileInfo]:
    """List the files whose path matches a pattern.

    A backend that cannot match patterns is listed instead, from the last folder before the first
    wildcard, and no deeper than the pattern goes.

    Args:
        store: Where to look.
        pattern: ``*``, ``?`` and ``[…]`` stay within a folder, ``**`` crosses folders.

    Yields:
        What the store says about each file.

    Raises:
        InvalidPath: The pattern has a ``..`` (raised when iterated).
        ValueError: ``**`` is a part of a segment only, as in ``**.csv`` (raised when iterated).
        TypeError: The pattern is no text (raised when iterated).
        CapabilityNotSupported: The backend can neither match nor list (raised when iterated).

    Examples:
        >>> from remote_store import Store
        >>> from remote_store.backends import MemoryBackend
        >>> store = Store(MemoryBackend())
        >>> _ = store.write("2024/a.csv", b""), store.write("2024/b.txt", b"")
        >>> [str(info.path) for info in glob_files(store, "20*/*.csv")]
        ['2024/a.csv']
    """
    if not isinstance(pattern, str):
        raise TypeError(f"pattern must be a str, got {type(pattern).__name__}")
    if store.supports(Capability.GLOB):
        yield from store.glob(pattern)
        return
    yield from match_files(
        pattern,
        lambda folder, depth: (
            store.list_files(folder, recursive=False)
            if depth == 0
            else store.list_files(folder, recursive=True, max_depth=depth)
        ),
    )
