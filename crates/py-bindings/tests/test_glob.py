"""Shell patterns, with and without a backend that can match them."""

from __future__ import annotations

import uuid
from unittest import mock

import pytest

from remote_store import Backend, Capability, CapabilitySet, InvalidPath, Store, glob_files
from remote_store.backends import MemoryBackend

FILES = ["e", "up", "a/y.txt", "a/b/x.txt", "a/b/c/z.csv"]


class WithoutGlob(MemoryBackend):
    """Can list, but not match."""

    @property
    def capabilities(self) -> CapabilitySet:
        return CapabilitySet(set(super().capabilities) - {Capability.GLOB})

    def glob(self, pattern):
        raise AssertionError("must not be asked")


@pytest.fixture(params=["the backend matches", "the store lists"])
def files(request: pytest.FixtureRequest, backend: Backend) -> Store:
    if request.param == "the store lists":
        backend = WithoutGlob()
    store = Store(backend, f"glob-{uuid.uuid4().hex}")
    for path in FILES:
        store.write(path, b"")
    return store


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["e", "up"]),
        ("**", FILES),
        ("a/*", ["a/y.txt"]),
        ("a/**", ["a/b/c/z.csv", "a/b/x.txt", "a/y.txt"]),
        ("**/*.txt", ["a/b/x.txt", "a/y.txt"]),
        ("a/?.txt", ["a/y.txt"]),
        ("a/[xy].txt", ["a/y.txt"]),
        ("a/b/x.txt", ["a/b/x.txt"]),
        ("a/**/x.txt", ["a/b/x.txt"]),
        ("*/*/*", ["a/b/x.txt"]),
        ("**/b/*", ["a/b/x.txt"]),
        ("nope/*", []),
        ("", []),
    ],
)
def test_a_pattern_finds(files: Store, pattern: str, found: list[str]) -> None:
    assert sorted(str(info.path) for info in glob_files(files, pattern)) == sorted(found)


def test_a_pattern_that_leaves_the_root_is_refused(files: Store) -> None:
    with pytest.raises(InvalidPath):
        list(glob_files(files, "../*"))


@pytest.mark.parametrize(("pattern", "meant"), [("a/**.txt", "**/*.txt"), ("a**", "**/a*")])
def test_two_stars_in_a_longer_segment_are_refused_before_files_are_left_out(
    files: Store, pattern: str, meant: str
) -> None:
    with pytest.raises(ValueError, match="must be a complete segment of a pattern") as caught:
        list(glob_files(files, pattern))
    assert f"write '{meant}' to cross folders" in str(caught.value)


@pytest.mark.parametrize("pattern", [3, None, b"*"])
def test_a_pattern_of_a_store_is_text(memory: Store, pattern: object) -> None:
    with pytest.raises(TypeError, match=f"pattern must be a str, got {type(pattern).__name__}"):
        list(memory.glob(pattern))  # type: ignore[arg-type]


def test_a_pattern_is_text(memory: Store) -> None:
    with pytest.raises(TypeError, match="pattern must be a str, got int"):
        list(glob_files(memory, 3))  # type: ignore[arg-type]


def test_only_the_folders_that_a_pattern_reaches_are_listed() -> None:
    store = mock.MagicMock(spec=Store)
    store.supports.return_value = False
    store.list_files.return_value = []
    for pattern in ("a/*", "a/*/c/*", "a/**"):
        assert list(glob_files(store, pattern)) == []
    assert store.list_files.mock_calls == [
        mock.call("a", recursive=False),
        mock.call("a", recursive=True, max_depth=2),
        mock.call("a", recursive=True, max_depth=None),
    ]
