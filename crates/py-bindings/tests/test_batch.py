"""Many deletions, copies and look-ups in one call."""

from __future__ import annotations

import threading
from unittest import mock

import pytest

from remote_store import (
    AlreadyExists,
    BatchResult,
    Capability,
    CapabilityNotSupported,
    InvalidPath,
    NotFound,
    ProxyStore,
    RemotePath,
    Store,
    batch_copy,
    batch_delete,
    batch_exists,
)
from remote_store.backends import MemoryBackend


def fill(store: Store, *paths: str) -> None:
    for path in paths:
        store.write(path, path.encode())


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("missing_ok", [False, True])
def test_each_path_is_deleted_or_has_its_error(store: Store, concurrent: bool, missing_ok: bool) -> None:
    fill(store, "a", "d/b", "kept")
    asked = ["a", "zz", "d/b", "../q", ""]
    result = batch_delete(store, asked, missing_ok=missing_ok, concurrent=concurrent)
    assert result.succeeded == (("a", "zz", "d/b") if missing_ok else ("a", "d/b"))
    kinds = {path: type(error) for path, error in result.failed.items()}
    missing = {} if missing_ok else {"zz": NotFound}
    assert kinds == missing | {"../q": InvalidPath, "": InvalidPath}
    assert (result.total, result.all_succeeded) == (5, False)
    assert [str(info.path) for info in store.list_files("", recursive=True)] == ["kept"]


def test_the_first_error_ends_it_when_asked(store: Store) -> None:
    fill(store, "a", "b")
    result = batch_delete(store, ["a", "zz", "b"], stop_on_error=True)
    assert (result.succeeded, list(result.failed)) == (("a",), ["zz"])
    assert store.exists("b")


def test_a_path_named_twice_is_deleted_once(store: Store) -> None:
    fill(store, "a")
    result = batch_delete(store, ["a", "a"])
    assert result.succeeded == ("a",)
    assert isinstance(result.failed["a"], NotFound)


@pytest.mark.parametrize("concurrent", [False, True])
def test_each_pair_is_copied_or_has_its_error(store: Store, concurrent: bool) -> None:
    fill(store, "a", "b", "taken")
    result = batch_copy(store, [("a", "x"), ("zz", "y"), ("b", "taken")], concurrent=concurrent)
    assert result.succeeded == ("a",)
    assert {path: type(error) for path, error in result.failed.items()} == {
        "zz": NotFound,
        "b": AlreadyExists,
    }
    assert (store.read_bytes("x"), store.read_bytes("taken")) == (b"a", b"taken")
    assert batch_copy(store, [("b", "taken")], overwrite=True).all_succeeded
    assert store.read_bytes("taken") == b"b"


def test_copying_ends_at_the_first_error_when_asked(store: Store) -> None:
    fill(store, "a", "b")
    result = batch_copy(store, [("a", "x"), ("zz", "y"), ("b", "q")], stop_on_error=True)
    assert (result.succeeded, list(result.failed)) == (("a",), ["zz"])
    assert not store.exists("q")


@pytest.mark.parametrize("concurrent", [False, True])
def test_answers_come_by_path_in_the_order_asked(store: Store, concurrent: bool) -> None:
    fill(store, "a", "d/b")
    answers = batch_exists(store, ["zz", "a", "d", "a", ""], concurrent=concurrent, max_workers=2)
    assert list(answers.items()) == [("zz", False), ("a", True), ("d", True), ("", True)]


def test_looking_outside_the_root_is_refused(store: Store) -> None:
    with pytest.raises(InvalidPath, match=r"contain.*'\.\.'"):
        batch_exists(store, ["a", "../x"])


def test_paths_may_be_objects_and_an_iterator(store: Store) -> None:
    fill(store, "a")
    assert batch_exists(store, iter([RemotePath("a")])) == {"a": True}
    assert batch_delete(store, iter([RemotePath("a")])) == BatchResult(("a",), {})


