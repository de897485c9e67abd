"""Filesystems of fsspec as backends."""

import io
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from remote_store import (
    AlreadyExists,
    BackendUnavailable,
    Capability,
    CapabilityNotSupported,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    PermissionDenied,
    Registry,
    RegistryConfig,
    Secret,
    Store,
)
from remote_store.backends import FsspecBackend

SMALL_CHUNKS = 9 * 1024 * 1024


@pytest.fixture(params=["memory", "file", "dir"])
def backend(request, tmp_path):
    if request.param == "memory":
        yield FsspecBackend("memory", f"/{tmp_path.name}")
        MemoryFileSystem.store.clear()
        MemoryFileSystem.pseudo_dirs[:] = [""]
        return
    if request.param == "file":
        yield FsspecBackend("file", str(tmp_path / "files"))
        return
    inner = fsspec.filesystem("dir", path=str(tmp_path), fs=fsspec.filesystem("file"))
    yield FsspecBackend(inner, "files")


@pytest.fixture
def store(backend):
    return Store(backend, "root")


def test_what_is_written_is_read(store):
    result = store.write("a/b.txt", b"hello")
    assert (str(result.path), result.size) == ("a/b.txt", 5)
    assert store.read_bytes("a/b.txt") == b"hello"
    with store.read_seekable("a/b.txt") as file:
        file.seek(1)
        assert (file.read(3), file.tell()) == (b"ell", 4)
    info = store.get_file_info("a/b.txt")
    assert (str(info.path), info.size) == ("a/b.txt", 5)
    assert abs((datetime.now(UTC) - info.modified_at).total_seconds()) < 3600
    assert (store.exists("a"), store.is_folder("a"), store.is_file("a")) == (True, True, False)
    assert (
        store.native_path("a/b.txt").endswith("/root/a/b.txt")
        or store.native_path("a/b.txt") == "files/root/a/b.txt"
    )
    assert store.to_key(store.native_path("a/b.txt")) == "a/b.txt"


def test_readers_of_one_file_have_a_position_each(store):
    store.write("a", b"0123456789")
    with store.read("a") as one, store.read("a") as other:
        assert (one.read(4), other.read(2), one.read(2)) == (b"0123", b"01", b"45")


def test_large_content_goes_out_of_a_file(store):
    content = bytes(range(256)) * (SMALL_CHUNKS // 256)
    store.write("a", io.BytesIO(content))
    assert store.read_bytes("a") == content


def test_create_refuses_a_taken_name_and_overwrite_replaces(store):
    store.write("a", b"1")
    with pytest.raises(AlreadyExists, match="File already exists: root/a"):
        store.write("a", b"2")
    with pytest.raises(AlreadyExists), store.open_atomic("a") as file:
        file.write(b"3")
    assert store.read_bytes("a") == b"1"
    store.write("a", b"4", overwrite=True)
    assert store.read_bytes("a") == b"4"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(store):
    store.write("x/a", b"old")

    class Torn(io.RawIOBase):
        def __init__(self):
            self.left = 3

        def read(self, _size=-1):
            self.left -= 1
            if not self.left:
                raise OSError("the source broke")
            return b"new"

    def broken():
        with store.open_atomic("x/a", overwrite=True) as file:
            file.write(b"new")
            raise KeyError

    with pytest.raises(OSError, match="the source broke"):
        store.write("x/a", Torn(), overwrite=True)
    with pytest.raises(KeyError):
        broken()
    with pytest.raises(TypeError, match="blocking binary file"):
        store.write("x/a", io.StringIO("text"), overwrite=True)
    assert store.read_bytes("x/a") == b"old"
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["x/a"]


def test_a_reader_sees_the_old_or_the_new_file(tmp_path):
    """What is written first is a hidden neighbour; the name changes hands in one rename."""
    seen = []

    class Watched(LocalFileSystem):
        cachable = False

        def mv(self, path1, path2, **kwargs):
            seen.append((Path(path2).read_bytes(), sorted(str(i.path) for i in store.list_files(""))))
            super().mv(path1, path2, **kwargs)

    store = Store(FsspecBackend(Watched(), str(tmp_path)))
    (tmp_path / "a").write_bytes(b"old")
    store.write("a", b"new", overwrite=True)
    assert seen == [(b"old", ["a"])]
    assert store.read_bytes("a") == b"new"


def test_a_rename_that_fails_leaves_no_debris(tmp_path):
    class Refusing(LocalFileSystem):
        cachable = False

        def mv(self, path1, path2, **kwargs):
            raise OSError("no renames today")

    store = Store(FsspecBackend(Refusing(), str(tmp_path)))
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(BackendUnavailable):
        store.write("a", b"new", overwrite=True)
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"a": b"old"}


