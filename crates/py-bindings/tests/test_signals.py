"""Ctrl-C, and any other signal handler that raises, ends a call that waits for a store."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator

import pytest

from remote_store import Store
from remote_store.backends import S3Backend


class Interrupted(BaseException):
    """What a signal handler raises, as Dagster's does."""


@pytest.fixture
def silent_store() -> Iterator[tuple[Store, threading.Event]]:
    """A store whose server takes requests and never answers; the event is set by the first one."""
    server = socket.create_server(("127.0.0.1", 0))
    asked = threading.Event()
    open_connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            open_connections.append(connection)
            if connection.recv(1):
                asked.set()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    backend = S3Backend(
        "b",
        endpoint_url=f"http://127.0.0.1:{server.getsockname()[1]}",
        key="AK",
        secret="SK",
        region_name="us-east-1",
        client_options={"timeout": 300},
    )
    yield Store(backend), asked
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    for connection in open_connections:
        connection.close()
    thread.join()


def interrupt_when(asked: threading.Event, number: int) -> threading.Thread:
    def send() -> None:
        if asked.wait(60):
            os.kill(os.getpid(), number)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.read_bytes("x"),
        lambda store: store.write("x", b"1" * 1000),
        lambda store: list(store.list_files("", recursive=True)),
        lambda store: list(store._core.read_many(["a", "b", "c"])),
        lambda store: store.ping(),
    ],
    ids=["read_bytes", "write", "list_files", "read_many", "ping"],
)
def test_ctrl_c_ends_a_call_that_waits(silent_store, call) -> None:
    store, asked = silent_store
    thread = interrupt_when(asked, signal.SIGINT)
    # Without an answer to the signal this would wait for the 300 s of the request.
    with pytest.raises(KeyboardInterrupt):
        call(store)
    thread.join()


def test_what_a_handler_raises_comes_out(silent_store) -> None:
    store, asked = silent_store

    def handler(_number: int, _frame: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGTERM, handler)
    try:
        thread = interrupt_when(asked, signal.SIGTERM)
        with pytest.raises(Interrupted):
            store.read_bytes("x")
        thread.join()
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_run_while_a_call_waits(silent_store) -> None:
    store, asked = silent_store
    progress = threading.Event()

    def work() -> None:
        # Only reached when the GIL is free while the main thread waits in the store.
        if asked.wait(60):
            sum(range(100_000))
            progress.set()
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=work)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        store.read_bytes("x")
    thread.join()
    assert progress.is_set()
