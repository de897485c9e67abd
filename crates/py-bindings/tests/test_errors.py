"""The error classes, and how the core's kinds become them."""

from __future__ import annotations

import pickle

import pytest

import remote_store
from remote_store import (
    AlreadyExists,
    BackendUnavailable,
    CapabilityNotSupported,
    Conflict,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemoteStoreError,
    ResourceLocked,
)
from remote_store.ext._manifest import ManifestCorrupted

CONCRETE = [
    AlreadyExists,
    BackendUnavailable,
    CapabilityNotSupported,
    Conflict,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    PermissionDenied,
    ResourceLocked,
]


@pytest.mark.parametrize("cls", CONCRETE)
def test_each_inherits_directly_and_survives_pickling(cls: type[RemoteStoreError]) -> None:
    assert RemoteStoreError in cls.__bases__
    error = cls("it broke", path="a/b", backend="s3")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (copy.message, copy.path, copy.backend, str(copy)) == ("it broke", "a/b", "s3", str(error))
    assert str(error).startswith("it broke | path='a/b' | backend='s3'")
    assert repr(error).startswith(f"{cls.__name__}('it broke', path='a/b', backend='s3'")


def test_fields_that_are_not_there_are_left_out() -> None:
    assert str(NotFound("gone")) == "gone"
    assert str(NotFound(path="x")) == "path='x'"
    assert str(NotFound()) == ""


def test_a_capability_is_named_and_kept() -> None:
    error = CapabilityNotSupported("no", backend="http", capability="glob")
    assert pickle.loads(pickle.dumps(error)).capability == "glob"
    assert "capability='glob'" in str(error)


def test_a_reason_is_kept() -> None:
    error = ManifestCorrupted("bad", path="p", reason="not JSON")
    assert pickle.loads(pickle.dumps(error)).reason == "not JSON"


def test_built_in_errors_catch_ours() -> None:
    assert issubclass(NotFound, FileNotFoundError)
    assert issubclass(AlreadyExists, FileExistsError)
    assert issubclass(PermissionDenied, PermissionError)
    assert issubclass(InvalidPath, ValueError)


def test_all_are_exported() -> None:
    for cls in CONCRETE:
        assert getattr(remote_store, cls.__name__) is cls
    assert set(remote_store.__all__) <= set(dir(remote_store))
