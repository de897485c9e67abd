"""Backends written in Python: what they raise, and who is told."""

import asyncio
import io
import threading

import pytest

from remote_store import (
    AlreadyExists,
    BackendUnavailable,
    Capability,
    CapabilityNotSupported,
    CapabilitySet,
    Conflict,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemoteStoreError,
    ResourceLocked,
    Store,
)
from remote_store._native import LogStore, io_manager
from remote_store._native.dataset import DatasetStore
from remote_store.aio import AsyncStore
from remote_store.backends import MemoryBackend


class Telling(MemoryBackend):
    """A backend of Python's that raises what it is told to."""

    def __init__(self):
        super().__init__()
        self.raised = None
        self.threads = set()

    def _tell(self):
        self.threads.add(threading.get_ident())
        if self.raised is not None:
            raise self.raised

    def read_bytes(self, path):
        self._tell()
        return super().read_bytes(path)

    def read(self, path):
        self._tell()
        return super().read(path)

    def is_file(self, path):
        self._tell()
        return super().is_file(path)

    def get_file_info(self, path):
        self._tell()
        return super().get_file_info(path)


def through_the_core(store):
    """Call the store as the native side does."""
    return DatasetStore(store).exists("a")


THROUGH_THE_CORE = [
    lambda store: store.read_bytes("a"),
    lambda store: list(store._core.read_many(["a", "b"])),
    lambda store: DatasetStore(store).read_manifest("a"),
    lambda store: io_manager.read_object(store, "a"),
    lambda store: list(io_manager.load_partitions(store, ["d"], ["1", "2"], ".pkl")),
    lambda store: LogStore(store).read_chunk(["run", "step"], "out", 0, 10),
    lambda store: asyncio.run(AsyncStore(store._backend, "root").read_bytes("a")),
]


class TapeMissing(NotFound):
    """A subclass with a field of its own."""

    def __init__(self, tape):
        super().__init__(f"No tape {tape}", path="root/a", backend="tapes")
        self.tape = tape


@pytest.mark.parametrize("call", THROUGH_THE_CORE)
def test_an_error_keeps_its_class_fields_cause_and_traceback(call):
    class Tapes(Telling):
        def _tell(self):
            raise TapeMissing(7) from OSError("the drive is empty")

    store = Store(Tapes(), "elsewhere")
    with pytest.raises(TapeMissing) as caught:
        call(store)
    error = caught.value
    assert (error.tape, error.path, error.backend) == (7, "root/a", "tapes")
    assert isinstance(error.__cause__, OSError)
    assert str(error.__cause__) == "the drive is empty"
    assert [frame.name for frame in caught.traceback][-1] == "_tell"


