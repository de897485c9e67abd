"""What is shown of logs: of a step that runs here its local files, of any other the store's objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remote_store.ext.dagster import _log_text
from remote_store.ext.dagster._versions import (
    IO_TYPE_EXTENSION,
    CapturedLogData,
    ComputeIOType,
    TruncatingBase,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from remote_store import Store
    from remote_store.ext.dagster._staging import StagingLogManager
    from remote_store.ext.dagster._stored_logs import StoredLogs

__all__ = ["LogView"]


class LogView(TruncatingBase):  # type: ignore[misc]
    """The part of a log manager that Dagster's web interface asks."""

    _store: Store
    _logs: StoredLogs
    _local_manager: StagingLogManager

    def cloud_storage_has_logs(
        self, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> bool:
        """Say whether the store holds this log (DAG-027).

        Raises:
            RemoteStoreError: The store fails or refuses: that is not the same as "no logs".
        """
        return self._logs.has(log_key, io_type, partial=partial)

    def is_capture_complete(self, log_key: Sequence[str]) -> bool:
        """Say whether the step has ended and its logs are final."""
        return self._local_manager.is_capture_complete(log_key) or self._logs.is_complete(log_key)

    def get_log_data_for_type(
        self,
        log_key: Sequence[str],
        io_type: ComputeIOType,
        offset: int,
        max_bytes: int | None,
    ) -> tuple[bytes | None, int]:
        """Read a log from a byte on: the local file, else a range of the object in the store.

        Args:
            log_key: The key of the log.
            io_type: Which stream.
            offset: The first byte wanted.
            max_bytes: How many; up to three more come when a character would be split.

        Returns:
            The bytes, or None when there is no such log, and where to go on.
        """
        wanted = None if max_bytes is None else max_bytes + _log_text.BYTES_BEHIND_A_CUT
        if self.has_local_file(log_key, io_type):
            path = self._local_path(log_key, io_type)
            data, _ = self._local_manager.read_path(path, offset=offset, max_bytes=wanted)
            ended = self._local_manager.is_capture_complete(log_key)
        else:
            data, next_offset, ended = self._logs.read(log_key, io_type, offset, wanted)
            if data is not None and next_offset != offset + len(data):
                # The line that stands for what the cap has cut out of a running log.
                return data, next_offset
        if data is None:
            return None, offset
        chunk = _log_text.up_to_character(data, max_bytes, ended=ended)
        return chunk, offset + len(chunk)

    def get_log_data(
        self, log_key: Sequence[str], cursor: str | None = None, max_bytes: int | None = None
    ) -> CapturedLogData:
        """Read both streams from a cursor on, as text that decodes."""
        stdout_offset, stderr_offset = self._local_manager.parse_cursor(cursor)
        stdout, stdout_next = self.get_log_data_for_type(
            log_key, ComputeIOType.STDOUT, stdout_offset, max_bytes
        )
        stderr, stderr_next = self.get_log_data_for_type(
            log_key, ComputeIOType.STDERR, stderr_offset, max_bytes
        )
        return CapturedLogData(
            log_key=log_key,
            stdout=None if stdout is None else _log_text.displayable(stdout),
            stderr=None if stderr is None else _log_text.displayable(stderr),
            cursor=self._local_manager.build_cursor(stdout_next, stderr_next),
        )

    def _get_log_lines_for_log_key(self, log_key: Sequence[str], io_type: ComputeIOType) -> Sequence[str]:
        data, _ = self.get_log_data_for_type(log_key, io_type, 0, None)
        return (data or b"").decode("utf-8", errors="replace").split("\n")

    def display_path_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str | None:
        """Say where the finished log lies (DAG-028); None while the step runs."""
        if not self.is_capture_complete(log_key):
            return None
        return self._store.native_path(self._logs.path(log_key, io_type))

    def download_url_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str | None:  # noqa: ARG002
        """Give None: the web server streams logs through itself (DAG-028)."""
        return None

    def get_log_keys_for_log_key_prefix(
        self, log_key_prefix: Sequence[str], io_type: ComputeIOType
    ) -> Sequence[list[str]]:
        """List the keys of finished logs directly below a prefix (DAG-031)."""
        return self._logs.keys(log_key_prefix, io_type)

    def _local_path(self, log_key: Sequence[str], io_type: ComputeIOType) -> str:
        return self._local_manager.get_captured_local_path(log_key, IO_TYPE_EXTENSION[io_type])
