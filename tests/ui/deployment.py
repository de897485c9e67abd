"""A Dagster of its own: `dagster dev` that runs jobs, and a web server elsewhere that only looks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).parent / "project"
READY_WITHIN_S = 120
ENDS_WITHIN_S = 20
POLL_EVERY_S = 0.2


class Deployment:
    """Two processes that share nothing but the instance's database and the store.

    Args:
        home: The folder of everything that it writes.
        store: Which `dagster.<store>.yaml` it uses.
    """

    def __init__(self, home: Path, store: str) -> None:
        self.end_marker = home / "end"
        self._home = home
        self._instance = home / "instance"
        self._instance.mkdir(parents=True)
        shutil.copy(PROJECT / f"dagster.{store}.yaml", self._instance / "dagster.yaml")
        self._worker_port, self._viewer_port = _free_port(), _free_port()

    @property
    def viewer_url(self) -> str:
        """The web server that ran no step and has none of its files."""
        return f"http://127.0.0.1:{self._viewer_port}"

    @contextmanager
    def running(self) -> Iterator[Deployment]:
        """Start both; whatever they started ends with the block."""
        with ExitStack() as stack:
            dev = [
                "dagster",
                "dev",
                "-f",
                "definitions.py",
                "-p",
                str(self._worker_port),
            ]
            stack.enter_context(self._process("worker", dev))
            # The viewer opens the database that the first one makes.
            self._wait_for_graphql("worker", self._worker_port)
            view = [
                "dagster-webserver",
                "--empty-workspace",
                "-p",
                str(self._viewer_port),
            ]
            stack.enter_context(self._process("viewer", view))
            self._wait_for_graphql("viewer", self._viewer_port)
            yield self

    @contextmanager
    def _process(self, name: str, command: list[str]) -> Iterator[None]:
        environment = os.environ | {
            "DAGSTER_HOME": str(self._instance),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "UI_TEST_END": str(self.end_marker),
            "UI_TEST_FOLDER": str(self._home / "store"),
            "UI_TEST_LOCAL_DIR": str(self._home / f"local-{name}"),
            "UI_TEST_PREFIX": f"ui-test/{self._home.name}",
        }
        program = str(Path(sys.executable).with_name(command[0]))
        with (self._home / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [program, *command[1:], "-h", "127.0.0.1"],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield
            finally:
                _end_group(process)

    def _wait_for_graphql(self, name: str, port: int) -> None:
        def answers() -> bool:
            try:
                return bool(_ask(port, "{version}", {}))
            except (urllib.error.URLError, OSError):
                return False

        try:
            wait_until(answers, f"the {name} answers", within_s=READY_WITHIN_S)
        except TimeoutError as error:
            text = (self._home / f"{name}.log").read_text(encoding="utf-8", errors="replace")
            raise TimeoutError(f"{error}; its output ends:\n{text[-2000:]}") from None

    # What a person does in the web interface

    def launch(self, job: str) -> str:
        """Launch a job and return the id of its run."""
        selector = {
            "jobName": job,
            "repositoryName": "__repository__",
            "repositoryLocationName": "definitions.py",
        }
        answer = self.worker(
            """mutation ($selector: JobOrPipelineSelector!) {
              launchRun(executionParams: {selector: $selector, mode: "default"}) {
                __typename
                ... on LaunchRunSuccess { run { runId } }
                ... on PythonError { message }
              }
            }""",
            selector=selector,
        )["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def terminate(self, run_id: str) -> None:
        """Ask Dagster to terminate a run, as the button does."""
        answer = self.worker(
            "mutation ($run: String!) { terminateRun(runId: $run) { __typename } }",
            run=run_id,
        )["terminateRun"]
        assert answer["__typename"] == "TerminateRunSuccess", answer

    def wait_for_status(self, run_id: str, *statuses: str) -> None:
        """Wait until a run has one of these statuses."""
        wait_until(
            lambda: self._status(run_id) in statuses,
            f"run {run_id} is {' or '.join(statuses)}",
        )

    def _status(self, run_id: str) -> str:
        query = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
        return str(self.worker(query, run=run_id)["runOrError"]["status"])

    def log_key(self, run_id: str) -> list[str]:
        """Wait until a run has begun to capture, and give the key of its log."""
        query = """query ($run: ID!) { logsForRun(runId: $run) {
            ... on EventConnection { events { ... on LogsCapturedEvent { fileKey } } } } }"""

        def file_keys() -> list[str]:
            events = self.worker(query, run=run_id)["logsForRun"]["events"]
            return [event["fileKey"] for event in events if event.get("fileKey")]

        wait_until(lambda: bool(file_keys()), f"run {run_id} captures its output")
        return [run_id, "compute_logs", file_keys()[0]]

    # Looking, from the process that ran nothing

    def captured(
        self, log_key: list[str], cursor: str | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """`capturedLogs`, as the tabs of a run ask for it."""
        query = """query ($key: [String!]!, $cursor: String, $limit: Int) {
            capturedLogs(logKey: $key, cursor: $cursor, limit: $limit) { stdout stderr cursor } }"""
        answer = self.viewer(query, key=log_key, cursor=cursor, limit=limit)
        return dict(answer["capturedLogs"])

    def captured_metadata(self, log_key: list[str]) -> dict[str, Any]:
        """`capturedLogsMetadata`: where logs are, and whence to download them."""
        query = """query ($key: [String!]!) { capturedLogsMetadata(logKey: $key) {
            stdoutDownloadUrl stdoutLocation stderrDownloadUrl stderrLocation } }"""
        return dict(self.viewer(query, key=log_key)["capturedLogsMetadata"])

    def download(self, path: str) -> bytes:
        """Get a page of the web server that ran nothing."""
        with urllib.request.urlopen(self.viewer_url + path) as answer:
            return bytes(answer.read())

    def worker(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the web server of `dagster dev`."""
        return _ask(self._worker_port, query, variables)

    def viewer(self, query: str, **variables: Any) -> dict[str, Any]:
        """Ask the web server that ran nothing."""
        return _ask(self._viewer_port, query, variables)


def wait_until(true: Callable[[], bool], what: str, *, within_s: float = 90) -> None:
    """Poll until something is so.

    Raises:
        TimeoutError: It is not so after that many seconds.
    """
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s} s: {what}")
        time.sleep(POLL_EVERY_S)


def _ask(port: int, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = json.load(answer)
    assert "errors" not in body, body
    return dict(body["data"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Children of Dagster outlive an interrupt of their parent: the whole group is ended."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, signum)
            process.wait(ENDS_WITHIN_S)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
