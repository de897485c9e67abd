"""Every method of `Store`, on every backend at hand."""

from __future__ import annotations

import io
import logging
import os
import zipfile

import pytest

from remote_store import (
    AlreadyExists,
    Backend,
    BackendUnavailable,
    CapabilityNotSupported,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    RemotePath,
    Store,
    WriteResult,
)
from remote_store.backends import MemoryBackend, S3Backend


def names(entries) -> list[str]:
    return sorted(str(entry.path) for entry in entries)


class TestReadAndWrite:
    def test_what_is_written_is_read(self, store: Store) -> None:
        result = store.write("a/b.bin", b"\x00\xffdata")
        assert isinstance(result, WriteResult)
        assert (result.path, result.size) == (RemotePath("a/b.bin"), 6)
        assert result.source in {"basic", "native"}
        assert store.read_bytes("a/b.bin") == b"\x00\xffdata"

    @pytest.mark.parametrize(
        "make",
        [
            lambda: b"abc",
            lambda: bytearray(b"abc"),
            lambda: memoryview(b"xabcx")[1:4],
            lambda: io.BytesIO(b"abc"),
        ],
        ids=["bytes", "bytearray", "memoryview", "file"],
    )
    def test_bytes_like_objects_and_files_are_content(self, store: Store, make) -> None:
        assert store.write("x", make()).size == 3
        assert store.read_bytes("x") == b"abc"

    def test_a_changed_bytearray_does_not_change_what_was_written(self, store: Store) -> None:
        content = bytearray(b"abc")
        store.write("x", content)
        content[:] = b"zzz"
        assert store.read_bytes("x") == b"abc"

    def test_a_file_is_written_from_where_it_stands(self, store: Store) -> None:
        file = io.BytesIO(b"headbody")
        file.seek(4)
        store.write("x", file)
        assert store.read_bytes("x") == b"body"

    @pytest.mark.parametrize("content", ["text", 5, None, ["a"]])
    def test_what_is_not_bytes_is_a_type_error_and_writes_nothing(self, memory: Store, content) -> None:
        with pytest.raises(TypeError, match="bytes"):
            memory.write("x", content)
        assert not memory.exists("x")

    def test_a_text_file_is_a_type_error_and_writes_nothing(self, memory: Store) -> None:
        with pytest.raises(TypeError, match="binary"):
            memory.write("x", io.StringIO("text"))
        assert not memory.exists("x")

    def test_a_file_that_has_nothing_yet_does_not_cut_the_object(self, memory: Store) -> None:
        class NonBlocking(io.RawIOBase):
            parts = iter([b"begun", None])

            def read(self, size: int = -1, /) -> bytes | None:
                return next(self.parts)

        with pytest.raises(TypeError, match="read\\(\\) gave NoneType"):
            memory.write("x", NonBlocking())
        assert not memory.exists("x")

    def test_a_file_that_fails_leaves_the_old_object(self, memory: Store) -> None:
        class Failing(io.BytesIO):
            reads = 0

            def read(self, size=-1):
                self.reads += 1
                if self.reads > 1:
                    raise OSError("disk gone")
                return b"half"

        memory.write("x", b"old")
        with pytest.raises(OSError, match="disk gone"):
            memory.write("x", Failing(), overwrite=True)
        assert memory.read_bytes("x") == b"old"

    def test_a_second_write_needs_overwrite(self, store: Store) -> None:
        store.write("x", b"1")
        with pytest.raises(AlreadyExists, match="File already exists") as caught:
            store.write("x", b"2")
        assert caught.value.path is not None
        assert caught.value.path.endswith("/x")
        assert store.read_bytes("x") == b"1"
        store.write("x", b"2", overwrite=True)
        assert store.read_bytes("x") == b"2"

    def test_text_goes_through_its_encoding(self, store: Store) -> None:
        store.write_text("t", "grün", encoding="latin-1")
        assert store.read_bytes("t") == b"gr\xfcn"
        assert store.read_text("t", encoding="latin-1") == "grün"
        with pytest.raises(UnicodeDecodeError):
            store.read_text("t")
        assert store.read_text("t", errors="replace") == "gr\ufffdn"

    def test_a_missing_file_is_named_with_its_root(self, store: Store) -> None:
        with pytest.raises(NotFound, match="File not found: root/") as caught:
            store.read_bytes("no/such")
        assert isinstance(caught.value, FileNotFoundError)
        assert caught.value.backend == store._backend.name

    @pytest.mark.parametrize("path", ["", ".", "/", "./"])
    def test_the_root_is_no_file(self, store: Store, path: str) -> None:
        for call in (store.read_bytes, store.read, store.delete, store.get_file_info, store.head):
            with pytest.raises(InvalidPath, match="Path must not be empty or root for file operations"):
                call(path)
        with pytest.raises(InvalidPath, match="Path must not be empty or root for file operations"):
            store.write(path, b"")
        assert store.exists(path)
        assert store.is_folder(path)
        assert not store.is_file(path)

    @pytest.mark.parametrize("path", ["../x", "a/../../x", "a\0b"])
    def test_a_path_that_leaves_the_root_is_refused(self, store: Store, path: str) -> None:
        with pytest.raises(InvalidPath):
            store.read_bytes(path)
        with pytest.raises(InvalidPath):
            store.write(path, b"")

    def test_paths_are_text_or_remote_paths(self, memory: Store) -> None:
        memory.write(RemotePath("a/b"), b"1")
        assert memory.read_bytes("a\\b") == memory.read_bytes(RemotePath("a/b")) == b"1"
        with pytest.raises(TypeError, match="path must be a str"):
            memory.read_bytes(b"a/b")


