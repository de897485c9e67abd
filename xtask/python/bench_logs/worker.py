"""One compute log manager under test. Started by ``driver.py``; see there what is asked."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from dagster._core.storage.compute_log_manager import ComputeIOType

if TYPE_CHECKING:
    from collections.abc import Callable

logging.disable(logging.CRITICAL)  # what a manager says about itself is not measured

BUCKET = "bench"
KEY, SECRET, REGION = "AK", "SK1234567890", "us-east-1"
CHUNK_BYTES = 1_000_000  # what the web interface asks for
LINE = b"2026-01-01 00:00:00 +0000 - a line of a log, as long as lines of logs are, number %09d\n"


def remote_store(endpoint: str, prefix: str, interval: int | None, name: str) -> Any:
    """A manager of this project, or of the pure-Python package."""
    import remote_store.ext.dagster as extension

    options = {
        "bucket": BUCKET,
        "endpoint_url": endpoint,
        "key": KEY,
        "secret": SECRET,
        "region_name": REGION,
    }
    return getattr(extension, name)(
        backend_type="s3",
        backend_options=options,
        prefix=prefix,
        local_dir=tempfile.mkdtemp(),
        upload_interval=interval,
    )


def ours(endpoint: str, prefix: str, interval: int | None) -> Any:
    """The specification's class."""
    return remote_store(endpoint, prefix, interval, "RemoteStoreComputeLogManager")


def streaming(endpoint: str, prefix: str, interval: int | None) -> Any:
    """The class with append-only segments."""
    return remote_store(endpoint, prefix, interval, "StreamingComputeLogManager")


def aws(endpoint: str, prefix: str, interval: int | None) -> Any:
    """Dagster's own for S3, over boto3."""
    from dagster_aws.s3.compute_log_manager import S3ComputeLogManager

    return S3ComputeLogManager(
        bucket=BUCKET,
        endpoint_url=endpoint,
        use_ssl=False,
        prefix=prefix,
        local_dir=tempfile.mkdtemp(),
        upload_interval=interval,
    )


def obstore(endpoint: str, prefix: str, interval: int | None) -> Any:
    """Dagster's own over obstore."""
    from dagster_obstore.s3.compute_log_manager import S3ComputeLogManager

    return S3ComputeLogManager(
        bucket=BUCKET,
        endpoint=endpoint,
        access_key_id=KEY,
        secret_access_key=SECRET,
        region=REGION,
        allow_http=True,
        prefix=prefix,
        local_dir=tempfile.mkdtemp(),
        upload_interval=interval,
    )


MANAGERS: dict[str, Callable[[str, str, int | None], Any]] = {
    "ours": ours,
    "streaming": streaming,
    "pure": ours,
    "aws": aws,
    "obstore": obstore,
}


def lines(size: int) -> bytes:
    """About so many bytes of log."""
    return b"".join(LINE % number for number in range(size // len(LINE % 0)))


def finish(
    make: Callable[..., Any], endpoint: str, *, prefix: str, size: int, **_rest: Any
) -> dict[str, Any]:
    """The end of a step that printed `size` bytes, and a tenth of it to stderr."""
    manager = make(endpoint, prefix, None)
    # Connections are made by looking for a log that is not there: a worker has them before its step ends.
    manager.cloud_storage_has_logs(["absent"], ComputeIOType.STDERR)
    with manager.capture_logs([prefix, "compute_logs", "step"]):
        os.write(1, lines(size))
        os.write(2, lines(size // 10))
        started = time.perf_counter()
    return {"seconds": time.perf_counter() - started}


def view(make: Callable[..., Any], endpoint: str, *, prefix: str, size: int, **_rest: Any) -> dict[str, Any]:
    """A finished log, read from its beginning to its end by a process that did not write it."""
    manager = make(endpoint, prefix, None)
    started = time.perf_counter()
    cursor, seen = None, 0
    while True:
        data = manager.get_log_data([prefix, "compute_logs", "step"], cursor, CHUNK_BYTES)
        seen += len(data.stdout or b"")
        if data.cursor == cursor:
            break
        cursor = data.cursor
    seconds = time.perf_counter() - started
    assert seen == len(lines(size)), f"{seen} bytes of {len(lines(size))} were seen"
    return {"seconds": seconds}


def tail(
    make: Callable[..., Any], endpoint: str, *, prefix: str, size: int, viewer: str, for_s: int
) -> dict[str, Any]:
    """A step that prints `size` bytes in so many seconds, and a viewer that asks every second."""
    step = [prefix, "compute_logs", "tailed"]
    writer, reader = make(endpoint, prefix, 1), make(viewer, prefix, None)
    ended = threading.Event()
    seen = 0

    def poll() -> None:
        nonlocal seen
        cursor = None
        while True:
            last = ended.wait(1)
            while True:
                data = reader.get_log_data(step, cursor, CHUNK_BYTES)
                seen += len(data.stdout or b"")
                if data.cursor == cursor or not data.stdout:
                    break
                cursor = data.cursor
            if last:
                return

    watching = threading.Thread(target=poll)
    piece = lines(size // (for_s * 10))
    with writer.capture_logs(step):
        watching.start()
        for _ in range(for_s * 10):
            os.write(1, piece)
            time.sleep(0.1)
    ended.set()
    watching.join()
    return {"seconds": float(for_s), "log_bytes": len(piece) * for_s * 10, "seen_bytes": seen}


def keys(make: Callable[..., Any], endpoint: str, *, prefix: str, steps: int, **_rest: Any) -> dict[str, Any]:
    """The keys of the steps of a run, as the page of a backfill asks for them."""
    manager = make(endpoint, prefix, None)
    started = time.perf_counter()
    found = manager.get_log_keys_for_log_key_prefix([prefix, "compute_logs"], ComputeIOType.STDERR)
    seconds = time.perf_counter() - started
    assert len(found) == steps, f"{len(found)} keys of {steps} were found"
    return {"seconds": seconds}


def delete(make: Callable[..., Any], endpoint: str, *, prefix: str, **_rest: Any) -> dict[str, Any]:
    """The logs of a run, deleted as a whole."""
    manager = make(endpoint, prefix, None)
    started = time.perf_counter()
    manager.delete_logs(prefix=[prefix])
    return {"seconds": time.perf_counter() - started}


TASKS = {"finish": finish, "view": view, "tail": tail, "keys": keys, "delete": delete}


def main() -> None:
    """Serves commands until standard input ends; what a task prints must not reach the answers."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    make = MANAGERS[sys.argv[1]]
    for line in sys.stdin:
        command = json.loads(line)
        task = TASKS[command.pop("do")]
        try:
            answer = task(make, command.pop("endpoint"), **command)
        except Exception as error:  # noqa: BLE001 - a peer that cannot do it is a figure, too
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
