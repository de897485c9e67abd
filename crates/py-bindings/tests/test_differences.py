"""What differs from the pure-Python package on a disk and on S3, as docs/migrating.md tells it."""

from __future__ import annotations

import importlib.metadata
import io
import os
import sys
import uuid
from pathlib import Path

import pytest

from conftest import S3_ENDPOINT, s3_backend
from remote_store import InvalidPath, NotFound, Store
from remote_store.backends import LocalBackend

needs_s3 = pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server runs (cargo xtask servers start)")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def folder(root: Path) -> Store:
    return Store(LocalBackend(root))


@pytest.fixture
def bucket() -> Store:
    return Store(s3_backend(), f"differences-{uuid.uuid4().hex}")


def names(store: Store) -> list[str]:
    return sorted(str(info.path) for info in store.list_files("", recursive=True))


def test_the_guide_names_the_version() -> None:
    guide = Path(__file__).parents[3].joinpath("docs/migrating.md").read_text(encoding="utf-8")
    assert f"**The version is {importlib.metadata.version('remote-store')}.**" in guide


def test_a_stream_is_no_file_of_the_operating_system(folder: Store) -> None:
    folder.write("a", b"1")
    with folder.read("a") as file:
        assert not hasattr(file, "name")
        assert not hasattr(file, "mode")
        with pytest.raises(io.UnsupportedOperation):
            file.fileno()


def test_a_folder_is_made_by_the_first_write(root: Path, folder: Store) -> None:
    folder.ping()
    assert not root.exists()
    folder.write("a", b"1")
    assert root.is_dir()


def test_links_special_files_and_names_without_utf8_are_not_listed(root: Path, folder: Store) -> None:
    folder.write("d/f", b"1")
    (root / "inside").symlink_to("d")
    (root / "outside").symlink_to(root.parent)
    os.mkfifo(root / "pipe")
    if sys.platform == "linux":
        Path(os.fsdecode(os.fsencode(root) + b"/bad\xff")).write_bytes(b"")
    assert names(folder) == ["d/f"]
    assert [str(entry.path) for entry in folder.list_folders("")] == ["d"]
    assert folder.read_bytes("inside/f") == b"1"
    assert not folder.is_file("outside")
    assert not folder.exists("pipe")
    with pytest.raises(UnicodeEncodeError):
        folder.exists("\ud800")


def test_names_that_cannot_be_are_refused(folder: Store) -> None:
    for name in (".remote-store-staged-x", "x" * 256):
        with pytest.raises(InvalidPath):
            folder.write(name, b"1")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_an_error_of_the_listing(root: Path, folder: Store) -> None:
    folder.write("closed/f", b"1")
    (root / "closed").chmod(0)
    try:
        with pytest.raises(PermissionError):
            names(folder)
    finally:
        (root / "closed").chmod(0o700)


def test_slashes_around_a_pattern_do_not_count_and_two_stars_find_files(folder: Store) -> None:
    folder.write("d/f", b"1")
    for pattern in ("d/**", "/d/*", "d/*/", "**"):
        assert [str(info.path) for info in folder.glob(pattern)] == ["d/f"]


@needs_s3
def test_on_s3_a_folder_is_a_missing_file(bucket: Store) -> None:
    bucket.write("d/f", b"1")
    for path in ("d", "none"):
        with pytest.raises(NotFound, match=r"^File not found: "):
            bucket.read_bytes(path)
    assert list(bucket.list_files("d/f")) == []


@needs_s3
def test_on_s3_a_write_has_no_checksum_and_no_time_and_a_name_no_tab(bucket: Store) -> None:
    written = bucket.write("f.txt", b"1")
    assert (written.digest, written.last_modified) == (None, None)
    info = bucket.get_file_info("f.txt")
    assert info.digest is None
    assert info.content_type == "text/plain; charset=utf-8"
    with pytest.raises(InvalidPath):
        bucket.write("a\tb", b"1")


@needs_s3
def test_on_s3_the_error_of_a_source_comes_out_as_it_is(bucket: Store) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise ValueError("a broken tape")

    with pytest.raises(ValueError, match=r"^a broken tape$"):
        bucket.write("f", Broken())  # type: ignore[arg-type]
    assert not bucket.exists("f")
