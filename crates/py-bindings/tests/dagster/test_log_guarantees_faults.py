"""What a log survives of its store's failures: our manager beside Dagster's base class."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from urllib.error import HTTPError

import pytest
from captures import ERR, FOLDER, KEY, OUT, until, write_to

from remote_store import PermissionDenied

_PARTIAL = ".partial"


@pytest.fixture
def told(caplog, monkeypatch):
    """What is logged as a warning or worse."""
    logging.getLogger("dagster.compute_log_manager").setLevel(logging.WARNING)
    monkeypatch.setattr(logging.getLogger("dagster"), "propagate", True)
    return lambda: [record.getMessage() for record in caplog.records]


# 4. Failures


def test_live_tailing_goes_on_after_a_failed_upload_which_is_told_once(side, told):
    server = side.server
    others = set(threading.enumerate())

    def tailing_or_dead(condition):
        return condition() or not any(
            thread.name == "upload-watch" for thread in set(threading.enumerate()) - others
        )

    with side.manager(upload_interval=0.02).capture_logs(KEY):
        print("one", flush=True)
        until(lambda: side.stored(f"{FOLDER}/step_a.out{_PARTIAL}"), "the first upload")
        server.forget()
        with server.failing(503, "PUT", _PARTIAL):
            print("two", flush=True)
            until(lambda: tailing_or_dead(lambda: server.asked("PUT", _PARTIAL) >= 3), "failed uploads")
        until(
            lambda: tailing_or_dead(lambda: side.stored(f"{FOLDER}/step_a.out{_PARTIAL}") == b"one\ntwo\n"),
            "an upload afterwards",
        )
        seen = side.stored(f"{FOLDER}/step_a.out{_PARTIAL}")
    with side.keeps("a running step is seen after its store failed once"):
        assert seen == b"one\ntwo\n"
        assert len([message for message in told() if "while the step runs" in message]) == 1


def test_a_failed_stdout_does_not_stop_stderr_and_stays_where_the_message_says(side, told):
    manager = side.manager()
    with side.server.failing(403, "PUT", ".out"), suppress(HTTPError), manager.capture_logs(KEY):
        print("kept here")
        write_to(manager, ERR, b"stored\n")
    local = manager.local_manager.get_captured_local_path(KEY, "out")
    with open(local, "rb") as file:
        assert file.read() == b"kept here\n"
    with side.keeps("one stream does not depend on the other"):
        assert side.stored(f"{FOLDER}/step_a.err") == b"stored\n"
        assert os.path.dirname(local) in "\n".join(told())
        assert "logs recover" in "\n".join(told())
    with side.keeps("what failed is stored later", raising=AttributeError):
        assert manager.recover_logs().stored == [KEY]
        assert side.stored(f"{FOLDER}/step_a.out") == b"kept here\n"


def test_a_store_that_comes_back_in_time_has_the_log_when_the_step_ends(side):
    server = side.server
    server.fails = lambda method, _path: 503 if method == "PUT" and server.asked("PUT") <= 2 else None
    manager = side.manager()
    try:
        with suppress(HTTPError), manager.open_log_stream(KEY, ERR) as stream:
            stream.write("text")
    finally:
        server.fails = lambda _method, _path: None
    with side.keeps("a final upload is tried again"):
        assert side.stored(f"{FOLDER}/step_a.err") == b"text"
        assert side.local_files() == []


# 11. Refusals


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(lambda viewer: viewer.get_log_data(KEY), id="reading"),
        pytest.param(lambda viewer: viewer.is_capture_complete(KEY), id="asking whether it ended"),
        pytest.param(lambda viewer: viewer.cloud_storage_has_logs(KEY, OUT), id="asking whether it is there"),
    ],
)
def test_a_refusal_is_not_the_same_as_no_logs(side, look):
    for name in ("out", "err"):
        side.put(f"{FOLDER}/step_a.{name}", b"text")
    viewer = side.manager("viewer")
    with (
        side.server.failing(403),
        side.keeps("a refusal is told", raising=pytest.fail.Exception),
        pytest.raises(PermissionDenied),
    ):
        look(viewer)
    assert viewer.get_log_data(KEY).stdout == b"text"
