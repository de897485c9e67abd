"""What the pure-Python package stores is read here, and the other way round.

`cargo xtask test` has a step for it; by hand, name an interpreter that has the pure-Python package, Dagster,
pandas and pyarrow in ``REMOTE_STORE_PURE_PYTHON``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "interop.py"
PURE = os.environ.get("REMOTE_STORE_PURE_PYTHON")
ENDPOINT = os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT")

pytestmark = pytest.mark.skipif(not PURE, reason="REMOTE_STORE_PURE_PYTHON names no interpreter")


@pytest.fixture
def targets(tmp_path: Path) -> list[str]:
    """A folder, and a bucket when there is a server; all in one process, whose imports take the longest."""
    root = f"interop/{uuid.uuid4().hex}"
    found = [{"type": "local", "options": {"root": str(tmp_path / "lake")}, "root": root}]
    if ENDPOINT:
        options = {
            "bucket": os.environ.get("REMOTE_STORE_TEST_S3_BUCKET", "remote-store-test"),
            "endpoint_url": ENDPOINT,
            "key": os.environ.get("REMOTE_STORE_TEST_S3_KEY", "AK"),
            "secret": os.environ.get("REMOTE_STORE_TEST_S3_SECRET", "SK1234567890"),
            "region_name": "us-east-1",
        }
        found.append({"type": "s3", "options": options, "root": root})
    return [json.dumps(target) for target in found]


def run(python: str, command: str, targets: list[str]) -> None:
    done = subprocess.run(  # noqa: S603 - our own script
        [python, str(SCRIPT), command, *targets],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"DAGSTER_DISABLE_TELEMETRY": "yes", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_the_two_packages_are_two() -> None:
    versions = {
        subprocess.run(  # noqa: S603 - our own code
            [python, "-c", "import remote_store; print(remote_store.__file__, remote_store.__version__)"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for python in (sys.executable, str(PURE))
    }
    assert len(versions) == 2


def test_what_the_pure_python_package_stores_is_read(targets: list[str]) -> None:
    run(str(PURE), "write", targets)
    run(sys.executable, "read", targets)


def test_what_we_store_is_read_by_the_pure_python_package(targets: list[str]) -> None:
    run(sys.executable, "write", targets)
    run(str(PURE), "read", targets)
