"""What a backend cannot do is refused before it is asked for anything."""

from __future__ import annotations

import io
from unittest import mock

import pytest

from remote_store import (
    Backend,
    Capability,
    CapabilityNotSupported,
    CapabilitySet,
    ProxyStore,
    Store,
    open_atomic_with_hash,
)
from remote_store.backends import (
    AzureBackend,
    GCSBackend,
    LocalBackend,
    MemoryBackend,
    ReadOnlyHttpBackend,
    S3Backend,
    SFTPBackend,
)

# Each capability, and the calls that need it.
CALLS = {
    Capability.READ: [
        lambda s: s.read("a"),
        lambda s: s.read_bytes("a"),
        lambda s: s.read_text("a"),
    ],
    Capability.WRITE: [lambda s: s.write("a", b"1"), lambda s: s.write_text("a", "1")],
    Capability.DELETE: [lambda s: s.delete("a"), lambda s: s.delete_folder("a", recursive=True)],
    Capability.LIST: [
        lambda s: list(s.list_files("a")),
        lambda s: list(s.list_files("", recursive=True, max_depth=3)),
        lambda s: list(s.list_folders("a")),
        lambda s: list(s.iter_children("a")),
    ],
    Capability.GLOB: [lambda s: list(s.glob("*"))],
    Capability.MOVE: [lambda s: s.move("a", "b")],
    Capability.COPY: [lambda s: s.copy("a", "b")],
    Capability.ATOMIC_WRITE: [
        lambda s: s.write_atomic("a", b"1"),
        lambda s: s.write_atomic("a", io.BytesIO(b"1")),
        lambda s: s.open_atomic("a").__enter__(),
        lambda s: open_atomic_with_hash(s, "a").__enter__(),
    ],
    Capability.METADATA: [
        lambda s: s.get_file_info("a"),
        lambda s: s.head("a"),
        lambda s: s.get_folder_info("a"),
    ],
    Capability.USER_METADATA: [
        lambda s: s.write("a", b"1", metadata={"k": "v"}),
        lambda s: s.write("a", io.BytesIO(b"1"), metadata={"k": "v"}),
        lambda s: s.write_atomic("a", b"1", metadata={"k": "v"}),
    ],
    Capability.SEEKABLE_READ: [lambda s: s.read_seekable("a")],
}
# They say how something is done, and nothing needs them.
QUALITIES = {Capability.ATOMIC_MOVE, Capability.LAZY_READ, Capability.WRITE_RESULT_NATIVE}


def without(capability: Capability) -> mock.Mock:
    """A backend that counts its calls and cannot do one thing."""
    backend = mock.create_autospec(Backend, instance=True)
    backend.name = "counting"
    backend.capabilities = CapabilitySet(set(Capability) - {capability})
    return backend


def test_every_capability_has_its_calls() -> None:
    assert CALLS.keys() | QUALITIES == set(Capability)


@pytest.mark.parametrize("wrap", [lambda s: s, ProxyStore], ids=["plain", "proxied"])
@pytest.mark.parametrize(
    ("capability", "call"),
    [(capability, call) for capability, calls in CALLS.items() for call in calls],
    ids=lambda value: value.value if isinstance(value, Capability) else "call",
)
def test_a_call_is_refused_before_the_backend_is_asked(capability: Capability, call, wrap) -> None:
    backend = without(capability)
    with pytest.raises(CapabilityNotSupported) as caught:
        call(wrap(Store(backend, "root")))
    assert backend.method_calls == []
    assert (caught.value.capability, caught.value.backend) == (capability.value, "counting")
    others = sorted({member.value for member in Capability} - {capability.value})
    assert f"Capability '{capability.value}' is not supported. Supported: {others}" in str(caught.value)


def test_a_stream_that_cannot_be_written_is_not_read() -> None:
    content = mock.Mock(spec=io.BytesIO)
    with pytest.raises(CapabilityNotSupported):
        Store(without(Capability.WRITE)).write("a", content)
    content.read.assert_not_called()


@pytest.mark.parametrize(
    "make",
    [
        MemoryBackend,
        lambda: LocalBackend("."),
        lambda: S3Backend("b", key="AK", secret="SK1234567890"),
        lambda: AzureBackend("c", account_name="a"),
        lambda: GCSBackend("b", anonymous=True),
        lambda: SFTPBackend("127.0.0.1"),
        lambda: ReadOnlyHttpBackend("http://127.0.0.1:1"),
    ],
    ids=["memory", "local", "s3", "azure", "gcs", "sftp", "http"],
)
def test_a_class_says_what_its_instances_can(make) -> None:
    backend = make()
    assert backend.capabilities == type(backend).CAPABILITIES


def test_a_folder_keeps_no_metadata_and_says_so_before_it_writes(tmp_path) -> None:
    store = Store(LocalBackend(tmp_path))
    with pytest.raises(CapabilityNotSupported, match="Capability 'user_metadata' is not supported"):
        store.write("a", b"1", metadata={"k": "v"})
    assert list(tmp_path.iterdir()) == []
