"""What is particular to each backend, and the backends used by themselves."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path

import pytest

from remote_store import (
    AlreadyExists,
    Backend,
    BackendUnavailable,
    Capability,
    CapabilityNotSupported,
    CapabilitySet,
    InvalidPath,
    NotFound,
    PermissionDenied,
    RemotePath,
    Store,
)
from remote_store._registry import create_backend, registered_types
from remote_store.backends import AzureBackend, GCSBackend, LocalBackend, MemoryBackend, S3Backend

REQUIRED_BY_LOGS = {
    Capability.READ,
    Capability.WRITE,
    Capability.DELETE,
    Capability.METADATA,
    Capability.LIST,
}


class TestEveryBackend:
    def test_has_the_methods_of_a_backend(self, backend: Backend) -> None:
        assert isinstance(backend, Backend)
        base = f"direct-{os.getpid()}"
        assert backend.write(f"{base}/a/x", b"1", overwrite=True).size == 1
        backend.write_atomic(f"{base}/a/y", io.BytesIO(b"22"), overwrite=True)
        with backend.open_atomic(f"{base}/a/z", overwrite=True) as file:
            file.write(b"333")
        assert backend.read_bytes(f"{base}/a/x") == b"1"
        with backend.read(f"{base}/a/z") as stream, backend.read_seekable(f"{base}/a/y") as other:
            assert (stream.read(), other.read()) == (b"333", b"22")
        assert [info.name for info in backend.list_files(f"{base}/a")] == ["x", "y", "z"]
        assert [entry.path for entry in backend.list_folders(base)] == [RemotePath(f"{base}/a")]
        assert len(list(backend.iter_children(base))) == 1
        backend.copy(f"{base}/a/x", f"{base}/b")
        backend.move(f"{base}/b", f"{base}/c")
        assert (backend.exists(f"{base}/b"), backend.is_file(f"{base}/c"), backend.is_folder(base)) == (
            False,
            True,
            True,
        )
        assert backend.get_file_info(f"{base}/a/z").size == 3
        assert backend.get_folder_info(f"{base}").file_count == 4
        assert backend.to_key(backend.native_path(f"{base}/c")) == f"{base}/c"
        backend.delete(f"{base}/c")
        backend.delete_folder(base, recursive=True)
        assert not backend.exists(base)
        backend.check_health()

    def test_can_do_what_dagster_needs(self, backend: Backend) -> None:
        assert set(backend.capabilities) >= REQUIRED_BY_LOGS
        assert isinstance(backend.capabilities, CapabilitySet)

    @pytest.mark.parametrize("size", [0, 65_536, 65_537, 5_000_003])
    def test_reads_content_of_any_length_whole(self, backend: Backend, size: int) -> None:
        path, content = f"direct-{os.getpid()}/long-{size}", (bytes(range(251)) * (size // 251 + 1))[:size]
        backend.write(path, content, overwrite=True)
        assert backend.read_bytes(path) == content

    def test_many_creators_have_one_winner(self, store: Store) -> None:
        won: list[int] = []
        together = threading.Barrier(8)

        def create(number: int) -> None:
            together.wait()
            try:
                store.write("race", str(number).encode() * 1000)
            except AlreadyExists:
                return
            won.append(number)

        threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert store.read_bytes("race") == str(won[0]).encode() * 1000

    def test_readers_see_the_old_or_the_new(self, store: Store) -> None:
        contents = {bytes([n]) * 200_000 for n in range(8)}
        store.write("x", next(iter(contents)))
        seen: set[bytes] = set()
        writer = threading.Thread(
            target=lambda: [
                store.write("x", content, overwrite=True) for content in contents for _ in range(3)
            ]
        )
        writer.start()
        while writer.is_alive():
            seen.add(store.read_bytes("x"))
        writer.join()
        assert seen <= contents


class TestLocal:
    def test_native_path_and_repr(self, tmp_path: Path) -> None:
        backend = LocalBackend(tmp_path)
        assert Store(backend, "a").native_path("b") == str(tmp_path / "a" / "b")
        assert repr(backend).startswith(f"LocalBackend(root={str(tmp_path)!r}")

    def test_files_of_others_are_seen(self, tmp_path: Path) -> None:
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "f.txt").write_bytes(b"theirs")
        store = Store(LocalBackend(str(tmp_path)))
        assert store.read_bytes("d/f.txt") == b"theirs"
        assert [str(info.path) for info in store.list_files("", recursive=True)] == ["d/f.txt"]

    def test_a_link_that_leaves_the_root_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"outside")
        root = tmp_path / "root"
        root.mkdir()
        (root / "link").symlink_to(tmp_path / "secret")
        (root / "up").symlink_to(tmp_path)
        store = Store(LocalBackend(root))
        for path in ("link", "up/secret"):
            with pytest.raises(InvalidPath):
                store.read_bytes(path)
        with pytest.raises(InvalidPath):
            store.write("up/new", b"x")
        assert not (tmp_path / "new").exists()

    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
    def test_an_unwritable_folder_is_permission_denied(self, tmp_path: Path) -> None:
        (tmp_path / "ro").mkdir(mode=0o500)
        with pytest.raises(PermissionDenied):
            Store(LocalBackend(tmp_path / "ro")).write("x", b"")

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody may write to")
    def test_a_folder_that_cannot_be_made_is_named(self) -> None:
        def use() -> None:
            Store(LocalBackend("/proc/no-such-folder")).write("x", b"")

        with pytest.raises((BackendUnavailable, NotFound, PermissionDenied, ValueError), match="local"):
            use()

    def test_a_file_where_the_root_should_be_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        def use() -> None:
            Store(LocalBackend(tmp_path / "file")).write("x", b"")

        with pytest.raises((InvalidPath, ValueError, BackendUnavailable, PermissionDenied)) as caught:
            use()
        assert "file" in str(caught.value)

    def test_an_empty_folder_is_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        store = Store(LocalBackend(tmp_path))
        assert store.is_folder("empty")
        store.delete_folder("empty")
        assert not (tmp_path / "empty").exists()


class TestBelowAFile:
    @pytest.mark.parametrize("kind", ["memory", "local"])
    def test_a_file_is_no_folder(self, kind: str, tmp_path: Path) -> None:
        store = Store(MemoryBackend() if kind == "memory" else LocalBackend(tmp_path))
        store.write("a", b"1")
        with pytest.raises(InvalidPath):
            store.write("a/b", b"2")
        with pytest.raises(InvalidPath):
            store.copy("a", "a/b")
        with pytest.raises(NotFound):
            store.read_bytes("a/b")
        store.write("d/x", b"")
        with pytest.raises(InvalidPath, match="Not a file: d"):
            store.write("d", b"2")
        with pytest.raises(InvalidPath, match="Not a file: d"):
            store.read_bytes("d")
        assert store.read_bytes("a") == b"1"


class TestS3Options:
    def test_an_empty_bucket_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="bucket"):
            S3Backend("")

    def test_nothing_is_asked_before_the_first_call(self) -> None:
        # No such host: building must not look for it.
        store = Store(S3Backend("b", endpoint_url="https://no-such-host.invalid", key="k", secret="s"))
        assert store.native_path("a/b") == "b/a/b"
        assert store.to_key("b/a/b") == "a/b"

    def test_an_unreachable_endpoint_is_unavailable(self) -> None:
        backend = S3Backend(
            "b",
            endpoint_url="http://127.0.0.1:1",
            key="k",
            secret="s3cr3tvalue",
            region_name="us-east-1",
            retry={"max_attempts": 1},
            client_options={"connect_timeout": 2},
        )
        with pytest.raises(BackendUnavailable) as caught:
            Store(backend).read_bytes("x")
        assert "s3cr3tvalue" not in str(caught.value)


class TestAzureOptions:
    def test_an_empty_container_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="container"):
            AzureBackend("")

    def test_nothing_is_asked_before_the_first_call(self) -> None:
        store = Store(AzureBackend("c", account_url="https://no-such-host.invalid", account_key="a2V5"), "r")
        assert store.native_path("a/b") == "c/r/a/b"
        assert store.to_key("c/r/a/b") == "a/b"
        assert store._core.uri("a/b") == "az://c/r/a/b"

    def test_it_is_registered_and_credentials_are_masked(self) -> None:
        assert "azure" in registered_types()
        options = {"container": "c", "connection_string": "AccountName=acme;AccountKey=aHVudGVyMg=="}
        backend = create_backend("azure", options | {"retry": {"max_attempts": 1}})
        assert repr(backend) == "AzureBackend(container='c', connection_string='***')"
        with pytest.raises(ValueError, match="give one of them") as caught:
            create_backend("azure", options | {"account_key": "aHVudGVyMg=="})
        assert "aHVudGVyMg" not in str(caught.value)

    def test_an_object_of_azures_library_is_refused_clearly(self) -> None:
        class DefaultAzureCredential:
            pass

        with pytest.raises(TypeError, match=r"'credential'.*DefaultAzureCredential.*AZURE_"):
            AzureBackend("c", account_name="acme", credential=DefaultAzureCredential())  # type: ignore[arg-type]

    def test_another_service_without_a_credential_says_what_to_give(self, monkeypatch) -> None:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            monkeypatch.delenv(name)
        store = Store(AzureBackend("c", account_url="http://127.0.0.1:1/acme"))
        with pytest.raises(PermissionDenied, match="account_key"):
            store.read_bytes("x")

    def test_an_unreachable_endpoint_is_unavailable(self) -> None:
        backend = AzureBackend(
            "c", account_url="http://127.0.0.1:1/acme", account_key="aHVudGVyMg==", retry={"max_attempts": 1}
        )
        with pytest.raises(BackendUnavailable, match="account_url") as caught:
            Store(backend).read_bytes("x")
        assert "aHVudGVyMg" not in str(caught.value)


class TestGCSOptions:
    def test_an_empty_bucket_is_a_value_error(self) -> None:
        with pytest.raises(ValueError, match="bucket"):
            GCSBackend("")

    def test_nothing_is_asked_before_the_first_call(self) -> None:
        store = Store(GCSBackend("b", endpoint_url="https://no-such-host.invalid"), "r")
        assert store.native_path("a/b") == "b/r/a/b"
        assert store.to_key("b/r/a/b") == "a/b"
        assert store._core.uri("a/b") == "gs://b/r/a/b"

    def test_it_is_registered_and_the_key_is_masked(self) -> None:
        assert "gcs" in registered_types()
        key = '{"client_email": "a@b", "private_key": "hunter2hunter2", "private_key_id": "1"}'
        backend = create_backend("gcs", {"bucket": "b", "service_account_key": key})
        assert repr(backend) == "GCSBackend(bucket='b', service_account_key='***')"
        with pytest.raises(ValueError, match="service_account_key") as caught:
            GCSBackend("b", service_account_key="hunter2hunter2")
        assert "hunter2" not in str(caught.value)

    def test_a_key_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"key\.json"):
            GCSBackend("b", service_account_path=tmp_path / "key.json")

    def test_an_unreachable_endpoint_is_unavailable(self) -> None:
        backend = GCSBackend("b", endpoint_url="http://127.0.0.1:1", retry={"max_attempts": 1})
        with pytest.raises(BackendUnavailable, match="endpoint_url"):
            Store(backend).read_bytes("x")


class TestCapabilities:
    def test_a_set_is_immutable_and_ordered(self) -> None:
        able = CapabilitySet({Capability.LIST, Capability.READ})
        assert list(able) == [Capability.READ, Capability.LIST]
        assert able == CapabilitySet([Capability.READ, Capability.LIST, Capability.READ])
        assert hash(able) == hash(CapabilitySet(able))
        assert (Capability.READ in able, "read" in able, len(able)) == (True, False, 2)
        with pytest.raises(AttributeError):
            able._members = ()
        with pytest.raises(AttributeError):
            able.more = 1

    def test_what_is_missing_is_named_before_anything_is_done(self) -> None:
        calls: list[str] = []

        class ReadOnly(MemoryBackend):
            @property
            def capabilities(self) -> CapabilitySet:
                return CapabilitySet({Capability.READ})

            def write(self, path, content, **_options):
                calls.append(path)

        store = Store(ReadOnly())
        for call in (
            lambda: store.write("x", b""),
            lambda: store.delete("x"),
            lambda: list(store.list_files("")),
            lambda: store.copy("a", "b"),
            lambda: list(store.glob("*")),
            lambda: store.write_atomic("x", b""),
        ):
            with pytest.raises(
                CapabilityNotSupported, match=r"Capability '\w+' is not supported\. Supported: \['read'\]"
            ):
                call()
        assert calls == []
        assert store.supports(Capability.READ)
        assert not store.supports(Capability.WRITE)
