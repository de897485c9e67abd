"""How captured logs are viewed: what it costs, when they are complete, their names and their text."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import pytest
from captures import ERR, FOLDER, KEY, OUT, finish, write_to
from pipelines import stored_paths

# Missing and local ones


def test_a_missing_log_is_none_and_keeps_the_cursor(make):
    data = make().get_log_data(KEY, "7:9", max_bytes=10)
    assert (data.stdout, data.stderr, data.cursor) == (None, None, "7:9")


def test_a_running_step_is_read_from_its_local_file(make):
    manager = make()
    write_to(manager, OUT, b"here")
    assert manager.get_log_data(KEY).stdout == b"here"
    assert manager.get_log_data_for_type(KEY, OUT, 2, 1) == (b"r", 3)


# Completion


@pytest.mark.parametrize(("out", "err"), [(b"", b""), (b"x", b""), (b"", b"x"), (b"x", b"x")])
@pytest.mark.parametrize("skip", [True, False])
def test_completion_is_seen_from_elsewhere(make, store, tmp_path, skip, out, err):
    writer, viewer = make(skip_empty_files=skip), make(skip_empty_files=skip, local_dir=str(tmp_path / "v"))
    assert not viewer.is_capture_complete(KEY)
    for io_type, content in ((OUT, out), (ERR, err)):
        write_to(writer, io_type, content)
    writer.on_progress(KEY)
    assert not viewer.is_capture_complete(KEY)
    finish(writer, out, err)
    assert viewer.is_capture_complete(KEY)
    stored = {path.rsplit(".", 1)[1] for path in stored_paths(store)} - {"complete"}
    assert stored == {name for name, content in (("out", out), ("err", err)) if content or not skip}
    writer.delete_logs(log_key=KEY)
    assert not viewer.is_capture_complete(KEY)


# Leftovers


def test_a_partial_upload_under_way_does_not_outlive_the_final_one(make_both, store, monkeypatch):
    manager = make_both()
    write_to(manager, ERR, b"x")
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


# Names


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


# Text


def test_invalid_bytes_are_shown_and_the_cursor_counts_the_real_ones(make, store):
    store.write(f"{FOLDER}/step_a.err", b"ok \xff\xfe end \xc3")
    data = make().get_log_data(KEY)
    assert data.stderr.decode("utf-8") == "ok \ufffd\ufffd end \ufffd"
    assert data.cursor == "0:11"
    assert make().get_log_data_for_type(KEY, ERR, 0, None) == (b"ok \xff\xfe end \xc3", 11)
