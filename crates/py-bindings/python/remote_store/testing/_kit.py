"""The whole suite in one class."""

from __future__ import annotations

from remote_store.testing._arranging import ArrangingSuite
from remote_store.testing._honesty import HonestySuite
from remote_store.testing._model import ModelSuite
from remote_store.testing._reading import ReadingSuite
from remote_store.testing._writing import WritingSuite

__all__ = ["BackendConformance"]


class BackendConformance(ReadingSuite, WritingSuite, ArrangingSuite, HonestySuite, ModelSuite):
    """Everything that a backend promises; subclass it and define ``make_backend``.

    Examples:
        >>> from remote_store.backends import MemoryBackend
        >>> class TestMemory(BackendConformance):
        ...     def make_backend(self):
        ...         return MemoryBackend()
        >>> TestMemory().make_backend().name
        'memory'
    """
