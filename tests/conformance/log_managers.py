"""Compute log managers of a test, all over one store: workers, web servers, and their local folders."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from dagster._core.storage.compute_log_manager import ComputeIOType

from remote_store.ext import dagster as ext

STDOUT, STDERR = ComputeIOType.STDOUT, ComputeIOType.STDERR
EXTENSIONS = {STDOUT: "out", STDERR: "err"}
KEY = ["run1", "compute_logs", "step_a"]


class LogManagers:
    """Makes managers whose ``_build_store`` gives the store of the test."""

    def __init__(self, monkeypatch, store, folder: Path):
        self.store = store
        self.folder = folder
        self.made = []
        monkeypatch.setattr(ext, "_build_store", lambda *_arguments: store)

    def make(self, **options):
        """A manager as another process would have it: the same store, other local files."""
        options.setdefault("local_dir", str(self.folder / f"logs-{len(self.made)}"))
        manager = ext.RemoteStoreComputeLogManager(backend_type="memory", **options)
        self.made.append(manager)
        return manager

    def dispose(self):
        """The end of every process; a test may have ended one already."""
        for manager in self.made:
            with contextlib.suppress(Exception):
                manager.dispose()


def local_file(manager, log_key, io_type, *, partial=False) -> Path:
    """Where a manager has one stream on its own disk."""
    extension = EXTENSIONS[io_type]
    return Path(manager.local_manager.get_captured_local_path(log_key, extension, partial=partial))


def write_local(manager, log_key, io_type, content: bytes) -> Path:
    """What capture does: fill the local file of one stream."""
    path = local_file(manager, log_key, io_type)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def upload(manager, log_key, io_type, content: bytes, *, partial=False) -> None:
    """Upload one captured stream as Dagster does."""
    with write_local(manager, log_key, io_type, content).open("rb") as data:
        manager._upload_file_obj(data, log_key, io_type, partial)


def say(text: str, io_type=STDOUT) -> None:
    """What a step does: print, to the file descriptor that Dagster captures."""
    stream = sys.stdout if io_type is STDOUT else sys.stderr
    stream.flush()
    os.write(stream.fileno(), text.encode())
