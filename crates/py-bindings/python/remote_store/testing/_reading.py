"""Reading, and looking at what is there."""

from __future__ import annotations

import pytest

from remote_store import Capability, InvalidPath, NotFound, RemoteStoreError, Store
from remote_store.testing._base import ON_ROOT, SuiteBase

__all__ = ["ReadingSuite"]

_EVERY_BYTE = bytes(range(256))
# One more than what most stores send in one piece.
_LARGE = _EVERY_BYTE * 4096 + b"end"


class ReadingSuite(SuiteBase):
    """What is written is what is read."""

    @pytest.mark.parametrize(
        "content", [b"", b"1", _EVERY_BYTE, _LARGE], ids=["empty", "one", "all", "large"]
    )
    def test_a_file_is_read_as_it_was_written(self, store: Store, content: bytes) -> None:
        self.need(store, Capability.READ)
        self.put(store, "folder/file.bin", content)
        assert store.read_bytes("folder/file.bin") == content
        with store.read("folder/file.bin") as stream:
            assert stream.read(3) + stream.read() == content
            assert stream.read() == b""

    def test_a_seekable_file_seeks(self, store: Store) -> None:
        self.need(store, Capability.READ, Capability.SEEKABLE_READ)
        self.put(store, "file", _EVERY_BYTE)
        with store.read_seekable("file") as stream:
            assert stream.seek(-6, 2) == 250
            assert stream.read(2) == bytes([250, 251])
            assert stream.tell() == 252
            assert stream.seek(10) == 10
            assert stream.read(1) == bytes([10])
            stream.seek(0)
            assert stream.read() == _EVERY_BYTE

    def test_what_is_missing_is_named(self, store: Store) -> None:
        self.need(store, Capability.READ)
        with pytest.raises(NotFound, match=r"File not found: .*absent/file") as caught:
            store.read_bytes("absent/file")
        assert isinstance(caught.value, FileNotFoundError)
        assert str(caught.value.path).endswith("absent/file")
        with pytest.raises(NotFound), store.read("absent/file") as stream:
            stream.read()

    def test_a_missing_file_has_no_description(self, store: Store) -> None:
        self.need(store, Capability.METADATA)
        with pytest.raises(NotFound):
            store.get_file_info("absent")
        with pytest.raises(NotFound):
            store.head("absent")

    def test_a_file_is_described(self, store: Store) -> None:
        self.need(store, Capability.METADATA)
        self.put(store, "folder/file.bin", b"12345")
        info = store.get_file_info("folder/file.bin")
        assert (str(info.path), info.name, info.size) == ("folder/file.bin", "file.bin", 5)
        assert info.modified_at.tzinfo is not None
        assert store.head("folder/file.bin").size == 5

    def test_files_and_folders_are_told_apart(self, store: Store) -> None:
        self.need(store, Capability.READ, Capability.LIST)
        self.put(store, "folder/file", b"1")
        kinds = {
            path: (store.exists(path), store.is_file(path), store.is_folder(path)) for path in _LOOKED_AT
        }
        assert kinds == _LOOKED_AT

    def test_a_folder_is_no_file(self, store: Store) -> None:
        self.need(store, Capability.READ, Capability.LIST)
        self.put(store, "folder/file", b"1")
        with pytest.raises((NotFound, InvalidPath)):
            store.read_bytes("folder")

    @pytest.mark.parametrize("path", ON_ROOT)
    def test_the_root_is_no_file(self, store: Store, path: str) -> None:
        self.need(store, Capability.READ)
        with pytest.raises(InvalidPath, match="must not be empty or root"):
            store.read_bytes(path)

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "a/..", "..", "a\0b", "a\\..\\..\\x"])
    def test_no_path_leaves_the_root(self, store: Store, path: str) -> None:
        self.need(store, Capability.READ)
        with pytest.raises(InvalidPath):
            store.read_bytes(path)
        with pytest.raises(InvalidPath):
            store.exists(path)

    def test_names_lead_to_the_place_and_back(self, store: Store) -> None:
        assert store.to_key(store.native_path("folder/file")) == "folder/file"

    def test_a_closed_backend_says_so(self, store: Store) -> None:
        self.need(store, Capability.READ)
        backend = self.make_backend()
        closed = Store(backend)
        closed.close()
        closed.close()
        with pytest.raises(RemoteStoreError):
            closed.read_bytes("absent")


_LOOKED_AT = {
    "": (True, False, True),
    "folder": (True, False, True),
    "folder/file": (True, True, False),
    "folder/absent": (False, False, False),
    "fold": (False, False, False),
}
