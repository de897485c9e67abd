"""Listing, deleting, copying and moving."""

from __future__ import annotations

import pytest

from remote_store import (
    AlreadyExists,
    Capability,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    Store,
)
from remote_store.testing._base import ON_ROOT, SuiteBase

__all__ = ["ArrangingSuite"]

_TREE = ("a", "b/1", "b/2", "b/c/3", "bb/4", "d/e/f/5")


class ArrangingSuite(SuiteBase):
    """Files are found, and end up where they are sent."""

    def _tree(self, store: Store) -> None:
        for path in _TREE:
            self.put(store, path, path.encode())

    def test_everything_below_is_listed_once(self, store: Store) -> None:
        self.need(store, Capability.LIST)
        self._tree(store)
        assert sorted(str(info.path) for info in store.list_files("", recursive=True)) == list(_TREE)
        assert sorted(str(info.path) for info in store.list_files("b", recursive=True)) == [
            "b/1",
            "b/2",
            "b/c/3",
        ]

    def test_one_level_has_files_and_folders(self, store: Store) -> None:
        self.need(store, Capability.LIST)
        self._tree(store)
        assert [str(info.path) for info in store.list_files("b")] == ["b/1", "b/2"]
        assert sorted(str(entry.path) for entry in store.list_folders("")) == ["b", "bb", "d"]
        assert sorted(str(entry.path) for entry in store.iter_children("b")) == ["b/1", "b/2", "b/c"]

    def test_depth_and_pattern_narrow_a_listing(self, store: Store) -> None:
        self.need(store, Capability.LIST)
        self._tree(store)
        shallow = store.list_files("", recursive=True, max_depth=1)
        assert sorted(str(info.path) for info in shallow) == ["a", "b/1", "b/2", "bb/4"]
        named = store.list_files("", recursive=True, pattern="[1-3]")
        assert sorted(info.name for info in named) == ["1", "2", "3"]
        with pytest.raises(ValueError, match="max_depth"):
            list(store.list_files("", max_depth=-1))

    def test_a_missing_folder_lists_nothing(self, store: Store) -> None:
        self.need(store, Capability.LIST)
        assert list(store.list_files("absent", recursive=True)) == []
        assert list(store.list_folders("absent")) == []

    def test_a_pattern_finds_across_folders(self, store: Store) -> None:
        self.need(store, Capability.GLOB)
        self._tree(store)
        assert sorted(str(info.path) for info in store.glob("b/*")) == ["b/1", "b/2"]
        assert sorted(str(info.path) for info in store.glob("**/[35]")) == ["b/c/3", "d/e/f/5"]

    def test_a_folder_is_counted(self, store: Store) -> None:
        self.need(store, Capability.METADATA, Capability.LIST)
        self._tree(store)
        info = store.get_folder_info("b")
        assert (info.file_count, info.total_size) == (3, len("b/1") + len("b/2") + len("b/c/3"))
        with pytest.raises(NotFound, match="Folder not found"):
            store.get_folder_info("absent")

    def test_a_file_is_deleted(self, store: Store) -> None:
        self.need(store, Capability.DELETE)
        self._tree(store)
        store.delete("b/1")
        assert (store.exists("b/1"), store.exists("b/2")) == (False, True)
        with pytest.raises(NotFound):
            store.delete("b/1")
        store.delete("b/1", missing_ok=True)

    @pytest.mark.parametrize("path", ON_ROOT)
    def test_the_root_is_not_deleted(self, store: Store, path: str) -> None:
        self.need(store, Capability.DELETE)
        self._tree(store)
        with pytest.raises(InvalidPath, match="Cannot delete the store root"):
            store.delete_folder(path, recursive=True)
        assert store.exists("a")

    def test_a_folder_is_deleted_with_what_it_holds_and_nothing_else(self, store: Store) -> None:
        self.need(store, Capability.DELETE, Capability.LIST)
        self._tree(store)
        with pytest.raises(DirectoryNotEmpty):
            store.delete_folder("b")
        store.delete_folder("b", recursive=True)
        assert sorted(str(info.path) for info in store.list_files("", recursive=True)) == [
            "a",
            "bb/4",
            "d/e/f/5",
        ]
        with pytest.raises(NotFound):
            store.delete_folder("b", recursive=True)
        store.delete_folder("b", recursive=True, missing_ok=True)

    @pytest.mark.parametrize("operation", ["copy", "move"])
    def test_a_file_arrives_whole(self, store: Store, operation: str) -> None:
        self._need_transfer(store, operation)
        self._tree(store)
        getattr(store, operation)("b/1", "new/place")
        assert store.read_bytes("new/place") == b"b/1"
        assert store.exists("b/1") == (operation == "copy")

    @pytest.mark.parametrize("operation", ["copy", "move"])
    def test_nothing_is_replaced_unasked(self, store: Store, operation: str) -> None:
        self._need_transfer(store, operation)
        self._tree(store)
        with pytest.raises(AlreadyExists):
            getattr(store, operation)("b/1", "b/2")
        assert (store.read_bytes("b/1"), store.read_bytes("b/2")) == (b"b/1", b"b/2")
        getattr(store, operation)("b/1", "b/2", overwrite=True)
        assert store.read_bytes("b/2") == b"b/1"

    @pytest.mark.parametrize("operation", ["copy", "move"])
    def test_a_file_on_itself_stays(self, store: Store, operation: str) -> None:
        self._need_transfer(store, operation)
        self._tree(store)
        getattr(store, operation)("a", "a")
        getattr(store, operation)("a", "./a", overwrite=True)
        assert store.read_bytes("a") == b"a"

    @pytest.mark.parametrize("operation", ["copy", "move"])
    def test_a_missing_source_is_named(self, store: Store, operation: str) -> None:
        self._need_transfer(store, operation)
        with pytest.raises(NotFound, match=r"Source not found: .*absent"):
            getattr(store, operation)("absent", "new")
        assert not store.exists("new")

    def _need_transfer(self, store: Store, operation: str) -> None:
        self.need(store, Capability[operation.upper()], Capability.READ)