@pytest.mark.parametrize(
    "error",
    [
        AlreadyExists("File already exists: root/a", path="root/a", backend="mine"),
        PermissionDenied("The card was refused", path="root/a", backend="mine"),
        InvalidPath("Not a file: root/a", path="root/a", backend="mine"),
        CapabilityNotSupported("Capability 'read' is not supported", backend="mine", capability="read"),
        DirectoryNotEmpty("Folder not empty: root/a", path="root/a", backend="mine"),
        BackendUnavailable("The tape is being rewound", path="root/a", backend="mine"),
        ResourceLocked("Resource is locked: root/a", path="root/a", backend="mine"),
        Conflict("root/a was changed", path="root/a", backend="mine"),
        RemoteStoreError("something else", path="root/a", backend="mine"),
        ZeroDivisionError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_each_error_comes_back_as_itself(error):
    backend = Telling()
    store = Store(backend, "root")
    backend.raised = error
    for call in THROUGH_THE_CORE:
        with pytest.raises(type(error)) as caught:
            call(store)
        assert caught.value is error


def test_a_missing_file_is_missing_and_a_missing_bucket_is_not_taken_for_one():
    backend = Telling()
    store = Store(backend, "root")
    assert through_the_core(store) is False
    backend.raised = NotFound("Bucket not found: lake", path="lake", backend="mine")
    with pytest.raises(NotFound, match="Bucket not found: lake"):
        through_the_core(store)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_inside_a_backend_comes_out(interruption):
    backend = Telling()
    store = Store(backend)
    backend.raised = interruption()
    with pytest.raises(interruption):
        store.read_bytes("a")
    with pytest.raises(interruption):
        through_the_core(store)
    backend.raised = None
    assert through_the_core(store) is False, "nothing is left of it for the next call"


def test_many_threads_call_one_backend():
    backend = Telling()
    store = Store(backend)
    found = []
    threads = [threading.Thread(target=lambda: found.append(through_the_core(store))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [False] * 8


class Duck:
    """No subclass of anything; only what is called."""

    name = "duck"
    capabilities = MemoryBackend().capabilities

    def __init__(self):
        self.inner = MemoryBackend()

    def __getattr__(self, name):
        return getattr(self.inner, name)


def test_a_duck_typed_backend_is_as_good():
    store = Store(Duck(), "root")
    store.write("x/a", io.BytesIO(b"hello"))
    assert store.read_bytes("x/a") == b"hello"
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["x/a"]
    assert store.supports(Capability.READ)
    with pytest.raises(NotFound) as caught:
        store.read_bytes("no")
    assert caught.value.path == "root/no"


class Inbox:
    """Has the methods of what it claims, and no other."""

    name = "inbox"
    capabilities = CapabilitySet({Capability.READ})

    def read_bytes(self, path):
        return b"letter"


@pytest.mark.parametrize(
    ("operation", "capability"),
    [
        (lambda store: store.delete("a"), "delete"),
        (lambda store: store.delete_folder("a"), "delete"),
        (lambda store: store.copy("a", "b"), "copy"),
        (lambda store: store.move("a", "b"), "move"),
        (lambda store: store.write("a", b""), "write"),
        (lambda store: store.open_atomic("a").__enter__(), "atomic_write"),
        (lambda store: store.get_file_info("a"), "metadata"),
        (lambda store: list(store.list_files("")), "list"),
    ],
)
def test_what_is_not_claimed_is_refused_where_the_method_does_not_exist(operation, capability):
    store = Store(Inbox())
    assert store.read_bytes("a") == b"letter"
    with pytest.raises(CapabilityNotSupported) as caught:
        operation(store)
    assert caught.value.capability == capability


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (None, "got NoneType"),
        (object(), "got object"),
        (MemoryBackend, "got the class MemoryBackend instead of an instance"),
        ("/data", "got str; Store.from_url takes a URL or a folder"),
        (Store(MemoryBackend()), "got Store"),
    ],
)
def test_what_is_no_backend_is_told_when_the_store_is_made(given, told):
    with pytest.raises(TypeError, match=rf"^Store takes a backend, such as LocalBackend\(folder\), {told}$"):
        Store(given)


@pytest.mark.parametrize("path", ["../x", "a/../b", "a\0b", ""])
def test_a_bad_path_is_told_in_the_same_words_by_native_and_by_python(path):
    told = []
    for backend in (MemoryBackend(), Duck()):
        with pytest.raises(InvalidPath) as caught:
            Store(backend, "root").read_bytes(path)
        told.append((caught.value.message, caught.value.path, caught.value.backend))
    assert told[0] == told[1]


class Counting(Telling):
    """Counts the bytes that leave it."""

    def __init__(self):
        super().__init__()
        self.whole = 0

    def read_bytes(self, path):
        data = super().read_bytes(path)
        self.whole += len(data)
        return data


def test_a_small_part_of_a_large_log_is_not_cut_out_of_the_whole():
    backend = Counting()
    store = Store(backend, "root")
    log = b"".join(b"%019d\n" % number for number in range(500_000))
    store.write("dagster/storage/run/step.out", log)
    store.write("dagster/storage/run/short.out", b"short")
    logs = LogStore(store)
    chunk, cursor, _ = logs.read_chunk(["run", "step"], "out", 9_000_000, 1000)
    assert (chunk, cursor) == (log[9_000_000:9_001_000], 9_001_000)
    assert backend.whole == 0
    assert logs.read_chunk(["run", "short"], "out", 2, 3)[0] == b"ort"
