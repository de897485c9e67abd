"""What Dagster's base class loses, and ours must keep."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from captures import CAP, ERR, FOLDER, KEY, OUT, Flaky, finish, local_files, write_to
from dagster._core.errors import DagsterExecutionInterruptedError
from pipelines import stored_paths

from remote_store import BackendUnavailable, PermissionDenied, Store
from remote_store.__main__ import main
from remote_store.backends import LocalBackend
from remote_store.ext.dagster import RemoteStoreComputeLogManager

# 1. Whatever is raised


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, DagsterExecutionInterruptedError, SystemExit, GeneratorExit, ValueError]
)
@pytest.mark.parametrize("interval", [None, 1])
def test_logs_of_an_interrupted_step_are_stored_and_the_error_goes_on(make_both, store, error, interval):
    manager = make_both(upload_interval=interval)
    with pytest.raises(error), manager.capture_logs(KEY):
        print("last words")
        raise error
    assert store.read_bytes(f"{FOLDER}/step_a.out") == b"last words\n"
    assert manager.is_capture_complete(KEY)
    assert not [t for t in threading.enumerate() if t.name == "upload-watch" and not _ends(t)]


def _ends(thread):
    thread.join(10)
    return not thread.is_alive()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_interrupted_stream_is_stored(make_both, store, error):
    manager = make_both()
    with pytest.raises(error), manager.open_log_stream(["tick", "1"], ERR) as stream:
        stream.write("half a line")
        raise error
    assert store.read_bytes("dagster/storage/tick/1.err") == b"half a line"


def test_a_second_stream_of_a_key_does_not_empty_the_first(make, store):
    manager = make()
    for io_type, text in ((ERR, "err"), (OUT, "out")):
        with manager.open_log_stream(KEY, io_type) as stream:
            stream.write(text)
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"err"
    assert store.read_bytes(f"{FOLDER}/step_a.out") == b"out"


@pytest.mark.parametrize("first_to_end", [0, 1])
def test_streams_of_a_key_that_are_open_at_once_are_both_kept(make_both, store, first_to_end):
    manager = make_both()
    opened = [manager.open_log_stream(KEY, io_type) for io_type in (OUT, ERR)]
    streams = [context.__enter__() for context in opened]
    streams[0].write("out")
    streams[1].write("err")
    opened[first_to_end].__exit__(None, None, None)
    streams[1 - first_to_end].write(" and more")
    opened[1 - first_to_end].__exit__(None, None, None)
    kept = [store.read_bytes(f"{FOLDER}/step_a.{name}") for name in ("out", "err")]
    expected = [b"out", b"err"]
    expected[1 - first_to_end] += b" and more"
    assert kept == expected
    assert local_files(manager) == []


def test_logs_whose_upload_is_interrupted_are_recovered_at_once(make, store, monkeypatch):
    manager = make()

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manager, "_finish", interrupted)
        with pytest.raises(KeyboardInterrupt), manager.open_log_stream(KEY, ERR) as stream:
            stream.write("last words")
    assert manager.recover_logs().stored == [KEY]
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"last words"


_WORKER = """
import sys, time
from remote_store.ext.dagster import RemoteStoreComputeLogManager
manager = RemoteStoreComputeLogManager("local", {{"root": {root!r}}}, local_dir={local!r}, upload_interval=1)
with manager.capture_logs({key!r}):
    print("begun", flush=True)
    sys.stderr.write("warned\\n")
    sys.stderr.flush()
    time.sleep(60)
