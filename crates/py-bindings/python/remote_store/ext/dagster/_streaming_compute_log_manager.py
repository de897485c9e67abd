"""The second compute log manager: segments, compression, retention and links."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from dagster import Field, Noneable

from remote_store._errors import CapabilityNotSupported
from remote_store.ext.dagster._compute_log_manager import RemoteStoreComputeLogManager
from remote_store.ext.dagster._stored_logs import StreamedLogs
from remote_store.ext.dagster._versions import IO_TYPE_EXTENSION, ComputeIOType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from remote_store.ext.dagster._versions import ConfigurableClassData

__all__ = ["StreamingComputeLogManager"]

_log = logging.getLogger("dagster.compute_log_manager")
_COMPRESSIONS = ("zstd", "none")
_LEVELS = range(1, 23)
_DEFAULT_LEVEL = 3
_LONGEST_LINK_S = 7 * 24 * 3600


class StreamingComputeLogManager(RemoteStoreComputeLogManager):
    """Keeps logs as `RemoteStoreComputeLogManager` does, at linear cost and less room.

    While a step runs, each upload sends only what was printed since the last one, as an object of
    its own (a segment); the finished log is one object again. Segments and finished logs are
    compressed. Logs that the first class wrote below the same prefix are read, too; it reads
    finished logs of this one when ``compression`` is ``"none"``.

    Args:
        backend_type: A registered type: ``"local"``, ``"memory"``, ``"s3"``, …
        backend_options: The options of the backend.
        root_path: The folder of the backend that is the store's root.
        local_dir: Where capture goes first; the system's temporary folder by default.
        prefix: The folder of all logs below the root.
        skip_empty_files: Whether empty streams leave no object.
        upload_interval: Seconds between uploads while a step runs; None or 0 for none.
        compression: ``"zstd"``, or ``"none"`` for objects that every tool can show.
        compression_level: From 1, fast, to 22, small.
        max_log_bytes: The size above which a log keeps its head and tail only; 0 for no cap, None
            for ``DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES`` or 50 MiB.
        max_age_days: What ``python -m remote_store logs gc`` deletes: finished logs older than
            this. Nothing is deleted by itself.
        download_links_ttl_s: For so many seconds a link in Dagster's pages leads to the store
            itself; None for links to the web server. Whoever has the link can read the log.
        inst_data: Dagster's own record of the configuration.

    Raises:
        ValueError: An option is out of range, the backend cannot sign links, or as for the first
            class.

    Examples:
        In ``dagster.yaml``::

            compute_logs:
              module: remote_store.ext.dagster
              class: StreamingComputeLogManager
              config:
                backend_type: s3
                backend_options: {bucket: {env: LOG_BUCKET}}
                upload_interval: 5
                max_age_days: 90

        >>> manager = StreamingComputeLogManager(backend_type="memory", upload_interval=5)
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
        compression: str = "zstd",
        compression_level: int = _DEFAULT_LEVEL,
        max_log_bytes: int | None = None,
        max_age_days: int | None = None,
        download_links_ttl_s: int | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        if compression not in _COMPRESSIONS:
            raise ValueError(f"compression must be 'zstd' or 'none', got {compression!r}")
        _check_number("compression_level", compression_level, _LEVELS.start, _LEVELS.stop - 1)
        _check_number("max_log_bytes", max_log_bytes, 0)
        _check_number("max_age_days", max_age_days, 1)
        _check_number("download_links_ttl_s", download_links_ttl_s, 1, _LONGEST_LINK_S)
        super().__init__(
            backend_type,
            backend_options,
            root_path,
            local_dir,
            prefix,
            skip_empty_files,
            upload_interval,
            inst_data,
        )
        self._logs = StreamedLogs(
            self._store,
            prefix,
            skip_empty=skip_empty_files,
            max_bytes=max_log_bytes,
            streaming=(compression, compression_level),
        )
        self._max_age_days = max_age_days
        self._download_links_ttl_s = download_links_ttl_s
        if download_links_ttl_s is not None and not self._logs.native().supports_signed_urls():
            self.dispose()
            raise ValueError(
                f"Backend {backend_type!r} cannot sign links; leave download_links_ttl_s out, "
                "and logs are downloaded through Dagster's web server"
            )

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Give the schema of the configuration: that of the first class, and options of its own."""
        return {
            **super().config_type(),
            "compression": Field(str, is_required=False, default_value="zstd"),
            "compression_level": Field(int, is_required=False, default_value=_DEFAULT_LEVEL),
            "max_log_bytes": Field(Noneable(int), is_required=False, default_value=None),
            "max_age_days": Field(Noneable(int), is_required=False, default_value=None),
            "download_links_ttl_s": Field(Noneable(int), is_required=False, default_value=None),
        }

    @property
    def max_age_days(self) -> int | None:
        """The age at which ``logs gc`` deletes a log; None for never."""
        return self._max_age_days

    def download_url_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str | None:
        """Give a link to the finished log in the store, when links are wanted and it can sign them.

        A compressed log is downloaded as it is stored, ``….out.zst``.
        """
        if self._download_links_ttl_s is None:
            return None
        try:
            return self._logs.native().signed_url(
                list(log_key), IO_TYPE_EXTENSION[io_type], self._download_links_ttl_s
            )
        except CapabilityNotSupported as error:
            # The credential cannot sign: the page still has a link through the web server.
            _log.warning("No link to the logs of %s: %s", "/".join(log_key), error)
            return None

    def display_path_for_type(self, log_key: Sequence[str], io_type: ComputeIOType) -> str | None:
        """Say where the finished log lies (DAG-028); None while the step runs."""
        if not self.is_capture_complete(log_key):
            return None
        return self._logs.native().display_path(list(log_key), IO_TYPE_EXTENSION[io_type])


def _check_number(name: str, value: int | None, least: int, most: int | None = None) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} must be a whole number, got {value!r}")  # noqa: TRY004 - as all options
    if value < least or (most is not None and value > most):
        limit = f"from {least} to {most}" if most is not None else f"{least} or more"
        raise ValueError(f"{name} must be {limit}, got {value}")
