"""Our own stores take the fast path; patched, subclassed and mocked ones are called."""

from __future__ import annotations

import json
from unittest import mock

import pytest

from remote_store import Backend, NotFound, ProxyStore, Store
from remote_store._store import native_core
from remote_store.backends import MemoryBackend


class TestNativeFastPath:
    def test_our_own_store_is_native(self, memory: Store) -> None:
        assert native_core(memory) is memory._core

    def test_a_patched_store_is_called(self, memory: Store) -> None:
        from remote_store._native import io_manager

        memory.write("x", b"1")
        with mock.patch.object(memory, "read_bytes", wraps=memory.read_bytes) as spy:
            assert io_manager.read_object(memory, "x") == b"1"
        spy.assert_called_once_with("x")
        assert native_core(memory) is memory._core

    def test_a_patched_class_is_called(self, memory: Store) -> None:
        from remote_store._native import io_manager

        with mock.patch.object(Store, "read_bytes", return_value=b"patched"):
            assert io_manager.read_object(memory, "x") == b"patched"

    def test_a_patch_of_any_method_is_seen(self, memory: Store) -> None:
        methods = [name for name in dir(Store) if not name.startswith("_") and name != "from_url"]
        for name in [*methods, "_begin"]:
            with mock.patch.object(Store, name):
                assert native_core(memory) is None, name
            assert native_core(memory) is memory._core, name

    def test_a_subclass_is_called(self) -> None:
        from remote_store._native import io_manager

        class Upper(ProxyStore):
            def read_bytes(self, path):
                return super().read_bytes(path).upper()

        store = Upper(Store(MemoryBackend()))
        assert io_manager.write_object(store, "x", b"abc") == 3
        assert io_manager.read_object(store, "x") == b"ABC"
        found = list(io_manager.load_partitions(store, ["d"], ["1"], "", allow_missing=True))
        assert found == [("1", None)]

    def test_a_mock_with_the_spec_is_a_store(self) -> None:
        from remote_store._native import io_manager

        store = mock.MagicMock(spec=Store)
        store.read_bytes.return_value = b"mocked"
        assert io_manager.read_object(store, "a/b") == b"mocked"
        io_manager.write_object(store, "a/b", b"xy")
        store.write.assert_called_once_with("a/b", b"xy", overwrite=True)

    def test_a_mock_can_be_wrapped(self) -> None:
        inner = mock.MagicMock(spec=Store)
        inner.read_bytes.return_value = b"mocked"
        assert ProxyStore(inner).read_bytes("a") == b"mocked"

    def test_a_missing_bucket_is_no_missing_partition(self) -> None:
        from remote_store._native import io_manager

        class Elsewhere(ProxyStore):
            def read_bytes(self, path):
                raise NotFound("Bucket not found: lake", path="lake", backend="s3")

        store = Elsewhere(Store(MemoryBackend()))
        with pytest.raises(NotFound, match="lake"):
            list(io_manager.load_partitions(store, ["d"], ["1"], ".pkl", allow_missing=True))

    def test_what_a_foreign_store_raises_passes_through(self) -> None:
        from remote_store._native import io_manager

        class Odd(Exception):
            pass

        store = mock.MagicMock(spec=Store)
        store.read_bytes.side_effect = Odd("mine")
        with pytest.raises(Odd, match="mine"):
            io_manager.read_object(store, "a")
        store.read_bytes.side_effect = KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            io_manager.read_object(store, "a")

    def test_a_duck_typed_backend_is_used(self) -> None:
        backend = mock.create_autospec(Backend, spec_set=True, instance=True)
        backend.read_bytes.return_value = b"duck"
        assert Store(backend, "r").read_bytes("a") == b"duck"
        backend.read_bytes.assert_called_once_with("r/a")

    def test_a_patched_backend_is_called(self) -> None:
        backend = MemoryBackend()
        with mock.patch.object(backend, "read_bytes", return_value=b"patched"):
            assert Store(backend).read_bytes("x") == b"patched"


class TestLoadPartitions:
    def test_partitions_come_in_the_order_asked(self, store: Store) -> None:
        from remote_store._native import io_manager

        keys = [f"2024-01-{day:02}" for day in range(1, 29)]
        for key in keys:
            store.write(f"a/b/{key}.json", json.dumps(key).encode())
        asked = keys[::-1]
        found = list(io_manager.load_partitions(store, ["a", "b"], asked, ".json", window=4))
        assert found == [(key, json.dumps(key).encode()) for key in asked]

    def test_the_first_missing_one_in_order_is_named(self, store: Store) -> None:
        from remote_store._native import io_manager

        store.write("a/1.pkl", b"x")
        store.write("a/4.pkl", b"x")
        loading = io_manager.load_partitions(store, ["a"], ["1", "3", "2", "4"], ".pkl")
        assert next(loading) == ("1", b"x")
        with pytest.raises(NotFound, match=r"a/3\.pkl.*partition '3'"):
            next(loading)
        with pytest.raises(StopIteration):
            next(loading)
        lax = io_manager.load_partitions(store, ["a"], ["1", "3"], ".pkl", allow_missing=True)
        assert list(lax) == [("1", b"x"), ("3", None)]

    def test_outputs_cover_exactly_the_partitions(self) -> None:
        from remote_store._native import io_manager

        io_manager.check_output_keys(["a"], ["1", "2"], ["2", "1"])
        with pytest.raises(ValueError, match="missing: '2'; not in this run: '9'"):
            io_manager.check_output_keys(["a"], ["1", "2"], ["1", "9"])

    def test_collisions_are_told(self) -> None:
        from remote_store._native import io_manager

        [message] = io_manager.collisions([(["foo"], ["bar"]), (["foo", "bar"], None)], ".pkl")
        assert "foo/bar.pkl" in message
        assert io_manager.collisions([(["foo"], ["bar"]), (["foo", "baz"], None)]) == []
