"""Files between stores and the local disk, and writes that tell their checksum."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import threading
from pathlib import Path
from unittest import mock

import pytest

from remote_store import (
    AlreadyExists,
    Capability,
    CapabilityNotSupported,
    ContentDigest,
    HashingAtomicWriter,
    InvalidPath,
    NotFound,
    ProxyStore,
    RemotePath,
    Store,
    WriteResult,
    download,
    open_atomic_with_hash,
    transfer,
    upload,
    write_with_hash,
)
from remote_store.backends import LocalBackend

CONTENT = bytes(range(256)) * 12_000


class Interrupted(Exception):
    """What a callback raises."""


def interrupt(_: int) -> None:
    raise Interrupted


def sha256(data: bytes) -> ContentDigest:
    return ContentDigest("sha256", hashlib.sha256(data).hexdigest())


def test_a_file_goes_up_and_comes_down_with_progress(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    up: list[int] = []
    down: list[int] = []
    upload(store, tmp_path / "f", "u/f", on_progress=up.append)
    download(store, "u/f", str(tmp_path / "g"), on_progress=down.append)
    assert (tmp_path / "g").read_bytes() == store.read_bytes("u/f") == CONTENT
    assert sum(up) == sum(down) == len(CONTENT)
    assert len(down) > 1


def test_an_empty_file_is_a_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"")
    upload(store, tmp_path / "f", "f")
    lengths: list[int] = []
    download(store, RemotePath("f"), tmp_path / "g", on_progress=lengths.append)
    assert (tmp_path / "g").read_bytes() == b""
    assert lengths == []


class TestUploading:
    def test_an_existing_object_is_kept_unless_told(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"new")
        store.write("f", b"old")
        with pytest.raises(AlreadyExists):
            upload(store, tmp_path / "f", "f")
        assert store.read_bytes("f") == b"old"
        upload(store, tmp_path / "f", "f", overwrite=True)
        assert store.read_bytes("f") == b"new"

    def test_an_error_on_the_way_leaves_nothing(self, store: Store, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(CONTENT)
        with pytest.raises(Interrupted):
            upload(store, tmp_path / "f", "f", on_progress=interrupt)
        assert list(store.list_files("", recursive=True)) == []

    def test_what_is_no_local_file_is_named(self, memory: Store, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="nope"):
            upload(memory, tmp_path / "nope", "f")
        with pytest.raises(IsADirectoryError):
            upload(memory, tmp_path, "f")
        with pytest.raises(TypeError):
            upload(memory, 3, "f")  # type: ignore[arg-type]

    def test_a_mocked_store_gets_the_open_file(self, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"abc")
        store = mock.MagicMock(spec=Store)
        upload(store, tmp_path / "f", "z")
        store.write.assert_called_once_with("z", mock.ANY, overwrite=False)
        assert store.write.call_args.args[1].name == str(tmp_path / "f")


class TestDownloading:
    @pytest.fixture
    def full(self, memory: Store) -> Store:
        memory.write("f", CONTENT)
        return memory

    def test_an_existing_file_is_kept_unless_told(self, full: Store, tmp_path: Path) -> None:
        target = tmp_path / "f"
        target.write_bytes(b"old")
        target.chmod(0o640)
        with pytest.raises(FileExistsError, match=r"Local file already exists: .*f"):
            download(full, "f", target)
        assert target.read_bytes() == b"old"
        download(full, "f", target, overwrite=True)
        assert target.read_bytes() == CONTENT
        assert stat.S_IMODE(target.stat().st_mode) == 0o640

    @pytest.mark.parametrize("old", [None, b"old"])
    def test_an_error_on_the_way_leaves_what_was_there(self, full: Store, tmp_path: Path, old) -> None:
        target = tmp_path / "f"
        if old is not None:
            target.write_bytes(old)
        with pytest.raises(Interrupted):
            download(full, "f", target, overwrite=True, on_progress=interrupt)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if old is None else [old])

    def test_the_name_is_taken_only_when_all_is_there(self, full: Store, tmp_path: Path) -> None:
        target = tmp_path / "f"
        seen: list[bool] = []
        download(full, "f", target, on_progress=lambda _: seen.append(target.exists()))
        assert seen
        assert not any(seen)

    def test_a_file_that_another_process_made_meanwhile_is_kept(self, full: Store, tmp_path: Path) -> None:
        target = tmp_path / "f"
        with pytest.raises(FileExistsError, match="Local file already exists"):
            download(full, "f", target, on_progress=lambda _: target.write_bytes(b"theirs"))
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"theirs"]

    def test_a_link_stays_one(self, full: Store, tmp_path: Path) -> None:
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to("real")
        download(full, "f", tmp_path / "link", overwrite=True)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == CONTENT

    def test_a_pipe_is_written_to(self, memory: Store, tmp_path: Path) -> None:
        memory.write("f", b"abc")
        os.mkfifo(tmp_path / "pipe")
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
        reader.start()
        download(memory, "f", tmp_path / "pipe", overwrite=True)
        reader.join()
        assert got == [b"abc"]

    def test_a_new_file_has_the_usual_permissions(self, full: Store, tmp_path: Path) -> None:
        download(full, "f", tmp_path / "f")
        (tmp_path / "usual").write_bytes(b"")
        assert (tmp_path / "f").stat().st_mode == (tmp_path / "usual").stat().st_mode

    def test_what_cannot_be_written_is_named(self, full: Store, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError) as missing:
            download(full, "f", tmp_path / "nope" / "f")
        assert missing.value.filename == str(tmp_path / "nope" / "f")
        with pytest.raises(IsADirectoryError) as folder:
            download(full, "f", tmp_path, overwrite=True)
        assert (folder.value.errno, folder.value.filename) == (errno.EISDIR, str(tmp_path))
        with pytest.raises(FileExistsError):
            download(full, "f", tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_what_is_not_in_the_store_leaves_no_file(self, full: Store, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            download(full, "zz", tmp_path / "f")
        with pytest.raises(InvalidPath):
            download(full, "", tmp_path / "f")
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_without_links_will_do(self, full: Store, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setattr(os, "link", mock.Mock(side_effect=PermissionError("no links here")))
        download(full, "f", tmp_path / "f")
        assert [path.name for path in tmp_path.iterdir()] == ["f"]


class TestTransfer:
    def test_a_file_goes_from_store_to_store(self, store: Store, tmp_path: Path) -> None:
        other = Store(LocalBackend(tmp_path / "other"))
        store.write("a", CONTENT)
        lengths: list[int] = []
        transfer(store, "a", other, "x/y", on_progress=lengths.append)
        transfer(other, "x/y", store, "back")
        assert other.read_bytes("x/y") == store.read_bytes("back") == CONTENT
        assert sum(lengths) == len(CONTENT)

    def test_errors_are_those_of_the_stores(self, store: Store, memory: Store) -> None:
        store.write("a", b"1")
        memory.write("taken", b"2")
        with pytest.raises(AlreadyExists):
            transfer(store, "a", memory, "taken")
        with pytest.raises(NotFound):
            transfer(store, "zz", memory, "b")
        with pytest.raises(Interrupted):
            transfer(store, "a", memory, "taken", overwrite=True, on_progress=interrupt)
        assert memory.read_bytes("taken") == b"2"
        assert not memory.exists("b")

    def test_onto_itself_changes_nothing(self, store: Store) -> None:
        store.write("a", CONTENT)
        transfer(store, "a", store, "a", overwrite=True)
        assert store.read_bytes("a") == CONTENT


class TestWritingWithAHash:
    @pytest.mark.parametrize("make", [bytes, bytearray, memoryview, io.BytesIO])
    def test_the_checksum_comes_with_the_result(self, store: Store, make) -> None:
        result = write_with_hash(store, "a", make(CONTENT))
        assert (result.path, result.size, result.digest) == (RemotePath("a"), len(CONTENT), sha256(CONTENT))
        assert store.read_bytes("a") == CONTENT

    def test_options_are_passed_on(self, memory: Store) -> None:
        write_with_hash(memory, "a", b"1")
        with pytest.raises(AlreadyExists):
            write_with_hash(memory, "a", b"2")
        result = write_with_hash(memory, "a", b"2", algorithm="MD5", overwrite=True, metadata={"k": "v"})
        assert result.digest == ContentDigest("md5", hashlib.md5(b"2").hexdigest())  # noqa: S324
        assert memory.get_file_info("a").metadata == {"k": "v"}

    def test_bad_input_writes_nothing(self, memory: Store) -> None:
        with pytest.raises(ValueError, match="unsupported hash type nope"):
            write_with_hash(memory, "a", b"1", algorithm="nope")
        with pytest.raises(TypeError, match="got str; encode it first"):
            write_with_hash(memory, "a", "text")  # type: ignore[arg-type]
        with (
            pytest.raises(ValueError, match="unsupported hash type nope"),
            open_atomic_with_hash(memory, "a", algorithm="nope"),
        ):
            pass
        assert not memory.exists("a")

    def test_a_stream_is_handed_on_as_it_is_read(self) -> None:
        store = mock.MagicMock(spec=Store)
        store.write.return_value = WriteResult(RemotePath("a"), 3)
        write_with_hash(store, "a", io.BytesIO(b"abc"))
        store.write.assert_called_once_with("a", mock.ANY, overwrite=False, metadata=None)


class TestOpeningWithAHash:
    @pytest.mark.parametrize("metadata", [None, {"k": "v"}])
    def test_the_result_is_there_after_the_block(self, store: Store, metadata) -> None:
        if metadata and not store.supports(Capability.USER_METADATA):
            with (
                pytest.raises(CapabilityNotSupported),
                open_atomic_with_hash(store, "a", metadata=metadata) as file,
            ):
                file.write(b"abc")
            assert not store.exists("a")
            return
        with open_atomic_with_hash(store, "a", metadata=metadata) as file:
            assert isinstance(file, HashingAtomicWriter)
            file.write(b"abc")
            file.writelines([b"d", bytearray(b"e")])
            assert (file.result, store.exists("a")) == (None, False)
        assert file.result is not None
        assert (file.result.path, file.result.size, file.result.digest) == (
            RemotePath("a"),
            5,
            sha256(b"abcde"),
        )
        assert store.read_bytes("a") == b"abcde"
        assert (store.get_file_info("a").metadata or None) == metadata

    def begin_and_fail(self, store: Store, metadata, results: list[HashingAtomicWriter]) -> None:
        with open_atomic_with_hash(store, "a", metadata=metadata) as file:
            results.append(file)
            file.write(CONTENT)
            raise Interrupted

    @pytest.mark.parametrize("metadata", [None, {"k": "v"}])
    @pytest.mark.parametrize("wrapped", [False, True])
    def test_an_error_in_the_block_leaves_nothing(self, memory: Store, metadata, wrapped: bool) -> None:
        store = ProxyStore(memory) if wrapped else memory
        results: list[HashingAtomicWriter] = []
        with pytest.raises(Interrupted):
            self.begin_and_fail(store, metadata, results)
        assert results[0].result is None
        assert not memory.exists("a")

    def test_a_wrapped_store_is_given_the_metadata(self, memory: Store) -> None:
        with open_atomic_with_hash(ProxyStore(memory), "a", metadata={"k": "v"}) as file:
            file.write(b"abc")
        assert memory.get_file_info("a").metadata == {"k": "v"}

    def test_an_existing_file_is_kept_unless_told(self, memory: Store) -> None:
        memory.write("a", b"old")
        with pytest.raises(AlreadyExists), open_atomic_with_hash(memory, "a") as file:
            file.write(b"new")
        assert memory.read_bytes("a") == b"old"
        with open_atomic_with_hash(memory, "a", overwrite=True) as file:
            file.write(b"new")
        assert memory.read_bytes("a") == b"new"
