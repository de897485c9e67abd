"""A Dagster deployment for each store that is at hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

# By the name in dagster.<name>.yaml: what must be set in the environment.
NEEDS = {"local": None, "streaming": None, "s3": "REMOTE_STORE_TEST_S3_ENDPOINT"}


@pytest.fixture(scope="session", params=list(NEEDS))
def dagster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start Dagster on a store; its jobs and its logs are shared by all tests."""
    variable = NEEDS[request.param]
    if variable and not os.environ.get(variable):
        pytest.skip(f"no {request.param} server: {variable} is not set")
    home = tmp_path_factory.mktemp(f"dagster-{request.param}")
    with Deployment(home, request.param).running() as deployment:
        yield deployment
        # A job that still runs ends by itself.
        deployment.end_marker.touch()