def test_missing_things_are_typed_and_named(store):
    for call in (store.read_bytes, store.read, store.get_file_info, store.delete):
        with pytest.raises(NotFound, match=r"File not found: root/no/such"):
            call("no/such")
    with pytest.raises(NotFound, match="Folder not found"):
        store.delete_folder("no")
    with pytest.raises(NotFound, match="Source not found"):
        store.move("no", "other")
    store.delete("no", missing_ok=True)
    store.delete_folder("no", missing_ok=True)
    assert list(store.list_files("no", recursive=True)) == []
    assert not store.exists("no")


def test_files_and_folders_are_not_mixed_up(store):
    store.write("f/a", b"1")
    for call in (store.read_bytes, store.delete, store.get_file_info):
        with pytest.raises(InvalidPath, match="Not a file"):
            call("f")
    with pytest.raises(InvalidPath, match="Not a file"):
        store.write("f", b"", overwrite=True)
    with pytest.raises(InvalidPath, match="Not a folder"):
        store.delete_folder("f/a")
    with pytest.raises(InvalidPath, match="Source is a directory"):
        store.copy("f", "g")
    with pytest.raises(InvalidPath, match="Cannot write below the file"):
        store.write("f/a/b", b"")
    assert list(store.list_files("f/a")) == []
    assert not store.exists("f/a/b")


def test_listings_are_in_the_order_of_paths(store):
    for path in ("b/c", "b.txt", "b-1", "a/x/y", "a/z", "c"):
        store.write(path, path.encode())
    listed = [str(info.path) for info in store.list_files("", recursive=True)]
    assert listed == sorted(["b/c", "b.txt", "b-1", "a/x/y", "a/z", "c"])
    assert [str(info.path) for info in store.list_files("")] == ["b-1", "b.txt", "c"]
    assert [str(entry.path) for entry in store.list_folders("")] == ["a", "b"]
    assert [str(info.path) for info in store.glob("a/**")] == ["a/x/y", "a/z"]
    assert [str(info.path) for info in store.list_files("", recursive=True, max_depth=1)] == sorted(
        ["b/c", "b.txt", "b-1", "a/z", "c"]
    )
    summary = store.get_folder_info("a")
    assert (summary.file_count, summary.total_size) == (2, 8)


def test_what_others_write_is_seen(store, backend):
    assert list(store.list_files("")) == []
    Store(FsspecBackend(backend._fs, backend._base), "root").write("a", b"1")
    assert [str(info.path) for info in store.list_files("")] == ["a"]
    assert store.exists("a")


def test_copy_move_and_delete(store):
    store.write("a", b"1")
    store.copy("a", "x/b")
    store.move("x/b", "y/c")
    assert (store.read_bytes("a"), store.read_bytes("y/c")) == (b"1", b"1")
    assert not store.is_file("x/b")
    with pytest.raises(AlreadyExists, match="Destination already exists"):
        store.copy("a", "y/c")
    store.write("d", b"2")
    store.move("d", "y/c", overwrite=True)
    assert store.read_bytes("y/c") == b"2"
    store.move("a", "a")
    with pytest.raises(DirectoryNotEmpty):
        store.delete_folder("y")
    store.delete_folder("y", recursive=True)
    assert not store.exists("y")


