"""Real jobs in processes of their own: spawn, forkserver, and a viewer that never ran the step."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import dagster as dg
import pytest
from dagster._core.storage.compute_log_manager import ComputeIOType
from pipelines import stored_paths

from remote_store import Store
from remote_store.backends import LocalBackend

DEFINITIONS = """
import os
import sys

import dagster as dg

from remote_store.ext.dagster import DagsterStoreResource, RemoteStoreIOManager

ROOT = os.environ["STORE_ROOT_FOR_TEST"]
OPTIONS = {"root": dg.EnvVar("STORE_ROOT_FOR_TEST")}


@dg.asset
def up():
    print("up was here")
    sys.stderr.write("up warned\\n")
    return list(range(5))


@dg.asset
def side(up):
    return sum(up)


@dg.asset
def down(up, side):
    print("down was here")
    return {"up": up, "side": side}


@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["bar"]), group_name="colliding")
def foo():
    return 1


@dg.asset(key=["foo", "bar"], group_name="colliding")
def other():
    return 2


defs = dg.Definitions(
    assets=[up, side, down, foo, other],
    resources={
        "io_manager": RemoteStoreIOManager(
            backend_type="local", backend_options=OPTIONS, root_path="data", serializer="json"
        ),
    },
    jobs=[
        dg.define_asset_job(
            "several",
            selection=["up", "side", "down"],
            config={"execution": {"config": {"multiprocess": {"start_method": START}}}},
        ),
        dg.define_asset_job("one", selection=[dg.AssetKey(["foo", "bar"])]),
    ],
)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A Dagster home and a definitions file; gives what launches a job of it."""
    root = tmp_path / "store"
    root.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(
        "compute_logs:\n"
        "  module: remote_store.ext.dagster\n"
        "  class: RemoteStoreComputeLogManager\n"
        "  config:\n"
        "    backend_type: local\n"
        "    backend_options: {root: {env: STORE_ROOT_FOR_TEST}}\n"
        "    root_path: logs\n"
        f"    local_dir: {tmp_path}/staging\n"
        "telemetry: {enabled: false}\n"
    )
    monkeypatch.setenv("STORE_ROOT_FOR_TEST", str(root))
    monkeypatch.setenv("DAGSTER_HOME", str(home))

    def launch(job, start="spawn: {}"):
        method, _, preload = start.partition(": ")
        definitions = tmp_path / "defs.py"
        definitions.write_text(DEFINITIONS.replace("START", f'{{"{method}": {preload or "{}"}}}'))
        return subprocess.run(
            [sys.executable, "-m", "dagster", "job", "execute", "-f", str(definitions), "-j", job],
            env={**os.environ, "STORE_ROOT_FOR_TEST": str(root)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    launch.store = Store(LocalBackend(str(root)))
    launch.home = str(home)
    return launch


@pytest.mark.spec("DAG-016")
@pytest.mark.spec("DAG-021")
@pytest.mark.parametrize(
    "start", ["spawn: {}", 'forkserver: {"preload_modules": ["remote_store.ext.dagster"]}'],
    ids=["spawn", "forkserver"],
)  # fmt: skip
def test_steps_in_processes_of_their_own_share_data_and_keep_their_logs(project, start):
    done = project("several", start)
    assert done.returncode == 0, done.stderr[-3000:]
    store = project.store
    assert store.read_bytes("data/down.json") == b'{"up": [0, 1, 2, 3, 4], "side": 10}'
    logs = [path for path in stored_paths(store) if path.startswith("logs/")]
    assert not [path for path in logs if path.endswith(".partial")]
    texts = [store.read_bytes(path) for path in logs]
    assert any(b"up was here\n" in text for text in texts)
    assert any(b"up warned\n" in text for text in texts)

    with dg.DagsterInstance.from_config(project.home) as viewer:
        (record,) = viewer.get_runs()
        manager = viewer.compute_log_manager
        keys = manager.get_log_keys_for_log_key_prefix([record.run_id, "compute_logs"], ComputeIOType.STDOUT)
        assert len(keys) >= 3
        assert all(manager.is_capture_complete(key) for key in keys)
        shown = b"".join(manager.get_log_data(key).stdout or b"" for key in keys)
        assert b"up was here\n" in shown
        assert b"down was here\n" in shown


@pytest.mark.spec("DAG-005")
def test_a_collision_with_an_asset_outside_the_job_is_refused_too(project):
    done = project("one")
    assert done.returncode != 0
    # Of the events, since Dagster may end what shows a step's streams before it has shown all.
    with dg.DagsterInstance.from_config(project.home) as viewer:
        (record,) = viewer.get_runs()
        events = "".join(repr(entry) for entry in viewer.all_logs(record.run_id))
    assert "asset foo, partition 'bar'" in events.replace("\\'", "'")
    assert [path for path in stored_paths(project.store) if path.startswith("data/")] == []


def test_importing_costs_no_thread_and_no_optional_package():
    code = textwrap.dedent(
        """
        import sys, threading
        import remote_store.ext.dagster
        assert threading.active_count() == 1, threading.enumerate()
        loaded = {"pyarrow", "pandas", "polars", "boto3"} & set(sys.modules)
        assert not loaded, loaded
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_dagster_the_message_says_how_to_get_it():
    code = "import sys; sys.modules['dagster'] = None; import remote_store.ext.dagster"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in done.stderr
    assert "pip install 'remote-store[dagster]'" in done.stderr
