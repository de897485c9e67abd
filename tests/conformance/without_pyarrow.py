"""Runs as a process in which pyarrow is not installed, and tells what then happens.

The imports of ``remote_store`` are part of what is tried: an implementation may look for pyarrow when it
is imported or later.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

# A Python file that the process runs before it tries anything; the mutants use it.
PRELUDE = "REMOTE_STORE_CONFORMANCE_PRELUDE"


def outcome_without_pyarrow(scenario: str) -> tuple[str | None, str]:
    """The class name and message of the error of one scenario, or ``None`` and what came out."""
    error, text = _outcomes(os.environ.get(PRELUDE))[scenario]
    return error, text


@functools.cache
def _outcomes(_prelude: str | None) -> dict[str, tuple[str | None, str]]:
    command = [sys.executable, str(Path(__file__).resolve())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def hide_pyarrow() -> None:
    """Let the import system find what is installed, except pyarrow."""
    find_spec = PathFinder.find_spec

    def finding(name, path=None, target=None):
        return None if name.partition(".")[0] == "pyarrow" else find_spec(name, path, target)

    PathFinder.find_spec = finding


def main() -> None:
    hide_pyarrow()
    from remote_store.ext import dagster as ext

    prelude = os.environ.get(PRELUDE)
    if prelude:
        exec(compile(Path(prelude).read_text(encoding="utf-8"), prelude, "exec"), {"ext": ext})  # noqa: S102
    store = ext._build_store("memory", {}, "")
    scenarios = {
        "parquet serializer": ext.ParquetSerializer,
        "parquet io manager": lambda: ext.dagster_io_manager(store, serializer="parquet"),
        "dataset io manager": lambda: ext.dagster_dataset_io_manager(store),
        "pickle io manager": lambda: ext.dagster_io_manager(store),
        "json serializer": lambda: ext.JsonSerializer().serialize([1]).decode(),
    }
    print(json.dumps({name: _outcome(make) for name, make in scenarios.items()}))  # noqa: T201 - the result


def _outcome(make) -> tuple[str | None, str]:
    try:
        made = make()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test says what it should have been
        return type(error).__name__, str(error)
    return None, str(made)


if __name__ == "__main__":
    main()
