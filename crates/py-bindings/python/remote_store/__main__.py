"""``python -m remote_store``: work on stores from a shell.

``logs recover`` stores the logs that dead workers left in their local folders::

    python -m remote_store logs recover                    # the instance of DAGSTER_HOME
    python -m remote_store logs recover --dry-run
    python -m remote_store logs recover --dagster-home /srv/dagster --remove-local
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from remote_store import RemoteStoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_FAILED = 1
_WRONG_USE = 2


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
    except (RemoteStoreError, OSError, ValueError, ModuleNotFoundError) as error:
        _say(f"error: {error}", sys.stderr)
        return _FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m remote_store", description="Work on stores.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    logs = commands.add_parser("logs", help="compute logs of Dagster steps")
    log_commands = logs.add_subparsers(required=True, metavar="COMMAND")
    recover = log_commands.add_parser(
        "recover", help="store the logs that dead workers left in their local folders"
    )
    recover.add_argument(
        "--dagster-home", help="the folder with dagster.yaml; DAGSTER_HOME by default", metavar="DIR"
    )
    recover.add_argument(
        "--remove-local", action="store_true", help="delete local files once they are stored"
    )
    recover.add_argument("--dry-run", action="store_true", help="only say what would be done")
    recover.set_defaults(run=_recover)
    return parser


def _recover(parsed: argparse.Namespace) -> int:
    home = parsed.dagster_home or os.environ.get("DAGSTER_HOME")
    if not home:
        _say("error: set DAGSTER_HOME, or give --dagster-home", sys.stderr)
        return _WRONG_USE
    if not Path(home).is_dir():
        _say(f"error: there is no folder {home}", sys.stderr)
        return _WRONG_USE
    from remote_store.ext.dagster import RemoteStoreComputeLogManager

    with _instance(home) as instance:
        manager = instance.compute_log_manager
        if not isinstance(manager, RemoteStoreComputeLogManager):
            _say(
                f"error: the compute logs of {home} are kept by {type(manager).__name__}, "
                "not by RemoteStoreComputeLogManager",
                sys.stderr,
            )
            return _WRONG_USE
        found = manager.recover_logs(remove_local=parsed.remove_local, dry_run=parsed.dry_run)
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
    _say(
        f"{len(found.stored)} {verb}, {len(found.already_stored)} already stored, "
        f"{len(found.in_use)} in use, {len(found.failed)} failed"
    )
    return _FAILED if found.failed else 0


def _instance(home: str) -> Any:
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