def test_no_more_is_claimed_than_is_kept(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("in/a.txt", "hello")
    store = Store(FsspecBackend("zip", fo=str(archive)))
    assert store.read_text("in/a.txt") == "hello"
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["in/a.txt"]
    for call in (
        lambda: store.write("b", b""),
        lambda: store.delete("in/a.txt"),
        lambda: store.move("in/a.txt", "b"),
    ):
        with pytest.raises(CapabilityNotSupported):
            call()
    with pytest.raises(CapabilityNotSupported):
        FsspecBackend("zip", fo=str(archive)).write("b", b"")

    class Plain(MemoryFileSystem):
        protocol = "plain"

    plain = FsspecBackend(Plain(), "plain")
    assert plain.capabilities.supports(Capability.WRITE)
    assert not plain.capabilities.supports(Capability.ATOMIC_WRITE)
    with pytest.raises(CapabilityNotSupported):
        plain.write_atomic("a", b"")
    with pytest.raises(CapabilityNotSupported):
        plain.write("a", b"", metadata={"k": "v"})


class Failing(MemoryFileSystem):
    """Raises what it is told to, as an inner library would."""

    protocol = "failing"
    cachable = False
    raised: BaseException = OSError()

    def info(self, path, **kwargs):
        raise self.raised

    def cat_file(self, path, start=None, end=None, **kwargs):
        raise self.raised


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (PermissionError("no"), PermissionDenied),
        (TimeoutError("slow"), BackendUnavailable),
        (ConnectionResetError("gone"), BackendUnavailable),
        (RuntimeError("boom"), BackendUnavailable),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_the_filesystem_raises_is_typed_and_never_taken_for_missing(raised, expected):
    backend = FsspecBackend(Failing())
    Failing.raised = raised
    for call in (backend.exists, backend.is_file, backend.read_bytes, backend.get_file_info):
        with pytest.raises(expected):
            call("a")


def test_no_text_shows_a_storage_option():
    class Named(Failing):
        protocol = "named"

        def __init__(self, password, host):
            super().__init__(password=password, host=host)
            if host == "refused":
                raise OSError(f"login with {password} failed")

    fsspec.register_implementation("named", Named, clobber=True)
    options = {"password": Secret("hunter2!"), "host": "refused"}
    with pytest.raises(ValueError, match="cannot be set up") as caught:
        FsspecBackend("named", **options)
    backend = FsspecBackend("named", password=Secret("hunter2!"), host="h0st.example")
    Named.raised = OSError("password hunter2! refused by h0st.example")
    assert repr(backend) == "FsspecBackend('named', root='/', storage_options=['host', 'password'])"
    with pytest.raises(BackendUnavailable) as failed:
        backend.exists("a")
    for error in (caught.value, failed.value):
        texts = []
        link: BaseException | None = error
        while link is not None:
            texts.append(f"{link} {link!r}")
            link = link.__cause__ or link.__context__
        assert "hunter2" not in " ".join(texts), texts


def test_bad_options_are_told_with_the_way_out():
    with pytest.raises(ValueError, match="knows no filesystem 'nonsense'"):
        FsspecBackend("nonsense")
    with pytest.raises(TypeError, match="filesystem of fsspec, got int"):
        FsspecBackend(7)
    with pytest.raises(ValueError, match="built already"):
        FsspecBackend(MemoryFileSystem(), key="x")
    with pytest.raises(ValueError, match="try again by themselves"):
        FsspecBackend("memory", retry={"max_attempts": 2})


def test_without_fsspec_the_package_to_install_is_named():
    code = (
        "import sys; sys.modules['fsspec'] = None\n"
        "from remote_store.backends import FsspecBackend\n"
        "try: FsspecBackend('memory')\n"
        "except ModuleNotFoundError as error: assert 'pip install fsspec' in str(error), error\n"
        "else: raise AssertionError\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own text


def test_importing_the_package_does_not_import_fsspec():
    code = "import sys, remote_store.backends; assert 'fsspec' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own text


def test_the_registry_builds_one_by_its_protocol(tmp_path):
    config = RegistryConfig.from_dict(
        {
            "backends": {"lake": {"type": "fsspec:file", "options": {"root": str(tmp_path)}}},
            "stores": {"raw": {"backend": "lake", "root_path": "raw"}},
        }
    )
    with Registry(config) as registry:
        registry.get_store("raw").write("a", b"1")
    assert (tmp_path / "raw" / "a").read_bytes() == b"1"
    bad = RegistryConfig.from_dict(
        {"backends": {"x": {"type": "fsspec:"}}, "stores": {"s": {"backend": "x"}}}
    )
    with pytest.raises(ValueError, match="Unknown backend type 'fsspec:'"):
        Registry(bad).get_store("s")