"""


def _worker(tmp_path):
    root, local = str(tmp_path / "logs"), str(tmp_path / "staging")
    os.makedirs(root, exist_ok=True)
    code = _WORKER.format(root=root, local=local, key=KEY)
    worker = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return worker, Store(LocalBackend(root))


def _until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_ctrl_c_in_a_real_process_keeps_the_logs(tmp_path):
    worker, store = _worker(tmp_path)
    try:
        _until(lambda: store.is_file(f"{FOLDER}/step_a.err.partial"))
        worker.send_signal(signal.SIGINT)
        worker.wait(60)
    finally:
        worker.kill()
    assert store.read_bytes(f"{FOLDER}/step_a.out") == b"begun\n"
    assert store.read_bytes(f"{FOLDER}/step_a.err").startswith(b"warned\n")
    assert [path for path in stored_paths(store) if path.endswith(".partial")] == []


def test_a_killed_worker_leaves_what_it_uploaded_and_recover_finds_the_rest(tmp_path, capsys):
    worker, store = _worker(tmp_path)
    try:
        _until(lambda: store.is_file(f"{FOLDER}/step_a.err.partial"))
        home = _home(tmp_path)
        assert main(["logs", "recover", "--dagster-home", home]) == 0
        assert "1 in use" in capsys.readouterr().out
    finally:
        worker.kill()
        worker.wait(60)
    reader = RemoteStoreComputeLogManager(
        "local", {"root": str(tmp_path / "logs")}, local_dir=str(tmp_path / "x")
    )
    assert reader.get_log_data(KEY).stdout == b"begun\n"
    assert not reader.is_capture_complete(KEY)

    assert main(["logs", "recover", "--dagster-home", home, "--dry-run"]) == 0
    assert not reader.is_capture_complete(KEY)
    capsys.readouterr()
    for expected in ("1 stored, 0 already", "0 stored, 0 already"):
        assert main(["logs", "recover", "--dagster-home", home, "--remove-local"]) == 0
        assert expected in capsys.readouterr().out
    assert reader.is_capture_complete(KEY)
    assert not (tmp_path / "staging/run1/compute_logs/step_a.err").exists()


def _home(tmp_path):
    (tmp_path / "dagster.yaml").write_text(
        "compute_logs:\n"
        "  module: remote_store.ext.dagster\n"
        "  class: RemoteStoreComputeLogManager\n"
        f"  config: {{backend_type: local, backend_options: {{root: {tmp_path}/logs}}, local_dir: {tmp_path}/staging}}\n"
    )
    return str(tmp_path)


def test_recover_says_what_is_wrong(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["logs", "recover"]) == 2
    assert "DAGSTER_HOME" in capsys.readouterr().err
    assert main(["logs", "recover", "--dagster-home", str(tmp_path / "nowhere")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    wrong = _home(tmp_path)
    (tmp_path / "dagster.yaml").write_text(
        (tmp_path / "dagster.yaml").read_text().replace("backend_type: local", "backend_type: loacl")
    )
    assert main(["logs", "recover", "--dagster-home", wrong]) == 1
    assert "Unknown backend type 'loacl'" in capsys.readouterr().err
    (tmp_path / "dagster.yaml").write_text("compute_logs: 5\n")
    assert main(["logs", "recover", "--dagster-home", wrong]) == 1
    assert "cannot be used" in capsys.readouterr().err
    (tmp_path / "dagster.yaml").write_text("{}\n")
    assert main(["logs", "recover", "--dagster-home", str(tmp_path)]) == 2
    assert "LocalComputeLogManager" in capsys.readouterr().err


# 2, 3. The cap


@pytest.mark.parametrize("cap", [5, 200, 2000])
def test_the_final_log_is_written_though_a_partial_one_reached_the_cap(make_both, store, monkeypatch, cap):
    monkeypatch.setenv(CAP, str(cap))
    manager = make_both()
    for io_type in (OUT, ERR):
        write_to(manager, io_type, b"x" * cap * 3)
    manager.on_progress(KEY)
    assert not manager.is_capture_complete(KEY)
    manager._on_capture_complete(KEY)
    assert manager.is_capture_complete(KEY)
    assert stored_paths(store) == [f"{FOLDER}/step_a.err", f"{FOLDER}/step_a.out"]


def test_head_and_tail_are_kept_with_a_line_between(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    text = b"first line\n" + b"middle\n" * 2000 + b"ValueError: the end\n"
    finish(make_both(), err=text)
    kept = store.read_bytes(f"{FOLDER}/step_a.err")
    assert len(kept) <= 2000
    assert kept.startswith(b"first line\n")
    assert kept.endswith(b"ValueError: the end\n")
    assert kept.count(b"remote-store:") == 1


def test_a_log_of_exactly_the_cap_is_whole(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    finish(make_both(), err=b"x" * 2000)
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x" * 2000


def test_a_cap_of_zero_is_none(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "0")
    finish(make_both(), err=b"x" * 5000)
    assert len(store.read_bytes(f"{FOLDER}/step_a.err")) == 5000


# 4. Failures


def test_a_failed_partial_upload_is_told_once_and_the_next_one_is_made(make_both, store, monkeypatch, caplog):
    manager = make_both()
    flaky = Flaky(store, monkeypatch)
    flaky.fails = lambda path: BackendUnavailable("down", path=path)
    write_to(manager, ERR, b"x")
    logger = logging.getLogger("dagster.compute_log_manager")
    logger.setLevel(logging.WARNING)
    monkeypatch.setattr(logging.getLogger("dagster"), "propagate", True)
    for _ in range(3):
        manager.on_progress(KEY)
    told = [record for record in caplog.records if "while the step runs" in record.getMessage()]
    assert len(told) == 1
    flaky.fails = lambda path: None
    manager.on_progress(KEY)
    assert store.read_bytes(f"{FOLDER}/step_a.err.partial") == b"x"


def test_a_failed_stdout_does_not_stop_stderr_and_stays_where_the_message_says(
    make_both, store, monkeypatch, caplog
):
    manager = make_both()
    flaky = Flaky(store, monkeypatch)
    flaky.fails = lambda path: PermissionDenied("no", path=path) if path.endswith(".out") else None
    logging.getLogger("dagster.compute_log_manager").setLevel(logging.WARNING)
    monkeypatch.setattr(logging.getLogger("dagster"), "propagate", True)
    with manager.capture_logs(KEY):
        print("kept here")
        sys.stderr.write("stored\n")
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"stored\n"
    local = manager.local_manager.get_captured_local_path(KEY, "out")
    with open(local, "rb") as file:
        assert file.read() == b"kept here\n"
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "logs recover" in text
    flaky.fails = lambda path: None
    assert manager.recover_logs().stored == [KEY]
    assert store.read_bytes(f"{FOLDER}/step_a.out") == b"kept here\n"


def test_a_store_that_comes_back_gets_the_final_log(make_both, store, monkeypatch):
    manager = make_both()
    flaky = Flaky(store, monkeypatch)
    flaky.fails = lambda path: BackendUnavailable("down", path=path) if len(flaky.paths) == 1 else None
    finish(manager, err=b"x")
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x"
    assert local_files(manager) == []
