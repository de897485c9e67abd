"""What is kept of logs whatever ends the step, and how ``logs recover`` answers.

What real processes keep, beside Dagster's base class, is in ``test_log_guarantees_*.py``.
"""

from __future__ import annotations

import threading

import pytest
from captures import CAP, ERR, FOLDER, KEY, OUT, finish, local_files
from dagster._core.errors import DagsterExecutionInterruptedError

from remote_store.__main__ import main

# Whatever is raised


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


# Recovering


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


# The cap


def test_a_log_of_exactly_the_cap_is_whole(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "2000")
    finish(make_both(), err=b"x" * 2000)
    assert store.read_bytes(f"{FOLDER}/step_a.err") == b"x" * 2000


def test_a_cap_of_zero_is_none(make_both, store, monkeypatch):
    monkeypatch.setenv(CAP, "0")
    finish(make_both(), err=b"x" * 5000)
    assert len(store.read_bytes(f"{FOLDER}/step_a.err")) == 5000
