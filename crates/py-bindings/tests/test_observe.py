"""An observed store tells what is done with it, and what it tells disturbs nothing."""

import contextlib
import io
import logging
import threading

import pytest

from remote_store import Capability, NotFound, Secret, Store
from remote_store.backends import MemoryBackend, S3Backend
from remote_store.ext.cache import cache
from remote_store.ext.observe import BufferedObserver, ObservedStore, StoreEvent, observe, set_correlation_id


@pytest.fixture
def events():
    return []


@pytest.fixture
def store(events):
    made = observe(Store(MemoryBackend()), on_any=events.append)
    made.inner.write("k/l", b"123")
    return made


def test_it_is_a_store_with_the_names_that_switching_users_know(store):
    assert isinstance(store, ObservedStore)
    assert repr(store) == "ObservedStore(inner=Store(backend='memory', root_path=''))"
    assert repr(store.child("k")) == "ObservedStore(inner=Store(backend='memory', root_path='k'))"
    assert store == store  # noqa: PLR0124 - equality is ours
    assert store != observe(store.inner)
    assert store != store.inner
    assert len({store, store.child("k"), store}) == 2


def _stream(store, path):
    with store.open_atomic(path) as file:
        file.write(b"12345")


def _read(store):
    with store.read_seekable("k/l") as file:
        assert file.read() == b"123"


CALLS = {
    "write": (lambda s: s.write("k/m", b"12"), "on_write", {"overwrite": False}),
    "write_text": (lambda s: s.write_text("k/m", "t"), "on_write", {"encoding": "utf-8", "overwrite": False}),
    "write_atomic": (lambda s: s.write_atomic("k/l", b"", overwrite=True), "on_write", {"overwrite": True}),
    "open_atomic": (lambda s: _stream(s, "k/m"), "on_write", {"overwrite": False}),
    "read_bytes": (lambda s: s.read_bytes("k/l"), "on_read", {"size": 3}),
    "read_text": (lambda s: s.read_text("k/l"), "on_read", {"encoding": "utf-8"}),
    "read": (lambda s: s.read("k/l").close(), "on_read", {"size": 0}),
    "read_seekable": (_read, "on_read", {"size": 3}),
    "exists": (lambda s: s.exists("k"), "on_list", {}),
    "is_file": (lambda s: s.is_file("k"), "on_list", {}),
    "is_folder": (lambda s: s.is_folder("k"), "on_list", {}),
    "get_file_info": (lambda s: s.get_file_info("k/l"), "on_list", {}),
    "get_folder_info": (lambda s: s.get_folder_info("k"), "on_list", {"max_depth": None}),
    "head": (lambda s: s.head("k/l"), "on_list", {}),
    "list_files": (
        lambda s: list(s.list_files("k")),
        "on_list",
        {"recursive": False, "pattern": None, "max_depth": None, "entries": 1},
    ),
    "list_folders": (
        lambda s: list(s.list_folders("")),
        "on_list",
        {"pattern": None, "max_depth": None, "entries": 1},
    ),
    "iter_children": (lambda s: list(s.iter_children("none")), "on_list", {"entries": 0}),
    "glob": (lambda s: list(s.glob("k/*")), "on_list", {"pattern": "k/*", "entries": 1}),
    "copy": (lambda s: s.copy("k/l", "k/n"), "on_copy", {"dst": "k/n", "overwrite": False}),
    "move": (lambda s: s.move("k/l", "k/n"), "on_move", {"dst": "k/n", "overwrite": False}),
    "delete": (lambda s: s.delete("k/l"), "on_delete", {"missing_ok": False}),
    "delete_folder": (
        lambda s: s.delete_folder("k", recursive=True),
        "on_delete",
        {"recursive": True, "missing_ok": False},
    ),
    "ping": (lambda s: s.ping(), "on_ping", {}),
    "supports": (lambda s: s.supports(Capability.READ), None, {"capability": "READ"}),
    "native_path": (lambda s: s.native_path("k"), None, {}),
    "to_key": (lambda s: s.to_key("k"), None, {}),
    "resolve": (lambda s: s.resolve("k"), None, {}),
    "child": (lambda s: s.child("k"), None, {}),
    "close": (lambda s: s.close(), None, {}),
}


