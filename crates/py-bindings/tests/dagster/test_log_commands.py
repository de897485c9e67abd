"""``python -m remote_store logs``, beside workers in other processes that live or died."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from captures import ERR, until
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from remote_store.__main__ import main

CLASSES = ["RemoteStoreComputeLogManager", "StreamingComputeLogManager"]
DAY_S = 24 * 3600
WORKER = """
import json, sys, time
from dagster import DagsterInstance
from dagster._core.storage.compute_log_manager import ComputeIOType
home, keys = sys.argv[1], json.loads(sys.argv[2])
with DagsterInstance.from_config(home) as instance:
    manager = instance.compute_log_manager
    streams = [manager.open_log_stream(key, ComputeIOType.STDERR) for key in keys]
    for stream in streams:
        file = stream.__enter__()
        file.write("Traceback")
        file.flush()
    for key in keys:
        manager.on_progress(key)
    print("begun", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def home(tmp_path):
    return instance_folder(tmp_path, "StreamingComputeLogManager")


@pytest.fixture(params=CLASSES)
def home_of_each(request, tmp_path):
    return instance_folder(tmp_path, request.param)


def instance_folder(folder, kind, backend="local", options=None):
    options = options or {"root": f"{folder}/logs"}
    config = {"backend_type": backend, "backend_options": options, "local_dir": f"{folder}/staging"}
    yaml = {"compute_logs": {"module": "remote_store.ext.dagster", "class": kind, "config": config}}
    # JSON is YAML.
    (folder / "dagster.yaml").write_text(json.dumps(yaml))
    return folder


def in_a_process(home, *arguments):
    """Run a command in a process of its own; gives what its JSON says."""
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    made = subprocess.run(
        [sys.executable, "-m", "remote_store", "logs", *arguments, "--json", "--dagster-home", str(home)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=True,
    )
    return json.loads(made.stdout)


@pytest.fixture
def command(capsys):
    """Runs a command in this process, which is quicker; gives what its JSON says, or its text."""

    def run(home, *arguments, expected=0):
        capsys.readouterr()
        code = main(["logs", *arguments, "--dagster-home", str(home)])
        said = capsys.readouterr()
        assert code == expected, said
        return json.loads(said.out) if "--json" in arguments and said.out else said.out + said.err

    return run


@contextmanager
def worker(home, *keys):
    """A process that writes these logs until it is killed, in the end at the latest."""
    arguments = [sys.executable, "-c", WORKER, str(home), json.dumps(keys)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def read(home, key):
    with DagsterInstance.from_config(str(home)) as instance:
        manager = instance.compute_log_manager
        complete = manager._logs.is_complete(key)
        data, _, _ = manager._logs.read(key, ERR, 0, None)
        return data, complete


# recover


def test_what_a_killed_worker_left_is_stored_once_and_a_living_one_is_left_alone(home_of_each):
    home = home_of_each
    dead, alive = ["run1", "compute_logs", "dead"], ["run2", "compute_logs", "alive"]
    with worker(home, alive), worker(home, dead) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        planned = in_a_process(home, "recover", "--dry-run")
        assert (planned["stored"], planned["in_use"]) == ([dead], [alive])
        assert read(home, dead) == (b"Traceback", False)
        found = in_a_process(home, "recover")
        assert found == {
            "stored": [dead], "already_stored": [], "in_use": [alive], "failed": [], "unreadable": []
        }  # fmt: skip
        assert read(home, dead) == (b"Traceback", True)
        # At once, not after an hour: the lock still tells that the worker is gone.
        again = in_a_process(home, "recover", "--remove-local")
        assert (again["stored"], again["already_stored"]) == ([], [dead])
        last = in_a_process(home, "recover")
        assert (last["already_stored"], last["in_use"]) == ([], [alive])
    assert read(home, alive) == (b"Traceback", False)
    assert not list(Path(home, "staging").rglob("dead*"))


def test_two_recoveries_at_once_store_each_log_once(home):
    keys = [["run1", "compute_logs", f"step{number}"] for number in range(20)]
    with worker(home, *keys) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    arguments = [sys.executable, "-m", "remote_store", "logs", "recover", "--json", "--dagster-home", home]
    both = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    stored = sorted(key for answer in answers for key in answer["stored"])
    assert stored == sorted(keys)


def test_a_log_whose_local_files_have_another_name_is_recovered_under_its_own(command, home):
    keys = [["run1", "compute_logs", name] for name in ("a/b", "s" * 300, "ü" * 200)]
    with worker(home, *keys) as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    assert sorted(command(home, "recover", "--json")["stored"]) == keys
    for key in keys:
        assert read(home, key) == (b"Traceback", True)
    assert sorted(command(home, "recover", "--json")["already_stored"]) == keys


def test_files_without_a_lock_are_left_alone_as_long_as_asked(command, home):
    folder = Path(home, "staging", "run1", "compute_logs")
    folder.mkdir(parents=True)
    (folder / "step.err").write_text("Traceback")
    key = ["run1", "compute_logs", "step"]
    assert command(home, "recover", "--json")["in_use"] == [key]
    assert "1 stored" in command(home, "recover", "--idle-s", "0")
    command(home, "recover", "--idle-s", "-1", expected=1)


def test_a_store_that_is_down_is_a_failure_that_names_the_log(command, tmp_path):
    options = {
        "bucket": "b",
        "endpoint_url": "http://127.0.0.1:9",
        "key": "AK",
        "secret": "SK",
        "region_name": "us-east-1",
        "retry": {"max_attempts": 1},
    }
    home = instance_folder(tmp_path, CLASSES[0], "s3", options)
    folder = tmp_path / "staging" / "run1" / "compute_logs"
    folder.mkdir(parents=True)
    (folder / "step.err").write_text("Traceback")
    found = command(home, "recover", "--json", "--idle-s", "0", expected=1)
    assert [failed["key"] for failed in found["failed"]] == [["run1", "compute_logs", "step"]]
    assert (folder / "step.err").exists()


# gc


def stored(home, run, name, days, extensions=("out", "err")):
    for extension in extensions:
        path = Path(home, "logs", "dagster", "storage", run, "compute_logs", f"{name}.{extension}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("log")
        then = time.time() - days * DAY_S
        os.utime(path, (then, then))


def left(home):
    folder = Path(home, "logs", "dagster", "storage")
    return sorted(
        {str(path.relative_to(folder)).split(".")[0] for path in folder.rglob("*") if path.is_file()}
    )


def test_old_logs_go_and_those_of_unfinished_runs_and_living_workers_stay(command, home):
    with DagsterInstance.from_config(str(home)) as instance:
        for run, status in (("unfinished", DagsterRunStatus.STARTED), ("ended", DagsterRunStatus.SUCCESS)):
            instance.add_run(DagsterRun(job_name="job", run_id=run, status=status))
    stored(home, "unfinished", "step", 90)
    stored(home, "ended", "old", 90)
    stored(home, "ended", "new", 1)
    stored(home, "ended", "killed", 90, ["err.partial"])
    stored(home, "forgotten", "killed", 90, ["out.seg/" + "0" * 20 + "-" + "0" * 19 + "3"])
    alive = ["no run", "compute_logs", "alive"]
    with worker(home, alive):
        for path in Path(home, "logs").rglob("alive*"):
            files = [path] if path.is_file() else list(path.rglob("*"))
            for file in files:
                os.utime(file, (0, 0))
        planned = command(home, "gc", "--max-age-days", "30", "--dry-run", "--json")
        everything = left(home)
        assert planned["deleted"] == [
            "ended/compute_logs/killed", "ended/compute_logs/old", "forgotten/compute_logs/killed"
        ]  # fmt: skip
        assert planned["running"] == ["no run/compute_logs/alive", "unfinished/compute_logs/step"]
        assert (planned["recent"], planned["freed_bytes"]) == (1, 12)
        assert command(home, "gc", "--max-age-days", "30", "--json") == planned
        assert left(home) == [log for log in everything if log not in planned["deleted"]]
        again = command(home, "gc", "--max-age-days", "30")
        assert "0 deleted (0 bytes), 2 may run, 1 not older than 30 days" in again


def test_the_age_is_that_of_the_log_manager(command, tmp_path):
    home = instance_folder(tmp_path, CLASSES[1])
    yaml = json.loads((home / "dagster.yaml").read_text())
    yaml["compute_logs"]["config"]["max_age_days"] = 7
    (home / "dagster.yaml").write_text(json.dumps(yaml))
    stored(home, "ended", "old", 8)
    stored(home, "ended", "new", 6)
    assert command(home, "gc", "--json")["deleted"] == ["ended/compute_logs/old"]
    assert left(home) == ["ended/compute_logs/new"]


def test_gc_says_what_is_wrong(home, capsys):
    assert main(["logs", "gc", "--dagster-home", str(home)]) == 2
    assert "--max-age-days" in capsys.readouterr().err
    assert main(["logs", "gc", "--max-age-days", "0", "--dagster-home", str(home)]) == 2
    assert "positive" in capsys.readouterr().err
    with pytest.raises(SystemExit) as wrong:
        main(["logs", "gc", "--max-age-days", "soon"])
    assert wrong.value.code == 2


def test_a_worker_that_ends_while_it_is_recovered_loses_nothing(command, home):
    key = ["run1", "compute_logs", "step"]
    with worker(home, key) as ended:
        ended.send_signal(signal.SIGTERM)
        found = command(home, "recover", "--json")
        assert found["failed"] == []
        ended.wait(60)
    until(
        lambda: command(home, "recover", "--json", "--remove-local")["in_use"] == [], "nobody holds the log"
    )
    assert read(home, key) == (b"Traceback", True)
