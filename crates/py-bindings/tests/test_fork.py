"""A child that was forked after a store was used can use it too."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable

import pytest

from remote_store import Backend, Store

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
        pytest.param(
            "s3",
            marks=pytest.mark.skipif(
                not os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT"), reason="no S3 server is running"
            ),
        ),
    ],
)
def test_a_used_store_works_in_the_child(kind: str, make_backend: Callable[[str], Backend]) -> None:
    store = Store(make_backend(kind), f"fork-{os.getpid()}")
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


KINDS = [
    "memory",
    "local",
    pytest.param(
        "s3",
        marks=pytest.mark.skipif(
            not os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT"), reason="no S3 server is running"
        ),
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_iterator_that_was_begun_does_not_hang_the_child(
    kind: str, make_backend: Callable[[str], Backend]
) -> None:
    store = Store(make_backend(kind), f"fork-begun-{os.getpid()}")
    for number in range(20):
        store.write(f"{number}", b"x", overwrite=True)
    begun = store._core.read_many([f"{number}" for number in range(20)], window=4)
    assert next(begun) == b"x"

    def work() -> bytes:
        nonlocal begun
        try:
            next(begun)
        except RuntimeError as error:
            assert "begun before the process forked" in str(error)  # noqa: PT017 - in a child
        del begun
        return store.read_bytes("3")

    assert in_child(work) == b"x"
    assert sum(1 for _ in begun) == 19


@pytest.mark.parametrize("kind", KINDS)
def test_an_open_file_goes_on_in_both_processes(kind: str, make_backend: Callable[[str], Backend]) -> None:
    store = Store(make_backend(kind), f"fork-open-{os.getpid()}")
    content = os.urandom(2_000_000)
    store.write("x", content, overwrite=True)
    with store.read("x") as file:
        head = file.read(10)

        def work() -> bytes:
            file.seek(10)
            return str(file.read() == content[10:]).encode()

        assert in_child(work) == b"True"
        assert head + file.read() == content


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_being_written_stays_the_parents(kind: str, make_backend: Callable[[str], Backend]) -> None:
    store = Store(make_backend(kind), f"fork-write-{os.getpid()}")
    with store.open_atomic("x", overwrite=True) as file:
        file.write(b"1" * 2_000_000)

        def work() -> bytes:
            try:
                file.write(b"2" * 2_000_000)
            except ValueError:
                return b"refused"
            return b"written"

        assert in_child(work) == b"refused"
    assert store.read_bytes("x") == b"1" * 2_000_000


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
