"""The logs in the store: their paths, what is read of them, what is deleted."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote_store import _native
from remote_store._store import native_core
from remote_store.ext.dagster._versions import IO_TYPE_EXTENSION, ComputeIOType

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STREAMS", "StoredLogs", "StreamedLogs", "cap_bytes"]

STREAMS = (ComputeIOType.STDOUT, ComputeIOType.STDERR)

_CAP_VARIABLE = "DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES"
_DEFAULT_CAP_BYTES = 50 * 1024 * 1024
_EVERYTHING_BYTES = 2**62


class StoredLogs:
    """The logs below one prefix of a store.

    Args:
        store: The store; any object with its methods.
        prefix: The folder of all logs; may be empty.
        skip_empty: Whether empty streams leave no object.
        max_bytes: The cap; the one that the environment sets when None.
        streaming: The compression and its level, for logs that are kept in segments.
    """

    def __init__(
        self,
        store: Any,
        prefix: str,
        *,
        skip_empty: bool,
        max_bytes: int | None = None,
        streaming: tuple[str, int] | None = None,
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._skip_empty = skip_empty
        self._max_bytes = max_bytes
        self._streaming = streaming
        self._native: tuple[int, _native.LogStore] | None = None

    def path(self, log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool = False) -> str:
        """Give the path of a log, relative to the store's root (DAG-024)."""
        return _native.paths.log_path(self._prefix, list(log_key), IO_TYPE_EXTENSION[io_type], partial)

    def native(self) -> _native.LogStore:
        """Give the native side, for the cap that is set now."""
        cap = (cap_bytes() if self._max_bytes is None else self._max_bytes) or _EVERYTHING_BYTES
        if self._native is None or self._native[0] != cap:
            logs = _native.LogStore(
                self._store, self._prefix, self._skip_empty, cap, streaming=self._streaming
            )
            self._native = (cap, logs)
        return self._native[1]

    def has(self, log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool) -> bool:
        """Say whether there is such an object (DAG-027)."""
        return bool(self._store.is_file(self.path(log_key, io_type, partial=partial)))

    def is_complete(self, log_key: Sequence[str]) -> bool:
        """Say whether the final logs are stored."""
        if self._skip_empty:
            # An empty stderr leaves no object; other signs tell then.
            return self.native().is_complete(list(log_key))
        return self.has(log_key, ComputeIOType.STDERR, partial=False)

    def read(
        self, log_key: Sequence[str], io_type: ComputeIOType, offset: int, max_bytes: int | None
    ) -> tuple[bytes | None, int, bool]:
        """Read a range of the final object, else of the partial one.

        Returns:
            The bytes, or None when there is neither; where to go on; and whether a finished log
            ends with them.
        """
        return self.native().read_chunk(
            list(log_key),
            IO_TYPE_EXTENSION[io_type],
            offset,
            _EVERYTHING_BYTES if max_bytes is None else max_bytes,
        )

    def download(self, log_key: Sequence[str], io_type: ComputeIOType, local: Path, *, partial: bool) -> None:
        """Stream a log into a local file, which appears whole (DAG-026)."""
        with self._store.read(self.path(log_key, io_type, partial=partial)) as source:
            local.parent.mkdir(parents=True, exist_ok=True)
            descriptor, staged = tempfile.mkstemp(dir=local.parent, prefix=".remote-store-")
            try:
                with os.fdopen(descriptor, "wb") as target:
                    shutil.copyfileobj(source, target)
                Path(staged).replace(local)
            except BaseException:
                Path(staged).unlink(missing_ok=True)
                raise

    def keys(self, log_prefix: Sequence[str], io_type: ComputeIOType) -> list[list[str]]:
        """List the keys of final logs directly below a prefix (DAG-031)."""
        folder = _native.paths.log_folder(self._prefix, list(log_prefix))
        found = []
        for info in self._store.list_files(folder):
            parsed = _native.paths.parse_log_name(info.name)
            if parsed is not None and parsed[1:] == (IO_TYPE_EXTENSION[io_type], False):
                found.append([*log_prefix, parsed[0]])
        return sorted(found)

    def delete(self, log_key: Sequence[str]) -> None:
        """Delete the logs of one step, in bulk where the store can (DAG-029)."""
        if native_core(self._store) is not None:
            self.native().delete(list(log_key))
            return
        for io_type in STREAMS:
            for partial in (False, True):
                self._store.delete(self.path(log_key, io_type, partial=partial), missing_ok=True)

    def delete_below(self, log_prefix: Sequence[str]) -> None:
        """Delete all logs below a prefix (DAG-029)."""
        folder = _native.paths.log_folder(self._prefix, list(log_prefix))
        self._store.delete_folder(folder, recursive=True, missing_ok=True)


class StreamedLogs(StoredLogs):
    """Logs that may be in segments, and compressed: only the native side knows all their forms."""

    def has(self, log_key: Sequence[str], io_type: ComputeIOType, *, partial: bool) -> bool:
        """Say whether there is such a log, in whatever form (DAG-027)."""
        return self.native().has_logs(list(log_key), IO_TYPE_EXTENSION[io_type], partial)

    def is_complete(self, log_key: Sequence[str]) -> bool:
        """Say whether the final logs are stored."""
        return self.native().is_complete(list(log_key))

    def download(self, log_key: Sequence[str], io_type: ComputeIOType, local: Path, *, partial: bool) -> None:
        """Unpack a log into a local file, which appears whole (DAG-026)."""
        self.native().download(list(log_key), IO_TYPE_EXTENSION[io_type], local, partial)

    def keys(self, log_prefix: Sequence[str], io_type: ComputeIOType) -> list[list[str]]:
        """List the keys of final logs directly below a prefix (DAG-031)."""
        return self.native().list_keys(list(log_prefix), IO_TYPE_EXTENSION[io_type])

    def delete(self, log_key: Sequence[str]) -> None:
        """Delete the logs of one step, in bulk where the store can (DAG-029)."""
        self.native().delete(list(log_key))

    def delete_below(self, log_prefix: Sequence[str]) -> None:
        """Delete all logs below a prefix (DAG-029)."""
        self.native().delete_prefix(list(log_prefix))


def cap_bytes() -> int:
    """Give the size above which a log is cut; 0 for no cap.

    Raises:
        ValueError: The environment variable is no whole number.
    """
    text = os.environ.get(_CAP_VARIABLE)
    if text is None:
        return _DEFAULT_CAP_BYTES
    try:
        return max(0, int(text))
    except ValueError:
        raise ValueError(f"{_CAP_VARIABLE} must be a whole number of bytes, got {text!r}") from None
