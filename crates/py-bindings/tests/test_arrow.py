"""A store as a file system of PyArrow, used by PyArrow, pandas and polars."""

# ruff: noqa: E402, PT012 - imports come after their guards, and what fails is the block of a stream

import io
import pickle
from datetime import UTC

import pytest

pa = pytest.importorskip("pyarrow", reason="these tests use PyArrow")
pd = pytest.importorskip("pandas", reason="these tests use pandas")
pl = pytest.importorskip("polars", reason="these tests use polars")

import pyarrow.dataset as ds
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from remote_store import (
    BackendUnavailable,
    Capability,
    NotFound,
    PermissionDenied,
    ProxyStore,
    Store,
    cache,
    observe,
)
from remote_store.backends import MemoryBackend
from remote_store.ext.arrow import StoreFileSystemHandler, pyarrow_fs

TABLE = pa.table({"id": list(range(1000)), "name": [f"n{number % 7}" for number in range(1000)]})


@pytest.fixture
def files(store):
    return pyarrow_fs(store)


def test_tables_and_datasets_are_written_and_read(store, files):
    pq.write_table(TABLE, "lake/one.parquet", filesystem=files)
    assert pq.read_table("lake/one.parquet", filesystem=files).equals(TABLE)
    assert store.is_file("lake/one.parquet")
    ds.write_dataset(
        TABLE, "hive", filesystem=files, format="parquet", partitioning=["name"], partitioning_flavor="hive"
    )
    found = ds.dataset("hive", filesystem=files, partitioning="hive")
    assert found.count_rows() == 1000
    assert found.to_table(filter=ds.field("name") == "n3").num_rows == 143
    ds.write_dataset(
        TABLE.slice(0, 5), "hive", filesystem=files, format="parquet", partitioning=["name"],
        partitioning_flavor="hive", existing_data_behavior="delete_matching",
    )  # fmt: skip
    assert ds.dataset("hive", filesystem=files, partitioning="hive").count_rows() == 5 + 143 + 142


def test_pandas_and_polars_use_it(files):
    frame = TABLE.to_pandas()
    frame.to_parquet("frame.parquet", filesystem=files)
    pd.testing.assert_frame_equal(pd.read_parquet("frame.parquet", filesystem=files), frame)
    lazy = pl.scan_pyarrow_dataset(ds.dataset("frame.parquet", filesystem=files))
    assert lazy.filter(pl.col("id") < 10).collect().height == 10
    with files.open_input_file("frame.parquet") as file:
        assert pl.read_parquet(file).height == 1000


def test_only_the_parts_that_are_needed_are_fetched(memory):
    memory.write("big", bytes(range(256)) * 4096)
    fetched = []

    class Ranges(ProxyStore):
        def read_seekable(self, path):
            file = super().read_seekable(path)
            read = file.raw.readinto

            class Raw(io.RawIOBase):
                behind = file  # closed when nothing holds it
                readable = seekable = lambda self: True
                seek, tell = file.raw.seek, file.raw.tell

                def readinto(self, buffer):
                    count = read(buffer)
                    fetched.append(count)
                    return count

            return io.BufferedReader(Raw(), 4096)

    with pyarrow_fs(Ranges(memory)).open_input_file("big") as file:
        assert file.size() == 256 * 4096
        assert file.read_at(16, 256 * 2048) == bytes(range(16))
        file.seek(256 * 4096 - 2)
        assert file.read() == b"\xfe\xff"
    assert 0 < sum(fetched) < 3 * 4096


def test_paths_are_described(store, files):
    store.write("a/b/x", b"hello")
    infos = files.get_file_info(["a", "a/b/x", "zz", "", "/a/", "/a/b/x"])
    kinds = [info.type for info in infos]
    folder, file, missing = pafs.FileType.Directory, pafs.FileType.File, pafs.FileType.NotFound
    assert kinds == [folder, file, missing, folder, folder, file]
    assert (infos[1].size, infos[1].base_name) == (5, "x")
    assert infos[1].mtime.replace(tzinfo=UTC) == store.get_file_info("a/b/x").modified_at.replace(tzinfo=UTC)


def test_folders_are_listed(store, files):
    for name in ("a/b/c/x", "a/y", "z"):
        store.write(name, b"1")

    def listed(base, **options):
        return sorted(
            (info.path, info.type.name) for info in files.get_file_info(pafs.FileSelector(base, **options))
        )

    assert listed("a") == [("a/b", "Directory"), ("a/y", "File")]
    everything = [
        ("a", "Directory"),
        ("a/b", "Directory"),
        ("a/b/c", "Directory"),
        ("a/b/c/x", "File"),
        ("a/y", "File"),
    ]
    assert listed("", recursive=True) == [*everything, ("z", "File")]
    assert listed("a", recursive=True) == everything[1:]
    assert listed("none", allow_not_found=True) == []
    with pytest.raises(FileNotFoundError, match="none"):
        listed("none")
    with pytest.raises(NotADirectoryError, match="a/y"):
        listed("a/y")


def test_an_output_appears_when_it_is_closed(store, files):
    with files.open_output_stream("out/x") as stream:
        stream.write(b"12")
        stream.write(b"345")
        assert stream.tell() == 5
        assert not store.exists("out/x")
    assert store.read_bytes("out/x") == b"12345"
    with files.open_output_stream("out/x") as stream:
        stream.write(b"new")
    assert store.read_bytes("out/x") == b"new"


