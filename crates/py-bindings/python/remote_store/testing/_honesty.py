"""What a backend does not claim is refused by name, before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from remote_store import Capability, CapabilityNotSupported, CapabilitySet, Store
from remote_store.testing._base import SuiteBase

__all__ = ["HonestySuite"]


def _open(store: Store) -> None:
    with store.open_atomic("x") as file:
        file.write(b"1")


_CALLS: dict[Capability, Callable[[Store], Any]] = {
    Capability.READ: lambda store: store.read_bytes("x"),
    Capability.WRITE: lambda store: store.write("x", b"1"),
    Capability.DELETE: lambda store: store.delete("x", missing_ok=True),
    Capability.LIST: lambda store: list(store.list_files("")),
    Capability.GLOB: lambda store: list(store.glob("*")),
    Capability.MOVE: lambda store: store.move("x", "y"),
    Capability.COPY: lambda store: store.copy("x", "y"),
    Capability.ATOMIC_WRITE: _open,
    Capability.METADATA: lambda store: store.get_file_info("x"),
    Capability.USER_METADATA: lambda store: store.write("x", b"1", metadata={"a": "b"}),
    Capability.SEEKABLE_READ: lambda store: store.read_seekable("x"),
}


class HonestySuite(SuiteBase):
    """Capabilities are a promise in both directions."""

    def test_the_backend_says_who_it_is_and_what_it_can_do(self, store: Store) -> None:
        backend = self.make_backend()
        assert isinstance(backend.capabilities, CapabilitySet)
        assert backend.name
        assert backend.name in repr(store)
        backend.close()

    def test_what_is_not_claimed_is_refused(self, store: Store) -> None:
        unclaimed = [capability for capability in _CALLS if not store.supports(capability)]
        for capability in unclaimed:
            with pytest.raises(CapabilityNotSupported) as caught:
                _CALLS[capability](store)
            # A call may need more than one that is missing; it names one of them.
            assert Capability(caught.value.capability) in unclaimed

    def test_a_store_that_answers_is_well(self, store: Store) -> None:
        store.ping()
