"""What a log keeps whatever its size: our manager beside Dagster's base class."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from captures import CAP, ERR, FOLDER, KEY, OUT, finish, write_to

CUTS_SINCE = (1, 10, 18)
BLOCK = (b"x" * 99 + b"\n") * 10_000
LOUD_BYTES = 200 * len(BLOCK)
DEFAULT_CAP_BYTES = 50 * 1024 * 1024
# A tenth of what is stored with the default cap would be small; two parts and their buffers are these.
MAX_GROWTH_BYTES = 64 * 1024 * 1024

# 2. A partial upload that reached the cap


# The least is too small for the line between head and tail.
@pytest.mark.parametrize("cap", [5, 200, 2000])
def test_the_final_log_is_stored_though_a_partial_one_reached_the_cap(side, monkeypatch, cap):
    monkeypatch.setenv(CAP, str(cap))
    manager = side.manager()
    for io_type in (OUT, ERR):
        write_to(manager, io_type, b"x" * cap * 3)
    manager.on_progress(KEY)
    assert not side.manager("viewer").is_capture_complete(KEY)
    manager._on_capture_complete(KEY)
    with side.keeps("a run over the cap reads as complete", since=CUTS_SINCE):
        assert side.stored_paths() == [f"{FOLDER}/step_a.err", f"{FOLDER}/step_a.out"]
        assert side.manager("viewer").is_capture_complete(KEY)


# 3. Head and tail


def test_the_head_and_the_traceback_at_the_end_are_kept(side, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    finish(side.manager(), err=b"first line\n" + b"middle\n" * 2000 + b"ValueError: the end\n")
    with side.keeps("the end of a log over the cap"):
        assert_cut(side.stored(f"{FOLDER}/step_a.err"), 2000)


def assert_cut(log, cap):
    """Head, one line that says how much is gone, tail; no more than the cap."""
    assert len(log) <= cap
    assert log.startswith(b"first line\n")
    assert log.endswith(b"ValueError: the end\n")
    markers = re.findall(rb"^\[remote-store: (\d+) bytes.*\]$", log, re.MULTILINE)
    assert len(markers) == 1
    assert int(markers[0]) > 0


# 200 MB, from a real process

_LOUD = """
import json, resource, sys
from log_sides import HookedLogManager, PlainCloudLogManager, RemoteStoreComputeLogManager
name, config, key, block, count = json.loads(sys.argv[1])
manager = globals()[name](**config)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
with manager.capture_logs(key):
    sys.stderr.write("first line\\n")
    for _ in range(count):
        sys.stderr.write(block)
    sys.stderr.write("ValueError: the end\\n")
    sys.stderr.flush()
    before = peak()
print(json.dumps(peak() - before))
"""


def speak_loudly(side):
    """Print 200 MB in a process; gives by how much its memory grew to store them."""
    arguments = [
        side.in_dagster_yaml["class"],
        side.config("worker"),
        KEY,
        BLOCK.decode(),
        LOUD_BYTES // len(BLOCK),
    ]
    # On standard input: an argument of a process may not have that many bytes.
    code = _LOUD.replace("sys.argv[1]", "sys.stdin.read()")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(arguments),
        env=side.environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("side", ["ours", "dagster"], indirect=True)
def test_of_200_mb_head_and_tail_are_stored_in_bounded_memory(side, monkeypatch):
    monkeypatch.delenv(CAP, raising=False)
    growth = speak_loudly(side)
    assert growth < MAX_GROWTH_BYTES
    with side.keeps("the end of a log of 200 MB"):
        assert_cut(side.stored(f"{FOLDER}/step_a.err"), DEFAULT_CAP_BYTES)
        assert side.manager("viewer").is_capture_complete(KEY)


@pytest.mark.parametrize("side", ["ours"], indirect=True)
def test_without_a_cap_200_mb_are_stored_whole_in_bounded_memory(side, monkeypatch):
    monkeypatch.setenv(CAP, "0")
    assert speak_loudly(side) < MAX_GROWTH_BYTES
    log = side.stored(f"{FOLDER}/step_a.err")
    assert len(log) == len(b"first line\n") + LOUD_BYTES + len(b"ValueError: the end\n")
    assert log.startswith(b"first line\n" + BLOCK)
    assert log.endswith(BLOCK + b"ValueError: the end\n")


# 6. Nothing on stderr


@pytest.mark.parametrize("out", [b"", b"text"])
def test_a_step_without_stderr_is_complete_when_empty_files_are_skipped(side, out):
    finish(side.manager(skip_empty_files=True), out=out, err=b"")
    viewer = side.manager("viewer", skip_empty_files=True)
    assert side.stored(f"{FOLDER}/step_a.err") is None
    with side.keeps("a step without stderr ends"):
        assert viewer.is_capture_complete(KEY)
    # One that has printed but not ended is not complete, on any side.
    running = ["run1", "compute_logs", "step_b"]
    write_to(side.manager("other", skip_empty_files=True), OUT, b"x", running)
    side.manager("other", skip_empty_files=True).on_progress(running)
    assert not viewer.is_capture_complete(running)