@pytest.mark.parametrize("operation", CALLS)
def test_each_operation_tells_once_with_its_arguments_and_its_hook(operation):
    call, hook, metadata = CALLS[operation]
    told = []
    names = [
        "on_read",
        "on_write",
        "on_delete",
        "on_copy",
        "on_move",
        "on_list",
        "on_ping",
        "on_error",
        "on_any",
    ]
    hooks = {name: lambda event, name=name: told.append((name, event)) for name in names}
    store = observe(Store(MemoryBackend()), **hooks)
    store.inner.write("k/l", b"123")
    call(store)
    assert [name for name, _ in told] == [name for name in (hook, "on_any") if name]
    event = told[0][1]
    result = event.metadata.pop("write_result", None)
    assert (result is not None) == (operation in {"write", "write_text", "write_atomic"})
    assert (event.operation, event.backend, event.error) == (operation, "memory", None)
    assert event.metadata == metadata
    assert event.duration_ms >= 0


def test_every_public_method_of_a_store_is_observed():
    public = {name for name in dir(Store) if callable(getattr(Store, name)) and not name.startswith("_")}
    public -= {"from_url", "from_obstore", "to_obstore"}  # build a store; nothing is asked of one
    assert public <= set(vars(ObservedStore)), "what is not overridden would bypass the hooks"


def test_an_error_is_told_and_raised(store, events):
    failed = []
    watched = observe(store.inner, on_error=failed.append, on_any=events.append)
    for call in (
        lambda: watched.read_bytes("none"),
        lambda: watched.read("none"),
        lambda: watched.delete("none"),
        lambda: list(watched.list_files("k", max_depth=-1)),
    ):
        with pytest.raises((NotFound, ValueError)) as raised:
            call()
        assert events[-1] is failed[-1]
        assert failed[-1].error is raised.value
    with pytest.raises(ZeroDivisionError), watched.open_atomic("k/new"):
        _ = 1 / 0
    assert isinstance(failed[-1].error, ZeroDivisionError)
    assert not watched.inner.exists("k/new")
    assert len(events) == len(failed) == 5


def test_a_file_is_observed_until_it_is_closed(store, events):
    store.inner.write("big", bytes(1_000_000))
    with store.read("big") as file:
        assert isinstance(file, io.BufferedIOBase)
        assert file.seekable()
        assert len(file.read()) == 1_000_000
        assert not events
        file.seek(10)
        assert file.tell() == 10
    assert events[-1].metadata["size"] >= 1_000_000
    file = store.read("big")
    file.read(1)
    del file
    assert len(events) == 2, "one that nobody closed tells when it goes"


def test_a_listing_that_is_given_up_tells_how_far_it_came(store, events):
    store.inner.write("k/m", b"")
    listing = store.list_files("k")
    assert not events
    next(listing)
    listing.close()
    assert [(event.error, event.metadata["entries"]) for event in events] == [(None, 1)]


@pytest.mark.parametrize("hook", ["on_write", "on_any", "on_error"])
def test_a_hook_that_fails_breaks_nothing_and_is_logged_once(caplog, hook):
    def fail(event):
        raise RuntimeError(f"no {event.path}")

    store = observe(Store(MemoryBackend()), **{hook: fail})
    with caplog.at_level(logging.WARNING, "remote_store"):
        for name in ("a", "b"):
            assert store.write(name, b"1").size == 1
            with pytest.raises(NotFound):
                store.read_bytes("none")
    assert caplog.text.count(f"The hook {hook} failed") == 1


@pytest.mark.parametrize("where", ["make", "enter", "exit", "swallow"])
def test_a_context_around_can_neither_break_nor_rescue_an_operation(where):
    class Around:
        def __enter__(self):
            if where == "enter":
                raise RuntimeError

        def __exit__(self, *raised):
            if where == "exit":
                raise RuntimeError
            return where == "swallow"

    def around(*_):
        if where == "make":
            raise RuntimeError
        return Around()

    store = observe(Store(MemoryBackend()), around=around)
    store.write("a", b"1")
    assert store.read_bytes("a") == b"1"
    assert [info.name for info in store.list_files("")] == ["a"]
    with pytest.raises(NotFound):
        store.read_bytes("none")


def test_a_context_stands_around_the_operation_and_sees_its_error():
    seen = []

    @contextlib.contextmanager
    def around(operation, path, backend):
        seen.append(("begin", operation, path, backend))
        try:
            yield
        except NotFound:
            seen.append("missing")
            raise
        finally:
            seen.append("end")

    store = observe(Store(MemoryBackend()), around=around)
    with pytest.raises(NotFound):
        store.read_bytes("none")
    assert seen == [("begin", "read_bytes", "none", "memory"), "missing", "end"]
    seen.clear()
    with store.open_atomic("x"):
        assert seen == [("begin", "open_atomic", "x", "memory")]


