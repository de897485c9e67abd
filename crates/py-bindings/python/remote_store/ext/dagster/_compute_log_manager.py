"""The compute log manager: what steps print, kept in any store."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Self

from dagster import Field, Noneable, Permissive, StringSource
from dagster import _check as check

from remote_store import Capability, Store
from remote_store.ext.dagster._log_upkeep import LogUpkeep
from remote_store.ext.dagster._log_view import LogView
from remote_store.ext.dagster._resources import build_store, wrapped
from remote_store.ext.dagster._staging import LOCK_EXTENSION, Claim, StagingLogManager
from remote_store.ext.dagster._stored_logs import STREAMS, StoredLogs
from remote_store.ext.dagster._uploads import HookUploads, PartialUploads
from remote_store.ext.dagster._versions import (
    IO_TYPE_EXTENSION,
    CapturedLogContext,
    CapturedLogSubscription,
    ComputeIOType,
    ConfigurableClass,
    ConfigurableClassData,
    LocalComputeLogManager,
    PollingComputeLogSubscriptionManager,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["RemoteStoreComputeLogManager"]

_log = logging.getLogger("dagster.compute_log_manager")
_REQUIRED = (
    Capability.READ,
    Capability.WRITE,
    Capability.DELETE,
    Capability.METADATA,
    Capability.LIST,
)


class RemoteStoreComputeLogManager(LogUpkeep, LogView, ConfigurableClass):
    """Keeps stdout and stderr of each step in a store (DAG-021 to DAG-033).

    Capture goes to local files first, as Dagster does it; while a step runs they are uploaded
    every ``upload_interval`` seconds, and when it ends, however it ends, once more and for good.
    Logs over the cap of ``DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES`` (50 MiB) keep their head
    and their tail. What cannot be uploaded stays in ``local_dir``.

    Args:
        backend_type: A registered type: ``"local"``, ``"memory"``, ``"s3"``, …
        backend_options: The options of the backend.
        root_path: The folder of the backend that is the store's root.
        local_dir: Where capture goes first; the system's temporary folder by default.
        prefix: The folder of all logs below the root.
        skip_empty_files: Whether empty streams leave no object.
        upload_interval: Seconds between uploads while a step runs; None or 0 for none.
        inst_data: Dagster's own record of the configuration.

    Raises:
        ValueError: The backend is unknown, rejects its options, or lacks a capability.

    Examples:
        In ``dagster.yaml``::

            compute_logs:
              module: remote_store.ext.dagster
              class: RemoteStoreComputeLogManager
              config:
                backend_type: s3
                backend_options: {bucket: {env: LOG_BUCKET}}
                upload_interval: 10

        >>> manager = RemoteStoreComputeLogManager(backend_type="memory")
        >>> with manager.open_log_stream(["tick", "1"], ComputeIOType.STDERR) as stream:
        ...     _ = stream.write("hello")
        >>> manager.get_log_data(["tick", "1"]).stderr
        b'hello'
        >>> manager.dispose()
    """

    def __init__(
        self,
        backend_type: str,
        backend_options: Mapping[str, Any] | None = None,
        root_path: str = "",
        local_dir: str | None = None,
        prefix: str = "dagster",
        skip_empty_files: bool = False,
        upload_interval: int | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        super().__init__()
        self._inst_data = check.opt_inst_param(inst_data, "inst_data", ConfigurableClassData)
        self._skip_empty_files = skip_empty_files
        self._upload_interval = upload_interval
        self._store = wrapped(build_store(backend_type, backend_options or {}, root_path), self.wrap_store)
        try:
            _check_capabilities(self._store, backend_type)
            self._local_manager = StagingLogManager(local_dir or tempfile.gettempdir())
        except BaseException:
            self._store.close()
            raise
        self._subscription_manager = PollingComputeLogSubscriptionManager(self)  # type: ignore[no-untyped-call]
        self._logs = StoredLogs(self._store, prefix, skip_empty=skip_empty_files)
        self._uploads = HookUploads(self, RemoteStoreComputeLogManager._upload_file_obj, self._delete_partial)

    # Configuration (DAG-021)

    def wrap_store(self, store: Store) -> Store:
        """Return the store to use; override it to put an observer before the one given.

        It is called while the manager is constructed. A cache does not belong here: the logs of a
        running step are written by another process.
        """
        return store

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Dagster's record of the configuration; None when constructed directly."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Give the schema of the configuration."""
        return {
            "backend_type": StringSource,
            "backend_options": Field(
                Permissive(),  # type: ignore[no-untyped-call]
                is_required=False,
                default_value={},
            ),
            "root_path": Field(StringSource, is_required=False, default_value=""),
            "local_dir": Field(StringSource, is_required=False, default_value=tempfile.gettempdir()),
            "prefix": Field(StringSource, is_required=False, default_value="dagster"),
            "skip_empty_files": Field(bool, is_required=False, default_value=False),
            "upload_interval": Field(Noneable(int), is_required=False, default_value=None),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """Make a manager from validated configuration."""
        return cls(inst_data=inst_data, **config_value)

    # What the base class asks for (DAG-023)

    @property
    def local_manager(self) -> LocalComputeLogManager:
        """The manager of the local files."""
        return self._local_manager

    @property
    def upload_interval(self) -> int | None:
        """Seconds between uploads while a step runs; None for none."""
        return self._upload_interval or None

    # Capturing

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Capture the process's output; uploaded at the end whatever is raised, also an interrupt."""
        with self._kept(log_key), self._local_manager.capture_logs(log_key) as context:
            yield context

    @contextmanager
    def open_log_stream(self, log_key: Sequence[str], io_type: ComputeIOType) -> Iterator[IO[Any] | None]:
        """Open a stream to write to; uploaded at the end whatever is raised."""
        with self._kept(log_key), self._local_manager.open_log_stream(log_key, io_type) as stream:
            yield stream

    @contextmanager
    def _kept(self, log_key: Sequence[str]) -> Iterator[None]:
        lock = self._local_manager.get_captured_local_path(log_key, LOCK_EXTENSION)
        with Claim(lock, self._local_manager.noted_key(log_key)) as claim:
            self._uploads.begin(log_key)
            self._logs.native().begin(list(log_key))
            try:
                with self._poll_for_local_upload(log_key):
                    yield
            finally:
                # First the worse case: an interrupt may end the upload, too.
                claim.leave_for_recovery()
                if self._on_capture_complete(log_key, claim):
                    claim.nothing_to_recover()

    @contextmanager
    def _poll_for_local_upload(self, log_key: Sequence[str]) -> Iterator[None]:
        if self.upload_interval is None:
            yield
            return
        uploads = PartialUploads(self.on_progress, log_key, self.upload_interval)
        try:
            yield
        finally:
            uploads.stop()

    def _on_capture_complete(self, log_key: Sequence[str], claim: Claim | None = None) -> bool:
        """Store the final logs; false when they could not be stored and stay here."""
        try:
            self._finish(log_key, self._to_keep(log_key))
        except Exception as error:  # noqa: BLE001 - logs that cannot be stored must not fail the step
            _log.error(
                "Could not store the logs of %s; they are kept in %s. %s. "
                "Upload them later with: python -m remote_store logs recover",
                "/".join(log_key),
                Path(self._local_path(log_key, ComputeIOType.STDERR)).parent,
                error,
            )
            return False
        if claim is not None and not claim.is_last():
            # Another writer of this log goes on with the same files, and will store them again.
            return True
        try:
            self._local_manager.delete_logs(log_key=log_key)
        except Exception as error:  # noqa: BLE001 - the logs are safe; a left-over file is no failure
            _log.warning("Could not delete the local logs of %s: %s", "/".join(log_key), error)
        return True

    def _to_keep(self, log_key: Sequence[str]) -> list[ComputeIOType]:
        """Give the streams that were captured here; stderr always, since it says "complete"."""
        there = [io for io in STREAMS if Path(self._local_path(log_key, io)).exists()]
        if ComputeIOType.STDERR not in there and not self._has_final_stderr(log_key):
            there.append(ComputeIOType.STDERR)
        for io_type in there:
            _make_file(self._local_path(log_key, io_type))
        return there

    def _has_final_stderr(self, log_key: Sequence[str]) -> bool:
        try:
            return bool(self.cloud_storage_has_logs(log_key, ComputeIOType.STDERR))
        except Exception:  # noqa: BLE001 - then the upload reports why the store cannot be reached
            return False

    def _finish(self, log_key: Sequence[str], streams: Sequence[ComputeIOType]) -> None:
        files = [(IO_TYPE_EXTENSION[io_type], self._local_path(log_key, io_type)) for io_type in streams]
        if self._through_hook():
            self._uploads.finish(log_key, streams)
            if not self._skip_empty_files or any(Path(path).stat().st_size for _, path in files):
                return
            # Nothing is stored: only the native side can say that the step has ended nevertheless.
        self._logs.native().finish(list(log_key), files)

    def _through_hook(self) -> bool:
        """Whether uploads go through ``_upload_file_obj`` instead of the native side."""
        return self._uploads.are_customised

    def _delete_partial(self, log_key: Sequence[str], io_type: ComputeIOType) -> None:
        self._store.delete(self._logs.path(log_key, io_type, partial=True), missing_ok=True)

    def on_progress(self, log_key: Sequence[str]) -> None:
        """Upload what was captured so far; a failure is logged once and does not end it."""
        if self._local_manager.is_capture_complete(log_key):
            return
        for io_type in STREAMS:
            try:
                self.upload_to_cloud_storage(log_key, io_type, partial=True)
            except Exception as error:  # noqa: BLE001 - the next upload may succeed
                self._uploads.report_once(log_key, error)

    # Uploading and downloading

    def upload_to_cloud_storage(
        self, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> None:
        """Upload a local log, its head and tail when it is over the cap.

        The final upload is always made; a partial one only when there is something new and the
        step has not ended.

        Raises:
            RemoteStoreError: The store fails; what it held before is still there.
        """
        path = self._local_path(log_key, io_type)
        if not partial:
            _make_file(path)
        if self._through_hook():
            self._uploads.upload(log_key, io_type, path, partial=partial)
        else:
            self._logs.native().upload(list(log_key), IO_TYPE_EXTENSION[io_type], path, partial)

    def _upload_file_obj(
        self, data: BinaryIO, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> None:
        """Write an open local log to the store (DAG-025).

        Args:
            data: The open binary file.
            log_key: The key of the log.
            io_type: Which stream.
            partial: Whether the step still runs.
        """
        if (partial or self._skip_empty_files) and _is_empty(data):
            return
        self._store.write(self._logs.path(log_key, io_type, partial=partial), data, overwrite=True)

    def download_from_cloud_storage(
        self, log_key: Sequence[str], io_type: ComputeIOType, partial: bool = False
    ) -> None:
        """Stream a log from the store into its local file, which appears whole (DAG-026).

        Raises:
            NotFound: The store has no such log.
        """
        local = self._local_manager.get_captured_local_path(
            log_key, IO_TYPE_EXTENSION[io_type], partial=partial
        )
        self._logs.download(log_key, io_type, Path(local), partial=partial)

    # Deleting

    def delete_logs(self, log_key: Sequence[str] | None = None, prefix: Sequence[str] | None = None) -> None:
        """Delete one step's logs, or all below a prefix, here and in the store (DAG-029).

        Raises:
            dagster._check.CheckError: Neither is given.
        """
        self._local_manager.delete_logs(log_key=log_key, prefix=prefix)
        if log_key:
            self._logs.delete(log_key)
        elif prefix:
            self._logs.delete_below(prefix)
        else:
            check.failed("Must pass in either `log_key` or `prefix` argument to delete_logs")

    # Subscriptions and the end (DAG-030, DAG-032)

    def on_subscribe(self, subscription: CapturedLogSubscription) -> None:
        """Poll for a viewer."""
        self._subscription_manager.add_subscription(subscription)

    def on_unsubscribe(self, subscription: CapturedLogSubscription) -> None:
        """Stop polling for a viewer."""
        self._subscription_manager.remove_subscription(subscription)

    def dispose(self) -> None:
        """Stop polling, release the local files, close the store."""
        self._subscription_manager.dispose()
        super().dispose()
        self._store.close()


def _check_capabilities(store: Any, backend_type: str) -> None:
    missing = [capability.name for capability in _REQUIRED if not store.supports(capability)]
    if missing:
        raise ValueError(
            f"Backend {backend_type!r} is missing capabilities required by "
            f"RemoteStoreComputeLogManager: {', '.join(missing)}"
        )


def _make_file(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).touch()


def _is_empty(data: BinaryIO) -> bool:
    position = data.tell()
    size = data.seek(0, os.SEEK_END)
    data.seek(position)
    return size == 0
