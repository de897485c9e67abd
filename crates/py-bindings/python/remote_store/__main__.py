"""``python -m remote_store``: work on stores from a shell.

``logs recover`` stores the logs that dead workers left in their local folders, ``logs gc`` deletes
old ones::

    python -m remote_store logs recover                    # the instance of DAGSTER_HOME
    python -m remote_store logs recover --dry-run --json
    python -m remote_store logs recover --dagster-home /srv/dagster --remove-local
    python -m remote_store logs gc --max-age-days 90 --dry-run
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote_store import RemoteStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["main"]

_FAILED = 1
_WRONG_USE = 2


class _WrongUseError(Exception):
    """The call cannot be carried out as it is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows ``python -m remote_store``; the process's own by default.

    Returns:
        0 when all went well, 1 when something could not be done, 2 when the call was wrong.
    """
    parsed = _parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed))
    except _WrongUseError as error:
        _say(f"error: {error}", sys.stderr)
        return _WRONG_USE
    except (RemoteStoreError, OSError, ValueError, ModuleNotFoundError) as error:
        _say(f"error: {error}", sys.stderr)
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m remote_store", description="Work on stores.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    logs = commands.add_parser("logs", help="compute logs of Dagster steps")
    log_commands = logs.add_subparsers(required=True, metavar="COMMAND")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--dagster-home", help="the folder with dagster.yaml; DAGSTER_HOME by default", metavar="DIR"
    )
    common.add_argument("--dry-run", action="store_true", help="only say what would be done")
    common.add_argument("--json", action="store_true", help="say it as one JSON object")
    recover = log_commands.add_parser(
        "recover", parents=[common], help="store the logs that dead workers left in their local folders"
    )
    recover.add_argument(
        "--remove-local", action="store_true", help="delete local files once they are stored"
    )
    recover.add_argument(
        "--idle-s",
        type=float,
        default=3600.0,
        metavar="SECONDS",
        help="leave files alone that changed less than so long ago and have no lock file; 3600 by default",
    )
    recover.set_defaults(run=_recover)
    collect = log_commands.add_parser("gc", parents=[common], help="delete logs that are old enough")
    collect.add_argument(
        "--max-age-days",
        type=float,
        metavar="DAYS",
        help="delete logs to which nothing was added for longer; the log manager's max_age_days by default",
    )
    collect.set_defaults(run=_collect)
    return parser


def _recover(parsed: argparse.Namespace) -> int:
    with _instance(parsed) as (_, manager):
        found = manager.recover_logs(
            remove_local=parsed.remove_local, dry_run=parsed.dry_run, idle_s=parsed.idle_s
        )
    if parsed.json:
        failed = [{"key": key, "reason": why} for key, why in found.failed]
        unreadable = [str(folder) for folder in found.unreadable]
        _say(json.dumps({**found._asdict(), "failed": failed, "unreadable": unreadable}))
        return _FAILED if found.failed else 0
    verb = "would be stored" if parsed.dry_run else "stored"
    for keys, what in (
        (found.stored, verb),
        (found.already_stored, "already stored"),
        (found.in_use, "in use, left alone"),
    ):
        for key in keys:
            _say(f"{what}: {'/'.join(key)}")
    for key, why in found.failed:
        _say(f"failed: {'/'.join(key)}: {why}", sys.stderr)
    for folder in found.unreadable:
        _say(f"cannot be read, left out: {folder}", sys.stderr)
    _say(
        f"{len(found.stored)} {verb}, {len(found.already_stored)} already stored, "
        f"{len(found.in_use)} in use, {len(found.failed)} failed"
    )
    return _FAILED if found.failed else 0


def _collect(parsed: argparse.Namespace) -> int:
    with _instance(parsed) as (instance, manager):
        days = parsed.max_age_days
        if days is None:
            days = getattr(manager, "max_age_days", None)
        if days is None:
            raise _WrongUseError("give --max-age-days, or set max_age_days of StreamingComputeLogManager")
        if not days > 0:
            raise _WrongUseError(f"--max-age-days must be a positive number, got {days:g}")
        # The instance knows every run that is not finished, so that the rest is abandoned.
        found = manager.collect_logs(
            days, keep=_unfinished_runs(instance), abandoned=True, dry_run=parsed.dry_run
        )
    if parsed.json:
        _say(json.dumps(found._asdict()))
        return 0
    verb = "would be deleted" if parsed.dry_run else "deleted"
    for logs, what in ((found.deleted, verb), (found.running, "may run, left alone")):
        for log in logs:
            _say(f"{what}: {log}")
    _say(
        f"{len(found.deleted)} {verb} ({found.freed_bytes} bytes), {len(found.running)} may run, "
        f"{found.recent} not older than {days:g} days"
    )
    return 0


def _unfinished_runs(instance: Any) -> list[str]:
    from dagster import DagsterRunStatus, RunsFilter

    finished = {DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED}
    unfinished = [status for status in DagsterRunStatus if status not in finished]
    return [run.run_id for run in instance.get_runs(RunsFilter(statuses=unfinished))]


@contextmanager
def _instance(parsed: argparse.Namespace) -> Iterator[tuple[Any, Any]]:
    """Give the instance and its log manager, which is one of ours."""
    home = parsed.dagster_home or os.environ.get("DAGSTER_HOME")
    if not home:
        raise _WrongUseError("set DAGSTER_HOME, or give --dagster-home")
    if not Path(home).is_dir():
        raise _WrongUseError(f"there is no folder {home}")
    from remote_store.ext.dagster import RemoteStoreComputeLogManager

    with _opened(home) as instance:
        manager = instance.compute_log_manager
        if not isinstance(manager, RemoteStoreComputeLogManager):
            raise _WrongUseError(
                f"the compute logs of {home} are kept by {type(manager).__name__}, "
                "not by RemoteStoreComputeLogManager or StreamingComputeLogManager"
            )
        yield instance, manager


def _opened(home: str) -> Any:
    from dagster import DagsterError, DagsterInstance

    try:
        instance = DagsterInstance.from_config(home)
        # Built when first asked for: a wrong configuration of the store shows here.
        _ = instance.compute_log_manager
    except DagsterError as error:
        raise ValueError(f"{home}/dagster.yaml cannot be used: {error}") from error
    return instance


def _say(text: str, stream: Any = None) -> None:
    (sys.stdout if stream is None else stream).write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
