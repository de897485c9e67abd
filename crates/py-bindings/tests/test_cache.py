"""A cached store answers as the store behind would, with fewer questions."""

import threading
import time

import pytest

from plain_cache import Plain
from remote_store import AlreadyExists, InvalidPath, NotFound, ProxyStore, RemoteStoreError, Store
from remote_store.backends import MemoryBackend
from remote_store.ext import _memory_cache
from remote_store.ext.cache import CacheBackend, CachedStore, CacheStats, MemoryCache, cache


class Counting(ProxyStore):
    """Counts questions; a write can be made to fail after it took place."""

    def __init__(self, inner):
        super().__init__(inner)
        self.calls = []
        self.fails_after = False

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name.startswith("_") or name in {"calls", "inner", "fails_after", "child"} or not callable(found):
            return found

        def counted(*args, **kwargs):
            self.calls.append((name, *map(str, args)))
            result = found(*args, **kwargs)
            if self.fails_after and name in {"write", "write_atomic", "delete", "move", "copy"}:
                raise RemoteStoreError("the answer was lost")
            return result

        return counted


@pytest.fixture
def behind():
    return Counting(Store(MemoryBackend()))


@pytest.fixture
def store(behind):
    return cache(behind)


def fill(store):
    store.write("a/b/x", b"1")
    store.write("a/y", b"22")


