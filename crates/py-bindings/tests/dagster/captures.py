"""What the tests of captured logs share: a key, and steps that write to it."""

from __future__ import annotations

import os
import time

from dagster._core.storage.compute_log_manager import ComputeIOType

OUT, ERR = ComputeIOType.STDOUT, ComputeIOType.STDERR
KEY = ["run1", "compute_logs", "step_a"]
FOLDER = "dagster/storage/run1/compute_logs"
CAP = "DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES"


def write_to(manager, io_type, content, key=KEY, mode="wb"):
    path = manager.local_manager.get_captured_local_path(key, {OUT: "out", ERR: "err"}[io_type])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(content)
    return path


def finish(manager, out=b"", err=b"", key=KEY):
    """End a capture that wrote this much."""
    write_to(manager, OUT, out, key)
    write_to(manager, ERR, err, key)
    manager._on_capture_complete(key)


def local_files(manager):
    return [name for _, _, names in os.walk(manager.local_manager._base_dir) for name in names]


def until(condition, what="it happens"):
    """Poll until something is so."""
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)
