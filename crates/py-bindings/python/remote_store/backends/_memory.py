"""Files in the memory of the process."""

from __future__ import annotations

import pickle
from typing import ClassVar, NoReturn

from remote_store._capabilities import Capability, CapabilitySet
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

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(set(Capability) - {Capability.LAZY_READ})

    _is_exactly_native = True
    close_is_terminal = False

    def __init__(self) -> None:
        super().__init__("memory", {})

    def __getstate__(self) -> NoReturn:
        raise pickle.PicklingError(
            "A MemoryBackend lives in its process and cannot be pickled; use a LocalBackend or a service "
            "that both processes reach"
        )

    def close(self) -> None:
        """Release nothing: the files live as long as the backend and can be read on."""
