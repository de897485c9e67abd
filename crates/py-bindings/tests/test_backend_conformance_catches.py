"""Backends that are wrong in one thing each; the suite for backends finds it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from remote_store import Capability, CapabilitySet, Store
from remote_store.backends import MemoryBackend
from remote_store.testing import BackendConformance


class Replaces(MemoryBackend):
    def write(self, path: str, content: Any, **options: Any) -> Any:
        return super().write(path, content, **options | {"overwrite": True})


class ReadsShort(MemoryBackend):
    def read_bytes(self, path: str) -> bytes:
        return super().read_bytes(path)[:1000]


class ListsTwice(MemoryBackend):
    def list_files(self, path: str, **options: Any) -> Any:
        return [info for info in super().list_files(path, **options) for _ in range(2)]


class MovesByCopying(MemoryBackend):
    def move(self, src: str, dst: str, **options: Any) -> None:
        self.copy(src, dst, **options)


class ForgetsMetadata(MemoryBackend):
    def write(self, path: str, content: Any, **options: Any) -> Any:
        return super().write(path, content, overwrite=options.get("overwrite", False))


class DeletesNothing(MemoryBackend):
    def delete(self, path: str, **options: Any) -> None:
        pass


class ClaimsTooMuch(MemoryBackend):
    @property
    def capabilities(self) -> CapabilitySet:
        return CapabilitySet(Capability)

    def glob(self, pattern: str) -> Any:
        raise NotImplementedError


CAUGHT_BY: dict[type[MemoryBackend], Callable[[Any, Store], None]] = {
    Replaces: lambda suite, store: suite.test_a_file_is_not_replaced_unasked(store),
    ReadsShort: lambda suite, store: suite.test_a_file_is_read_as_it_was_written(store, b"1" * 2000),
    ListsTwice: lambda suite, store: suite.test_everything_below_is_listed_once(store),
    MovesByCopying: lambda suite, store: suite.test_it_behaves_as_a_dictionary(store),
    ForgetsMetadata: lambda suite, store: suite.test_user_metadata_comes_back(store),
    DeletesNothing: lambda suite, store: suite.test_a_file_is_deleted(store),
    ClaimsTooMuch: lambda suite, store: suite.test_a_pattern_finds_across_folders(store),
}


@pytest.mark.parametrize("backend", CAUGHT_BY, ids=lambda backend: backend.__name__)
def test_a_wrong_backend_is_caught(backend: type[MemoryBackend]) -> None:
    class Suite(BackendConformance):
        def make_backend(self) -> MemoryBackend:
            return backend()

    with pytest.raises((AssertionError, pytest.fail.Exception, NotImplementedError)):
        CAUGHT_BY[backend](Suite(), Store(backend(), "root"))


@pytest.mark.parametrize("test", set(CAUGHT_BY.values()))
def test_the_same_tests_pass_on_a_right_one(test: Callable[[Any, Store], None]) -> None:
    test(BackendConformance(), Store(MemoryBackend(), "root"))