QUESTIONS = {
    "read_bytes": lambda store: store.read_bytes("a/b/x"),
    "exists": lambda store: store.exists("a/b/x"),
    "not exists": lambda store: store.exists("a/b/none"),
    "is_file": lambda store: store.is_file("a/b/x"),
    "is_folder": lambda store: store.is_folder("a/b"),
    "get_file_info": lambda store: store.get_file_info("a/b/x"),
    "head": lambda store: store.head("a/b/x"),
    "get_folder_info": lambda store: store.get_folder_info("a", max_depth=3),
    "list_files": lambda store: list(store.list_files("a", recursive=True, pattern="x")),
    "list_folders": lambda store: list(store.list_folders("a")),
    "iter_children": lambda store: list(store.iter_children("a")),
    "glob": lambda store: list(store.glob("a/**/x")),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_second_answer_comes_from_the_cache(store, behind, question):
    fill(store)
    first = QUESTIONS[question](store)
    asked = len(behind.calls)
    assert QUESTIONS[question](store) == first
    assert len(behind.calls) == asked
    assert (store.stats.hits, store.stats.misses) == (1, 1)


def test_the_names_and_arguments_are_those_that_switching_users_know(store):
    assert isinstance(store, CachedStore)
    assert isinstance(store, Store)
    assert isinstance(MemoryCache(), CacheBackend)
    assert store.stats == CacheStats(hits=0, misses=0, size=0)
    assert repr(cache(Store(MemoryBackend()))).startswith("CachedStore(inner=Store(backend='memory', root")
    assert store == store  # noqa: PLR0124 - equality is ours
    assert store != cache(store.inner)
    plain = Store(MemoryBackend())
    assert cache(plain) != plain
    assert plain != cache(plain)


def test_stores_before_one_store_are_equal_both_ways_or_neither():
    plain = Store(MemoryBackend())
    alike = [plain, ProxyStore(plain), ProxyStore(plain)]
    cached = cache(plain)
    assert {left == right for left in alike for right in alike} == {True}
    assert len({hash(store) for store in alike}) == 1
    assert not any(cached == store or store == cached for store in alike)
    assert cached.child("a") == cached.child("a")
    assert hash(cached.child("a")) == hash(cached.child("a"))
    assert cached != "a"


@pytest.mark.parametrize("name", ["ttl", "max_content_size", "max_listing_size", "max_entries", "max_bytes"])
@pytest.mark.parametrize("bound", [0, -1])
def test_bounds_that_are_not_positive_are_refused(name, bound):
    with pytest.raises(ValueError, match=f"{name} must be positive, got {bound}"):
        cache(Store(MemoryBackend()), **{name: bound})


def test_what_is_no_store_or_no_time_is_refused():
    with pytest.raises(TypeError, match="A cache needs a Store, got int"):
        cache(5)
    with pytest.raises(TypeError, match="ttl must be a number of seconds, got str"):
        cache(Store(MemoryBackend()), ttl="soon")


def test_answers_expire(store, behind, monkeypatch):
    fill(store)
    store.read_bytes("a/y")
    now = time.monotonic()
    monkeypatch.setattr(_memory_cache.time, "monotonic", lambda: now + 299)
    store.read_bytes("a/y")
    assert store.stats.hits == 1
    monkeypatch.setattr(_memory_cache.time, "monotonic", lambda: now + 301)
    store.read_bytes("a/y")
    assert store.stats.misses == 2


def test_children_share_the_cache_and_see_paths_of_their_own(store, behind):
    fill(store)
    store.write("b/x", b"another")
    child = store.child("a").child("b")
    assert child.read_bytes("x") == b"1"
    assert store.child("b").read_bytes("x") == b"another"
    assert store.read_bytes("a/b/x") == b"1"
    assert store.stats == CacheStats(hits=1, misses=0, size=2)
    assert [str(info.path) for info in child.list_files("")] == ["x"]
    assert [str(info.path) for info in store.list_files("a/b")] == ["a/b/x"]
    assert str(child.get_file_info("x").path) == str(child.get_file_info("x").path) == "x"
    assert str(store.get_file_info("a/b/x").path) == "a/b/x"
    child.write("x", b"new", overwrite=True)
    assert store.read_bytes("a/b/x") == b"new"
    assert store.get_file_info("a/b/x").size == 3


@pytest.mark.parametrize("backend", [MemoryCache, Plain])
@pytest.mark.parametrize(
    "change",
    {
        "write": lambda store: store.write("a/b/x", b"333", overwrite=True),
        "write_text": lambda store: store.write_text("a/b/new", "333"),
        "write_atomic": lambda store: store.write_atomic("a/b/x", b"333", overwrite=True),
        "open_atomic": lambda store: _stream(store, "a/b/x"),
        "delete": lambda store: store.delete("a/b/x"),
        "delete_folder": lambda store: store.delete_folder("a", recursive=True),
        "move": lambda store: store.move("a/b/x", "a/y", overwrite=True),
        "copy": lambda store: store.copy("a/y", "a/b/x", overwrite=True),
    }.items(),
    ids=lambda item: item[0],
)
def test_after_a_change_everything_above_it_is_asked_again(behind, backend, change):
    store = cache(behind, cache_backend=backend())
    fill(store)
    before = {name: _answer(question, store) for name, question in QUESTIONS.items()}
    assert before["read_bytes"] == b"1"
    change[1](store)
    for name, question in QUESTIONS.items():
        assert _answer(question, store) == _answer(question, behind.inner), name


def _stream(store, path):
    with store.open_atomic(path, overwrite=True) as file:
        file.write(b"333")
        # What is asked while a change is under way is not kept.
        store.exists(path)
        store.read_bytes(path)


def _answer(question, store):
    try:
        answer = question(store)
    except NotFound as error:
        return str(error)
    return (
        [(str(entry.path), getattr(entry, "size", None)) for entry in answer]
        if isinstance(answer, list)
        else answer
    )


@pytest.mark.parametrize("operation", ["write", "write_atomic", "delete", "move", "copy"])
def test_a_change_that_fails_after_it_took_place_is_not_overlooked(store, behind, operation):
    fill(store)
    assert store.read_bytes("a/b/x") == b"1"
    assert store.exists("a/z") is False
    behind.fails_after = True
    arguments = {"delete": ("a/b/x",), "move": ("a/b/x", "a/z"), "copy": ("a/b/x", "a/z")}
    options = {} if operation == "delete" else {"overwrite": True}
    with pytest.raises(RemoteStoreError, match="the answer was lost"):
        getattr(store, operation)(*arguments.get(operation, ("a/b/x", b"new")), **options)
    behind.fails_after = False
    for name in ("a/b/x", "a/z"):
        assert store.exists(name) == behind.inner.exists(name)
    if operation.startswith("write"):
        assert store.read_bytes("a/b/x") == b"new"


def test_a_recursive_delete_forgets_all_that_was_below(store):
    deep = "/".join("abcdefgh")
    store.write(f"{deep}/x", b"1")
    assert store.read_bytes(f"{deep}/x") == b"1"
    assert store.child(deep).exists("x")
    store.write("ab/x", b"beside")
    assert store.read_bytes("ab/x") == b"beside"
    misses = store.stats.misses
    store.delete_folder("a", recursive=True)
    assert store.child(deep).exists("x") is False
    with pytest.raises(NotFound):
        store.read_bytes(f"{deep}/x")
    store.read_bytes("ab/x")
    assert store.stats.misses == misses + 1, "a folder whose name begins alike is still remembered"


def test_what_is_missing_is_looked_for_again_when_read(store, behind):
    with pytest.raises(NotFound):
        store.read_bytes("later")
    behind.inner.write("later", b"1")
    assert store.read_bytes("later") == b"1"


def test_invalidate_forgets_what_others_changed(store, behind):
    fill(store)
    assert store.read_bytes("a/b/x") == b"1"
    assert len(list(store.list_files("", recursive=True))) == 2
    behind.inner.write("a/b/x", b"new", overwrite=True)
    behind.inner.write("a/b/z", b"")
    assert store.read_bytes("a/b/x") == b"1"
    store.invalidate("a/b")
    assert store.read_bytes("a/b/x") == b"new"
    assert len(list(store.list_files("", recursive=True))) == 3
    store.clear_cache()
    assert store.stats.size == 0


def test_bounds_are_kept(behind):
    store = cache(behind, max_content_size=3, max_listing_size=2)
    for name in "abc":
        store.write(f"d/{name}", b"1234")
    store.write("d2/a", b"123")
    for _ in range(2):
        store.read_bytes("d/a")
        store.read_bytes("d2/a")
        list(store.list_files("d"))
        list(store.list_files("d2"))
    assert store.stats.hits == 2
    full = cache(behind, max_entries=2)
    for name in "abc":
        full.read_bytes(f"d/{name}")
    assert full.stats.size == 2


def test_the_memory_of_contents_is_bounded_by_default_and_by_choice():
    kept = MemoryCache(max_bytes=10_000)
    for number in range(100):
        kept.set(("read_bytes", str(number)), bytes(1000), 60)
    assert 5 <= kept.size() <= 10
    assert kept.get(("read_bytes", "99")) == bytes(1000)
    kept.set(("read_bytes", "big"), bytes(20_000), 60)
    with pytest.raises(KeyError):
        kept.get(("read_bytes", "big"))
    assert kept.get(("read_bytes", "99")) == bytes(1000), "what does not fit pushes nothing out"
    kept.set(("read_bytes", "99"), b"", 60)
    kept.clear_prefix("read_bytes")
    assert kept.size() == 0
    assert repr(kept) == "MemoryCache(size=0, bytes=0)"


def test_a_listing_that_was_not_finished_is_not_kept(store):
    fill(store)
    next(store.list_files("a", recursive=True))
    assert len(list(store.list_files("a", recursive=True))) == 2
    assert store.stats.hits == 0


def test_a_listing_during_which_something_changed_is_not_kept(store):
    fill(store)
    for info in store.list_files("a", recursive=True):
        store.delete(info.path)
    assert list(store.list_files("a", recursive=True)) == []


def test_errors_of_paths_are_those_of_the_store(store, behind):
    for call in (lambda s: s.read_bytes("../x"), lambda s: s.write("", b""), lambda s: s.exists("a\0")):
        with pytest.raises(InvalidPath) as ours:
            call(store)
        with pytest.raises(InvalidPath) as theirs:
            call(behind.inner)
        assert str(ours.value) == str(theirs.value)
    fill(store)
    with pytest.raises(AlreadyExists):
        store.write("a/y", b"")


class Gated(ProxyStore):
    """Lets a test decide when a read goes on."""

    def __init__(self, inner):
        super().__init__(inner)
        self.reads = 0
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def read_bytes(self, path):
        content = self.inner.read_bytes(path)
        self.reads += 1
        self.entered.release()
        assert self.go_on.wait(30)
        return content


def test_threads_that_want_the_same_ask_once():
    gated = Gated(Store(MemoryBackend()))
    store = cache(gated)
    store.write("x", b"1")
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.read_bytes("x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert gated.entered.acquire(timeout=30)
    while store.stats.misses < 8:
        time.sleep(0.001)
    gated.go_on.set()
    for thread in threads:
        thread.join(30)
    assert found == [b"1"] * 8
    assert gated.reads <= 2, "one that came when the first had landed may ask again, no others"


def test_an_answer_from_before_a_write_is_not_kept_and_nobody_after_the_write_gets_it():
    gated = Gated(Store(MemoryBackend()))
    store = cache(gated)
    store.write("x", b"old")
    early = []
    reader = threading.Thread(target=lambda: early.append(store.read_bytes("x")))
    reader.start()
    assert gated.entered.acquire(timeout=30)
    store.write("x", b"new", overwrite=True)
    late = []
    second = threading.Thread(target=lambda: late.append(store.read_bytes("x")))
    second.start()
    assert gated.entered.acquire(timeout=30), "the second reader asks by itself"
    gated.go_on.set()
    reader.join(30)
    second.join(30)
    assert early == [b"old"]
    assert late == [b"new"]
    assert store.read_bytes("x") == b"new"


def test_a_cache_that_fails_fails_nothing_and_tells_nothing_old(behind, caplog):
    class Failing(Plain):
        broken = False

        def _check(self):
            if self.broken:
                raise ConnectionError("redis://:hunter2@cache is away")

        def get(self, key):
            self._check()
            return super().get(key)

        def set(self, key, value, ttl):
            self._check()
            super().set(key, value, ttl)

        def delete(self, key):
            self._check()
            super().delete(key)

        def clear(self):
            self._check()
            super().clear()

        def clear_prefix(self, prefix):
            self._check()
            super().clear_prefix(prefix)

    backend = Failing()
    store = cache(behind, cache_backend=backend)
    store.write("x", b"old")
    assert store.read_bytes("x") == b"old"
    backend.broken = True
    store.write("x", b"new", overwrite=True)
    assert store.read_bytes("x") == b"new"
    backend.broken = False
    assert store.read_bytes("x") == b"new"
    assert "hunter2" not in caplog.text
    assert "ConnectionError" in caplog.text
