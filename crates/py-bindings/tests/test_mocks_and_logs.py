"""Stores and backends can be mocked and patched, and each operation is logged before and after."""

from __future__ import annotations

import logging
from unittest import mock

import pytest

from remote_store import Backend, Capability, CapabilitySet, ProxyStore, Store, WriteResult, batch_delete
from remote_store.backends import MemoryBackend

METHODS = [name for name in dir(Store) if not name.startswith("_")]


def test_a_mock_of_a_store_has_every_method_and_no_other() -> None:
    for store in (mock.MagicMock(spec=Store), mock.create_autospec(Store, instance=True)):
        for name in METHODS:
            assert callable(getattr(store, name))
        with pytest.raises(AttributeError):
            _ = store.no_such_method


def test_an_autospecced_method_checks_its_arguments() -> None:
    store = mock.create_autospec(Store, instance=True)
    store.write("a", b"1", overwrite=True, metadata=None)
    with pytest.raises(TypeError):
        store.write("a", b"1", overwrit=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mock.Mock(spec=Backend),
        lambda: mock.MagicMock(spec=Backend),
        lambda: mock.create_autospec(Backend, instance=True),
        lambda: mock.create_autospec(Backend, spec_set=True, instance=True),
    ],
    ids=["Mock", "MagicMock", "autospec", "spec_set"],
)
def test_a_store_stands_on_a_mocked_backend(make) -> None:
    backend = make()
    backend.name = "mocked"
    backend.capabilities = CapabilitySet(set(Capability))
    backend.read_bytes.return_value = b"1"
    store = Store(backend, "root")
    assert store.read_bytes("a") == b"1"
    backend.read_bytes.assert_called_once_with("root/a")
    store.write("b", b"2", overwrite=True)
    backend.write.assert_called_once_with("root/b", b"2", overwrite=True)
    store.close()
    backend.close.assert_called_once_with()


def test_a_proxy_stands_before_a_mocked_store() -> None:
    inner = mock.MagicMock(spec=Store)
    inner.read_bytes.return_value = b"1"
    assert ProxyStore(inner).read_bytes("a") == b"1"
    inner.read_bytes.assert_called_once_with("a")


@pytest.mark.parametrize("name", ["read_bytes", "write", "delete", "exists", "list_files", "head"])
def test_a_patched_method_is_what_callers_get_until_it_is_restored(name: str, memory: Store) -> None:
    memory.write("a", b"1")
    arguments = ("b", b"2") if name == "write" else ("a",)
    with mock.patch.object(memory, name, wraps=getattr(memory, name)) as patched:
        getattr(memory, name)(*arguments)
    patched.assert_called_once_with(*arguments)
    with mock.patch.object(Store, name, return_value="patched"):
        assert getattr(memory, name)(*arguments) == "patched"
    assert name not in vars(memory)


def test_a_text_method_calls_the_patched_bytes_method(memory: Store) -> None:
    with mock.patch.object(memory, "read_bytes", return_value="é".encode()):
        assert memory.read_text("nowhere") == "é"
    with mock.patch.object(memory, "write", return_value=WriteResult) as write:
        memory.write_text("a", "é")
    write.assert_called_once_with("a", "é".encode(), overwrite=False, metadata=None)


MUTATIONS = {
    "write": lambda s: s.write("new", b"1"),
    "write_atomic": lambda s: s.write_atomic("new", b"1"),
    "delete": lambda s: s.delete("a"),
    "delete_folder": lambda s: s.delete_folder("d", recursive=True),
    "move": lambda s: s.move("a", "new"),
    "copy": lambda s: s.copy("a", "new"),
}
READS = {
    "read": lambda s: s.read("a").close(),
    "read_bytes": lambda s: s.read_bytes("a"),
    "exists": lambda s: s.exists("a"),
    "get_file_info": lambda s: s.get_file_info("a"),
    "head": lambda s: s.head("a"),
}


class TestLogs:
    @pytest.fixture
    def logged(self, memory: Store, caplog: pytest.LogCaptureFixture):
        memory.write("a", b"1")
        memory.write("d/b", b"1")
        caplog.set_level(logging.DEBUG, logger="remote_store")
        return lambda: [(r.levelname, r.op, r.backend) for r in caplog.records]

    @pytest.mark.parametrize("op", MUTATIONS)
    def test_a_change_is_logged_before_and_after(self, op: str, memory: Store, logged) -> None:
        MUTATIONS[op](memory)
        assert logged() == [("DEBUG", op, "memory"), ("INFO", op, "memory")]

    @pytest.mark.parametrize("op", READS)
    def test_a_look_is_logged_once(self, op: str, memory: Store, logged) -> None:
        READS[op](memory)
        assert logged() == [("DEBUG", op, "memory")]

    def test_what_failed_is_not_logged_as_done(self, memory: Store, logged) -> None:
        with pytest.raises(FileNotFoundError):
            memory.delete("zz")
        assert logged() == [("DEBUG", "delete", "memory")]

    def test_a_batch_is_logged_path_by_path(self, memory: Store, logged, caplog) -> None:
        batch_delete(memory, ["a", "d/b"], missing_ok=True)
        done = [(r.levelname, r.path, r.getMessage()) for r in caplog.records if r.levelname == "INFO"]
        assert done == [("INFO", path, f"delete complete path='{path}'") for path in ("a", "d/b")]

    def test_nobody_who_did_not_ask_sees_anything(self) -> None:
        handlers = logging.getLogger("remote_store").handlers
        assert any(isinstance(handler, logging.NullHandler) for handler in handlers)

    def test_no_credential_is_in_a_record(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        Store(MemoryBackend()).write("a", b"SECRET-CONTENT")
        assert "SECRET-CONTENT" not in caplog.text
