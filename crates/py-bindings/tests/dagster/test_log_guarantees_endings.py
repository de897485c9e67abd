"""How real runs end, and what is kept of their logs: our manager beside Dagster's base class.

All runs begin at once, since starting Dagster takes longest; each test ends its own. Termination
through the web interface is in ``tests/ui``.
"""

from __future__ import annotations

import signal

import pytest
from log_runs import STEP_IN_A_PROCESS_OF_ITS_OWN, STEP_IN_THE_PROCESS_OF_THE_RUN, Run
from log_sides import Side

from remote_store.__main__ import main

ENDINGS = {
    "interrupted": STEP_IN_A_PROCESS_OF_ITS_OWN,
    "terminated": STEP_IN_A_PROCESS_OF_ITS_OWN,
    "killed": STEP_IN_THE_PROCESS_OF_THE_RUN,
    "store-down": STEP_IN_THE_PROCESS_OF_THE_RUN,
}
NAMES = ["ours", "dagster"]


@pytest.fixture(scope="module")
def runs(running_server, tmp_path_factory):
    made = {}
    for ending, job in ENDINGS.items():
        for name in NAMES:
            folder = tmp_path_factory.mktemp(f"{ending}-{name}")
            side = Side(name, running_server, folder, bucket=f"{ending}-{name}")
            made[ending, name] = Run(side, folder, job)
    yield made
    for run in made.values():
        run.end()
        run.side.close()


@pytest.fixture(params=NAMES)
def run_of(request, runs):
    return lambda ending: runs[ending, request.param]


# 1. Whatever ends the step


def ctrl_c(run):
    run.signal_all(signal.SIGINT)


def terminate(run):
    """What the launchers of containers do: the run is told, and tells its steps."""
    run.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize(("ending", "stop"), [("interrupted", ctrl_c), ("terminated", terminate)])
def test_the_log_of_a_step_that_was_stopped_is_stored_to_its_last_word(run_of, ending, stop):
    run = run_of(ending)
    key = run.key
    stop(run)
    assert run.wait() != 0
    viewer = run.side.manager("viewer")
    with run.side.keeps("logs of a stopped step"):
        assert viewer.is_capture_complete(key), run.output()
        out, err = run.final(key, "out"), run.final(key, "err")
        assert out.startswith(b"begun in process ")
        assert out.endswith(b"last words\n")
        assert b"a warning\n" in err
        assert b"DagsterExecutionInterruptedError" in err
        assert [path for path in run.side.stored_paths() if path.endswith(".partial")] == []


# A step that is killed


def test_a_killed_step_shows_what_was_uploaded_and_recover_stores_the_rest(run_of, capsys):
    run = run_of("killed")
    key = run.key
    viewer = run.side.manager("viewer")
    with run.side.server.failing(503, "PUT", run.side.bucket):
        run.say_more(key)
        if run.side.is_ours:
            # What is being written is left to its writer.
            assert "0 stored, 0 already stored, 1 in use" in recovered(run, capsys)
        run.kill_step(viewer, key)
        run.wait()
    # Up to here there is no difference: nobody can upload after a kill.
    seen = viewer.get_log_data(key)
    assert seen.stdout.startswith(b"begun in process ")
    assert b"more" not in seen.stdout
    assert b"a warning\n" in seen.stderr
    assert not viewer.is_capture_complete(key)

    # Dagster has nothing of the kind: the command refuses other managers.
    with run.side.keeps("the rest of a killed step's log can be stored later"):
        assert "1 would be stored, 0 already" in recovered(run, capsys, "--dry-run")
        assert not viewer.is_capture_complete(key)
        # Twice, since whoever repeats it loses nothing.
        assert "1 stored, 0 already" in recovered(run, capsys, "--remove-local")
        assert "0 stored, 0 already" in recovered(run, capsys, "--remove-local")
        assert viewer.is_capture_complete(key)
        assert viewer.get_log_data(key).stdout.endswith(b"\nmore\n")


def recovered(run, capsys, *options):
    """Run ``python -m remote_store logs recover``, give what it says."""
    capsys.readouterr()
    assert main(["logs", "recover", "--dagster-home", str(run.home), *options]) == 0
    return capsys.readouterr().out


# 4. A store that is down while the step ends


def test_a_store_that_is_down_at_the_end_fails_no_run_and_loses_no_log(run_of, capsys):
    run = run_of("store-down")
    key = run.key
    server, bucket = run.side.server, run.side.bucket
    viewer = run.side.manager("viewer")
    with server.failing(503, "PUT", bucket):
        run.say_more(key)
        server.forget()
        run.tell("end")
        code = run.wait()
    finals = [
        server.asked("PUT", f"{bucket}/dagster/storage/{'/'.join(key)}.{name}") for name in ("out", "err")
    ]
    assert code == 0, run.output()
    with run.side.keeps("a final upload is tried again, and its files are named"):
        assert min(finals) >= 3
        assert str(run.folder / "worker") in run.output()
        assert "logs recover" in run.output()
    assert not viewer.is_capture_complete(key)
    assert b"more\n" in run.local(key)

    with run.side.keeps("what could not be stored is stored when the store is back"):
        assert "1 stored, 0 already" in recovered(run, capsys, "--remove-local")
        assert viewer.is_capture_complete(key)
        assert run.final(key, "out").endswith(b"\nmore\nlast words\n")
        assert run.side.local_files() == []