class TestStreams:
    def test_a_file_is_read_in_parts(self, store: Store) -> None:
        content = os.urandom(3_000_000)
        store.write("x", content)
        with store.read("x") as file:
            assert file.read(10) == content[:10]
            assert file.read(1) == content[10:11]
            assert file.read() == content[11:]
            assert file.read() == b""

    def test_a_file_seeks(self, store: Store) -> None:
        content = bytes(range(256)) * 4000
        store.write("x", content)
        with store.read_seekable("x") as file:
            file.seek(-5, os.SEEK_END)
            assert file.read() == content[-5:]
            file.seek(300_000)
            assert file.read(7) == content[300_000:300_007]
            file.seek(3, os.SEEK_CUR)
            assert file.tell() == 300_010
            assert file.read(2) == content[300_010:300_012]
            file.seek(0)
            assert file.read() == content
            file.seek(10**9)
            assert file.read() == b""

    def test_seeking_before_the_start_is_a_value_error(self, memory: Store) -> None:
        memory.write("x", b"abc")
        with memory.read("x") as file, pytest.raises(ValueError, match="before the start"):
            file.seek(-10, os.SEEK_END)

    def test_a_closed_file_reads_no_more(self, memory: Store) -> None:
        memory.write("x", b"abc")
        file = memory.read("x")
        file.close()
        with pytest.raises(ValueError, match="closed"):
            file.read()

    def test_opening_a_missing_file_fails_at_once(self, store: Store) -> None:
        with pytest.raises(NotFound):
            store.read("nope")

    def test_zipfile_reads_and_writes_through_the_streams(self, memory: Store) -> None:
        with memory.open_atomic("z.zip") as out, zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a.txt", "hello")
        with memory.read_seekable("z.zip") as file, zipfile.ZipFile(file) as archive:
            assert archive.read("a.txt") == b"hello"

    def test_open_atomic_shows_nothing_before_the_end(self, store: Store) -> None:
        with store.open_atomic("x") as file:
            file.write(b"one ")
            file.write(b"two")
            assert not store.exists("x")
        assert store.read_bytes("x") == b"one two"

    def test_open_atomic_that_fails_leaves_the_old_file(self, store: Store) -> None:
        store.write("x", b"old")

        def fail() -> None:
            with store.open_atomic("x", overwrite=True) as file:
                file.write(b"new" * 1_000_000)
                raise RuntimeError("no")

        with pytest.raises(RuntimeError, match="no"):
            fail()
        assert store.read_bytes("x") == b"old"
        assert names(store.list_files("", recursive=True)) == ["x"]

    def test_open_atomic_needs_overwrite(self, store: Store) -> None:
        store.write("x", b"old")

        def write() -> None:
            with store.open_atomic("x") as file:
                file.write(b"new")

        with pytest.raises(AlreadyExists):
            write()
        assert store.read_bytes("x") == b"old"


class TestDelete:
    def test_a_deleted_file_is_gone(self, store: Store) -> None:
        store.write("x", b"")
        store.delete("x")
        assert not store.exists("x")
        with pytest.raises(NotFound, match="File not found"):
            store.delete("x")
        store.delete("x", missing_ok=True)

    def test_a_folder_goes_with_all_below_and_nothing_beside(self, store: Store) -> None:
        for path in ("bf/a", "bf/sub/b", "bf2/c", "bf.txt"):
            store.write(path, b"")
        with pytest.raises(DirectoryNotEmpty, match="Folder not empty"):
            store.delete_folder("bf")
        store.delete_folder("bf", recursive=True)
        assert names(store.list_files("", recursive=True)) == ["bf.txt", "bf2/c"]

    def test_a_missing_folder_is_an_error_unless_told(self, store: Store) -> None:
        with pytest.raises(NotFound, match="Folder not found"):
            store.delete_folder("nope", recursive=True)
        store.delete_folder("nope", recursive=True, missing_ok=True)

    def test_the_root_is_not_deleted(self, store: Store) -> None:
        with pytest.raises(InvalidPath, match="Cannot delete the store root"):
            store.delete_folder("", recursive=True)


