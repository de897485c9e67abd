"""What Dagster's web interface asks for, asked of a process that ran none of the steps."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING

import pytest
from deployment import wait_until

if TYPE_CHECKING:
    from deployment import Deployment

ENDED = ("SUCCESS", "FAILURE", "CANCELED")
LINE = re.compile(r"still running, line (\d+)")


@pytest.fixture(scope="session")
def finished(dagster: Deployment) -> list[str]:
    """The key of the log of a run that came to its end."""
    run_id = dagster.launch("finished")
    dagster.wait_for_status(run_id, *ENDED)
    return dagster.log_key(run_id)


@pytest.mark.spec("DAG-024", "DAG-025", "DAG-026")
def test_the_logs_of_a_finished_run_are_read(dagster: Deployment, finished: list[str]) -> None:
    logs = dagster.captured(finished)
    assert "out: Grüße aus dem Schritt" in logs["stdout"]
    assert "err: Grüße aus dem Schritt" in logs["stderr"]
    # A byte that is no UTF-8 is shown as such, and ends nothing.
    assert "out: caf\N{REPLACEMENT CHARACTER}" in logs["stdout"]


def test_a_cursor_goes_on_where_the_last_answer_ended(dagster: Deployment, finished: list[str]) -> None:
    whole = dagster.captured(finished)
    pieces, cursor = {"stdout": "", "stderr": ""}, None
    for _ in range(10_000):
        logs = dagster.captured(finished, cursor, limit=100)
        if logs["cursor"] == cursor:
            break
        cursor = logs["cursor"]
        for stream in pieces:
            pieces[stream] += logs[stream] or ""
    assert pieces == {stream: whole[stream] for stream in pieces}


@pytest.mark.spec("DAG-028")
def test_metadata_says_where_the_logs_are(dagster: Deployment, finished: list[str]) -> None:
    metadata = dagster.captured_metadata(finished)
    run_id, _, file_key = finished
    for stream, extension in (("stdout", "out"), ("stderr", "err")):
        assert f"storage/{run_id}/compute_logs/{file_key}.{extension}" in metadata[f"{stream}Location"]


def test_the_download_route_gives_the_bytes(dagster: Deployment, finished: list[str]) -> None:
    assert b"out: caf\xe9\n" in dagster.download(f"/logs/{'/'.join(finished)}/out")
    assert "err: Grüße".encode() in dagster.download(f"/logs/{'/'.join(finished)}/err")


def test_the_log_of_a_failed_step_is_kept(dagster: Deployment) -> None:
    run_id = dagster.launch("failing")
    dagster.wait_for_status(run_id, "FAILURE")
    logs = dagster.captured(dagster.log_key(run_id))
    assert "out: before the failure" in logs["stdout"]
    assert "the pump is dry" in logs["stderr"]


def test_a_running_step_is_followed_and_its_logs_survive_termination(
    dagster: Deployment,
) -> None:
    run_id = dagster.launch("running")
    key = dagster.log_key(run_id)
    early = follow(dagster, key, 1)
    later = follow(dagster, key, early + 1)
    assert later > early
    dagster.terminate(run_id)
    dagster.wait_for_status(run_id, "CANCELED", "FAILURE")
    logs = dagster.captured(key)
    assert last_line(logs["stdout"]) >= later
    assert last_line(logs["stderr"]) >= later


def test_what_a_killed_step_last_uploaded_is_read(dagster: Deployment) -> None:
    run_id = dagster.launch("running")
    key = dagster.log_key(run_id)
    seen = follow(dagster, key, 3)
    process = re.search(r"my process is (\d+)", dagster.captured(key)["stdout"])
    assert process is not None
    os.kill(int(process.group(1)), signal.SIGKILL)
    dagster.wait_for_status(run_id, *ENDED)
    assert last_line(dagster.captured(key)["stdout"]) >= seen


def follow(dagster: Deployment, key: list[str], line: int) -> int:
    """Wait until a viewer sees this line of a running step; give the last one seen."""
    wait_until(
        lambda: last_line(dagster.captured(key)["stdout"]) >= line,
        f"line {line} is seen",
    )
    return last_line(dagster.captured(key)["stdout"])


def last_line(text: str | None) -> int:
    """The highest number that the running job has printed."""
    return max((int(number) for number in LINE.findall(text or "")), default=0)
