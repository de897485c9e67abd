"""The suite for backends, on each of ours: native, subclassed in Python, duck-typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conftest import AZURE_CONNECTION, CONTAINER, GCS_ENDPOINT, S3_ENDPOINT, SubclassedBackend, s3_backend
from remote_store import Backend
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend
from remote_store.testing import BackendConformance


class DuckTyped:
    """No `Backend` by class, only by its methods."""

    def __init__(self) -> None:
        self._inner = MemoryBackend()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class TestMemory(BackendConformance):
    def make_backend(self) -> Backend:
        return MemoryBackend()


class TestLocal(BackendConformance):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make_backend(self) -> Backend:
        return LocalBackend(self.folder)


class TestSubclassed(BackendConformance):
    def make_backend(self) -> Backend:
        return SubclassedBackend()


class TestDuckTyped(BackendConformance):
    def make_backend(self) -> Any:
        return DuckTyped()


@pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server: REMOTE_STORE_TEST_S3_ENDPOINT is not set")
class TestS3(BackendConformance):
    def make_backend(self) -> Backend:
        return s3_backend()


@pytest.mark.skipif(
    not AZURE_CONNECTION, reason="no Azure server: REMOTE_STORE_TEST_AZURE_CONNECTION is not set"
)
class TestAzure(BackendConformance):
    def make_backend(self) -> Backend:
        return AzureBackend(CONTAINER, connection_string=AZURE_CONNECTION)


@pytest.mark.skipif(not GCS_ENDPOINT, reason="no GCS server: REMOTE_STORE_TEST_GCS_ENDPOINT is not set")
class TestGcs(BackendConformance):
    def make_backend(self) -> Backend:
        return GCSBackend(CONTAINER, endpoint_url=GCS_ENDPOINT)
