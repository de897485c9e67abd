"""Writing: all or nothing, and never over what is there unless that is asked for."""

from __future__ import annotations

import io
import threading
from typing import Any, BinaryIO, cast

import pytest

from remote_store import AlreadyExists, Capability, InvalidPath, Store
from remote_store.testing._base import ON_ROOT, SuiteBase

__all__ = ["WritingSuite"]

_RACERS = 8
# More than one part of a multipart upload.
_PARTS = 12 * 1024 * 1024
_NAMES = (
    "with space",
    "plus+and&amp",
    "percent%20",
    "hash#1",
    "question?",
    "brackets[*]",
    "tilde~",
    "colon:quote'\"",
    "umlaut-ü",
    "emoji-\N{SNOWMAN}",
    "dots..in.name",
    ".hidden",
    "n" * 200,
)


class WritingSuite(SuiteBase):
    """What is written appears whole or not at all."""

    def test_a_write_tells_what_it_wrote(self, store: Store) -> None:
        self.need(store, Capability.WRITE)
        result = store.write("folder/file", b"12345")
        assert (str(result.path), result.size) == ("folder/file", 5)

    def test_a_file_is_not_replaced_unasked(self, store: Store) -> None:
        self.need(store, Capability.WRITE, Capability.READ)
        store.write("file", b"old")
        with pytest.raises(AlreadyExists, match=r"File already exists: .*file"):
            store.write("file", b"new")
        assert store.read_bytes("file") == b"old"
        store.write("file", b"new", overwrite=True)
        assert store.read_bytes("file") == b"new"

    def test_a_stream_is_written_from_where_it_stands(self, store: Store) -> None:
        self.need(store, Capability.WRITE, Capability.READ)
        stream = io.BytesIO(b"skipped, written")
        stream.seek(9)
        store.write("file", stream)
        assert store.read_bytes("file") == b"written"

    def test_bytes_of_every_kind_are_written_and_text_is_not(self, store: Store) -> None:
        self.need(store, Capability.WRITE, Capability.READ)
        for content in (b"1", bytearray(b"1"), memoryview(b"1")):
            store.write("file", content, overwrite=True)  # type: ignore[arg-type]
            assert store.read_bytes("file") == b"1"
        text: Any = "1"
        with pytest.raises(TypeError, match="write_text"):
            store.write("text", text)
        assert not store.exists("text")

    @pytest.mark.parametrize("name", _NAMES)
    def test_names_are_kept_as_they_are(self, store: Store, name: str) -> None:
        self.need(store, Capability.WRITE, Capability.READ)
        store.write(f"folder/{name}", b"1")
        assert store.read_bytes(f"folder/{name}") == b"1"
        if store.supports(Capability.LIST):
            assert [info.name for info in store.list_files("folder")] == [name]

    @pytest.mark.parametrize("path", ON_ROOT)
    def test_the_root_is_not_written(self, store: Store, path: str) -> None:
        self.need(store, Capability.WRITE)
        with pytest.raises(InvalidPath):
            store.write(path, b"1")

    @pytest.mark.parametrize("path", ["../outside", "a/../../outside"])
    def test_nothing_outside_the_root_is_written(self, store: Store, path: str) -> None:
        self.need(store, Capability.WRITE)
        with pytest.raises(InvalidPath):
            store.write(path, b"1")

    def test_a_stream_that_breaks_leaves_the_old_file(self, store: Store) -> None:
        self.need(store, Capability.ATOMIC_WRITE, Capability.READ)
        store.write("folder/file", b"old")
        with pytest.raises(ConnectionResetError):
            store.write_atomic("folder/file", _breaking(_PARTS), overwrite=True)
        with pytest.raises(ConnectionResetError):
            store.write_atomic("folder/other", _breaking(_PARTS))
        assert store.read_bytes("folder/file") == b"old"
        self._only(store, "folder/file")

    def test_an_open_file_appears_when_its_block_ends(self, store: Store) -> None:
        self.need(store, Capability.ATOMIC_WRITE, Capability.READ)
        with store.open_atomic("folder/file") as file:
            file.write(b"first ")
            file.write(b"second")
            assert not store.exists("folder/file")
        assert store.read_bytes("folder/file") == b"first second"

    def test_a_block_that_fails_leaves_nothing(self, store: Store) -> None:
        self.need(store, Capability.ATOMIC_WRITE, Capability.READ)
        store.write("folder/file", b"old")
        with pytest.raises(ZeroDivisionError), store.open_atomic("folder/file", overwrite=True) as file:
            file.write(b"new" * 1000)
            raise ZeroDivisionError
        assert store.read_bytes("folder/file") == b"old"
        self._only(store, "folder/file")

    def test_an_open_file_does_not_replace_unasked(self, store: Store) -> None:
        self.need(store, Capability.ATOMIC_WRITE, Capability.READ)
        store.write("file", b"old")
        with pytest.raises(AlreadyExists), store.open_atomic("file") as file:
            file.write(b"new")
        assert store.read_bytes("file") == b"old"

    def test_user_metadata_comes_back(self, store: Store) -> None:
        self.need(store, Capability.WRITE, Capability.USER_METADATA, Capability.METADATA)
        store.write("file", b"1", metadata={"team": "pricing", "run-id": "42"})
        assert store.get_file_info("file").metadata == {"team": "pricing", "run-id": "42"}

    @pytest.mark.parametrize("size", [1000, _PARTS], ids=["small", "in-parts"])
    def test_of_many_creators_one_wins(self, store: Store, size: int) -> None:
        self.need(store, Capability.WRITE, Capability.READ)
        if not self.creates_atomically:
            pytest.skip("the suite says that this storage cannot create atomically")
        contents = [bytes([number]) * size for number in range(_RACERS)]
        won: list[int] = []
        lost: list[AlreadyExists] = []
        together = threading.Barrier(_RACERS)

        def create(number: int) -> None:
            together.wait()
            try:
                store.write("raced", contents[number])
            except AlreadyExists as error:
                lost.append(error)
            else:
                won.append(number)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(_RACERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(won), len(lost)) == (1, _RACERS - 1)
        assert store.read_bytes("raced") == contents[won[0]]

    def _only(self, store: Store, path: str) -> None:
        """Nothing but this file is there: a broken write left no debris."""
        if store.supports(Capability.LIST):
            assert [str(info.path) for info in store.list_files("", recursive=True)] == [path]


def _breaking(length: int) -> BinaryIO:
    return cast("BinaryIO", _Breaking(length))


class _Breaking(io.RawIOBase):
    """A stream that breaks after so many bytes."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self._left = length

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._left <= 0:
            raise ConnectionResetError("the source is gone")
        length = min(self._left, size if size > 0 else 1 << 20)
        self._left -= length
        return b"x" * length
