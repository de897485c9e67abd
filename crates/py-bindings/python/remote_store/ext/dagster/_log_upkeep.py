"""What is done with logs when no step is looking: recovery of lost ones, deletion of old ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from remote_store.ext.dagster._staging import StagingLogManager
    from remote_store.ext.dagster._stored_logs import StoredLogs

__all__ = ["Collected", "LogUpkeep", "Recovered"]

_DAY_S = 24 * 3600
_IDLE_S = 3600.0


class Recovered(NamedTuple):
    """What became of the logs that dead workers left behind."""

    stored: list[list[str]]
    """Keys of the logs that are stored now; with ``dry_run``, that would be."""
    already_stored: list[list[str]]
    """Keys of the logs that were there."""
    in_use: list[list[str]]
    """Keys of the logs whose writer is, or may be, alive."""
    failed: list[tuple[list[str], str]]
    """Keys of the logs that could not be stored, and why; their files are kept."""
    unreadable: list[Path]
    """Folders that could not be read."""


class Collected(NamedTuple):
    """What became of old logs, which are named by their path below ``<prefix>/storage``."""

    deleted: list[str]
    """Logs that are deleted now; with ``dry_run``, that would be."""
    running: list[str]
    """Logs that are old enough, but of steps that run or may run."""
    recent: int
    """How many logs are not old enough."""
    freed_bytes: int
    """What was freed, as stored; with ``dry_run``, what would be."""


class LogUpkeep:
    """The part of a log manager that ``python -m remote_store logs`` calls."""

    _logs: StoredLogs
    _local_manager: StagingLogManager

    def recover_logs(
        self, *, remove_local: bool = False, dry_run: bool = False, idle_s: float = _IDLE_S
    ) -> Recovered:
        """Store what dead workers left in ``local_dir``.

        Safe to repeat, and beside workers that run: their logs are left alone.

        Args:
            remove_local: Whether local files go once they are stored.
            dry_run: Only say what would be done.
            idle_s: Files without a lock file that changed less than so many seconds ago are left
                alone, since nothing else tells that their writer is dead.

        Returns:
            Which logs were stored, were there already, are in use, or could not be stored.

        Raises:
            OSError: The folder cannot be read.
        """
        found = self._logs.native().recover(
            self._local_folder, remove_local=remove_local, dry_run=dry_run, idle_s=idle_s
        )
        return Recovered(*found)

    def collect_logs(
        self,
        max_age_days: float,
        *,
        keep: Iterable[str] = (),
        abandoned: bool = False,
        dry_run: bool = False,
    ) -> Collected:
        """Delete the logs to which nothing was added for so many days.

        Safe to repeat, and beside steps that run: logs without a final object stay, and those
        that a process of this machine writes.

        Args:
            max_age_days: More days than this without an addition.
            keep: First segments of log keys that stay however old: the ids of unfinished runs.
            abandoned: Whether logs without a final object go, too. Say so only when ``keep``
                names every run that is not finished.
            dry_run: Only say what would be done.

        Raises:
            ValueError: The age is no positive number.
            RemoteStoreError: The store fails or refuses.
        """
        if not max_age_days > 0:
            raise ValueError(f"max_age_days must be a positive number, got {max_age_days!r}")
        found = self._logs.native().gc(
            max_age_days * _DAY_S,
            keep=list(keep),
            abandoned=abandoned,
            local_dir=self._local_folder,
            dry_run=dry_run,
        )
        return Collected(*found)

    @property
    def _local_folder(self) -> str:
        return str(self._local_manager._base_dir)  # noqa: SLF001 - Dagster offers no other way
