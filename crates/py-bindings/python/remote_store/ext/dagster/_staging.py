"""The local files into which Dagster captures, before and while they are uploaded."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self

from remote_store.ext.dagster._versions import LocalComputeLogManager

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

_locks: ModuleType | None
try:
    _locks = import_module("fcntl")
except ImportError:  # pragma: no cover - Windows has no flock; there only the age of a file tells
    _locks = None

__all__ = ["LOCK_EXTENSION", "Claim", "StagingLogManager"]

LOCK_EXTENSION = "lock"
_MAX_NAME_BYTES = 255
_ATTEMPTS = 10
_PAUSE_S = 0.005


class StagingLogManager(LocalComputeLogManager):
    """Dagster's local manager, with names that fit their file system.

    Dagster counts characters where file systems count bytes, and drops ``.partial`` from a name
    that it shortens, so that the final and the partial copy share a file.
    """

    def get_captured_local_path(self, log_key: Sequence[str], extension: str, partial: bool = False) -> str:
        """Give the local file of a log.

        Raises:
            ValueError: The key would leave the folder.
        """
        *namespace, filebase = log_key
        ending = f".{extension}.partial" if partial else f".{extension}"
        folder = Path(self._base_dir).resolve()
        path = folder.joinpath(*map(_fitting, namespace), _fitting(filebase, ending)).resolve()
        if folder not in path.parents:
            raise ValueError(f"The log key {list(log_key)} leaves the folder of local logs")
        return str(path)

    def noted_key(self, log_key: Sequence[str]) -> str | None:
        """Give what tells the key of a log whose local files could not be named by it; else None."""
        local = Path(self.get_captured_local_path(log_key, LOCK_EXTENSION))
        named = local.relative_to(Path(self._base_dir).resolve()).parts
        *namespace, filebase = log_key
        if named == (*namespace, f"{filebase}.{LOCK_EXTENSION}"):
            return None
        return "\0".join(log_key)

    def delete_logs(self, log_key: Sequence[str] | None = None, prefix: Sequence[str] | None = None) -> None:
        """Delete local logs; a prefix that leaves the folder deletes nothing.

        Raises:
            ValueError: The prefix would leave the folder.
        """
        if log_key or not prefix:
            super().delete_logs(log_key=log_key, prefix=prefix)
            return
        folder = Path(self._base_dir).resolve()
        path = folder.joinpath(*map(_fitting, prefix)).resolve()
        if folder not in path.parents:
            raise ValueError(f"The log prefix {list(prefix)} leaves the folder of local logs")
        if path.is_dir():
            shutil.rmtree(path)


def _fitting(name: str, ending: str = "") -> str:
    if len(os.fsencode(name + ending)) <= _MAX_NAME_BYTES:
        return name + ending
    # The name that Dagster's own shortening gives; a hash of a name guards nothing.
    return hashlib.md5(name.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest() + ending


class Claim:
    """The lock file that tells ``logs recover`` that a living process writes this log.

    The system releases the lock when the process ends, however it ends. Writers of one log share
    it; the last one to end removes the local files. A log that is being recovered, or a file
    system without locks, is no reason not to capture.

    Args:
        path: The lock file, beside the local files.
        noted_key: What is written into it, for ``logs recover``.
    """

    def __init__(self, path: str, noted_key: str | None = None) -> None:
        self._path = path
        self._descriptor, self._is_last = _lock(path)
        if self._descriptor is not None and noted_key is not None:
            # Without it the log is recovered under its local name, which is better than not at all.
            with suppress(OSError):
                os.write(self._descriptor, os.fsencode(noted_key))
        self._leaves_file = False

    def is_last(self) -> bool:
        """Say whether nobody else has this log; from then on, nobody else gets it."""
        if self._descriptor is not None:
            self._is_last = _take_alone(self._descriptor)
        return self._is_last

    def leave_for_recovery(self) -> None:
        """Leave the file behind when it is released: a free lock says that the log may be taken."""
        self._leaves_file = True

    def nothing_to_recover(self) -> None:
        """Remove the file when it is released, after all: the log is stored."""
        self._leaves_file = False

    def __enter__(self) -> Self:
        """Hold the lock."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        if self._descriptor is None:
            return
        if not self._leaves_file and self._is_last:
            # Removed while still locked: whoever opens the path from now on makes a new file.
            with suppress(OSError):
                Path(self._path).unlink()
        os.close(self._descriptor)


def _lock(path: str) -> tuple[int | None, bool]:
    """Share a lock file.

    Returns:
        Its descriptor, or None when it cannot be locked; and, for then, whether the log counts as
        ours alone: yes where there are no locks, no when a recovery has it.
    """
    if _locks is None:
        return None, True
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:
        return None, True
    for attempt in range(_ATTEMPTS):
        try:
            _locks.flock(descriptor, _locks.LOCK_SH | _locks.LOCK_NB)
        except BlockingIOError:
            # Who only looks whether the lock is free holds it for less than this.
            time.sleep(_PAUSE_S if attempt + 1 < _ATTEMPTS else 0)
        except OSError:
            os.close(descriptor)
            return None, True
        else:
            return descriptor, False
    os.close(descriptor)
    return None, False


def _take_alone(descriptor: int) -> bool:
    if _locks is None:
        return True
    try:
        _locks.flock(descriptor, _locks.LOCK_EX | _locks.LOCK_NB)
    except OSError:
        return False
    return True
