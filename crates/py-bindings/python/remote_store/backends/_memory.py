"""Files in the memory of the process."""

from __future__ import annotations

from remote_store.backends._native_backend import NativeBackend

__all__ = ["MemoryBackend"]


class MemoryBackend(NativeBackend):
    """Files in the memory of the process; each instance has its own.

    Examples:
        >>> backend = MemoryBackend()
        >>> backend.write("a/b.txt", b"hello").size
        5
        >>> backend
        MemoryBackend()
    """

    _is_exactly_native = True

    def __init__(self) -> None:
        super().__init__("memory", {})