def test_no_paths_are_no_failure(store: Store) -> None:
    empty = BatchResult((), {})
    assert batch_delete(store, []) == batch_copy(store, []) == empty
    assert (empty.all_succeeded, empty.total, batch_exists(store, [])) == (True, 0, {})


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda s: batch_delete(s, "abc"), TypeError, "put it in a list"),
        (lambda s: batch_exists(s, b"abc"), TypeError, "put it in a list"),
        (lambda s: batch_delete(s, [1]), TypeError, "path must be a str or RemotePath, got int"),
        (lambda s: batch_delete(s, None), TypeError, "not iterable"),
        (lambda s: batch_copy(s, [("a", 3)]), TypeError, "got int"),
        (lambda s: batch_copy(s, [("a", "b", "c")]), ValueError, "unpack"),
        (
            lambda s: batch_delete(s, ["a"], concurrent=True, stop_on_error=True),
            ValueError,
            "stop_on_error is not supported with concurrent=True",
        ),
        (
            lambda s: batch_copy(s, [("a", "b")], concurrent=True, stop_on_error=True),
            ValueError,
            "stop_on_error is not supported with concurrent=True",
        ),
        (
            lambda s: batch_exists(s, ["a"], concurrent=True, max_workers=0),
            ValueError,
            "max_workers must be greater than 0",
        ),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_done(memory: Store, call, kind, message) -> None:
    fill(memory, "a", "b", "c")
    with pytest.raises(kind, match=message):
        call(memory)
    assert batch_exists(memory, ["a", "b", "c"]) == {"a": True, "b": True, "c": True}


def test_a_result_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        BatchResult((), {}).succeeded = ("a",)  # type: ignore[misc]


def test_a_mocked_store_is_asked_for_each_path() -> None:
    store = mock.MagicMock(spec=Store)
    batch_delete(store, ["a", "b"], missing_ok=True)
    batch_copy(store, [("a", "b")])
    batch_exists(store, ["a"])
    assert store.mock_calls == [
        mock.call.delete("a", missing_ok=True),
        mock.call.delete("b", missing_ok=True),
        mock.call.copy("a", "b", overwrite=False),
        mock.call.exists("a"),
    ]


def test_a_patched_method_is_called(memory: Store) -> None:
    fill(memory, "a")
    with mock.patch.object(memory, "delete", wraps=memory.delete) as delete:
        assert batch_delete(memory, ["a"], missing_ok=True).all_succeeded
    delete.assert_called_once_with("a", missing_ok=True)
    assert not memory.exists("a")


def test_a_subclass_decides_and_its_other_errors_come_through(memory: Store) -> None:
    class Picky(ProxyStore):
        def delete(self, path, *, missing_ok=False):
            if path == "locked":
                raise CapabilityNotSupported("not this one", path=path, capability="delete")
            if path == "bug":
                raise ZeroDivisionError
            super().delete(path, missing_ok=missing_ok)

    fill(memory, "a", "locked")
    result = batch_delete(Picky(memory), ["a", "locked"], missing_ok=True)
    assert (result.succeeded, str(result.failed["locked"].path)) == (("a",), "locked")
    for concurrent in (False, True):
        with pytest.raises(ZeroDivisionError):
            batch_delete(Picky(memory), ["bug", "a"], concurrent=concurrent)


def test_calls_are_under_way_together_when_asked() -> None:
    meeting = threading.Barrier(3, timeout=20)

    class Meeting(ProxyStore):
        def exists(self, path):
            meeting.wait()
            return super().exists(path)

    store = Meeting(Store(MemoryBackend()))
    # Had they come one after the other, the barrier would break.
    assert len(batch_exists(store, ["a", "b", "c"], concurrent=True, max_workers=3)) == 3


def test_what_a_backend_cannot_do_fails_for_each_path() -> None:
    store = mock.Mock(spec=Store)
    store.delete.side_effect = CapabilityNotSupported("no", capability=Capability.DELETE.value)
    result = batch_delete(store, ["a", "b"])
    assert (result.succeeded, list(result.failed)) == ((), ["a", "b"])
