"""Calls that are given up: cancelled, interrupted, or cut off by a fork."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from counting_proxy import CountingProxy, serving
from remote_store import Backend, NotFound
from remote_store.aio import AsyncStore
from remote_store.backends import LocalBackend, S3Backend
from test_fork import in_child

S3_ENDPOINT = os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT")
PATIENCE_S = 60


def store_on(endpoint: str) -> AsyncStore:
    return AsyncStore(S3Backend("b", endpoint_url=endpoint, key="k", secret="s", region_name="us-east-1"))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - another thread's counters
            await asyncio.sleep(0.001)


def test_a_cancelled_read_hangs_up() -> None:
    proxy = CountingProxy(gate=1000)
    with serving(proxy) as endpoint:
        store = store_on(endpoint)

        async def main() -> None:
            tasks = [asyncio.create_task(store.read_bytes(str(n))) for n in range(20)]
            await until(lambda: proxy.in_flight == 20)
            for task in tasks[:15]:
                task.cancel()
            given_up = await asyncio.gather(*tasks[:15], return_exceptions=True)
            assert all(isinstance(error, asyncio.CancelledError) for error in given_up)
            await until(lambda: proxy.abandoned == 15)
            assert proxy.in_flight == 5
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(tasks[19], 0.01)
            await until(lambda: proxy.abandoned == 16)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run(main())
    assert proxy.requests == 20


def test_an_iteration_that_is_left_ends_what_was_fetched_ahead() -> None:
    proxy = CountingProxy(gate=8)
    with serving(proxy) as endpoint:
        store = store_on(endpoint)

        async def main() -> None:
            reads = store.read_many([str(n) for n in range(1000)], window=8)
            async for content in reads:
                assert content == b"body"
                break
            await reads.aclose()  # type: ignore[attr-defined]
            await until(lambda: proxy.in_flight == 0)

        asyncio.run(main())
    assert proxy.requests < 100


def test_a_cancelled_task_group_cancels_its_reads() -> None:
    proxy = CountingProxy(gate=1000)
    with serving(proxy) as endpoint:
        store = store_on(endpoint)

        async def fail() -> None:
            await until(lambda: proxy.in_flight == 10)
            raise KeyError("first")

        async def main() -> None:
            with pytest.raises(ExceptionGroup):  # noqa: PT012 - the group is what raises
                async with asyncio.TaskGroup() as group:
                    for n in range(10):
                        group.create_task(store.read_bytes(str(n)))
                    group.create_task(fail())
            await until(lambda: proxy.abandoned == 10)

        asyncio.run(main())


@pytest.mark.parametrize(
    "kind",
    [
        "memory",
        "local",
        pytest.param("s3", marks=pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server is running")),
    ],
)
def test_a_cancelled_write_leaves_the_old_object_and_no_debris(
    kind: str, make_backend: Callable[[str], Backend]
) -> None:
    store = AsyncStore(make_backend(kind), f"cancel-{uuid.uuid4().hex}")

    async def main() -> None:
        await store.write("x", b"old")
        asked = asyncio.Event()

        async def parts():
            yield b"n" * 12_000_000
            asked.set()
            await asyncio.Event().wait()
            yield b"never"

        writing = asyncio.create_task(store.write("x", parts(), overwrite=True))
        await asked.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        # Whatever moment the cancellation comes at, what is there is whole.
        whole = {b"old", b"mine"}
        for turns in range(30):
            new = f"new {turns}".encode() * 100_000
            whole.add(new)
            task = asyncio.create_task(store.write("x", new, overwrite=True))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await store.read_bytes("x") in whole
            await store.write("x", b"mine", overwrite=True)
            # A service may carry out what it was sent before the cancellation; here nothing comes later.
            assert await store.read_bytes("x") == b"mine" or kind == "s3"
        assert [str(info.path) async for info in store.list_files("", recursive=True)] == ["x"]
        await store.delete("x")

    asyncio.run(main())
    backend = store._store._backend
    if isinstance(backend, LocalBackend):
        root = backend.unwrap(Path)
        left = [path for path in root.rglob("*") if path.is_file()]
        assert left == []


def test_ctrl_c_ends_a_program_that_waits() -> None:
    proxy = CountingProxy(gate=1000)
    with serving(proxy) as endpoint:
        store = store_on(endpoint)

        def interrupt() -> None:
            done = threading.Event()
            for _ in range(PATIENCE_S * 100):
                if proxy.in_flight:
                    break
                done.wait(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(store.read_bytes("x"))
        thread.join()
        asyncio.run(until(lambda: proxy.abandoned == 1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    "kind",
    [
        "memory",
        "local",
        pytest.param("s3", marks=pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server is running")),
    ],
)
def test_a_store_that_was_used_works_in_a_forked_child(
    kind: str, make_backend: Callable[[str], Backend]
) -> None:
    store = AsyncStore(make_backend(kind), f"fork-{uuid.uuid4().hex}")
    begun = store._core.read_many(["x"] * 50, window=2)

    async def use() -> bytes:
        await store.write("y", b"again", overwrite=True)
        return b"|".join(await asyncio.gather(store.read_bytes("x"), store.read_bytes("y")))

    async def main() -> None:
        await store.write("x", b"parent")
        assert await begun.next(1) == [b"parent"]
        assert await use() == b"parent|again"

    def in_the_child() -> bytes:
        try:
            asyncio.run(next_of())
        except RuntimeError as error:
            assert "begun before the process forked" in str(error)  # noqa: PT017 - in a child
        return asyncio.run(use())

    async def next_of() -> None:
        await begun.next(1)

    asyncio.run(main())
    assert in_child(in_the_child) == b"parent|again"
    assert in_child(in_the_child) == b"parent|again"
    assert asyncio.run(use()) == b"parent|again"


def test_a_missing_object_is_no_cancellation(make_backend: Callable[[str], Backend]) -> None:
    store = AsyncStore(make_backend("local"))

    async def main() -> None:
        results = await asyncio.gather(*(store.read_bytes("gone") for _ in range(50)), return_exceptions=True)
        assert {type(result) for result in results} == {NotFound}

    asyncio.run(main())
