"""A child that was forked after a store was used can use it too."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest
from conftest import S3_ENDPOINT, s3_backend
from remote_store import Store
from remote_store.backends import LocalBackend, MemoryBackend

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system"),
    # Python 3.12 warns when a process with threads forks, which is the very thing to survive.
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]

CHILD_TIMEOUT_S = 60


def in_child(work) -> bytes:
    """Run work in a forked child and return what it wrote; a child that hangs fails the test."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(into, work())
        except BaseException as error:  # noqa: BLE001 - the parent shows it
            os.write(into, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(into)
    ready, _, _ = select.select([out], [], [], CHILD_TIMEOUT_S)
    if not ready:
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with os.fdopen(out, "rb") as file:
        return file.read() if ready else b"the child hangs"


@pytest.mark.parametrize(
    "kind",
    [
        "memory",
        "local",
        pytest.param("s3", marks=pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server is running")),
    ],
)
def test_a_used_store_works_in_the_child(kind: str, tmp_path: Path) -> None:
    backend = {"memory": MemoryBackend, "local": lambda: LocalBackend(tmp_path), "s3": s3_backend}[kind]()
    store = Store(backend, f"fork-{os.getpid()}")
    store.write("x", b"from the parent", overwrite=True)
    assert store.read_bytes("x") == b"from the parent"
    assert list(store._core.read_many(["x"] * 20)) == [b"from the parent"] * 20

    def work() -> bytes:
        store.write("y", b"from the child", overwrite=True)
        return b"|".join(store._core.read_many(["x", "y"]))

    assert in_child(work) == b"from the parent|from the child"
    assert in_child(work) == b"from the parent|from the child"
    store.write("z", b"after")
    assert store.read_bytes("z") == b"after"


def test_an_iterator_that_was_begun_does_not_hang_the_child(tmp_path: Path) -> None:
    store = Store(LocalBackend(tmp_path))
    for number in range(20):
        store.write(f"{number}", b"x")
    begun = store._core.read_many([f"{number}" for number in range(20)])
    assert next(begun) == b"x"

    def work() -> bytes:
        nonlocal begun
        del begun
        return store.read_bytes("3")

    assert in_child(work) == b"x"
    assert sum(1 for _ in begun) == 19


def test_parquet_works_in_the_child() -> None:
    pa = pytest.importorskip("pyarrow", reason="tables need pyarrow")
    from remote_store._native import parquet

    table = pa.table({"a": list(range(200_000)), "b": [str(n) for n in range(200_000)]})
    encoded = parquet.encode(table)

    def work() -> bytes:
        again = parquet.encode(table)
        return str(parquet.decode(again).num_rows).encode() + str(parquet.decode(encoded).num_rows).encode()

    assert in_child(work) == b"200000200000"
    assert sys.modules.get("pyarrow") is not None