@pytest.mark.parametrize("atomic", [True, False])
def test_an_output_that_fails_leaves_the_old_one(memory, atomic):
    store = memory if atomic else NoAtomic(memory)
    files = pyarrow_fs(store)
    memory.write("x", b"old")
    with pytest.raises(ZeroDivisionError), files.open_output_stream("x") as stream:
        stream.write(b"half")
        _ = 1 / 0
    assert memory.read_bytes("x") == b"old"
    stream = files.open_output_stream("x")
    stream.write(b"half")
    del stream
    assert memory.read_bytes("x") == b"old", "a stream that is dropped was not finished"
    with pytest.raises(ZeroDivisionError):
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            # An error that was there before is not the stream's.
            with files.open_output_stream("x") as stream:
                stream.write(b"report")
            raise
    assert memory.read_bytes("x") == b"report"
    broken = pa.RecordBatchReader.from_batches(TABLE.schema, failing_batches())
    with (
        pytest.raises(ValueError, match="half-way"),
        pq.ParquetWriter("x", TABLE.schema, filesystem=files) as writer,
    ):
        for batch in broken:
            writer.write_batch(batch)
    assert memory.read_bytes("x") == b"report"


def failing_batches():
    yield TABLE.to_batches()[0]
    raise ValueError("half-way")


class NoAtomic(ProxyStore):
    """Neither seeks nor writes atomically."""

    def supports(self, capability):
        return capability not in {Capability.ATOMIC_WRITE, Capability.SEEKABLE_READ} and super().supports(
            capability
        )

    def open_atomic(self, path, *, overwrite=False):
        raise AssertionError("asked for what is not supported")

    read_seekable = open_atomic


def test_a_store_that_cannot_seek_or_write_atomically_does_it_through_a_copy(memory):
    files = pyarrow_fs(NoAtomic(memory), materialization_threshold=100, write_spill_threshold=100)
    pq.write_table(TABLE, "x.parquet", filesystem=files)
    assert pq.read_table("x.parquet", filesystem=files, columns=["id"]).num_rows == 1000


def test_files_and_folders_are_changed(store, files):
    store.write("a/x", b"1")
    store.write("a/y", b"2")
    files.create_dir("new/folder")
    with pytest.raises(FileExistsError, match="a/x"):
        files.create_dir("a/x")
    files.move("a/x", "a/y")
    assert store.read_bytes("a/y") == b"1"
    files.copy_file("a/y", "b/z")
    files.delete_file("a/y")
    with pytest.raises(FileNotFoundError, match="a/y"):
        files.delete_file("a/y")
    files.delete_dir_contents("b")
    assert not store.exists("b/z")
    files.delete_dir_contents("none", missing_dir_ok=True)
    with pytest.raises(FileNotFoundError):
        files.delete_dir_contents("none")
    store.write("c/x", b"")
    files.delete_dir("c")
    assert not store.exists("c")
    for call in (lambda: files.delete_dir(""), lambda: files.delete_dir_contents("", accept_root_dir=True)):
        with pytest.raises(NotImplementedError, match="not supported"):
            call()


def test_appending_is_refused_with_the_way_out(files):
    with pytest.raises(NotImplementedError, match=r"Append is not supported.*open_output_stream"):
        files.open_append_stream("x")


def test_errors_are_those_that_pyarrow_expects(store, files):
    store.write("a/x", b"1")
    with pytest.raises(FileNotFoundError, match="File not found"):
        files.open_input_file("none")
    with pytest.raises(FileNotFoundError, match="File not found"):
        files.open_input_stream("none")
    with pytest.raises(IsADirectoryError):
        files.open_output_stream("/")
    with pytest.raises((ValueError, FileNotFoundError)):
        files.open_input_file("../x")
    for error, expected in [(PermissionDenied("no"), PermissionError), (BackendUnavailable("away"), OSError)]:
        broken = ProxyStore(store)
        broken.get_file_info = broken.read = lambda *_, error=error: (_ for _ in ()).throw(error)
        with pytest.raises(expected, match=str(error)):
            pyarrow_fs(broken).get_file_info("a/x")
        with pytest.raises(expected, match=str(error)):
            pyarrow_fs(broken).open_input_stream("a/x")


def test_two_are_equal_when_their_stores_are(memory):
    assert pyarrow_fs(memory) == pyarrow_fs(memory)
    assert pyarrow_fs(memory) != pyarrow_fs(Store(MemoryBackend()))
    assert pyarrow_fs(memory) != pafs.LocalFileSystem()
    assert pyarrow_fs(memory).type_name == "py::remote-store"
    assert len({StoreFileSystemHandler(memory), StoreFileSystemHandler(memory)}) == 1


def test_it_pickles_when_its_store_does(tmp_path):
    from remote_store.backends import LocalBackend

    store = Store(LocalBackend(str(tmp_path)), "root")
    try:
        pickle.dumps(store)
    except TypeError:
        pytest.skip("stores do not pickle in this version")
    pq.write_table(TABLE, "x.parquet", filesystem=pyarrow_fs(store))
    copy = pickle.loads(pickle.dumps(pyarrow_fs(store)))
    assert pq.read_table("x.parquet", filesystem=copy).equals(TABLE)


def test_caches_and_observers_take_part(memory):
    events = []
    store = observe(cache(memory), on_any=lambda event: events.append(event.operation))
    files = pyarrow_fs(store)
    pq.write_table(TABLE, "x.parquet", filesystem=files)
    assert pq.read_table("x.parquet", filesystem=files).equals(TABLE)
    assert {"open_atomic", "read_seekable"} <= set(events)


def test_what_makes_no_sense_is_refused(memory):
    with pytest.raises(TypeError, match="A file system needs a Store, got int"):
        pyarrow_fs(5)
    for name in ("materialization_threshold", "write_spill_threshold"):
        with pytest.raises(ValueError, match=f"{name} must not be negative, got -1"):
            pyarrow_fs(memory, **{name: -1})
    with pytest.raises(NotFound):
        memory.read_bytes("x")
