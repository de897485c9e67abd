"""Stores for asyncio: what `Store` does, with calls that are awaited and overlap."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import threading
import uuid
from collections.abc import Callable
from typing import ClassVar

import pytest

from counting_proxy import CountingProxy, serving
from remote_store import (
    AlreadyExists,
    Backend,
    Capability,
    CapabilityNotSupported,
    DirectoryNotEmpty,
    InvalidPath,
    NotFound,
    ProxyStore,
    Store,
)
from remote_store.aio import AsyncStore
from remote_store.backends import MemoryBackend, S3Backend

S3_ENDPOINT = os.environ.get("REMOTE_STORE_TEST_S3_ENDPOINT")
NUMBER_OF_READS = 1000
GATE = 200


@pytest.fixture
def astore(backend: Backend) -> AsyncStore:
    return AsyncStore(backend, f"root/{uuid.uuid4().hex}")


def slow_s3(endpoint: str, bucket: str = "b") -> AsyncStore:
    key, secret = (
        os.environ.get("REMOTE_STORE_TEST_S3_KEY", "AK"),
        os.environ.get("REMOTE_STORE_TEST_S3_SECRET", "SK"),
    )
    return AsyncStore(
        S3Backend(bucket, endpoint_url=endpoint, key=key, secret=secret, region_name="us-east-1")
    )


def test_what_is_written_is_read_in_every_way(astore: AsyncStore) -> None:
    content = bytes(range(256)) * 40

    async def main() -> None:
        written = await astore.write("a/b.bin", content)
        assert (str(written.path), written.size) == ("a/b.bin", len(content))
        assert await astore.read_bytes("a/b.bin") == content
        assert await astore.read_range("a/b.bin", 5, 9) == content[5:9]
        assert await astore.read_range("a/b.bin", len(content) - 3) == content[-3:]
        assert await astore.get_ranges("a/b.bin", [(7, 9), (0, 2)]) == [content[7:9], content[:2]]
        async with astore.read("a/b.bin", chunk_bytes=1000) as file:
            assert file.size == len(content)
            assert await file.read(10) == content[:10]
            chunks = [chunk async for chunk in file]
            assert b"".join(chunks) == content[10:]
            assert await file.read() == b""
        assert max(map(len, chunks)) <= 1000
        assert await astore.read("a/b.bin").read() == content
        await astore.write_text("t.txt", "grüße")
        assert await astore.read_text("t.txt") == "grüße"
        info = await astore.get_file_info("a/b.bin")
        assert (info.size, (await astore.head("a/b.bin")).size) == (len(content), len(content))

    asyncio.run(main())


def test_content_comes_from_files_iterables_and_blocks(astore: AsyncStore) -> None:
    async def parts():
        for n in range(3):
            yield bytes([n]) * 100_000

    async def main() -> None:
        await astore.write("file", io.BytesIO(b"f" * 9_000_000))
        assert await astore.read_bytes("file") == b"f" * 9_000_000
        result = await astore.write("iterable", parts())
        assert (str(result.path), result.size) == ("iterable", 300_000)
        await astore.write("copy", astore.read("iterable"))
        assert await astore.read_bytes("copy") == b"".join([part async for part in parts()])
        async with astore.open_atomic("block") as file:
            assert await file.write(b"half") == 4
            assert not await astore.exists("block")
            await file.write(memoryview(b"whole"))
            assert file.tell() == 9
        assert await astore.read_bytes("block") == b"halfwhole"
        await astore.write_atomic("block", bytearray(b"x"), overwrite=True)
        assert await astore.read_bytes("block") == b"x"

    asyncio.run(main())


def test_listings_and_changes_are_those_of_the_store(astore: AsyncStore) -> None:
    async def main() -> None:
        for name in ("a/1.csv", "a/2.txt", "a/b/3.csv", "c.csv"):
            await astore.write(name, name.encode())
        assert sorted([str(info.path) async for info in astore.list_files("a")]) == ["a/1.csv", "a/2.txt"]
        deep = [str(info.path) async for info in astore.list_files("", recursive=True, pattern="*.csv")]
        assert sorted(deep) == ["a/1.csv", "a/b/3.csv", "c.csv"]
        assert [str(entry.path) async for entry in astore.list_folders("", max_depth=1)] == ["a", "a/b"]
        assert sorted([entry.name async for entry in astore.iter_children("a")]) == ["1.csv", "2.txt", "b"]
        if astore.supports(Capability.GLOB):
            assert sorted([str(i.path) async for i in astore.glob("**/*.csv")]) == [
                "a/1.csv",
                "a/b/3.csv",
                "c.csv",
            ]
        assert [info async for info in astore.list_files("nowhere")] == []
        assert (await astore.get_folder_info("a")).file_count == 3
        await astore.copy("c.csv", "d/c.csv")
        await astore.move("c.csv", "d/e.csv")
        assert [await astore.exists("d"), await astore.is_file("d/e.csv"), await astore.is_folder("d")] == [
            True
        ] * 3
        assert not await astore.exists("c.csv")
        assert await astore.delete_many(["d/c.csv", "never"]) == [("d/c.csv", None), ("never", None)]
        with pytest.raises(DirectoryNotEmpty):
            await astore.delete_folder("a")
        await astore.delete_folder("a", recursive=True)
        await astore.delete("d/e.csv")
        await astore.ping()
        child = astore.child("x")
        await child.write("y", b"1")
        assert await astore.read_bytes("x/y") == b"1"
        assert astore.to_key(astore.native_path("x/y")) == "x/y"
        assert astore.resolve("x/y").native_path == astore.native_path("x/y")

    asyncio.run(main())


def test_errors_are_those_of_the_store(astore: AsyncStore) -> None:
    async def main() -> None:
        with pytest.raises(NotFound, match=r"File not found: .*nope") as missing:
            await astore.read_bytes("nope")
        assert missing.value.path.endswith("/nope")
        with pytest.raises(NotFound):
            await astore.read("nope").read()
        await astore.write("x", b"1")
        with pytest.raises(AlreadyExists):
            await astore.write("x", b"2")
        with pytest.raises(AlreadyExists):
            async with astore.open_atomic("x") as file:
                await file.write(b"3")
        with pytest.raises(InvalidPath):
            await astore.read_bytes("../x")
        with pytest.raises(TypeError, match="write_text"):
            await astore.write("y", "text")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="max_depth"):
            [info async for info in astore.list_files("", max_depth=-1)]
        assert await astore.read_bytes("x") == b"1"
        first, second = await asyncio.gather(
            astore.read_bytes("nope"), astore.read_bytes("x"), return_exceptions=True
        )
        assert isinstance(first, NotFound)
        assert second == b"1"

    asyncio.run(main())


def test_many_reads_come_in_order_and_stop_at_the_first_error(astore: AsyncStore) -> None:
    async def main() -> None:
        names = [f"{n:03}" for n in range(150)]
        await asyncio.gather(*(astore.write(name, name.encode()) for name in names))
        assert [content async for content in astore.read_many(names, window=8)] == [n.encode() for n in names]
        some = astore.read_many([*names[:40], "gone", *names], window=4, missing_ok=True)
        assert [content async for content in some][38:42] == [b"038", b"039", None, b"000"]
        seen = []
        with pytest.raises(NotFound, match="gone"):  # noqa: PT012 - it is the iteration that raises
            async for content in astore.read_many([*names[:40], "gone", *names], window=16):
                seen.append(content)  # noqa: PERF401 - what came before the error counts
        assert len(seen) == 40
        async for content in astore.read_many(names):
            assert content == b"000"
            break

    asyncio.run(main())


def test_a_block_that_fails_writes_nothing(astore: AsyncStore) -> None:
    async def failing():
        yield b"x" * 100
        raise KeyError("lost")

    async def main() -> None:
        await astore.write("old", b"old")
        with pytest.raises(KeyError):
            await astore.write("old", failing(), overwrite=True)
        with pytest.raises(KeyError):  # noqa: PT012 - a block that raises
            async with astore.open_atomic("old", overwrite=True) as file:
                await file.write(b"half")
                raise KeyError
        assert [str(i.path) async for i in astore.list_files("", recursive=True)] == ["old"]
        assert await astore.read_bytes("old") == b"old"
        with pytest.raises(ValueError, match="finished"):
            await file.write(b"more")

    asyncio.run(main())


@pytest.mark.parametrize(
    ("pattern", "error", "told"),
    [(3, TypeError, "pattern must be a str, got int"), ("a/**.csv", ValueError, "write '[*][*]/[*].csv'")],
)
def test_a_pattern_that_is_none_is_told(pattern: object, error: type[Exception], told: str) -> None:
    async def main() -> None:
        with pytest.raises(error, match=told):
            [info async for info in AsyncStore(MemoryBackend()).glob(pattern)]  # type: ignore[arg-type]

    asyncio.run(main())


@pytest.mark.parametrize("window", ["gather", "read_many"])
def test_a_thousand_reads_overlap_on_the_wire(window: str) -> None:
    proxy = CountingProxy(gate=GATE)
    with serving(proxy) as endpoint:
        store = slow_s3(endpoint)
        names = [f"{n}" for n in range(NUMBER_OF_READS)]

        async def main() -> list[bytes]:
            if window == "read_many":
                return [content async for content in store.read_many(names, window=GATE)]
            return await asyncio.gather(*(store.read_bytes(name) for name in names))

        assert asyncio.run(main()) == [b"body"] * NUMBER_OF_READS
    assert proxy.requests == NUMBER_OF_READS
    assert proxy.max_in_flight >= GATE
    if window == "read_many":
        assert proxy.max_in_flight == GATE


@pytest.mark.skipif(not S3_ENDPOINT, reason="no S3 server is running")
def test_a_thousand_reads_overlap_through_a_slow_proxy_before_a_real_server() -> None:
    proxy = CountingProxy(S3_ENDPOINT.removeprefix("http://"), delay_s=0.02)
    bucket = os.environ.get("REMOTE_STORE_TEST_S3_BUCKET", "remote-store-test")
    direct = slow_s3(S3_ENDPOINT, bucket).child(uuid.uuid4().hex)
    with serving(proxy) as endpoint:
        slow = slow_s3(endpoint, bucket).child(str(direct._store._core.root_path))
        names = [f"{n:04}" for n in range(NUMBER_OF_READS)]

        async def main() -> list[bytes]:
            await asyncio.gather(*(direct.write(name, name.encode()) for name in names))
            contents = await asyncio.gather(*(slow.read_bytes(name) for name in names))
            await direct.delete_many(names)
            return contents

        assert asyncio.run(main()) == [name.encode() for name in names]
    assert proxy.requests == NUMBER_OF_READS
    assert proxy.max_in_flight >= 64


def test_a_thousand_reads_of_memory_and_files(make_backend: Callable[[str], Backend]) -> None:
    for kind in ("memory", "local"):
        store = AsyncStore(make_backend(kind))

        async def main(store: AsyncStore) -> list[bytes]:
            await store.write("x", b"content")
            return await asyncio.gather(*(store.read_bytes("x") for _ in range(NUMBER_OF_READS)))

        assert asyncio.run(main(store)) == [b"content"] * NUMBER_OF_READS


def test_one_store_serves_loops_in_many_threads(make_backend: Callable[[str], Backend]) -> None:
    store = AsyncStore(make_backend("memory"))
    asyncio.run(store.write("x", b"1"))
    answers: list[int] = []

    async def work() -> int:
        return len(await asyncio.gather(*(store.read_bytes("x") for _ in range(100))))

    def in_thread() -> None:
        answers.extend(asyncio.run(work()) for _ in range(5))

    threads = [threading.Thread(target=in_thread) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [100] * 40


def test_another_kind_of_loop_works_too() -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    store = AsyncStore(MemoryBackend())

    async def main() -> list[bytes]:
        await store.write("x", b"1")
        return await asyncio.gather(*(store.read_bytes("x") for _ in range(100)))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) == [b"1"] * 100


def test_outside_a_loop_the_error_names_the_way_out() -> None:
    reading = AsyncStore(MemoryBackend()).read_bytes("x")
    with pytest.raises(RuntimeError, match=r"under asyncio\.run, or use the blocking remote_store\.Store"):
        reading.send(None)


def test_a_loop_that_is_closed_early_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    proxy = CountingProxy(gate=10)
    with serving(proxy) as endpoint, caplog.at_level(logging.DEBUG, logger="asyncio"):
        store = slow_s3(endpoint)
        loop = asyncio.new_event_loop()
        call = None

        async def begin() -> None:
            nonlocal call
            call = store._core.read_bytes("x")

        loop.run_until_complete(begin())
        loop.close()
        # The others open the gate: the answer to the closed loop comes now.
        assert asyncio.run(all_of(store, 9)) == [b"body"] * 9
        del call
        gc.collect()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


async def all_of(store: AsyncStore, number: int) -> list[bytes]:
    return await asyncio.gather(*(store.read_bytes(str(n)) for n in range(number)))


def test_stores_in_python_are_called_in_threads_through_their_overrides() -> None:
    class Upper(ProxyStore):
        threads: ClassVar[set[str]] = set()

        def read_bytes(self, path):
            self.threads.add(threading.current_thread().name)
            return super().read_bytes(path).upper()

    inner = Store(MemoryBackend())
    store = AsyncStore.from_store(Upper(inner))

    async def main() -> None:
        await store.write("x", b"abc")
        assert await store.read_bytes("x") == b"ABC"
        assert [content async for content in store.read_many(["x", "y"], missing_ok=True)] == [b"ABC", None]

    asyncio.run(main())
    assert threading.main_thread().name not in Upper.threads
    with pytest.raises(TypeError, match="from_store takes a Store, got str"):
        AsyncStore.from_store("memory://")


def test_closing_closes_what_it_owns(tmp_path) -> None:
    backend = S3Backend("b", key="k", secret="s", endpoint_url="http://127.0.0.1:9")

    async def main() -> None:
        async with AsyncStore.from_store(Store(backend)):
            pass
        async with AsyncStore(backend).child("x"):
            pass
        assert backend._native_backend is not None
        async with AsyncStore(backend) as store:
            pass
        with pytest.raises(Exception, match="s3 backend is closed"):
            await store.read_bytes("x")

    asyncio.run(main())


def test_equality_repr_and_urls() -> None:
    backend = MemoryBackend()
    assert AsyncStore(backend, "a") == AsyncStore(backend, "a") != AsyncStore(backend, "b")
    assert len({AsyncStore(backend, "a"), AsyncStore(backend, "a")}) == 1
    assert repr(AsyncStore(backend, "a")) == "AsyncStore(backend='memory', root_path='a')"
    assert repr(AsyncStore.from_url("memory://a")) == repr(AsyncStore(backend, "a"))
    with pytest.raises(ValueError, match="window"):
        AsyncStore(backend).read_many([], window=0)
    with pytest.raises(ValueError, match="chunk_bytes"):
        AsyncStore(backend).read("x", chunk_bytes=0)
    with pytest.raises(CapabilityNotSupported):
        AsyncStore(backend).unwrap(dict)
