"""`import remote_store` is light: no heavy package, no thread, no connection."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

PROBE = """
import sys, threading, json, os
before = set(sys.modules)
import remote_store, remote_store.backends, remote_store.ext.parquet
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
sockets = 0
if os.path.isdir("/proc/self/fd"):
    for fd in os.listdir("/proc/self/fd"):
        try:
            sockets += os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
        except OSError:
            pass
tasks = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1
print(json.dumps([sorted(loaded), threading.active_count(), tasks, sockets]))
"""

HEAVY = {"pyarrow", "pandas", "polars", "numpy", "boto3", "dagster", "asyncio", "fsspec", "tomllib", "ssl"}


def test_the_import_is_light() -> None:
    # -S and -I: what a site's .pth files import is not ours.
    path = json.dumps([entry for entry in sys.path if entry])
    code = f"import sys; sys.path[:] = {path}\n{PROBE}"
    out = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True, check=True)  # noqa: S603
    loaded, threads, tasks, sockets = json.loads(out.stdout)
    assert not HEAVY & set(loaded), loaded
    assert (threads, tasks, sockets) == (1, 1, 0)


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    import remote_store

    assert remote_store.__version__ == version("remote-store")


def test_parquet_without_pyarrow_can_be_imported() -> None:
    code = "import sys; sys.modules['pyarrow'] = None; import remote_store.ext.parquet"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


def test_submodules_of_the_native_module_are_modules() -> None:
    code = "import remote_store._native.paths as p; assert p.asset_path(['a'], None, '.x') == 'a.x'"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


def test_requirements_of_the_pure_python_package_ask_for_extras_that_are_here() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(project["project"]["optional-dependencies"])
    # Not here: those of its developers, and of backends that are not here (Microsoft Graph, SQL).
    theirs = {
        "arrow",
        "azure",
        "dagster",
        "httpx",
        "otel",
        "pydantic",
        "requests",
        "s3",
        "s3-pyarrow",
        "sftp",
        "yaml",
    }
    assert theirs <= extras
