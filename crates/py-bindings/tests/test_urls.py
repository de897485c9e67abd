"""Stores by URL; the rules themselves are tested with the native registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from remote_store import Backend, ProxyStore, Secret, Store, register_backend
from remote_store._native import parse_url
from remote_store.aio import AsyncStore
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend, S3Backend


@pytest.mark.parametrize(
    ("url", "backend", "root"),
    [
        ("s3://lake/raw/2024", S3Backend("lake"), "raw/2024"),
        ("s3a://lake?region=eu-west-1", S3Backend("lake", region_name="eu-west-1"), ""),
        ("gs://lake/a%20b", GCSBackend("lake"), "a%20b"),
        ("abfss://c@acc.dfs.core.windows.net/p", AzureBackend("c", account_name="acc"), "p"),
        ("https://acc.blob.core.windows.net/c/p", AzureBackend("c", account_name="acc"), "p"),
        ("memory://team/a", MemoryBackend(), "team/a"),
    ],
)
def test_a_url_opens_the_store_that_its_constructor_would(url: str, backend: Backend, root: str) -> None:
    for store in (Store.from_url(url), AsyncStore.from_url(url)._store):
        assert repr(store._backend) == repr(backend)
        assert type(store._backend) is type(backend)
        assert store._core.root_path == root


def test_folders_are_named_by_url_or_by_absolute_path(tmp_path: Path) -> None:
    for url in (str(tmp_path), tmp_path.as_uri()):
        store = Store.from_url(url)
        store.write("x", b"1", overwrite=True)
        assert (tmp_path / "x").read_bytes() == b"1"
        assert store.unwrap(Path) == tmp_path
        assert isinstance(store.unwrap(LocalBackend), LocalBackend)
    with pytest.raises(ValueError, match="absolute path"):
        Store.from_url("data/lake")


def test_credentials_of_a_url_are_never_shown() -> None:
    store = Store.from_url("s3://AKIA:s3cr3t%2Fpart@lake/raw")
    _, options, _ = parse_url("s3://AKIA:s3cr3t%2Fpart@lake/raw")
    assert options["secret"] == Secret("s3cr3t/part")
    assert "s3cr3t" not in repr(store) + repr(store._backend) + repr(options)
    for url in (
        "s4://AKIA:s3cr3t@lake",
        "s3://AKIA:s3cr3t@",
        "gs://me:s3cr3t@lake",
        "s3://lake?bukket=s3cr3t",
    ):
        with pytest.raises(ValueError) as refused:  # noqa: PT011 - what is not in the message matters
            Store.from_url(url)
        assert "s3cr3t" not in str(refused.value)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"Unknown URL scheme 'ss3'\. Known schemes: abfs.*Did you mean 's3'\?"
    ):
        Store.from_url("ss3://lake")
    with pytest.raises(ValueError, match="'bucket' is given twice"):
        Store.from_url("s3://lake", bucket="other")
    with pytest.raises(ValueError, match=r"rejected the provided options \['bucket', 'bukket'\]"):
        Store.from_url("s3://lake", bukket="x")


def test_a_registered_backend_takes_the_place_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from remote_store import _registry

    class Mine(MemoryBackend):
        pass

    monkeypatch.setitem(_registry._FACTORIES, "memory", _registry._FACTORIES["memory"])
    register_backend("memory", Mine)
    assert isinstance(Store.from_url("memory://")._backend, Mine)


def test_a_proxy_stands_before_the_store_of_the_url() -> None:
    class Loud(ProxyStore):
        pass

    store = Loud.from_url("memory://team")
    assert type(store) is Loud
    assert repr(store.inner) == "Store(backend='memory', root_path='team')"
