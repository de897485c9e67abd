"""What `Store` lists and tells of files and folders, on every backend at hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from remote_store import (
    Capability,
    CapabilityNotSupported,
    FileInfo,
    FolderEntry,
    InvalidPath,
    NotFound,
    RemotePath,
    Store,
)


def names(entries) -> list[str]:
    return sorted(str(entry.path) for entry in entries)


class TestListing:
    @pytest.fixture
    def tree(self, store: Store) -> Store:
        for path in ("top.txt", "a/1.csv", "a/2.txt", "a/b/3.csv", "a/b/c/4.csv"):
            store.write(path, path.encode())
        return store

    def test_files_of_a_folder(self, tree: Store) -> None:
        assert names(tree.list_files("")) == ["top.txt"]
        assert names(tree.list_files("a")) == ["a/1.csv", "a/2.txt"]

    def test_files_of_all_folders(self, tree: Store) -> None:
        assert names(tree.list_files("a", recursive=True)) == [
            "a/1.csv",
            "a/2.txt",
            "a/b/3.csv",
            "a/b/c/4.csv",
        ]

    @pytest.mark.parametrize(("depth", "count"), [(0, 2), (1, 3), (2, 4), (9, 4)])
    def test_files_to_a_depth(self, tree: Store, depth: int, count: int) -> None:
        assert len(list(tree.list_files("a", recursive=True, max_depth=depth))) == count

    def test_a_pattern_is_for_the_name(self, tree: Store) -> None:
        assert names(tree.list_files("", recursive=True, pattern="*.csv")) == [
            "a/1.csv",
            "a/b/3.csv",
            "a/b/c/4.csv",
        ]
        assert names(tree.list_files("", recursive=True, pattern="a*")) == []

    def test_folders(self, tree: Store) -> None:
        assert list(tree.list_folders("")) == [FolderEntry(RemotePath("a"), "a")]
        assert names(tree.list_folders("", max_depth=1)) == ["a", "a/b"]
        assert names(tree.list_folders("", pattern="b", max_depth=5)) == ["a/b"]

    def test_children(self, tree: Store) -> None:
        assert names(tree.iter_children("a")) == ["a/1.csv", "a/2.txt", "a/b"]

    def test_a_missing_folder_has_nothing(self, tree: Store) -> None:
        assert list(tree.list_files("nope", recursive=True)) == []
        assert list(tree.list_folders("nope")) == []
        assert list(tree.iter_children("nope")) == []

    def test_a_negative_depth_is_a_value_error(self, tree: Store) -> None:
        for listing in (
            tree.list_files("", recursive=True, max_depth=-1),
            tree.list_folders("", max_depth=-1),
        ):
            with pytest.raises(ValueError, match="max_depth"):
                next(listing)
        with pytest.raises(ValueError, match="max_depth"):
            tree.get_folder_info("", max_depth=-1)

    def test_many_files_come_once_each_and_sorted(self, store: Store) -> None:
        paths = [f"n/{number:04}" for number in range(60)]
        for path in reversed(paths):
            store.write(path, b"")
        assert [str(info.path) for info in store.list_files("n")] == paths

    def test_glob(self, tree: Store) -> None:
        if not tree.supports(Capability.GLOB):
            with pytest.raises(CapabilityNotSupported, match="Capability 'glob' is not supported"):
                list(tree.glob("*"))
            return
        assert names(tree.glob("a/*.csv")) == ["a/1.csv"]
        assert names(tree.glob("**/*.csv")) == ["a/1.csv", "a/b/3.csv", "a/b/c/4.csv"]
        assert names(tree.glob("a/**/[34].csv")) == ["a/b/3.csv", "a/b/c/4.csv"]
        assert names(tree.glob("*")) == ["top.txt"]


class TestInformation:
    def test_a_file_is_described(self, store: Store) -> None:
        store.write("a/x.csv", b"12345")
        info = store.get_file_info("a/x.csv")
        assert isinstance(info, FileInfo)
        assert (info.path, info.name, info.size) == (RemotePath("a/x.csv"), "x.csv", 5)
        assert info.modified_at.tzinfo is not None
        assert datetime(2020, 1, 1, tzinfo=UTC) < info.modified_at
        assert store.head("a/x.csv").size == 5

    def test_a_folder_is_counted(self, store: Store) -> None:
        store.write("d/a", b"12")
        store.write("d/e/b", b"345")
        info = store.get_folder_info("d")
        assert (info.path, info.name, info.file_count, info.total_size) == (RemotePath("d"), "d", 2, 5)
        assert store.get_folder_info("d", max_depth=0).file_count == 1
        assert store.get_folder_info("").file_count == 2
        with pytest.raises(NotFound, match="Folder not found"):
            store.get_folder_info("nope")

    def test_files_and_folders_are_told_apart(self, store: Store) -> None:
        store.write("d/a", b"")
        assert (store.is_file("d/a"), store.is_folder("d/a"), store.exists("d/a")) == (True, False, True)
        assert (store.is_file("d"), store.is_folder("d"), store.exists("d")) == (False, True, True)
        assert (store.is_file("q"), store.is_folder("q"), store.exists("q")) == (False, False, False)

    def test_user_metadata_comes_back(self, store: Store) -> None:
        if not store.supports(Capability.USER_METADATA):
            with pytest.raises(CapabilityNotSupported, match="user_metadata"):
                store.write("x", b"", metadata={"a": "b"})
            return
        store.write("x", b"", metadata={"owner": "ops"})
        assert dict(store.get_file_info("x").metadata or {}) == {"owner": "ops"}
        assert store.head("x").metadata == {"owner": "ops"}

    @pytest.mark.parametrize(
        "metadata", [{"": "v"}, {"_a": "v"}, {"ä": "v"}, {"a": 1}, {"a": "x" * 2048}], ids=str
    )
    def test_bad_metadata_is_a_value_error(self, memory: Store, metadata) -> None:
        with pytest.raises(ValueError, match=r"[Mm]etadata"):
            memory.write("x", b"", metadata=metadata)
        assert not memory.exists("x")

    def test_native_paths_turn_back_into_keys(self, store: Store) -> None:
        native = store.native_path("a/b c.txt")
        assert native.endswith("a/b c.txt")
        assert store.to_key(native) == "a/b c.txt"
        with pytest.raises(InvalidPath):
            store.to_key("/elsewhere/entirely")
        plan = store.resolve("a/b c.txt")
        assert (plan.key, plan.native_path, plan.backend) == ("a/b c.txt", native, store._backend.name)

    def test_ping_passes(self, store: Store) -> None:
        store.ping()
