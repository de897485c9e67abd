"""The suite for backends, on filesystems of fsspec."""

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from remote_store.backends import FsspecBackend
from remote_store.testing import BackendConformance


class TestFile(BackendConformance):
    creates_atomically = False

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path

    def make_backend(self):
        return FsspecBackend("file", str(self.folder))


class TestFolderOfAnother(TestFile):
    def make_backend(self):
        return FsspecBackend(fsspec.filesystem("dir", path=str(self.folder), fs=fsspec.filesystem("file")))


class TestMemory(BackendConformance):
    creates_atomically = False

    @pytest.fixture(autouse=True)
    def _emptied(self):
        yield
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]

    def make_backend(self):
        return FsspecBackend("memory")
