"""Which logs are meant by a name, and which are deleted: our manager beside Dagster's base class."""

from __future__ import annotations

import os

import pytest
from captures import ERR, FOLDER, KEY, OUT, finish, local_files, write_to
from small_s3 import PAGE

STEPS = 2500

# 7. Leftovers


def test_partial_objects_go_when_the_final_ones_are_there(side):
    manager = side.manager()
    for io_type in (OUT, ERR):
        write_to(manager, io_type, b"text")
    manager.on_progress(KEY)
    assert len(side.stored_paths()) == 2
    manager._on_capture_complete(KEY)
    with side.keeps("no partial object stays"):
        assert side.stored_paths() == [f"{FOLDER}/step_a.err", f"{FOLDER}/step_a.out"]


def test_an_upload_that_comes_too_late_brings_nothing_back(side):
    manager = side.manager()
    finish(manager, b"text", b"text")
    # What a thread does that looked whether the step had ended just before it did.
    for io_type in (OUT, ERR):
        manager.upload_to_cloud_storage(KEY, io_type, partial=True)
    with side.keeps("a finished log is not hidden by an empty file"):
        assert local_files(manager) == []
        assert [path for path in side.stored_paths() if path.endswith(".partial")] == []
        assert manager.get_log_data(KEY).stdout == b"text"


# 8. Listing


def test_the_keys_of_one_backfill_are_not_those_of_another(side):
    side.put("dagster/storage/backfill/bf/1.err", b"mine")
    side.put("dagster/storage/backfill/bf2/1.err", b"another's")
    side.put("dagster/storage/backfill/bf2/2.err", b"another's")
    with side.keeps("bf2 is not below bf"):
        found = side.manager().get_log_keys_for_log_key_prefix(["backfill", "bf"], ERR)
        assert found == [["backfill", "bf", "1"]]


@pytest.mark.parametrize("stray", ["b.v2.err", "a.err.partial", "notes", "a.b.txt"])
def test_the_keys_of_a_run_are_listed_beside_files_of_any_name(side, stray):
    side.put(f"{FOLDER}/a.err", b"text")
    side.put(f"{FOLDER}/{stray}", b"text")
    expected = ["a", "b.v2"] if stray == "b.v2.err" else ["a"]
    with side.keeps("a listing survives every name", raising=(ValueError, AssertionError)):
        found = side.manager().get_log_keys_for_log_key_prefix(KEY[:2], ERR)
        assert found == [[*KEY[:2], name] for name in expected]


def test_thousands_of_steps_are_listed_in_pages(side):
    for number in range(STEPS):
        side.put(f"{FOLDER}/step{number}.err")
    manager = side.manager()
    with side.keeps("every page of a listing counts"):
        assert len(manager.get_log_keys_for_log_key_prefix(KEY[:2], ERR)) == STEPS
        assert side.server.asked("GET") == -(-STEPS // PAGE)
        assert len(side.server.requests) == side.server.asked("GET")


# 10. Deleting


def test_thousands_of_logs_are_deleted_in_pages(side):
    for number in range(STEPS):
        for name in ("out", "err.partial"):
            side.put(f"{FOLDER}/step{number}.{name}")
    side.put("dagster/storage/run10/compute_logs/step_a.err", b"another run's")
    side.manager().delete_logs(prefix=["run1"])
    with side.keeps("a prefix is deleted whole"):
        assert side.stored_paths() == ["dagster/storage/run10/compute_logs/step_a.err"]
        pages = 2 * STEPS // PAGE
        assert side.server.asked("POST", "delete") == pages
        assert side.server.asked("DELETE") == 0
        # One more when the server cannot say which page is the last.
        assert side.server.asked("GET") <= pages + 1


# 9. Names by bytes


def test_a_name_that_is_longer_in_bytes_than_in_characters_is_captured(side):
    key = [*KEY[:2], "ü" * 200]
    with side.keeps("names are cut by bytes", raising=OSError):
        with side.manager().open_log_stream(key, ERR) as stream:
            stream.write("text")
        assert side.manager("viewer").get_log_data(key).stderr == b"text"
        assert all(len(os.fsencode(path.rsplit("/", 1)[1])) <= 255 for path in side.stored_paths())


def test_the_final_and_the_partial_copy_of_a_long_name_are_two_files(side):
    key = [*KEY[:2], "x" * 300]
    local = side.manager().local_manager
    with side.keeps("a partial copy is not taken for the final one"):
        paths = {local.get_captured_local_path(key, "err", partial=partial) for partial in (False, True)}
        assert len(paths) == 2
