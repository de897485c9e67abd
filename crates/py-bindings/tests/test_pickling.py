"""Stores go to other processes by their configuration, and copies share the backend."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from pathlib import Path

import pytest

from remote_store import BackendUnavailable, CapabilityNotSupported, ProxyStore, RetryPolicy, Store
from remote_store.aio import AsyncStore
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend, S3Backend

KEY = "a2V5a2V5a2V5"


class Named(ProxyStore):
    def __init__(self, inner: Store, name: str) -> None:
        super().__init__(inner)
        self.name = name


class Counting(LocalBackend):
    reads = 0


def s3() -> S3Backend:
    return S3Backend("lake", key="AKIA", secret="s3cr3t", retry=RetryPolicy(max_attempts=2))


@pytest.mark.parametrize(
    "backend",
    [
        s3(),
        AzureBackend("c", account_name="a", account_key=KEY),
        GCSBackend("lake", endpoint_url="http://127.0.0.1:9"),
    ],
    ids=["s3", "azure", "gcs"],
)
def test_a_backend_and_its_stores_pickle_by_configuration(backend: S3Backend) -> None:
    again = pickle.loads(pickle.dumps(backend))
    assert (type(again), repr(again)) == (type(backend), repr(backend))
    store, child = pickle.loads(pickle.dumps((Store(backend, "a"), Store(backend, "a").child("b"))))
    assert (repr(store), child._core.root_path) == (repr(Store(backend, "a")), "a/b")
    assert store._backend is child._backend
    assert (store._owns_backend, child._owns_backend) == (True, False)
    assert repr(pickle.loads(pickle.dumps(AsyncStore(backend, "a")))) == repr(AsyncStore(backend, "a"))


def read_there(store: Store) -> bytes:
    return store.read_bytes("x")


def test_a_pickled_store_is_read_in_another_process(tmp_path: Path) -> None:
    store = Named(Store(LocalBackend(tmp_path), "a"), "mine")
    store.write("x", b"1")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(read_there, (store,)) == b"1"
    again = pickle.loads(pickle.dumps(store))
    assert (type(again), again.name, again.read_bytes("x")) == (Named, "mine", b"1")


def test_subclasses_keep_what_they_hold(tmp_path: Path) -> None:
    backend = Counting(tmp_path)
    backend.reads = 3
    again = pickle.loads(pickle.dumps(backend))
    assert (type(again), again.reads) == (Counting, 3)


def test_memory_refuses_to_be_pickled_and_is_shared_by_copies() -> None:
    store = Store(MemoryBackend(), "a")
    store.write("x", b"1")
    with pytest.raises(pickle.PicklingError, match="lives in its process"):
        pickle.dumps(store)
    for twin in (copy.copy(store), copy.deepcopy(store), copy.deepcopy({"s": store})["s"]):
        assert twin == store
        assert twin is not store
        assert twin.read_bytes("x") == b"1"
        assert twin._owns_backend is False


def test_closing_a_copy_closes_nothing() -> None:
    store = Store(S3Backend("lake", key="k", secret="s", endpoint_url="http://127.0.0.1:9"))
    copy.copy(store).close()
    copy.deepcopy(store).close()
    store.close()
    with pytest.raises(BackendUnavailable, match="closed"):
        copy.copy(store).read_bytes("x")


def test_unwrap_gives_what_a_backend_is_made_of(tmp_path: Path) -> None:
    backend = LocalBackend(tmp_path)
    assert Store(backend).unwrap(LocalBackend) is backend
    assert Store(backend).unwrap(Path) == tmp_path
    with pytest.raises(CapabilityNotSupported, match=r"'s3' .*Path"):
        Store(s3()).unwrap(Path)
