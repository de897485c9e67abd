"""Uploads of logs: beside the running step, and through a hook that a subclass has replaced."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from collections import OrderedDict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from remote_store._errors import (
    CapabilityNotSupported,
    InvalidPath,
    NotFound,
    PermissionDenied,
)
from remote_store.ext.dagster._stored_logs import cap_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from remote_store.ext.dagster._versions import ComputeIOType

__all__ = ["HookUploads", "PartialUploads"]

_log = logging.getLogger("dagster.compute_log_manager")
_ATTEMPTS = 3
_BACKOFF_S = 0.5
_PERMANENT = (CapabilityNotSupported, InvalidPath, NotFound, PermissionDenied)
_MAX_REMEMBERED = 4096
# How long the end of a step waits for a partial upload that is under way.
_PATIENCE_S = 5.0
_COPY_BYTES = 1024 * 1024


class PartialUploads:
    """Calls ``on_progress`` every so often, on a thread, until it is stopped.

    Args:
        on_progress: Called with the log key; what it raises is logged and does not end the calls.
        log_key: The key of the log.
        interval_s: Seconds between two calls.
    """

    def __init__(
        self, on_progress: Callable[[Sequence[str]], None], log_key: Sequence[str], interval_s: float
    ) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run,
            args=(on_progress, log_key, interval_s),
            name="upload-watch",
            daemon=True,
        )
        self._thread.start()

    def stop(self) -> None:
        """End the calls.

        One that is under way is waited for, for a while: a process that exits in the middle of it
        could not remove what arrives after the final upload.
        """
        self._stopped.set()
        self._thread.join(_PATIENCE_S)

    def _run(
        self, on_progress: Callable[[Sequence[str]], None], log_key: Sequence[str], interval_s: float
    ) -> None:
        while not self._stopped.wait(interval_s):
            try:
                on_progress(log_key)
            except Exception:  # noqa: BLE001 - an upload that fails must not end live tailing
                _log.exception(f"Could not upload logs of {'/'.join(log_key)} while the step runs")


class HookUploads:
    """What the native side does, done in Python for managers whose ``_upload_file_obj`` was replaced.

    Args:
        manager: The compute log manager.
        original: Its ``_upload_file_obj`` as we wrote it.
        delete_partial: Deletes the partial object of a stream.
    """

    def __init__(
        self,
        manager: Any,
        original: object,
        delete_partial: Callable[[Sequence[str], ComputeIOType], None],
    ) -> None:
        self._manager = manager
        self._original = original
        self._delete_partial = delete_partial
        self._lock = threading.Lock()
        self._last: dict[tuple[str, ...], tuple[int, int]] = {}
        self._ended: OrderedDict[tuple[str, ...], None] = OrderedDict()
        self._reported: OrderedDict[tuple[str, ...], None] = OrderedDict()

    @property
    def are_customised(self) -> bool:
        """Whether a subclass, or a test, has replaced the upload."""
        manager = self._manager
        return (
            "_upload_file_obj" in vars(manager) or type(manager)._upload_file_obj is not self._original  # noqa: SLF001 - Dagster's hook
        )

    def begin(self, log_key: Sequence[str]) -> None:
        """Note that a log is captured (again)."""
        with self._lock:
            self._ended.pop(tuple(log_key), None)

    def report_once(self, log_key: Sequence[str], error: Exception) -> None:
        """Log that partial uploads of a step fail, once."""
        with self._lock:
            first = tuple(log_key) not in self._reported
            _remember(self._reported, tuple(log_key))
        if first:
            _log.warning(
                f"Could not upload logs of {'/'.join(log_key)} while the step runs, trying again: {error}"
            )

    def upload(self, log_key: Sequence[str], io_type: ComputeIOType, path: str, *, partial: bool) -> None:
        """Hand an open local log to the hook, cut to the cap."""
        if not partial:
            with _capped(path) as data:
                self._hook(data, log_key, io_type, partial=False)
            return
        # Held while uploading: a partial upload must not arrive after the final one.
        with self._lock:
            state = _state(path)
            if tuple(log_key) in self._ended or state is None or state[0] == 0:
                return
            place = (*log_key, io_type.value)
            if self._last.get(place) != state:
                with _capped(path) as data:
                    self._hook(data, log_key, io_type, partial=True)
                self._last[place] = state

    def finish(self, log_key: Sequence[str], streams: Sequence[ComputeIOType]) -> None:
        """Make the final uploads and delete the partial objects of those that succeeded.

        Raises:
            RemoteStoreError: The first failure; the other stream is stored nevertheless.
        """
        with self._lock:
            _remember(self._ended, tuple(log_key))
            for io_type in streams:
                self._last.pop((*log_key, io_type.value), None)
        failed = []
        for io_type in streams:
            try:
                self._final(log_key, io_type)
                self._delete_partial(log_key, io_type)
            except Exception as error:  # noqa: BLE001 - raised below, after the other stream
                failed.append(error)
        if failed:
            raise failed[0]

    def _final(self, log_key: Sequence[str], io_type: ComputeIOType) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._manager.upload_to_cloud_storage(log_key, io_type)
            except Exception as error:
                if attempt + 1 == _ATTEMPTS or isinstance(error, _PERMANENT):
                    raise
                time.sleep(_BACKOFF_S * 2**attempt)
            else:
                return

    def _hook(self, data: BinaryIO, log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool) -> None:
        self._manager._upload_file_obj(data, log_key, io_type, partial)  # noqa: SLF001 - Dagster's hook


def _remember(keys: OrderedDict[tuple[str, ...], None], key: tuple[str, ...]) -> None:
    keys[key] = None
    keys.move_to_end(key)
    while len(keys) > _MAX_REMEMBERED:
        keys.popitem(last=False)


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns


@contextmanager
def _capped(path: str) -> Iterator[BinaryIO]:
    """Open a log, or a copy of its head and tail when it is over the cap."""
    cap = cap_bytes()
    with Path(path).open("rb") as source:
        size = os.fstat(source.fileno()).st_size
        if not cap or size <= cap:
            yield source
            return
        with tempfile.TemporaryFile() as temporary:
            copy = cast("BinaryIO", temporary)
            _copy_head_and_tail(source, copy, size, cap)
            copy.seek(0)
            yield copy


def _copy_head_and_tail(source: BinaryIO, copy: BinaryIO, size: int, cap: int) -> None:
    marker = f"\n[remote-store: {size} bytes, the middle is cut: over the cap of {cap} bytes]\n".encode()
    if len(marker) >= cap:
        marker = b""
    head = (cap - len(marker)) // 2
    tail = cap - len(marker) - head
    _copy(source, copy, head)
    copy.write(marker)
    source.seek(size - tail)
    _copy(source, copy, tail)


def _copy(source: BinaryIO, copy: BinaryIO, length: int) -> None:
    while length > 0:
        data = source.read(min(length, _COPY_BYTES))
        if not data:
            return
        copy.write(data)
        length -= len(data)
