"""Files in a folder of this machine."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from remote_store._capabilities import Capability, CapabilitySet
from remote_store.backends._native_backend import NativeBackend

__all__ = ["LocalBackend"]


class LocalBackend(NativeBackend):
    """Files in a folder of this machine.

    Each write goes to a hidden file beside and is renamed, so readers see the old content or the
    new. Symbolic links that leave the folder are refused.

    Args:
        root: The folder; the first write makes it when it is missing.
        fsync: Whether each write waits for the disk.

    Raises:
        ValueError: The folder's name is empty, has a NUL in it, or is that of a file.
    """

    CAPABILITIES: ClassVar[CapabilitySet] = CapabilitySet(set(Capability) - {Capability.USER_METADATA})

    _is_exactly_native = True
    close_is_terminal = False

    def __init__(self, root: str | os.PathLike[str], *, fsync: bool | None = None) -> None:
        folder = os.fspath(root)
        if "\0" in os.fsdecode(folder):
            raise ValueError(f"Option 'root' of backend 'local' has a NUL in it: {folder!r}")
        super().__init__("local", {"root": folder, "fsync": fsync})

    def _whereabouts(self, path: str, native: str) -> dict[str, Any]:
        del path
        return {"root": self.native_path(""), "absolute_path": native}

    def close(self) -> None:
        """Release nothing: a folder needs no connection and can be used on."""