class TestMoveAndCopy:
    def test_move_takes_the_file_away(self, store: Store) -> None:
        store.write("a", b"1")
        store.move("a", "d/b")
        assert not store.exists("a")
        assert store.read_bytes("d/b") == b"1"

    def test_copy_leaves_it(self, store: Store) -> None:
        store.write("a", b"1")
        store.copy("a", "b")
        store.write("a", b"2", overwrite=True)
        assert store.read_bytes("b") == b"1"

    @pytest.mark.parametrize("name", ["move", "copy"])
    def test_the_destination_is_kept_without_overwrite(self, store: Store, name: str) -> None:
        call = getattr(store, name)
        store.write("a", b"1")
        store.write("b", b"2")
        with pytest.raises(AlreadyExists, match="Destination already exists"):
            call("a", "b")
        assert (store.read_bytes("a"), store.read_bytes("b")) == (b"1", b"2")
        call("a", "b", overwrite=True)
        assert store.read_bytes("b") == b"1"

    @pytest.mark.parametrize("name", ["move", "copy"])
    def test_a_missing_source_is_named(self, store: Store, name: str) -> None:
        with pytest.raises(NotFound, match="Source not found"):
            getattr(store, name)("nope", "b")
        with pytest.raises(NotFound):
            getattr(store, name)("nope", "nope")

    @pytest.mark.parametrize("name", ["move", "copy"])
    def test_onto_itself_is_nothing(self, store: Store, name: str) -> None:
        store.write("a", b"1")
        getattr(store, name)("a", "./a")
        assert store.read_bytes("a") == b"1"


class TestTheStoreItself:
    def test_equality_is_backend_and_root(self, backend: Backend) -> None:
        assert Store(backend, "a") == Store(backend, "/a/")
        assert hash(Store(backend, "a")) == hash(Store(backend, "a"))
        assert Store(backend, "a") != Store(backend, "b")
        assert Store(MemoryBackend()) != Store(MemoryBackend())
        assert Store(backend) != "a"

    def test_repr(self) -> None:
        assert repr(Store(MemoryBackend())) == "Store(backend='memory', root_path='')"
        assert repr(Store(MemoryBackend(), "x/y")) == "Store(backend='memory', root_path='x/y')"

    def test_a_closed_backend_says_so(self) -> None:
        backend = S3Backend("lake", endpoint_url="http://127.0.0.1:1", key="AK", secret="SK1234567890")
        assert backend.close_is_terminal
        with Store(backend) as store:
            pass
        with pytest.raises(BackendUnavailable, match="s3 backend is closed"):
            store.read_bytes("x")

    @pytest.mark.parametrize("kind", ["memory", "local"])
    def test_where_nothing_is_held_a_closed_backend_can_be_used_on(self, make_backend, kind: str) -> None:
        backend = make_backend(kind)
        assert not backend.close_is_terminal
        with Store(backend, "a") as store:
            store.write("x", b"1")
        assert Store(backend).read_bytes("a/x") == b"1"

    def test_a_child_sees_its_folder_and_closes_nothing(self, store: Store) -> None:
        child = store.child("team/a")
        child.write("x", b"1")
        assert store.read_bytes("team/a/x") == b"1"
        assert names(child.list_files("", recursive=True)) == ["x"]
        child.close()
        assert store.read_bytes("team/a/x") == b"1"
        with pytest.raises(InvalidPath):
            store.child("../up")

    def test_calls_are_logged(self, memory: Store, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, logger="remote_store"):
            memory.write("a", b"1")
            memory.read_bytes("a")
        seen = [(r.levelname, r.op, r.path, r.backend) for r in caplog.records]
        assert seen == [
            ("DEBUG", "write", "a", "memory"),
            ("INFO", "write", "a", "memory"),
            ("DEBUG", "read_bytes", "a", "memory"),
        ]

    def test_unwrap_gives_the_backend(self) -> None:
        backend = MemoryBackend()
        assert Store(backend).unwrap(MemoryBackend) is backend
        with pytest.raises(CapabilityNotSupported):
            Store(backend).unwrap(dict)
