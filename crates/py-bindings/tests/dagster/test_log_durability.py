"""What Dagster's base class loses, and ours must keep."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.storage.compute_log_manager import ComputeIOType
from pipelines import stored_paths

import remote_store.ext.dagster as ext
from remote_store import BackendUnavailable, PermissionDenied, Store
from remote_store.__main__ import main
from remote_store.backends import LocalBackend
from remote_store.ext.dagster import RemoteStoreComputeLogManager

OUT, ERR = ComputeIOType.STDOUT, ComputeIOType.STDERR
KEY = ["run1", "compute_logs", "step_a"]
FOLDER = "dagster/storage/run1/compute_logs"
CAP = "DAGSTER_TRUNCATE_COMPUTE_LOGS_UPLOAD_BYTES"


@pytest.fixture
def make(store, tmp_path, monkeypatch):
    monkeypatch.setattr(ext, "_build_store", lambda *_: store)

    def build(**options):
        options.setdefault("local_dir", str(tmp_path / "local"))
        return RemoteStoreComputeLogManager("patched", **options)

    return build


@pytest.fixture(params=["native", "hook"])
def make_both(request, make):
    """Managers as they are, and ones whose upload a subclass has replaced."""
    if request.param == "native":
        return make

    class Custom(RemoteStoreComputeLogManager):
        def _upload_file_obj(self, data, log_key, io_type, partial=False):
            super()._upload_file_obj(data, log_key, io_type, partial)

    def build(**options):
        made = make(**options)
        made.__class__ = Custom
        return made

    return build


def _write(manager, io_type, content, key=KEY, mode="wb"):
    path = manager.local_manager.get_captured_local_path(key, {OUT: "out", ERR: "err"}[io_type])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, mode) as file:
        file.write(content)
    return path


def _finish(manager, out=b"", err=b"", key=KEY):
    """End a capture that wrote this much."""
    _write(manager, OUT, out, key)
    _write(manager, ERR, err, key)
    manager._on_capture_complete(key)


def _local_files(manager):
    return [name for _, _, names in os.walk(manager.local_manager._base_dir) for name in names]


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
    assert _local_files(manager) == []


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
        _write(manager, io_type, b"x" * cap * 3)
    manager.on_progress(KEY)
    assert not manager.is_capture_complete(KEY)
    manager._on_capture_complete(KEY)
    assert manager.is_capture_complete(KEY)
    assert stored_paths(store) == [f"{FOLDER}/step_a.err", f"{FOLDER}/step_a.out"]


def test_head_and_tail_are_kept_with_a_line_between(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    text = b"first line\n" + b"middle\n" * 2000 + b"ValueError: the end\n"
    _finish(make_both(), err=text)
    kept = store.read_bytes(f"{FOLDER}/step_a.err")
    assert len(kept) <= 2000
    assert kept.startswith(b"first line\n")
    assert kept.endswith(b"ValueError: the end\n")
    assert kept.count(b"remote-store:") == 1


def test_a_log_of_exactly_the_cap_is_whole(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    _finish(make_both(), err=b"x" * 2000)
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x" * 2000


def test_a_cap_of_zero_is_none(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "0")
    _finish(make_both(), err=b"x" * 5000)
    assert len(store.read_bytes(f"{FOLDER}/step_a.err")) == 5000


# 4. Failures


class Flaky:
    """Makes writes of a store fail as told."""

    def __init__(self, store, monkeypatch):
        self._original = store.write
        self.fails = lambda path: None
        self.paths = []
        monkeypatch.setattr(store, "write", self)

    def __call__(self, path, data, **options):
        self.paths.append(path)
        error = self.fails(path)
        if error is not None:
            raise error
        return self._original(path, data, **options)


def test_a_failed_partial_upload_is_told_once_and_the_next_one_is_made(make_both, store, monkeypatch, caplog):
    manager = make_both()
    flaky = Flaky(store, monkeypatch)
    flaky.fails = lambda path: BackendUnavailable("down", path=path)
    _write(manager, ERR, b"x")
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
    _finish(manager, err=b"x")
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x"
    assert _local_files(manager) == []


# 5. Costs


def test_nothing_new_is_not_uploaded_again(make_both, store, monkeypatch):
    manager = make_both()
    flaky = Flaky(store, monkeypatch)
    _write(manager, ERR, b"one")
    for _ in range(4):
        manager.on_progress(KEY)
    assert len(flaky.paths) == 1
    _write(manager, ERR, b"two", mode="ab")
    manager.on_progress(KEY)
    assert len(flaky.paths) == 2
    assert store.read_bytes(f"{FOLDER}/step_a.err.partial") == b"onetwo"


def test_a_viewer_elsewhere_reads_ranges_and_leaves_no_files(make, store, tmp_path, monkeypatch):
    text = b"".join(b"line %d\n" % n for n in range(20_000))
    store.write(f"{FOLDER}/step_a.out.partial", text[: len(text) // 2])
    viewer = make(local_dir=str(tmp_path / "viewer"))
    monkeypatch.setattr(viewer, "download_from_cloud_storage", lambda *_, **__: pytest.fail("downloaded"))
    seen, cursor = b"", None
    for _ in range(20):
        data = viewer.get_log_data(KEY, cursor, max_bytes=10_000)
        seen, cursor = seen + (data.stdout or b""), data.cursor
    assert seen == text[: len(text) // 2]
    store.write(f"{FOLDER}/step_a.out", text)
    for _ in range(20):
        data = viewer.get_log_data(KEY, cursor, max_bytes=10_000)
        seen, cursor = seen + (data.stdout or b""), data.cursor
    assert seen == text
    assert cursor == f"{len(text)}:0"
    assert _local_files(viewer) == []


def test_a_missing_log_is_none_and_keeps_the_cursor(make):
    data = make().get_log_data(KEY, "7:9", max_bytes=10)
    assert (data.stdout, data.stderr, data.cursor) == (None, None, "7:9")


def test_a_running_step_is_read_from_its_local_file(make):
    manager = make()
    _write(manager, OUT, b"here")
    assert manager.get_log_data(KEY).stdout == b"here"
    assert manager.get_log_data_for_type(KEY, OUT, 2, 1) == (b"r", 3)


# 6. Completion


@pytest.mark.parametrize(("out", "err"), [(b"", b""), (b"x", b""), (b"", b"x"), (b"x", b"x")])
@pytest.mark.parametrize("skip", [True, False])
def test_completion_is_seen_from_elsewhere(make, store, tmp_path, skip, out, err):
    writer, viewer = make(skip_empty_files=skip), make(skip_empty_files=skip, local_dir=str(tmp_path / "v"))
    assert not viewer.is_capture_complete(KEY)
    for io_type, content in ((OUT, out), (ERR, err)):
        _write(writer, io_type, content)
    writer.on_progress(KEY)
    assert not viewer.is_capture_complete(KEY)
    _finish(writer, out, err)
    assert viewer.is_capture_complete(KEY)
    stored = {path.rsplit(".", 1)[1] for path in stored_paths(store)} - {"complete"}
    assert stored == {name for name, content in (("out", out), ("err", err)) if content or not skip}
    writer.delete_logs(log_key=KEY)
    assert not viewer.is_capture_complete(KEY)


# 7. Leftovers


def test_partials_go_and_a_late_upload_brings_nothing_back(make_both, store):
    manager = make_both()
    for io_type in (OUT, ERR):
        _write(manager, io_type, b"x")
    manager.on_progress(KEY)
    assert len(stored_paths(store)) == 2
    manager._on_capture_complete(KEY)
    finished = [f"{FOLDER}/step_a.err", f"{FOLDER}/step_a.out"]
    assert stored_paths(store) == finished
    assert _local_files(manager) == []
    manager.on_progress(KEY)
    assert stored_paths(store) == finished
    assert _local_files(manager) == []


def test_a_partial_upload_under_way_does_not_outlive_the_final_one(make_both, store, monkeypatch):
    manager = make_both()
    _write(manager, ERR, b"x")
    original, begun, go_on = store.write, threading.Event(), threading.Event()

    def slow(path, data, **options):
        if path.endswith(".partial"):
            begun.set()
            go_on.wait(30)
        return original(path, data, **options)

    monkeypatch.setattr(store, "write", slow)
    late = threading.Thread(target=manager.on_progress, args=(KEY,))
    late.start()
    assert begun.wait(30)
    end = threading.Thread(target=manager._on_capture_complete, args=(KEY,))
    end.start()
    with suppress(RuntimeError):
        end.join(0.3)
    go_on.set()
    late.join(30)
    end.join(30)
    assert [path for path in stored_paths(store) if path.endswith(".partial")] == []
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x"


# 9. Names


@pytest.mark.parametrize("name", ["ü" * 200, "x" * 249, "x" * 251, "x" * 400, "a.b.c", "with space"])
def test_names_of_any_length_are_captured_and_found(make, store, tmp_path, name):
    key = ["run1", "compute_logs", name]
    manager = make()
    local = manager.local_manager
    paths = {
        local.get_captured_local_path(key, ext, partial)
        for ext in ("out", "err")
        for partial in (False, True)
    }
    assert len(paths) == 4
    assert all(len(os.fsencode(os.path.basename(path))) <= 255 for path in paths)
    with manager.open_log_stream(key, ERR) as stream:
        stream.write("text")
    assert make(local_dir=str(tmp_path / "elsewhere")).get_log_data(key).stderr == b"text"
    manager.download_from_cloud_storage(key, ERR)
    assert manager.has_local_file(key, ERR)


def test_a_key_that_leaves_the_folder_is_refused(make):
    with pytest.raises(ValueError, match="leaves the folder"), make().capture_logs(["..", "..", "x"]):
        pass


# 12. Text


def test_characters_are_never_split_and_chunks_are_never_short(make, store):
    text = "aü€🦀" * 500
    store.write(f"{FOLDER}/step_a.err", text.encode())
    manager = make()
    for size in (1, 2, 3, 4, 7, 64):
        seen, cursor = "", None
        for _ in range(len(text) * 4):
            data = manager.get_log_data(KEY, cursor, max_bytes=size)
            if not data.stderr:
                break
            seen += data.stderr.decode("utf-8")
            cursor = data.cursor
            assert len(data.stderr) >= size or seen == text
        assert seen == text


def test_a_character_whose_rest_is_not_written_waits(make):
    manager = make()
    _write(manager, ERR, "für".encode()[:2])
    data = manager.get_log_data(KEY, max_bytes=100)
    assert (data.stderr, data.cursor) == (b"f", "0:1")
    _write(manager, ERR, "für".encode())
    assert manager.get_log_data(KEY, data.cursor, max_bytes=100).stderr.decode() == "ür"


def test_invalid_bytes_are_shown_and_the_cursor_counts_the_real_ones(make, store):
    store.write(f"{FOLDER}/step_a.err", b"ok \xff\xfe end \xc3")
    data = make().get_log_data(KEY)
    assert data.stderr.decode("utf-8") == "ok \ufffd\ufffd end \ufffd"
    assert data.cursor == "0:11"
    assert make().get_log_data_for_type(KEY, ERR, 0, None) == (b"ok \xff\xfe end \xc3", 11)
