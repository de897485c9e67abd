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


@pytest.fixture(params=["local", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    root = f"interop/{uuid.uuid4().hex}"
    if request.param == "local":
        return json.dumps({"type": "local", "options": {"root": str(tmp_path / "lake")}, "root": root})
    if not ENDPOINT:
        pytest.skip("REMOTE_STORE_TEST_S3_ENDPOINT names no server")
    options = {
        "bucket": os.environ.get("REMOTE_STORE_TEST_S3_BUCKET", "remote-store-test"),
        "endpoint_url": ENDPOINT,
        "key": os.environ.get("REMOTE_STORE_TEST_S3_KEY", "AK"),
        "secret": os.environ.get("REMOTE_STORE_TEST_S3_SECRET", "SK1234567890"),
        "region_name": "us-east-1",
    }
    return json.dumps({"type": "s3", "options": options, "root": root})


def run(python: str, command: str, target: str) -> None:
    # In a folder of its own: beside the script, tests would be taken for packages.
    done = subprocess.run(  # noqa: S603 - our own script
        [python, str(SCRIPT), command, target],
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


def test_what_the_pure_python_package_stores_is_read(target: str) -> None:
    run(str(PURE), "write", target)
    run(sys.executable, "read", target)


def test_what_we_store_is_read_by_the_pure_python_package(target: str) -> None:
    run(sys.executable, "write", target)
    run(str(PURE), "read", target)
