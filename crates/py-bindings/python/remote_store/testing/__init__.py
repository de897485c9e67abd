"""A suite of tests for backends, to be run by whoever writes one.

Subclass `BackendConformance` in a test module and say how your backend is made; pytest finds the tests::

    from remote_store.testing import BackendConformance

    class TestMyBackend(BackendConformance):
        def make_backend(self):
            return MyBackend()

What a backend does not claim among its capabilities is tested to be refused. Needs pytest; the
comparison with a model needs hypothesis too, and says so when it is skipped.
"""

from remote_store.testing._kit import BackendConformance

__all__ = ["BackendConformance"]
