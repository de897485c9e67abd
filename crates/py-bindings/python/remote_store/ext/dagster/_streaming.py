"""Objects that go to the store in parts while they are produced.

A serializer may offer ``serialize_to(obj, file)`` beside ``serialize``. A small result is still one
write; a large one never stands in memory as a whole.
"""

from __future__ import annotations

import io
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from remote_store import Capability
from remote_store._streams import promise_sequential
from remote_store.ext.dagster import _windows

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["can_stream", "write_streamed"]

# What is smaller goes out as one request.
_PART_BYTES = 8 * 1024 * 1024


def can_stream(serializer: object, store: Any) -> bool:
    """Say whether a serializer can stream into a store.

    A subclass that replaces ``serialize`` alone means it: what it inherits is not used then. A
    store that is not ours gets the one call that the specification names.
    """
    if "serialize" in vars(serializer) or not _windows.is_native(store):
        return False
    for kind in type(serializer).__mro__:
        if "serialize_to" in vars(kind):
            return bool(store.supports(Capability.ATOMIC_WRITE))
        if "serialize" in vars(kind):
            return False
    return False


def write_streamed(store: Any, path: str, produce: Callable[[BinaryIO], None]) -> int:
    """Write what is produced; it appears whole or not at all.

    Args:
        store: The store.
        path: The file, which is replaced.
        produce: Writes to the file that it is given.

    Returns:
        How many bytes were written.
    """
    with ExitStack() as stack:
        spill = _Spill(lambda: stack.enter_context(store.open_atomic(path, overwrite=True)))
        produce(cast("BinaryIO", spill))
        rest = spill.finish()
    if rest is not None:
        store.write(path, rest, overwrite=True)
    return spill.size


class _Spill(io.RawIOBase):
    """Collects parts; opens the real file only when there is more than one."""

    def __init__(self, open_file: Callable[[], BinaryIO]) -> None:
        super().__init__()
        self._open_file = open_file
        self._file: BinaryIO | None = None
        self._part = io.BytesIO()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        self.size += length
        if length >= _PART_BYTES:
            self._flush_part()
            self._real().write(data)
            return length
        self._part.write(data)
        if self._part.tell() >= _PART_BYTES:
            self._flush_part()
        return length

    def finish(self) -> bytes | None:
        """Give all of it when it was small; otherwise write the last part."""
        if self._file is None:
            return self._part.getvalue()
        self._flush_part()
        return None

    def _flush_part(self) -> None:
        if self._part.tell():
            self._real().write(self._part.getvalue())
            self._part = io.BytesIO()

    def _real(self) -> BinaryIO:
        if self._file is None:
            self._file = self._open_file()
            promise_sequential(self._file)
        return self._file
