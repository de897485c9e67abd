"""An S3 server on loopback that is slow on purpose and counts how many requests overlap."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "e"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\nbody'

# Servers that leave a range out of account cost a second request; this one keeps to it.
_PART = _ANSWER.replace(b"200 OK", b"206 Partial Content\r\nContent-Range: bytes 0-3/4")


class CountingProxy:
    """Forwards requests without a body to a server, or answers each with ``body`` when there is none.

    Args:
        upstream: Host and port of the server behind.
        delay_s: How long each request is held.
        gate: No request is answered before so many are under way at once.
    """

    def __init__(self, upstream: str | None = None, delay_s: float = 0.0, gate: int = 0) -> None:
        self.upstream = upstream
        self.delay_s = delay_s
        self.gate = gate
        self.requests = 0
        self.in_flight = 0
        self.max_in_flight = 0
        self.abandoned = 0
        self.heads: list[bytes] = []
        self._passed = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = None
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self._begin(head)
                try:
                    await self._hold(reader)
                    if self.upstream is None:
                        writer.write(_PART if b"\nrange:" in head.lower() else _ANSWER)
                    else:
                        behind = behind or await asyncio.open_connection(*self.upstream.rsplit(":", 1))
                        await self._forward(head, *behind, writer)
                    await writer.drain()
                finally:
                    self.in_flight -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            for end in (writer, behind[1] if behind else writer):
                end.close()

    def _begin(self, head: bytes) -> None:
        self.heads.append(head)
        self.requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        if self.in_flight >= self.gate:
            self._passed.set()

    async def _hold(self, reader: asyncio.StreamReader) -> None:
        """Wait as told; a client that hangs up meanwhile is counted."""
        waiting = asyncio.ensure_future(self._wait())
        hangup = asyncio.ensure_future(reader.read(1))
        done, _ = await asyncio.wait([waiting, hangup], return_when=asyncio.FIRST_COMPLETED)
        for task in (waiting, hangup):
            task.cancel()
        await asyncio.gather(waiting, hangup, return_exceptions=True)
        if hangup in done:
            self.abandoned += 1
            raise ConnectionError

    async def _wait(self) -> None:
        await self._passed.wait()
        await asyncio.sleep(self.delay_s)

    async def _forward(
        self,
        head: bytes,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        writer: asyncio.StreamWriter,
    ) -> None:
        upstream.write(head)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in answer.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        writer.write(answer + await reader.readexactly(length))


@contextmanager
def serving(proxy: CountingProxy) -> Iterator[str]:
    """Serve in a thread; gives the endpoint."""
    loop = asyncio.new_event_loop()
    started: list[str] = []
    ready = threading.Event()
    over = asyncio.Event()

    async def main() -> None:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, backlog=2048)
        started.append(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        ready.set()
        await over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = threading.Thread(target=lambda: loop.run_until_complete(main()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield started[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(30)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