def test_children_tell_the_same_hooks_with_their_own_paths(store, events):
    store.child("k").read_bytes("l")
    assert [(event.operation, event.path) for event in events] == [("child", "k"), ("read_bytes", "l")]


def test_the_correlation_id_is_that_of_the_context(store, events):
    def other():
        set_correlation_id("other")
        store.exists("k")

    token = set_correlation_id("mine")
    try:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
        listing = store.list_files("k")
        next(listing)
    finally:
        token.var.reset(token)
    listing.close()
    store.exists("k")
    assert [event.correlation_id for event in events] == ["other", "mine", None]


def test_no_event_has_a_credential(events):
    backend = S3Backend("bucket", endpoint_url="http://127.0.0.1:1", key="AKIDEXAMPLE", secret="hunter2hunter2",
                        retry={"max_attempts": 1})  # fmt: skip
    store = observe(Store(backend), on_any=events.append)
    for call in (
        lambda: store.read_bytes("a"),
        lambda: store.write("a", b"", metadata={"note": "hunter2hunter2"}),
        lambda: list(store.list_files("")),
        lambda: store.to_key("https://h/bucket/a?X-Amz-Signature=hunter2hunter2"),
        store.ping,
    ):
        with contextlib.suppress(Exception):
            call()
    assert len(events) == 5
    assert "hunter2" not in repr(events)
    assert "AKIDEXAMPLE" not in repr(events)
    assert "hunter2" not in repr(Secret("hunter2"))


def test_observing_a_cache_tells_every_call_and_caching_an_observed_store_only_the_misses(events):
    behind, before = [], []
    store = observe(cache(observe(Store(MemoryBackend()), on_read=behind.append)), on_read=before.append)
    store.write("a", b"1")
    for _ in range(3):
        assert store.read_bytes("a") == b"1"
    assert (len(before), len(behind)) == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"on_read": 5}, "on_read must be callable, got int"),
        ({"around": "x"}, "around must be callable, got str"),
    ],
)
def test_what_cannot_be_called_is_refused(arguments, message):
    with pytest.raises(TypeError, match=message):
        observe(Store(MemoryBackend()), **arguments)
    with pytest.raises(TypeError, match="must be a Store, got int"):
        observe(5)


def _event(path):
    return StoreEvent("read", path, "memory", 0.0, 0.0, None, {}, None)


def test_buffered_events_come_in_batches_in_order_on_another_thread():
    batches, threads, full = [], set(), threading.Event()

    def handle(batch):
        threads.add(threading.get_ident())
        batches.extend(event.path for event in batch)
        if len(batches) == 100:
            full.set()

    with BufferedObserver(handle, max_queue=1000, flush_interval=0.01) as buffered:
        for number in range(100):
            buffered.on_event(_event(str(number)))
        assert full.wait(30)
    assert batches == [str(number) for number in range(100)]
    assert threading.get_ident() not in threads


def test_a_full_buffer_drops_and_counts_and_close_hands_on_the_rest():
    batches, entered, go_on = [], threading.Event(), threading.Event()

    def handle(batch):
        entered.set()
        assert go_on.wait(30)
        batches.append([event.path for event in batch])

    buffered = BufferedObserver(handle, max_queue=2, flush_interval=3600)
    buffered.on_event(_event("0"))
    assert entered.wait(30), "half full, it does not wait for the interval"
    for number in range(1, 6):
        buffered.on_event(_event(str(number)))
    assert buffered.dropped == 3
    go_on.set()
    buffered.close()
    assert [path for batch in batches for path in batch] == ["0", "1", "2"]
    buffered.on_event(_event("late"))
    assert batches[-1] == ["late"]


def test_a_handler_that_fails_is_logged_once(caplog):
    def fail(batch):
        raise ValueError("hunter2")

    buffered = BufferedObserver(fail, flush_interval=3600)
    for _ in range(3):
        buffered.on_event(_event("a"))
        buffered.flush()
    buffered.close()
    assert caplog.text.count("An event handler failed") == 1
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("name", ["max_queue", "flush_interval"])
def test_a_buffer_without_room_or_time_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be positive, got 0"):
        BufferedObserver(print, **{name: 0})
