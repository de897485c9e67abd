"""What the tests of the suite stand on: a store of their own, and capabilities that they ask for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import ClassVar

import pytest

from remote_store import Backend, Capability, Store

__all__ = ["ON_ROOT", "SuiteBase"]

# What refuses the root and paths outside, on every backend.
ON_ROOT = ("", ".", "/", "./")


class SuiteBase:
    """The hooks of the suite.

    Attributes:
        creates_atomically: Whether of many writers without ``overwrite`` exactly one wins. Set it
            to False for storage that cannot do it.
    """

    creates_atomically: ClassVar[bool] = True

    def make_backend(self) -> Backend:
        """Make the backend under test; it may hold other data, which is left alone."""
        raise NotImplementedError(f"{type(self).__name__} must define make_backend()")

    def put(self, store: Store, path: str, content: bytes) -> None:
        """Bring a file into the store; override it for a backend that cannot write.

        Args:
            store: The store under test.
            path: The path in that store.
            content: The content.
        """
        if not store.supports(Capability.WRITE):
            pytest.skip("the backend cannot write: define put() to bring files in")
        store.write(path, content)

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        """Give a store below a folder of its own, emptied at the end where that is possible."""
        backend = self.make_backend()
        root = f"conformance-{uuid.uuid4().hex}"
        store = Store(backend, root)
        try:
            yield store
            if store.supports(Capability.DELETE):
                backend.delete_folder(root, recursive=True, missing_ok=True)
        finally:
            store.close()

    def need(self, store: Store, *capabilities: Capability) -> None:
        """Skip the test when the backend does not claim all of these."""
        for capability in capabilities:
            if not store.supports(capability):
                pytest.skip(f"{store.resolve('x').backend} does not claim {capability.value}")
