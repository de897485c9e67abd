"""A cached store compared with one that is not, step by step."""

import copy
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plain_cache import Plain
from remote_store import RemoteStoreError, Store
from remote_store.backends import LocalBackend, MemoryBackend
from remote_store.ext.cache import CacheStats, cache

PATHS = st.sampled_from(["a", "b", "a/x", "a/y", "a/b/x", "c/d/e/x"])
CONTENT = st.binary(max_size=3)
CHANGES = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENT, st.booleans()),
    st.tuples(st.just("stream"), PATHS, CONTENT, st.booleans()),
    st.tuples(st.just("delete"), PATHS, st.booleans()),
    st.tuples(st.just("delete_folder"), PATHS, st.booleans()),
    st.tuples(st.just("move"), PATHS, PATHS, st.booleans()),
    st.tuples(st.just("copy"), PATHS, PATHS, st.booleans()),
)
LOOKS = st.tuples(
    st.just("look"),
    PATHS,
    st.sampled_from(
        [
            "read_bytes",
            "exists",
            "is_file",
            "is_folder",
            "size",
            "files",
            "folders",
            "children",
            "total",
            "glob",
        ]
    ),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.one_of(CHANGES, LOOKS)), max_size=30), plain=st.booleans())
def test_a_cached_store_is_indistinguishable_from_one_that_is_not(steps, plain):
    bare = Store(MemoryBackend())
    store = cache(Store(MemoryBackend()), cache_backend=Plain() if plain else None)
    for through_child, step in steps:
        inside = through_child and all(
            part.startswith("a/") for part in step[1:] if isinstance(part, str) and "/" in part
        )
        inside = (
            inside
            and step[1].startswith("a/")
            and (step[0] not in {"move", "copy"} or step[2].startswith("a/"))
        )
        stores = (bare.child("a"), store.child("a")) if inside else (bare, store)
        cut = 2 if inside else 0
        step = tuple(part[cut:] if isinstance(part, str) and "/" in part else part for part in step)  # noqa: PLW2901
        expected, got = (_outcome(one, step) for one in stores)
        assert got == expected, step


def _outcome(store, step):
    try:
        return _take(store, *step)
    except RemoteStoreError as error:
        return type(error), str(error)


def _take(store, op, path, *rest):
    if op == "look":
        return _look(store, path, rest[0])
    if op == "write":
        return store.write(path, rest[0], overwrite=rest[1]).size
    if op == "stream":
        with store.open_atomic(path, overwrite=rest[1]) as file:
            return file.write(rest[0])
    if op == "delete":
        return store.delete(path, missing_ok=rest[0])
    if op == "delete_folder":
        return store.delete_folder(path, recursive=rest[0])
    return getattr(store, op)(path, rest[0], overwrite=rest[1])


def _look(store, path, what):  # noqa: PLR0911 - one for each question
    folder = path.rpartition("/")[0]
    if what == "size":
        return store.get_file_info(path).size, store.head(path).size
    if what == "files":
        return sorted((str(info.path), info.size) for info in store.list_files(folder, recursive=True))
    if what == "folders":
        return sorted(str(entry.path) for entry in store.list_folders(folder))
    if what == "children":
        return sorted(str(entry.path) for entry in store.iter_children(folder))
    if what == "total":
        info = store.get_folder_info(folder)
        return str(info.path), info.file_count, info.total_size
    if what == "glob":
        return sorted(str(info.path) for info in store.glob("**/x"))
    return getattr(store, what)(path)


@pytest.mark.parametrize("copied", [lambda thing: pickle.loads(pickle.dumps(thing)), copy.deepcopy])
def test_a_copy_begins_anew(tmp_path, copied):
    store = cache(Store(LocalBackend(str(tmp_path)), "root"), max_content_size=5)
    store.write("a/x", b"1")
    for one in (store, store.child("a").child("")):
        name = "a/x" if one is store else "x"
        one.read_bytes(name)
        other = copied(one)
        assert other.stats == CacheStats(0, 0, 0)
        assert other.read_bytes(name) == other.read_bytes(name) == b"1"
        assert other.stats.hits == 1
        assert [str(info.path) for info in other.list_files("", recursive=True)] == [name]
        other.write("big", bytes(6), overwrite=True)
        other.read_bytes("big")
        other.read_bytes("big")
        assert other.stats.misses == 4, "bounds come along"
        one.delete("big")
