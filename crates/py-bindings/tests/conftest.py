"""Stores to run the suite on: each backend that is at hand."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from remote_store import Backend, Store
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend, S3Backend

S3_ENDPOINT = os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT")
AZURE_CONNECTION = os.environ.get("REMOTE_STORE_TEST_AZURE_CONNECTION")
GCS_ENDPOINT = os.environ.get("REMOTE_STORE_TEST_GCS_ENDPOINT")
# The container and the bucket that exist from the start.
CONTAINER = "remote-store-test"


class SubclassedBackend(MemoryBackend):
    """A backend that the native core must not be taken of: its methods may be overridden."""


def s3_backend() -> S3Backend:
    return S3Backend(
        os.environ.get("REMOTE_STORE_TEST_S3_BUCKET", "remote-store-test"),
        endpoint_url=S3_ENDPOINT,
        key=os.environ.get("REMOTE_STORE_TEST_S3_KEY", "AK"),
        secret=os.environ.get("REMOTE_STORE_TEST_S3_SECRET", "SK1234567890"),
        region_name="us-east-1",
    )


def pytest_configure():
    # No test looks for the identity of the machine that it runs on.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    # A shell's background job starts with SIGINT ignored, and so would the workers of these tests.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


CLOUDS = [("s3", S3_ENDPOINT), ("azure", AZURE_CONNECTION), ("gcs", GCS_ENDPOINT)]
BACKENDS = ["memory", "local", "python"] + [name for name, server in CLOUDS if server]


@pytest.fixture
def make_backend(tmp_path: Path) -> Callable[[str], Backend]:
    """Build a backend by the name that stands in test ids."""

    def make(kind: str) -> Backend:
        match kind:
            case "memory":
                return MemoryBackend()
            case "local":
                return LocalBackend(tmp_path / "store")
            case "python":
                return SubclassedBackend()
            case "azure":
                return AzureBackend(CONTAINER, connection_string=AZURE_CONNECTION)
            case "gcs":
                return GCSBackend(CONTAINER, endpoint_url=GCS_ENDPOINT)
            case _:
                return s3_backend()

    return make


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, make_backend: Callable[[str], Backend]) -> Iterator[Backend]:
    made = make_backend(request.param)
    yield made
    made.close()


@pytest.fixture
def store(backend: Backend) -> Store:
    """An empty store with a root, so that joining and cutting it is always part of the test."""
    return Store(backend, f"root/{uuid.uuid4().hex}")


@pytest.fixture
def memory() -> Store:
    return Store(MemoryBackend())
