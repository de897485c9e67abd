"""Compare and swap at the Python boundary."""

from __future__ import annotations

import pytest

from remote_store import Conflict, Store
from remote_store._store import native_core
from remote_store.backends import MemoryBackend


def test_an_update_replaces_the_content_that_was_seen_and_no_other() -> None:
    core = native_core(Store(MemoryBackend()))
    assert core is not None
    assert core.supports_conditional_update()
    seen = core.write("a", b"1").etag
    core.write("a", b"2", if_match=seen)
    with pytest.raises(Conflict, match="a was changed by another writer"):
        core.write("a", b"3", if_match=seen)
    assert core.read_bytes("a") == b"2"


def test_what_is_no_tag_is_refused_as_a_value() -> None:
    core = native_core(Store(MemoryBackend()))
    assert core is not None
    with pytest.raises(ValueError, match="if_match"):
        core.write("a", b"1", if_match="")
